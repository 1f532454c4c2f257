"""The weights of StyleGAN3's generator as its official code names them, for our network.

Layers are called by their number, side and channels, `synthesis.L3_52_512`; kernels are [out, in,
h, w].
"""

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ganlab.pretrained.errors import WeightsError, listed
from ganlab.pretrained.renaming import variables_from_torch

FILTERS = ("*.up_filter", "*.down_filter", "synthesis.input.transform")
"""Buffers that do not become variables: they are compared with what the network has."""
TOLERANCE = 1e-6
"""Of a filter's largest tap."""
_LEAVES = {"kernel": "weight", "frequencies": "freqs"}


def layer_names(tensors: Mapping[str, Any]) -> dict[int, str]:
    """Returns the official names of the layers by their numbers."""
    found = (re.fullmatch(r"synthesis\.(L(\d{1,4})_\d+_\d+)\.weight", name) for name in tensors)
    return {int(match[2]): match[1] for match in found if match}


def generator_name(layers: Mapping[int, str], path: Sequence[str]) -> str:
    """Returns the official name of a generator's array by its path, collection first."""
    collection, top, *parts, leaf = path
    if top == "mapping":
        if leaf == "average":
            return "mapping.w_avg"
        return f"mapping.{parts[0].replace('dense_', 'fc')}.{_LEAVES.get(leaf, leaf)}"
    leaf = "magnitude_ema" if collection == "magnitudes" else _LEAVES.get(leaf, leaf)
    if top != "input":
        number = int(top.removeprefix("layer_"))
        top = layers.get(number, f"L{number}")
    return ".".join(["synthesis", top, *parts, leaf])


def stylegan3_generator_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                                  source: str = "the weight file") -> Any:
    """Converts official tensors to variables of a `StyleGAN3Generator`.

    As `variables_from_torch`. Filters are not looked at: see `check_filters`.
    """
    return variables_from_torch(tensors, expected, FILTERS, source, "StyleGAN3's generator",
                                functools.partial(generator_name, layer_names(tensors)))


def check_filters(tensors: Mapping[str, np.ndarray], designed: Mapping[str, np.ndarray],
                  source: str) -> None:
    """Raises WeightsError for layers or filters that are not those of the network.

    Args:
      tensors: of a generator, by their official names.
      designed: filters [t] or [t, t] by the official names that they should have.
      source: where the tensors are from, for messages.
    """
    held = {name: value for name, value in tensors.items() if name.endswith("_filter")}
    wrong = [name for name in {**held, **designed} if name not in held or name not in designed
             or held[name].shape != designed[name].shape
             or not np.allclose(held[name], designed[name], rtol=0,
                                atol=TOLERANCE * np.abs(designed[name]).max())]
    if wrong:
        raise WeightsError(f"{source} has other filters than its settings give ({listed(wrong)}), "
                           "so that its images would not be those of the network here; name a "
                           "file of StyleGAN3's official code, of its configurations T or R")
    moved = tensors.get("synthesis.input.transform", np.eye(3))
    if not np.array_equal(moved, np.eye(3)):
        raise WeightsError(f"{source} was saved with an input transform that moves its images; "
                           "name a file with the identity, and give the movement when sampling")
