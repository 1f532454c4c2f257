"""The weights of PyTorch-StudioGAN's residual networks as its code names them, for our networks.

Blocks and attention are numbered through, `blocks.<place>.0`. Spectrally normalized kernels are
`weight_orig`, with both singular vectors; the vectors of classes in BigGAN's generator are not.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ganlab.pretrained.biggan import from_pixels
from ganlab.pretrained.renaming import Layout, variables_from_torch

IGNORED = ("*.num_batches_tracked",)
_TOPS = {"dense": "linear0", "shared": "shared", "class_embedding": "embedding",
         "class_output": "linear2", "embedding_output": "linear2"}
_LAYERS = {"shortcut": "conv2d0", "conv1": "conv2d1", "conv2": "conv2d2", "norm1": "bn1",
           "norm2": "bn2", "theta": "conv1x1_theta", "phi": "conv1x1_phi",
           "g": "conv1x1_g", "o": "conv1x1_attn"}
_LEAVES = {"mean": "running_mean", "var": "running_var", "gamma": "sigma", "u": "weight_u",
           "v": "weight_v"}


def _name(path: Sequence[str], attention: Sequence[int], tops: Mapping[str, str],
          spectral: bool, conditional: bool) -> str:
    """Returns the official name of an array by its path, collection first."""
    _, top, *layers, leaf = path
    kind, *number = top.split("_")
    if kind in ("block", "attention") and top not in tops:
        # Each attention before it moves a block by one place.
        place = int(number[0]) + sum(at < int(number[0]) for at in attention)
        first = f"blocks.{place + (kind == 'attention')}.0"
    else:
        first = tops[top]
    if leaf in ("kernel", "embedding"):
        leaf = "weight_orig" if spectral and top != "shared" else "weight"
    elif leaf == "gain":
        leaf = "weight"
    within = [_LAYERS.get(layer, layer) for layer in layers]
    # Statistics of a conditional normalization lie in one without gains.
    if leaf in ("mean", "var") and top != "norm" and conditional:
        within.append("bn")
    return ".".join([first, *within, _LEAVES.get(leaf, leaf)])


def studiogan_layout(path: Sequence[str], shape: Sequence[int]) -> Layout | None:
    """Returns how an array lies in the official files, where it is not as usual."""
    if path[-1] == "gamma":
        return (1,), lambda value: value[0]
    found = from_pixels(path, shape)
    if path[-1] in ("u", "v"):
        # One vector, without an axis for several.
        turn = found[1] if found else lambda value: value
        return tuple(shape[1:]), lambda value: turn(value.reshape(shape))
    return found


def studiogan_generator_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                                  source: str = "the weight file") -> Any:
    """Converts official tensors to variables of an `SNGANGenerator`, or of a `BigGANGenerator` with
    the spectral normalization of this code, as `variables_from_torch`."""
    blocks = sum(name.startswith("block_") for name in expected["params"])
    tops = {**_TOPS, "norm": f"bn{blocks + 1}", "output": f"conv2d{blocks + 2}"}
    return _variables(tensors, expected, source, tops, "this generator")


def studiogan_critic_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                               source: str = "the weight file") -> Any:
    """Converts official tensors to variables of an `SNGANCritic`, likewise."""
    return _variables(tensors, expected, source, {**_TOPS, "output": "linear1"}, "this critic")


def _variables(tensors: Mapping[str, np.ndarray], expected: Any, source: str,
               tops: Mapping[str, str], network: str) -> Any:
    attention = [int(name.partition("_")[2]) for name in expected["params"]
                 if name.startswith("attention_")]
    norm = expected["params"].get("block_0", {}).get("norm1", {})
    name_of = functools.partial(_name, attention=attention, tops=tops,
                                spectral="spectral" in expected,
                                conditional=isinstance(norm.get("gain"), Mapping))
    return variables_from_torch(tensors, expected, IGNORED, source, network, name_of,
                                layout=studiogan_layout)
