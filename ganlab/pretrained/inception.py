"""The published weights of the FID Inception network (`pt_inception-2015-12-05-6726825d.pth`) as Flax variables."""

from collections.abc import Mapping

import numpy as np

from ganlab.pretrained.torch_layout import Variables, variables_from_torch

# Counters that inference has no use for, and the second classifier, which only training has.
IGNORED = (r"\.num_batches_tracked$", r"^AuxLogits\.")


def inception_variables(tensors: Mapping[str, np.ndarray], expected: Variables,
                        source: str = "the weight file") -> Variables:
    """Variables of `ganlab.networks.inception.Inception2015` from the tensors of the published PyTorch file.

    `expected` is what `jax.eval_shape(Inception2015().init, ...)` gives; `source` names the file in errors.
    Raises ConfigError for the tensors of another network.
    """
    return variables_from_torch(tensors, expected, "the FID Inception network", source, ignored=IGNORED)
