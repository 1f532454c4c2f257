"""The weights of PGGAN and StyleGAN as their TensorFlow codes name them, for our networks.

A level is called by its side, `8x8/Conv1`, but layers to and from images by the levels that are
larger, `ToRGB_lod2`. Kernels are [h, w, in, out], as ours, and images [c, h, w]. Where TensorFlow
doubles and convolves at once (fused), it multiplies by the kernel backwards, and PGGAN has
[h, w, out, in]: such layers are first brought to those of the others.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from ganlab.pretrained.renaming import Layout, fitted_variables

LODS = ("lod", "synthesis/lod")
"""Entries that are not weights: how many levels the training still had to add. StyleGAN's generator
gives its own number to its synthesis whenever it makes images."""
BASE = 4
"""Side of the smallest level; that of the networks, which weights may not import."""
FUSED_FROM = 128
"""Side from which on StyleGAN's code fuses layers that double, unless it is told otherwise."""
_LEAVES = {"kernel": "weight", "constant": "const", "noise_strength": "Noise/weight"}
_CRITIC = {"conv0": "Conv0", "conv1": "Conv1", "convolution": "Conv", "dense": "Dense0",
           "output": "Dense1"}


def pggan_tensors(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Renames and turns fused layers of PGGAN's networks: `Conv0_up` to `Conv0`, `Conv1_down` to
    `Conv1`."""
    found = {}
    for name, value in tensors.items():
        if name.endswith("/Conv0_up/weight") and value.ndim == 4:
            value = value[::-1, ::-1].transpose(0, 1, 3, 2)
        found[name.replace("/Conv0_up/", "/Conv0/").replace("/Conv1_down/", "/Conv1/")] = value
    return found


def stylegan1_tensors(tensors: Mapping[str, np.ndarray],
                      fused: bool | str = "auto") -> dict[str, np.ndarray]:
    """Renames layers of StyleGAN's networks as PGGAN's, and turns fused kernels.

    Args:
      tensors: by their official names, components called `synthesis` and `mapping` or, as their
        scopes, `G_synthesis` and `G_mapping`.
      fused: whether layers that double are fused; "auto" from `FUSED_FROM` pixels on.
    """
    found = {}
    for name, value in tensors.items():
        name = name.removeprefix("G_").replace("/Conv0_up/", "/Conv0/")
        name = name.replace("/Conv1_down/", "/Conv1/")
        level, _, layer = name.removeprefix("synthesis/").partition("/")
        if layer == "Conv0/weight" and name.startswith("synthesis/") and value.ndim == 4:
            side = level.partition("x")[0]
            large = side.isdecimal() and int(side) >= FUSED_FROM
            value = value[::-1, ::-1] if fused is True or fused == "auto" and large else value
        found[name] = value
    return found


def stored_lod(tensors: Mapping[str, np.ndarray]) -> float:
    """Returns how many levels the training had yet to add, 0 where tensors do not say it."""
    value = np.asarray(next((tensors[name] for name in LODS if name in tensors), 0.0))
    return float(value.item()) if value.size == 1 and np.isfinite(value).all() else 0.0


def grown_to(lod: float, last: int) -> tuple[int, float]:
    """Returns the largest level that has a say at some `lod`, and its share from 0 to 1.

    Whole numbers of levels are yet to come; the rest of `lod` is what the level has yet to fade in.
    """
    lod = min(max(lod, 0.0), last)
    return last - math.floor(lod), 1.0 - lod % 1.0


def without_growth(tensors: Mapping[str, np.ndarray], layer: str, channels: Sequence[int],
                   axis: int) -> dict[str, np.ndarray]:
    """Completes the tensors of a network that was built without growing.

    Its layers to or from images of smaller levels, which it does not have, are 0; it has no lod.

    Args:
      tensors: by name, as of `stylegan1_tensors`.
      layer: start of the name of these layers, such as `ToRGB_lod`.
      channels: of each level, smallest first.
      axis: of the kernels of images along which these are, 2 or 3.
    """
    found = {name: value for name, value in tensors.items() if name not in LODS}
    colours = found[f"{layer}0/weight"].shape[5 - axis]
    for lod, number in enumerate(reversed(channels)):
        shape = (number, colours) if axis == 2 else (colours, number)
        found.setdefault(f"{layer}{lod}/weight", np.zeros((1, 1, *shape), np.float32))
        found.setdefault(f"{layer}{lod}/bias", np.zeros(shape[1:], np.float32))
    return found


def _level(top: str) -> int:
    return int(top.removeprefix("level_"))


def _folder(level: int) -> str:
    return f"{BASE * 2**level}x{BASE * 2**level}"


def _same(shape: Sequence[int]) -> Layout:
    return tuple(shape), lambda value: value


def _to_pixels(shape: Sequence[int]) -> Layout:
    """Turns a dense layer that makes images, [in, c * h * w] there."""
    inputs, outputs = shape
    split = (inputs, outputs // BASE**2, BASE, BASE)
    return tuple(shape), lambda value: value.reshape(split).transpose(0, 2, 3, 1).reshape(shape)


def _from_pixels(shape: Sequence[int]) -> Layout:
    """Turns a dense layer that sees images, [c * h * w, out] there."""
    inputs, outputs = shape
    split = (inputs // BASE**2, BASE, BASE, outputs)
    return tuple(shape), lambda value: value.reshape(split).transpose(1, 2, 0, 3).reshape(shape)


def _pggan_layer(last: int, path: Sequence[str], shape: Sequence[int]) -> tuple[str, Layout]:
    """Returns the official name and layout of an array of PGGAN's generator."""
    _, top, layer, leaf = path
    level, leaf = _level(top), _LEAVES.get(leaf, leaf)
    if layer == "to_image":
        return f"ToRGB_lod{last - level}/{leaf}", _same(shape)
    if layer == "dense":
        layout = _to_pixels(shape) if leaf == "weight" else _same(shape)
        return f"{_folder(level)}/Dense/{leaf}", layout
    name = {"conv0": "Conv0", "conv1": "Conv1" if level else "Conv"}[layer]
    return f"{_folder(level)}/{name}/{leaf}", _same(shape)


def _stylegan1_layer(last: int, constant: bool, path: Sequence[str],
                     shape: Sequence[int]) -> tuple[str, Layout]:
    """Returns the official name and layout of an array of StyleGAN's generator."""
    collection, top, *layers, leaf = path
    other = _LEAVES.get(leaf, leaf)
    if collection == "styles":
        return "dlatent_avg", _same(shape)
    if top == "mapping":
        layer = layers[0].replace("dense_", "Dense") if layers else "LabelConcat"
        return f"mapping/{layer}/{'weight' if not layers else other}", _same(shape)
    # Noise is numbered, two layers a level.
    level, (first, *rest) = _level(top), layers
    if collection == "noise":
        number = 2 * level + int(first.removeprefix("conv"))
        return f"synthesis/noise{number}", ((1, 1, *shape[:2]),
                                            lambda value: value.reshape(shape))
    if first == "to_image":
        return f"synthesis/ToRGB_lod{last - level}/{other}", _same(shape)
    smallest = {"conv0": "Const" if constant else "Dense", "conv1": "Conv"}
    layer = f"synthesis/{_folder(level)}/{first.capitalize() if level else smallest[first]}"
    if leaf == "constant":
        height, width, channels = shape
        return f"{layer}/{other}", ((1, channels, height, width),
                                    lambda value: value[0].transpose(1, 2, 0))
    if rest == ["affine"]:
        return f"{layer}/StyleMod/{other}", _same(shape)
    return f"{layer}/{other}", _to_pixels(shape) if rest == ["dense"] else _same(shape)


def _critic_layer(last: int, path: Sequence[str], shape: Sequence[int]) -> tuple[str, Layout]:
    """Returns the official name and layout of an array of either critic."""
    _, top, layer, leaf = path
    level, leaf = _level(top), _LEAVES.get(leaf, leaf)
    if layer == "from_image":
        return f"FromRGB_lod{last - level}/{leaf}", _same(shape)
    turned = layer == "dense" and leaf == "weight"
    return (f"{_folder(level)}/{_CRITIC[layer]}/{leaf}",
            _from_pixels(shape) if turned else _same(shape))


def _last(expected: Any) -> int:
    """Returns the number of the last level of a network."""
    return max(_level(name) for name in expected["params"] if name.startswith("level_"))


def _grown(tensors: Mapping[str, np.ndarray], expected: Any, layer: Any, source: str,
           network: str) -> Any:
    """Converts tensors by `fitted_variables`; the share of the level that fades in is that of their
    `lod`."""
    weights = {name: tree for name, tree in expected.items() if name != "growth"}
    found = fitted_variables(tensors, weights, layer, LODS, source, network)
    if not expected.get("growth"):
        return found
    _, share = grown_to(stored_lod(tensors), _last(expected))
    return {**found, "growth": jax.tree.map(lambda leaf: np.full(leaf.shape, share, np.float32),
                                            expected["growth"])}


def pggan_generator_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                              source: str = "the weight file") -> Any:
    """Converts tensors, as of `pggan_tensors`, to variables of a `PGGANGenerator`.

    As `fitted_variables`.
    """
    layer = functools.partial(_pggan_layer, _last(expected))
    return _grown(tensors, expected, layer, source, "PGGAN's generator")


def pggan_critic_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                           source: str = "the weight file") -> Any:
    """Converts tensors, as of `pggan_tensors`, to variables of a `PGGANCritic`."""
    layer = functools.partial(_critic_layer, _last(expected))
    return _grown(tensors, expected, layer, source, "PGGAN's critic")


def stylegan1_generator_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                                  source: str = "the weight file") -> Any:
    """Converts tensors, as of `stylegan1_tensors`, to variables of a `StyleGAN1Generator`."""
    constant = "constant" in expected["params"]["level_0"]["conv0"]
    layer = functools.partial(_stylegan1_layer, _last(expected), constant)
    return _grown(tensors, expected, layer, source, "StyleGAN's generator")


def stylegan1_critic_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                               source: str = "the weight file") -> Any:
    """Converts tensors, as of `stylegan1_tensors`, to variables of a `StyleGAN1Critic`."""
    layer = functools.partial(_critic_layer, _last(expected))
    return _grown(tensors, expected, layer, source, "StyleGAN's critic")
