"""Tensors of a PyTorch module as variables of a Flax module that names its layers alike.

PyTorch keeps kernels as [out, in, height, width] and matrices as [out, in]; Flax keeps [height, width, in, out]
and [in, out]. Statistics of batch normalisation are a collection of their own in Flax.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from ganlab.config import ConfigError

Variables = Any
SHOWN = 3

# What PyTorch calls the arrays of a layer that Flax calls otherwise.
LEAVES = {"kernel": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}


def conv_kernel(weight: np.ndarray) -> np.ndarray:
    """Convolution kernel [out, in, h, w] as [h, w, in, out]."""
    return weight.transpose(2, 3, 1, 0)


def dense_kernel(weight: np.ndarray) -> np.ndarray:
    """Matrix [out, in] as [in, out]."""
    return weight.T


KERNELS = {4: conv_kernel, 2: dense_kernel}


def torch_name(path: Sequence[str]) -> str:
    """The PyTorch name of a Flax variable: ("params", "a", "conv", "kernel") is a.conv.weight."""
    return ".".join([*path[1:-1], LEAVES.get(path[-1], path[-1])])


def variables_from_torch(tensors: Mapping[str, np.ndarray], expected: Variables, network: str, source: str,
                         name_of: Callable[[Sequence[str]], str] = torch_name,
                         ignored: Sequence[str] = ()) -> Variables:
    """Variables shaped as `expected` (arrays or `jax.ShapeDtypeStruct`), filled from PyTorch `tensors`, in float32.

    `name_of` gives a variable's PyTorch name from its path; names that match one of the regular expressions
    `ignored` may be left over. Raises ConfigError, naming `source` and `network`, for tensors that are missing,
    left over, or of another shape.
    """
    leaves, structure = jax.tree_util.tree_flatten_with_path(expected)
    names = {}
    for path, leaf in leaves:
        words = [entry.key for entry in path]
        turn = KERNELS.get(len(leaf.shape)) if words[-1] == "kernel" else None
        names[name_of(words)] = (leaf.shape, turn)
    missing = [name for name in names if name not in tensors]
    if missing:
        raise ConfigError(f"{source} does not hold the weights of {network}: {_listed(missing)} missing, "
                          f"of {len(names)} tensors; give the file that was published for this network")
    left = [name for name in tensors if name not in names and not any(re.search(p, name) for p in ignored)]
    if left:
        raise ConfigError(f"{source} holds more than the weights of {network}: {_listed(left)} left over; "
                          "give the file that was published for this network")
    values = []
    for name, (shape, turn) in names.items():
        value = np.asarray(tensors[name], np.float32)
        # A matrix would take any number of axes in silence.
        value = turn(value) if turn and value.ndim == len(shape) else value
        if value.shape != tuple(shape):
            raise ConfigError(f"{source} does not hold the weights of {network}: {name} has shape "
                              f"{tuple(tensors[name].shape)}, which gives {value.shape} where {tuple(shape)} is "
                              "needed; give the file that was published for this network")
        values.append(value)
    return jax.tree_util.tree_unflatten(structure, values)


def _listed(names: Sequence[str]) -> str:
    """The first names, and how many more."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "") + (" are" if len(names) > 1 else " is")
