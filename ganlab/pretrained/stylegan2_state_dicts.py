"""State dicts of StyleGAN2 as rosinality's stylegan2-pytorch names them, for our networks.

A file of `torch.save` holds them under `g_ema`, `g` and `d`, beside `latent_avg` (in files that
were converted from TensorFlow), `args` and the states of optimizers. The mathematics is the
official one: weights at rest have unit variance (over the rate, in the mapping), kernels are
multiplied as in the official PyTorch code, and residual branches are scaled by the root of a half.
What differs is names and shapes: kernels of the generator, its constant, its noise and the biases
of images have axes of size 1, and levels are numbered.
"""

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ganlab.pretrained import stylegan2
from ganlab.pretrained.errors import WeightsError, listed
from ganlab.pretrained.pickle_heads import pickle_head
from ganlab.pretrained.renaming import Layout, conv_kernel, variables_from_torch
from ganlab.pretrained.stylegan2_pickles import StyleGAN2Network
from ganlab.pretrained.weights import read_weights

AVERAGE = "latent_avg"
"""The average style, which lies beside the state dict of the averaged generator."""
DRAWS = 4096
"""Latents whose styles are averaged for a file without an average, as many as its code draws."""
GROUP = 4
"""Images whose deviation the critic sees."""
FILTERS = ("*.kernel",)
"""Filters that do not learn; the networks have them as numbers."""
TAPS = np.outer((1, 3, 3, 1), (1, 3, 3, 1)) / 64
MARKS = (b"input.input", b"conv1.conv.modulation.weight")
"""Names by which these files are told from others."""
_LEAVES = {"kernel": "conv.weight", "noise_strength": "noise.weight"}
_CRITIC_LEVEL = {"conv0": ("conv1.0", "conv1.1"), "conv1": ("conv2.1", "conv2.2"),
                 "skip": ("skip.1", "")}
_CRITIC_TOP = {"convolution": ("final_conv.0", "final_conv.1"),
               "dense": ("final_linear.0",) * 2, "output": ("final_linear.1",) * 2}
"""Where a layer's kernel and bias are."""


def is_stylegan2_states(path: str) -> bool:
    """Returns whether a file of `torch.save` holds such state dicts; reads little of it.

    False for other files, and for a path without a file.
    """
    head = pickle_head(path)
    return all(mark in head for mark in MARKS)


def read_stylegan2_states(path: str) -> tuple[dict[str, StyleGAN2Network], str]:
    """Reads the networks g, d and g_ema of a file of state dicts, and the hash of the file.

    Raises:
      WeightsError: for a file without an average, and for networks that are not StyleGAN2's.
    """
    weights = read_weights(path)
    states = {name: _state(weights.tensors, name) for name in ("g", "d", "g_ema")}
    if not states["g_ema"]:
        tops = dict.fromkeys(name.partition(".")[0] for name in weights.tensors)
        raise WeightsError(f"{path} holds no averaged generator (g_ema), but "
                           f"{listed(tops) or 'nothing'}; name a network pickle of StyleGAN2, or a "
                           "checkpoint of stylegan2-pytorch")
    if AVERAGE in weights.tensors:
        states["g_ema"][AVERAGE] = weights.tensors[AVERAGE]
    # Networks are described by the shapes of their tensors: nothing else in the file does.
    found = {}
    for name, tensors in states.items():
        try:
            if tensors:
                found[name] = (_critic if name == "d" else _generator)(tensors)
        except (KeyError, IndexError) as error:
            raise WeightsError(f"{path}, {name}, lacks {error}, or has it in another shape, so "
                               "that the network cannot be built; name a checkpoint of "
                               "stylegan2-pytorch with --arch=stylegan2") from None
        _check_filters(tensors, f"{path}, {name},")
    return found, weights.sha256


