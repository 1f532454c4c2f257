"""The weights of StyleGAN2 as its PyTorch codes name them, for our networks.

Both official generations (ADA, and the repository of StyleGAN3) have the same names: a level is
called by its side, `synthesis.b8`, kernels are [out, in, h, w], images [c, h, w].
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ganlab.pretrained.renaming import Layout, variables_from_torch

IGNORED = ("*resample_filter",)
"""Filters that do not learn; the networks have them as numbers."""
BASE = 4
_GENERATOR = {"to_image": "torgb", "skip": "skip", "conv0": "conv0", "conv1": "conv1"}
_CRITIC = {**_GENERATOR, "from_image": "fromrgb"}
_SMALLEST = {"convolution": "conv", "dense": "fc", "output": "out", "from_image": "fromrgb"}
_LEAVES = {"kernel": "weight", "constant": "noise_const"}


def generator_name(path: Sequence[str]) -> str:
    """Returns the official name of a generator's array by its path, collection first."""
    _, top, *layers, leaf = path
    if top == "mapping":
        if leaf == "average":
            return "mapping.w_avg"
        layer = layers[0].replace("dense_", "fc")
        return f"mapping.{layer}.{_LEAVES.get(leaf, leaf)}"
    level = f"synthesis.b{BASE * 2 ** int(top.removeprefix('level_'))}"
    if not layers:
        return f"{level}.const"
    first, *rest = layers
    return ".".join([level, _GENERATOR[first], *rest, _LEAVES.get(leaf, leaf)])


def critic_name(path: Sequence[str]) -> str:
    """Returns the official name of a critic's array by its path, collection first."""
    _, top, *layers, leaf = path
    leaf = _LEAVES.get(leaf, leaf)
    if top.startswith("level_"):
        return f"b{BASE * 2 ** int(top.removeprefix('level_'))}.{_CRITIC[layers[0]]}.{leaf}"
    if top in _SMALLEST:
        return f"b{BASE}.{_SMALLEST[top]}.{leaf}"
    return f"mapping.{top.replace('label_', 'fc')}.{leaf}"


def layout(path: Sequence[str], shape: Sequence[int]) -> Layout | None:
    """Returns how an array lies in the official files, if it is neither a kernel nor a vector."""
    # The learned constant is an image, a layer's noise has no channel.
    if path[-1] == "constant" and path[0] == "params":
        return (shape[2], *shape[:2]), lambda value: value.transpose(1, 2, 0)
    if path[-1] == "constant":
        return tuple(shape[:2]), lambda value: value[..., None]
    # The critic's first dense layer sees pixels, of which channels come last here.
    if path[1:] == ["dense", "kernel"]:
        inputs, features = shape
        channels = inputs // BASE**2

        def turn(value: np.ndarray) -> np.ndarray:
            pixels = value.reshape(features, channels, BASE, BASE)
            return pixels.transpose(2, 3, 1, 0).reshape(inputs, features)

        return (features, inputs), turn
    return None


def stylegan2_generator_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                                  source: str = "the weight file") -> Any:
    """Converts official tensors to variables of a `StyleGAN2Generator`.

    As `variables_from_torch`.
    """
    return variables_from_torch(tensors, expected, IGNORED, source, "StyleGAN2's generator",
                                generator_name, layout=layout)


def stylegan2_critic_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                               source: str = "the weight file") -> Any:
    """Converts official tensors to variables of a `StyleGAN2Critic`, as `variables_from_torch`."""
    return variables_from_torch(tensors, expected, IGNORED, source, "StyleGAN2's critic",
                                critic_name, layout=layout)
