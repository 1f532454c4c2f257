"""The published weights of DINOv2 (`dinov2_vitb14_pretrain.pth` and its siblings) as Flax variables."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from ganlab.pretrained.torch_layout import Variables, torch_name, variables_from_torch

# Stands in for hidden patches in training alone.
IGNORED = (r"^mask_token$",)


def dinov2_variables(tensors: Mapping[str, np.ndarray], expected: Variables,
                     source: str = "the weight file") -> Variables:
    """Variables of `ganlab.networks.vision_transformer.VisionTransformer` from a published PyTorch file.

    `expected` is what `jax.eval_shape` of the network's `init` gives; `source` names the file in errors. Raises
    ConfigError for the tensors of another network, such as one of another size or with register tokens.
    """
    return variables_from_torch(tensors, expected, "DINOv2", source, name_of=_published_name, ignored=IGNORED)


def _published_name(path: Sequence[str]) -> str:
    """The PyTorch name of a variable; blocks are numbered by a dot."""
    return re.sub(r"^blocks_", "blocks.", torch_name(path))