def _state(tensors: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """Returns the tensors of a network by their names within it, without DataParallel's prefix."""
    return {key.removeprefix(f"{name}.").removeprefix("module."): value
            for key, value in tensors.items() if key.startswith(f"{name}.")}


def _check_filters(tensors: Mapping[str, np.ndarray], source: str) -> None:
    """Raises WeightsError for a network that resamples by another filter."""
    for name, value in tensors.items():
        # Enlarging filters are 4 times as strong.
        if name.endswith(".kernel") and not (value.shape == TAPS.shape and any(
                np.allclose(value, gain * TAPS) for gain in (1, 4))):
            raise WeightsError(f"{source} resamples by another filter than 1, 3, 3, 1 ({name}), "
                               "which the networks of ganlab do not; name another checkpoint")


def _count(tensors: Mapping[str, np.ndarray], pattern: str, start: int = 0) -> int:
    """Returns how many names of a pattern there are, numbered from `start` on."""
    return next(number for number in itertools.count()
                if pattern.format(start + number) not in tensors)


def _generator(tensors: Mapping[str, np.ndarray]) -> StyleGAN2Network:
    layers, levels = _count(tensors, "style.{}.weight", 1), _count(tensors, "to_rgbs.{}.bias") + 1
    kernels = ["conv1", *(f"convs.{2 * number + 1}" for number in range(levels - 1))]
    kwargs = {"styles": _size(tensors, "conv1.conv.modulation.weight", 1), "mapping_layers": layers,
              "channels": tuple(_size(tensors, f"{name}.conv.weight", 1) for name in kernels)}
    side = stylegan2.BASE * 2 ** (levels - 1)
    shape = side, side, _size(tensors, "to_rgb1.conv.weight", 1)
    return StyleGAN2Network(kwargs, _size(tensors, "style.1.weight", 1), 0, shape, tensors,
                            _generator_variables)


def _critic(tensors: Mapping[str, np.ndarray]) -> StyleGAN2Network:
    levels = _count(tensors, "convs.{}.conv1.0.weight", 1) + 1
    kernels = ["final_conv.0", *(f"convs.{number}.conv1.0" for number in range(levels - 1, 0, -1))]
    kwargs = {"group": GROUP,
              "channels": tuple(_size(tensors, f"{name}.weight", 0) for name in kernels)}
    side = stylegan2.BASE * 2 ** (levels - 1)
    shape = side, side, _size(tensors, "convs.0.0.weight", 1)
    return StyleGAN2Network(kwargs, 0, 0, shape, tensors,
                            functools.partial(_critic_variables, levels))


def _size(tensors: Mapping[str, np.ndarray], name: str, axis: int) -> int:
    if tensors[name].ndim <= axis:
        raise IndexError(name)
    return tensors[name].shape[axis]


def _generator_variables(tensors: Mapping[str, np.ndarray], expected: Any, source: str) -> Any:
    """Converts a state dict to variables of a `StyleGAN2Generator`; without an average style, that
    of `DRAWS` latents is taken."""
    styles = expected["styles"]["mapping"]["average"].shape
    variables = variables_from_torch({AVERAGE: np.zeros(styles), **tensors}, expected, FILTERS,
                                     source, "this generator", generator_name, layout=_layout)
    if AVERAGE not in tensors:
        variables["styles"]["mapping"]["average"] = average_style(variables["params"]["mapping"])
    return variables


def _critic_variables(levels: int, tensors: Mapping[str, np.ndarray], expected: Any,
                      source: str) -> Any:
    """Converts a state dict to variables of a `StyleGAN2Critic`."""
    return variables_from_torch(tensors, expected, FILTERS, source, "this critic",
                                functools.partial(critic_name, levels), layout=stylegan2.layout)


def average_style(mapping: Mapping[str, Mapping[str, np.ndarray]]) -> np.ndarray:
    """Averages the styles [w] of `DRAWS` latents by the params of an unconditional mapping."""
    size = len(mapping["dense_0"]["kernel"])
    x = np.random.default_rng(0).normal(size=(DRAWS, size)).astype(np.float32)
    x /= np.sqrt(np.mean(np.square(x), axis=1, keepdims=True))
    for number in range(len(mapping)):
        # Rates of the mapping are a hundredth; a leaky ReLU of slope 0.2, times the root of 2.
        layer = mapping[f"dense_{number}"]
        x = 0.01 * (x @ layer["kernel"] / math.sqrt(x.shape[1]) + layer["bias"])
        x = math.sqrt(2) * np.maximum(x, 0.2 * x)
    return np.mean(x, axis=0, dtype=np.float64).astype(np.float32)


def generator_name(path: Sequence[str]) -> str:
    """Returns the name of a generator's array there by its path, collection first."""
    collection, top, *layers, leaf = path
    if top == "mapping":
        if leaf == "average":
            return AVERAGE
        number = int(layers[0].removeprefix("dense_")) + 1  # The first is the normalization.
        return f"style.{number}.{'weight' if leaf == 'kernel' else leaf}"
    level = int(top.removeprefix("level_"))
    if not layers:
        return "input.input"
    # Convolutions are numbered through, two a level after the first, which has names of its own.
    layer, *affine = layers
    place = 2 * level - (layer == "conv0")
    if collection == "noise":
        return f"noises.noise_{place}"
    if layer == "to_image":
        start = f"to_rgbs.{level - 1}" if level else "to_rgb1"
    else:
        start = f"convs.{place - 1}" if place else "conv1"
    if affine:
        return f"{start}.conv.modulation.{'weight' if leaf == 'kernel' else leaf}"
    own = _LEAVES.get(leaf, "bias" if layer == "to_image" else "activate.bias")
    return f"{start}.{own}"


def critic_name(levels: int, path: Sequence[str]) -> str:
    """Returns the name of an array of a critic of `levels` levels there, as `generator_name`."""
    _, top, *layers, leaf = path
    place, own = (0, "weight") if leaf == "kernel" else (1, "bias")
    if top in _CRITIC_TOP:
        return f"{_CRITIC_TOP[top][place]}.{own}"
    # Blocks are numbered from the image down.
    if layers[0] == "from_image":
        return f"convs.0.{place}.{own}"
    block = levels - int(top.removeprefix("level_"))
    return f"convs.{block}.{_CRITIC_LEVEL[layers[0]][place]}.{own}"


def _layout(path: Sequence[str], shape: Sequence[int]) -> Layout | None:
    """Returns how an array of a generator lies there, if it is not a matrix or a vector."""
    collection, *layers, leaf = path
    if collection == "noise":
        return (1, 1, *shape[:2]), lambda value: value[0, 0, ..., None]
    if leaf == "constant":
        return (1, shape[2], *shape[:2]), lambda value: value[0].transpose(1, 2, 0)
    if leaf == "kernel" and len(shape) == 4:
        return (1, *(shape[axis] for axis in (3, 2, 0, 1))), lambda value: conv_kernel(value[0])
    if leaf == "noise_strength":
        return (1,), lambda value: value[0]
    if leaf == "bias" and layers[-1] == "to_image":
        return (1, *shape, 1, 1), lambda value: value.reshape(-1)
    return None
