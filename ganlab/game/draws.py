"""Random draws that belong to an example, not to a device."""

import jax

from ganlab.types import Array


def named_keys(key: Array, *names: str) -> dict[str, Array]:
    """Splits a key once into one for each name."""
    return dict(zip(names, jax.random.split(key, len(names)), strict=True))


def example_keys(key: Array, index: Array) -> Array:
    """One key [b] for each example, from its `index` [b] in the global batch.

    Draws made with them are the same numbers however the batch is split over devices.
    """
    return jax.vmap(lambda number: jax.random.fold_in(key, number))(index)
