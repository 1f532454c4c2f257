"""The weights of PyTorch's DCGAN tutorial as its code names them, for our DCGAN.

All layers are parts of one sequence, `main.<place>`: a generator has a transposed convolution, its
normalization and an activation in turn, a critic likewise but for its first layer, which is not
normalized. The first layer of a generator and the last of a critic are of 4x4 pixels without a
step: dense layers, here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ganlab.pretrained.renaming import Layout, torch_name, variables_from_torch

IGNORED = ("*.num_batches_tracked",)
SMALLEST = 4
"""Side of the smallest image."""


def _name(place: int, normalizes: bool, path: Sequence[str]) -> str:
    return f"main.{place + normalizes}.{torch_name(path).rpartition('.')[2]}"


def tutorial_generator_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                                 source: str = "the weight file") -> Any:
    """Converts official tensors to variables of a `DCGANGenerator` without a last bias.

    As `variables_from_torch`.
    """
    def name_of(path: Sequence[str]) -> str:
        kind, _, number = path[1].partition("_")
        return _name(3 * int(number or 0), kind == "norm", path)

    def layout(path: Sequence[str], shape: Sequence[int]) -> Layout | None:
        if path[1] != "dense":
            return None
        latents, numbers = shape
        return ((latents, numbers // SMALLEST**2, SMALLEST, SMALLEST),
                lambda value: value.transpose(0, 2, 3, 1).reshape(latents, numbers))

    return variables_from_torch(tensors, expected, IGNORED, source,
                                "the generator of PyTorch's DCGAN tutorial", name_of,
                                lambda path: path[1].startswith("up_"), layout)


def tutorial_critic_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                              source: str = "the weight file") -> Any:
    """Converts official tensors to variables of a `DCGANCritic` without biases, likewise.

    Its logit is what the official code takes the sigmoid of.
    """
    stages = sum(name.startswith("down_") for name in expected["params"])

    def name_of(path: Sequence[str]) -> str:
        kind, _, number = path[1].partition("_")
        stage = stages if kind == "output" else int(number)
        return _name(max(3 * stage - 1, 0), kind == "norm", path)

    def layout(path: Sequence[str], shape: Sequence[int]) -> Layout | None:
        if path[1] != "output":
            return None
        return ((1, shape[0] // SMALLEST**2, SMALLEST, SMALLEST),
                lambda value: value.transpose(2, 3, 1, 0).reshape(shape))

    return variables_from_torch(tensors, expected, IGNORED, source,
                                "the critic of PyTorch's DCGAN tutorial", name_of, layout=layout)
