"""The weights of PyTorch-StudioGAN's `deep_conv` networks as its code names them, for ours.

Blocks are numbered through, `blocks.<block>.0`, each with its convolutions and normalizations.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ganlab.pretrained.renaming import variables_from_torch
from ganlab.pretrained.studiogan import IGNORED, studiogan_layout

_HEAD = {"output": "linear1", "class_output": "linear2", "embedding_output": "linear2",
         "class_embedding": "embedding"}
_LEAVES = {"gain": "weight", "mean": "running_mean", "var": "running_var", "u": "weight_u",
           "v": "weight_v"}


def _leaf(path: Sequence[str], spectral: bool) -> str:
    if path[-1] in ("kernel", "embedding"):
        return "weight_orig" if spectral else "weight"
    return _LEAVES.get(path[-1], path[-1])


def deep_conv_generator_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                                  source: str = "the weight file") -> Any:
    """Converts official tensors to variables of a `DeepConvGenerator`.

    As `variables_from_torch`.
    """
    def name_of(path: Sequence[str]) -> str:
        kind, _, number = path[1].partition("_")
        tops = {"dense": "linear0", "output": "conv4", "conv": f"blocks.{number}.0.deconv0",
                "norm": f"blocks.{number}.0.bn0"}
        # Statistics of a conditional normalization lie in one without gains.
        within = ["bn"] if path[-1] in ("mean", "var") and conditional else []
        return ".".join([tops[kind], *path[2:-1], *within,
                         "weight" if path[2:-1] else _leaf(path, spectral=False)])

    conditional = isinstance(expected["params"]["norm_0"]["gain"], Mapping)
    return variables_from_torch(tensors, expected, IGNORED, source, "this generator", name_of,
                                transposed=lambda path: path[1].startswith("conv_"),
                                layout=studiogan_layout)


def deep_conv_critic_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                               source: str = "the weight file") -> Any:
    """Converts official tensors to variables of a `DeepConvCritic`, likewise."""
    def name_of(path: Sequence[str]) -> str:
        leaf = _leaf(path, "spectral" in expected)
        if path[1] in _HEAD:
            return f"{_HEAD[path[1]]}.{leaf}"
        kind, *place = path[1].split("_")
        layer = {"conv": "conv", "norm": "bn"}[kind]
        if place == ["last"]:
            return f"{layer}1.{leaf}"
        return f"blocks.{place[0]}.0.{layer}{place[1]}.{leaf}"

    return variables_from_torch(tensors, expected, IGNORED, source, "this critic", name_of,
                                layout=studiogan_layout)

