"""The weights of BigGAN-PyTorch as its code names them, for our networks.

A critic's parts are numbered in `blocks.<resolution>.<place>`; a generator's blocks are numbered
through, `blocks.<block>.0`. Attention is one place after the last block of its resolution. Kernels
are [out, in, h, w]; the first dense layer makes images [c, h, w].
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ganlab.pretrained.renaming import Layout, variables_from_torch

IGNORED = ("*.sv[0-9]",)
"""Singular values that are there to be logged."""
SMALLEST = 4
"""Side of the image with which a generator begins."""
_GENERATOR = {"shared": "shared", "dense": "linear", "norm": "output_layer.0",
              "output": "output_layer.2"}
_CRITIC = {"input": "input_conv", "output": "linear", "class_embedding": "embed"}
_LEAVES = {"kernel": "weight", "embedding": "weight", "u": "u0", "mean": "stored_mean",
           "var": "stored_var"}


def _name(path: Sequence[str], tops: Mapping[str, str], depth: int) -> str:
    """Returns the official name of an array by its path, collection first."""
    _, top, *layers, leaf = path
    kind, *numbers = top.split("_")
    if kind in ("block", "attention"):
        # Attention is beside the last block; what is not deep has one block a resolution.
        resolution, place = (int(number) for number in (*numbers, 0)[:2])
        place = place if kind == "block" else depth - 1
        block = resolution
        if tops is _GENERATOR:
            block, place = resolution * depth + place, 0
        first = f"blocks.{block}.{place + (kind == 'attention')}"
    else:
        first = tops[top]
    within = ["conv_sc" if layer == "shortcut" else layer.replace("norm", "bn") for layer in layers]
    return ".".join([first, *within, _LEAVES.get(leaf, leaf)])


def from_pixels(path: Sequence[str], shape: Sequence[int]) -> Layout | None:
    """Returns how the first dense layer lies in the official files, and no other array.

    It makes the pixels of the smallest image, of which channels come last here.
    """
    if path[1] != "dense" or path[-1] == "v":
        return None
    turn = {"kernel": lambda value: _pixels(value).transpose(1, 0), "bias": _pixels,
            "u": lambda value: _pixels(value.T).T}[path[-1]]
    return (tuple(shape[::-1]) if path[-1] == "kernel" else tuple(shape)), turn


def _pixels(rows: np.ndarray) -> np.ndarray:
    """Sorts rows [c * h * w, ...] of an image as [h * w * c, ...]."""
    channels = len(rows) // SMALLEST**2
    turned = rows.reshape(channels, SMALLEST**2, *rows.shape[1:]).swapaxes(0, 1)
    return turned.reshape(rows.shape)


def biggan_generator_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                               source: str = "the weight file") -> Any:
    """Converts official tensors to variables of a `BigGANGenerator` or `BigGANDeepGenerator`.

    As `variables_from_torch`.
    """
    return _variables(tensors, expected, source, _GENERATOR, "BigGAN's generator")


def biggan_critic_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                            source: str = "the weight file") -> Any:
    """Converts official tensors to variables of a `BigGANCritic` or `BigGANDeepCritic`."""
    return _variables(tensors, expected, source, _CRITIC, "BigGAN's critic")


def _variables(tensors: Mapping[str, np.ndarray], expected: Any, source: str,
               tops: Mapping[str, str], network: str) -> Any:
    blocks = [name.split("_") for name in expected["params"] if name.startswith("block_")]
    depth = 1 + max(int(place[2]) if len(place) > 2 else 0 for place in blocks)
    name_of = functools.partial(_name, tops=tops, depth=depth)
    has_vectors = tops is not _GENERATOR or "shared" in expected["params"]
    return variables_from_torch(tensors, expected, IGNORED, source, network, name_of,
                                layout=from_pixels if has_vectors else _without_vectors)


def _without_vectors(path: Sequence[str], shape: Sequence[int]) -> Layout | None:
    """Returns how an array lies where classes have no vectors: gains and biases are embeddings, of
    one row for each class."""
    if path[-1] == "kernel" and path[-2] in ("gain", "bias"):
        return tuple(shape), lambda value: value
    return from_pixels(path, shape)
