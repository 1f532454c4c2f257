"""Converts foreign tensors to our params: which are expected, how axes lie, where they go."""

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from ganlab.pretrained.errors import WeightsError, listed, shown
from ganlab.pretrained.finite import check_finite


def take(tensors: Mapping[str, np.ndarray], expected: Mapping[str, tuple[int, ...]],
         ignore: tuple[str, ...] = (), source: str = "the weight file",
         network: str = "this network") -> dict[str, np.ndarray]:
    """Returns the tensors that a network expects, in its order, and refuses those of another one.

    Args:
      tensors: by name.
      expected: the shape of each tensor by name.
      ignore: patterns, such as `*.num_batches_tracked`, of names that may be left over.
      source: where the tensors are from, for messages.
      network: whose tensors are expected, for messages.

    Raises:
      WeightsError: with the tensors that are missing, left over, or of another shape.
    """
    # All that does not match is said at once: a wrong file shows by its kind of mismatch.
    missing = [name for name in expected if name not in tensors]
    left = [name for name in tensors if name not in expected]
    over = [name for name in left
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in ignore)]
    shapes = [f"{name} with {tensors[name].shape} for {tuple(shape)}"
              for name, shape in expected.items()
              if name in tensors and tensors[name].shape != tuple(shape)]
    found = (("lacks", missing), ("has besides", over), ("has", shapes))
    wrong = [f"{word} {listed(names)}" for word, names in found if names]
    # Another network's file lacks, has and reshapes many: a few are named of each.
    if wrong:
        raise WeightsError(f"{source} {', '.join(wrong)}: these are not the weights of {network}, "
                           "or of another version of it; name those whose tensors are the "
                           f"{len(expected):,} that are expected")
    return {name: tensors[name] for name in expected}


def conv_kernel(kernel: np.ndarray) -> np.ndarray:
    """Converts PyTorch's kernel of a convolution [out, in, h, w] to Flax's [h, w, in, out].

    Both correlate: nothing is flipped. Groups are along `out` in both, and `in` counts the channels
    of one group.
    """
    return _axes(kernel, 4, "of a convolution").transpose(2, 3, 1, 0)


def transposed_conv_kernel(kernel: np.ndarray) -> np.ndarray:
    """Converts PyTorch's transposed kernel [in, out, h, w] to Flax's [h, w, in, out].

    It is of one group. PyTorch takes it as the kernel of the convolution whose gradient this is;
    `nn.ConvTranspose` (with its default `transpose_kernel=False`) spreads the input and then
    correlates: so it is flipped.
    """
    return _axes(kernel, 4, "of a transposed convolution")[:, :, ::-1, ::-1].transpose(2, 3, 0, 1)


def dense_kernel(kernel: np.ndarray) -> np.ndarray:
    """Converts PyTorch's matrix of a linear layer [out, in] to Flax's [in, out]."""
    return _axes(kernel, 2, "of a linear layer").transpose(1, 0)


def _axes(kernel: np.ndarray, number: int, what: str) -> np.ndarray:
    if kernel.ndim != number:
        raise WeightsError(f"a kernel {what} has {number} axes, and this one has the shape "
                           f"{kernel.shape}; name the weights of another layer")
    return kernel


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nests values by dotted names: `{"a.b": x}` becomes `{"a": {"b": x}}`.

    Raises:
      WeightsError: if a name is both a value and a dict of others.
    """
    tree: dict[str, Any] = {}
    for name, value in values.items():
        # A name is a path of dicts, none of which may be a value.
        *folders, last = name.split(".")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
            if type(place) is not dict:
                raise WeightsError(f"{shown(name)} lies within a name that is a value itself; "
                                   "rename one of them")
        if last in place:
            raise WeightsError(f"{shown(name)} is both a value and a dict of others; rename one of "
                               "them")
        place[last] = value
    return tree


def _without_prefix(tensors: Mapping[str, np.ndarray],
                    expected: Mapping[str, Any]) -> Mapping[str, np.ndarray]:
    """Returns the tensors under the one prefix, as `module.`, of those expected; else all."""
    first = next(iter(expected), "")
    prefixes = [name.removesuffix(first) for name in tensors if name.endswith(f".{first}")]
    if len(prefixes) != 1 or any(name in tensors for name in expected):
        return tensors
    return {name.removeprefix(prefixes[0]): tensor
            for name, tensor in tensors.items() if name.startswith(prefixes[0])}


Layout = tuple[tuple[int, ...], Callable[[np.ndarray], np.ndarray]]
"""An array's shape there, and what turns it into the one here."""

