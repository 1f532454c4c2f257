"""The published weights of the FID Inception network as Flax variables.

Their file is `pt_inception-2015-12-05-6726825d.pth`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ganlab.pretrained.renaming import variables_from_torch

# Counters that inference does not use, and the second classifier, which only training has.
IGNORED = ("*.num_batches_tracked", "AuxLogits.*")


def inception_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                        source: str = "the weight file") -> Any:
    """Converts the tensors of the published PyTorch file to variables of `Inception2015`.

    Args:
      tensors: by their names in the file.
      expected: what `jax.eval_shape(Inception2015().init, ...)` returns.
      source: name of the file, for messages.

    Raises:
      WeightsError: for the tensors of another network.
    """
    return variables_from_torch(tensors, expected, IGNORED, source, "the FID Inception network")
