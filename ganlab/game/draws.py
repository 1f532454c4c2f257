"""Random draws that belong to an example, not to a device."""

import jax
import numpy as np

from ganlab.types import Array

# A run has one key. Rounds fold their step into it, an int32; the other streams fold in
# numbers that no step reaches.
_ORDER, _INIT, _SAMPLES, _RETRY = (np.uint32(2**32 - 1 - number) for number in range(4))


def order_key(key: Array) -> Array:
    """Derives the key of the order of data from a run's key."""
    return jax.random.fold_in(key, _ORDER)


def init_key(key: Array) -> Array:
    """Derives the key of initial params from a run's key."""
    return jax.random.fold_in(key, _INIT)


def samples_key(key: Array) -> Array:
    """Derives the key of the fixed latents of training pictures from a run's key."""
    return jax.random.fold_in(key, _SAMPLES)


def retry_key(key: Array) -> Array:
    """Derives the key with which a run tries again after the one with this key diverged."""
    return jax.random.fold_in(key, _RETRY)


def named_keys(key: Array, *names: str) -> dict[str, Array]:
    """Splits a key once into one for each name."""
    return dict(zip(names, jax.random.split(key, len(names)), strict=True))


def example_keys(key: Array, index: Array) -> Array:
    """Derives one key [b] for each example from its `index` [b] in the global batch.

    Draws made with them are the same numbers however the batch is split over devices.
    """
    return jax.vmap(lambda number: jax.random.fold_in(key, number))(index)


def image_keys(keys: Array) -> Array:
    """Derives the keys [b] of what a sampler draws beside the latents from those of the latents."""
    return jax.vmap(lambda key: jax.random.fold_in(key, 1))(keys)
