"""Params that no step changes, by the names of their layers."""

from collections.abc import Sequence

import jax

from ganlab.types import Tree


def keep_frozen(layers: Sequence[str], before: Tree, after: Tree) -> Tree:
    """Returns `after` with the leaves of `before` in the named layers, such as `level_3/conv0`."""
    places = tuple(f"{layer}/" for layer in layers)

    def choose(path: tuple, old: Tree, new: Tree) -> Tree:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        return old if name.startswith(places) else new

    return jax.tree_util.tree_map_with_path(choose, before, after)
