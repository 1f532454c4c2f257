"""The weights of the published BigGAN-deep as pytorch-pretrained-BigGAN names them.

Its kernels are `weight_orig` with both singular vectors, whose value divides them here.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ganlab.pretrained.errors import WeightsError
from ganlab.pretrained.renaming import Layout, variables_from_torch

_TOPS = {"class_embedding": "embeddings", "dense": "generator.gen_z", "norm": "generator.bn",
         "output": "generator.conv_to_rgb"}
_ATTENTION = {"theta": "snconv1x1_theta", "phi": "snconv1x1_phi", "g": "snconv1x1_g",
              "o": "snconv1x1_o_conv"}
_LEAVES = {"kernel": "weight", "mean": "running_means", "var": "running_vars"}


def divided_by_singular_values(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Divides every `*_orig` by u^T W v, and names it without the ending; leaves the vectors out.

    Raises:
      WeightsError: for a kernel without its vectors, or with others' shapes.
    """
    found = {}
    for name, value in tensors.items():
        if name.endswith("_orig"):
            start = name.removesuffix("_orig")
            try:
                u, v = tensors[f"{start}_u"], tensors[f"{start}_v"]
                found[start] = value / (u @ value.reshape(len(value), -1) @ v)
            except (KeyError, ValueError):
                raise WeightsError(f"{name} has no singular vectors {start}_u and {start}_v that "
                                   "fit; name the whole file of the network") from None
        elif not name.endswith(("_u", "_v")):
            found[name] = value
    return found


def _name(path: Sequence[str], attention: int) -> str:
    """Returns the published name of an array by its path, collection first."""
    _, top, *layers, leaf = path
    kind, *numbers = top.split("_")
    leaf = _LEAVES.get(leaf, leaf)
    if kind == "attention":
        within = f"{_ATTENTION[layers[0]]}.{leaf}" if layers else leaf
        return f"generator.layers.{attention}.{within}"
    if kind in ("norm", "conv") and numbers:
        # Attention moves the blocks after it by one.
        block = int(numbers[0]) + (int(numbers[0]) >= attention)
        first = f"generator.layers.{block}.{'bn' if kind == 'norm' else 'conv'}_{numbers[1]}"
        within = [{"gain": "scale", "bias": "offset"}[layer] for layer in layers]
        return ".".join([first, *within, leaf])
    if top == "norm" and leaf == "gain":
        leaf = "weight"
    return ".".join([_TOPS[top], leaf])


def _layout(path: Sequence[str], shape: Sequence[int]) -> Layout | None:
    if path[-1] == "gamma":
        return (1,), lambda value: value[0]
    return None


def published_biggan_variables(tensors: Mapping[str, np.ndarray], attention: int, expected: Any,
                               source: str = "the weight file") -> Any:
    """Converts published tensors to variables of a `PublishedBigGANDeep`.

    Args:
      tensors: by their names there.
      attention: after how many blocks it has attention.
      expected: as `variables_from_torch`.
      source: where the tensors are from, for messages.

    Raises:
      WeightsError: as `variables_from_torch`.
    """
    return variables_from_torch(divided_by_singular_values(tensors), expected, (), source,
                                "the published BigGAN-deep",
                                functools.partial(_name, attention=attention), layout=_layout)
