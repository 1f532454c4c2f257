"""The published weights of the FID Inception network (`pt_inception-2015-12-05-6726825d.pth`) as Flax variables."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ganlab.pretrained.renaming import variables_from_torch

# Counters that inference has no use for, and the second classifier, which only training has.
IGNORED = ("*.num_batches_tracked", "AuxLogits.*")


def inception_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                        source: str = "the weight file") -> Any:
    """Variables of `ganlab.networks.inception.Inception2015` from the tensors of the published PyTorch file.

    `expected` is what `jax.eval_shape(Inception2015().init, ...)` gives; `source` names the file in errors.
    Raises WeightsError for the tensors of another network.
    """
    return variables_from_torch(tensors, expected, IGNORED, source, "the FID Inception network")
