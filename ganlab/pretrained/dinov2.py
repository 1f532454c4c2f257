"""The published weights of DINOv2 (`dinov2_vitb14_pretrain.pth` and others) as Flax variables."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ganlab.pretrained.renaming import torch_name, variables_from_torch

# Stands in for hidden patches, which only training has.
IGNORED = ("mask_token",)


def dinov2_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                     source: str = "the weight file") -> Any:
    """Converts the tensors of a published PyTorch file to variables of `VisionTransformer`.

    Args:
      tensors: by their names in the file.
      expected: what `jax.eval_shape` of the network's `init` returns.
      source: name of the file, for messages.

    Raises:
      WeightsError: for the tensors of another network, such as one of another size or with register
        tokens.
    """
    return variables_from_torch(tensors, expected, IGNORED, source, "DINOv2", _published_name)


def _published_name(path: Sequence[str]) -> str:
    """Returns the PyTorch name of a variable; blocks are numbered by a dot."""
    return re.sub(r"^blocks_", "blocks.", torch_name(path))