# PyTorch's names of a layer's arrays, where Flax has others.
_LEAVES = {"kernel": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}
# By the number of axes of a kernel: its shape in PyTorch, and how to convert it.
_KERNELS: dict[int, tuple[Callable[[Sequence[int]], tuple[int, ...]], Callable[
    [np.ndarray],
    np.ndarray]]] = {4: (lambda shape: (shape[3], shape[2], shape[0], shape[1]), conv_kernel),
                     2: (lambda shape: (shape[1], shape[0]), dense_kernel)}
_TRANSPOSED = (lambda shape: (shape[2], shape[3], shape[0], shape[1]), transposed_conv_kernel)


def torch_name(path: Sequence[str]) -> str:
    """Returns PyTorch's name of a variable: ("params", "a", "conv", "kernel") is a.conv.weight."""
    return ".".join([*path[1:-1], _LEAVES.get(path[-1], path[-1])])


def variables_from_torch(tensors: Mapping[str, np.ndarray], expected: Any,
                         ignore: tuple[str, ...] = (), source: str = "the weight file",
                         network: str = "this network",
                         name_of: Callable[[Sequence[str]], str] = torch_name,
                         transposed: Callable[[Sequence[str]], bool] = lambda path: False,
                         layout: Callable[[Sequence[str], Sequence[int]],
                                          Layout | None] = lambda path, shape: None) -> Any:
    """Converts tensors of a PyTorch module to variables of a Flax module with the same layers.

    Args:
      tensors: by PyTorch's names.
      expected: a tree of arrays or `jax.ShapeDtypeStruct`, with collections (`params`,
        `batch_stats`) on top.
      ignore: as `take`.
      source: where the tensors are from, for messages.
      network: whose variables they become, for messages.
      name_of: returns the PyTorch name of a variable by its path in the tree.
      transposed: returns whether the kernel at a path is of a transposed convolution.
      layout: returns how the array of a path, of a shape here, lies there, if not as is usual.

    Returns:
      A tree as `expected`, in float32.

    Raises:
      WeightsError: as `take`, and for values that are not finite in float32.
    """
    def layer(words: Sequence[str], shape: Sequence[int]) -> tuple[str, Layout]:
        shape_of, turn = tuple, lambda value: value
        if words[-1] == "kernel":
            shape_of, turn = _TRANSPOSED if transposed(words) else _KERNELS[len(shape)]
        return name_of(words), layout(words, shape) or (shape_of(shape), turn)

    return fitted_variables(tensors, expected, layer, ignore, source, network)


def shape_of(tensors: Mapping[str, np.ndarray], name: str, axes: int,
             source: str) -> tuple[int, ...]:
    """Returns the shape of the tensor called `name`, by which a network is told.

    Raises:
      WeightsError: for a tensor that is missing, is empty, or has another number of axes.
    """
    if name not in tensors:
        raise WeightsError(f"{source} lacks {name}, so that the network cannot be built; name a "
                           "whole file of the official code")
    shape = tensors[name].shape
    if len(shape) != axes or 0 in shape:
        raise WeightsError(f"{source} has {name} with {shape}, and the official code has one of "
                           f"{axes} axes; name a file of that code")
    return shape


def fitted_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                     layer: Callable[[Sequence[str], Sequence[int]], tuple[str, Layout]],
                     ignore: tuple[str, ...], source: str, network: str) -> Any:
    """Converts foreign tensors to variables of a Flax module.

    Args:
      tensors: by their names there.
      expected: as `variables_from_torch`.
      layer: returns the name there, and the layout, of an array by its path in the tree and its
        shape here.
      ignore: as `take`.
      source: where the tensors are from, for messages.
      network: whose variables they become, for messages.

    Returns:
      A tree as `expected`, in float32.

    Raises:
      WeightsError: as `variables_from_torch`.
    """
    # What each variable is called there, its shape there, and how it turns.
    leaves, structure = jax.tree_util.tree_flatten_with_path(expected)
    shapes, turns = {}, {}
    for path, leaf in leaves:
        name, (shapes_there, turn) = layer([entry.key for entry in path], leaf.shape)
        shapes[name], turns[name] = shapes_there, turn
    taken = take(_without_prefix(tensors, shapes), shapes, ignore, source, network)
    # Weights in float32, all of them finite.
    with np.errstate(over="ignore"):  # What float32 cannot hold is answered below.
        taken = {name: np.asarray(value, np.float32) for name, value in taken.items()}
    for name, value in taken.items():
        check_finite(name, value, source)
    return jax.tree_util.tree_unflatten(structure,
                                        [turns[name](value) for name, value in taken.items()])
