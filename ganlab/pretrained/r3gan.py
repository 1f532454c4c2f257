"""The weights of R3GAN as its code names them, for our networks.

Stages are numbered in the order of the pass, `MainLayers.<stage>.Layers.<place>`: a generator's
first place is its transition, a critic's last one is. Ours are numbered by size, from 4x4 on.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ganlab.pretrained.renaming import Layout, variables_from_torch

IGNORED = ("*Resampler.Kernel",)
"""Filters that do not learn; the networks have them as numbers."""
_LEAVES = {"bias1": "NonLinearity1.Bias", "bias2": "NonLinearity2.Bias"}
_LAYERS = {"conv1": "LinearLayer1.Layer", "conv2": "LinearLayer2.Layer",
           "conv3": "LinearLayer3.Layer"}


def generator_name(path: Sequence[str]) -> str:
    """Returns the official name of a generator's array by its path, collection first."""
    tops = {"basis": "MainLayers.0.Layers.0.Basis",
            "dense": "MainLayers.0.Layers.0.LinearLayer.weight",
            "output": "AggregationLayer.Layer.weight", "class_embedding": "EmbeddingLayer.weight"}
    if path[1] in tops:
        return tops[path[1]]
    kind, stage, *number = path[1].split("_")
    if kind == "transition":
        return f"MainLayers.{stage}.Layers.0.LinearLayer.Layer.weight"
    return f"MainLayers.{stage}.Layers.{int(number[0]) + 1}.{_within(path[2:])}"


def critic_name(blocks: Sequence[int], path: Sequence[str]) -> str:
    """Returns the official name of a critic's array; `blocks` are those of each stage, from 4x4."""
    last = len(blocks) - 1
    end = f"MainLayers.{last}.Layers.{blocks[0]}"
    tops = {"basis": f"{end}.Basis.weight", "dense": f"{end}.LinearLayer.weight",
            "input": "ExtractionLayer.Layer.weight", "class_embedding": "EmbeddingLayer.weight"}
    if path[1] in tops:
        return tops[path[1]]
    kind, stage, *number = path[1].split("_")
    place = last - int(stage)
    if kind == "transition":
        return f"MainLayers.{place}.Layers.{blocks[int(stage)]}.LinearLayer.Layer.weight"
    return f"MainLayers.{place}.Layers.{number[0]}.{_within(path[2:])}"


def _within(path: Sequence[str]) -> str:
    return _LEAVES.get(path[0]) or f"{_LAYERS[path[0]]}.weight"


def _layout(path: Sequence[str], shape: Sequence[int]) -> Layout | None:
    """Returns how a basis lies in the official files: channels first."""
    if path[-1] != "basis":
        return None
    if len(shape) == 3:
        return (shape[2], *shape[:2]), lambda value: value.transpose(1, 2, 0)
    return (shape[3], 1, *shape[:2]), lambda value: value.transpose(2, 3, 1, 0)


def r3gan_generator_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                              source: str = "the weight file") -> Any:
    """Converts official tensors to variables of an `R3GANGenerator`, as `variables_from_torch`."""
    return variables_from_torch(tensors, expected, IGNORED, source, "R3GAN's generator",
                                generator_name, layout=_layout)


def r3gan_critic_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                           source: str = "the weight file") -> Any:
    """Converts official tensors to variables of an `R3GANCritic`, as `variables_from_torch`."""
    counts: dict[int, int] = {}
    for name in expected["params"]:
        if name.startswith("block_"):
            stage, number = map(int, name.split("_")[1:])
            counts[stage] = max(counts.get(stage, 0), number + 1)
    blocks = [counts[stage] for stage in sorted(counts)]
    return variables_from_torch(tensors, expected, IGNORED, source, "R3GAN's critic",
                                functools.partial(critic_name, blocks), layout=_layout)
