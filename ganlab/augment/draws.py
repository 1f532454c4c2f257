"""Random numbers of augmentations, by example: from keys, or from wherever a test has them."""

import math
from collections.abc import Callable
from typing import Protocol

import jax
import jax.numpy as jnp

from ganlab.types import Array

# Numbers of an example that are drawn at once: all that a pipeline needs but its noise, so that a
# program holds two ciphers and not forty.
BLOCK = 64


class Draws(Protocol):
    """A source of random numbers for a batch; every call draws the next of its sequence."""

    def uniform(self, shape: tuple[int, ...] = ()) -> Array:
        """Draws numbers [b, *shape] uniform on [0, 1)."""
        ...

    def normal(self, shape: tuple[int, ...] = ()) -> Array:
        """Draws standard normal numbers [b, *shape]."""
        ...

    def integers(self, low: int, high: int) -> Array:
        """Draws integers [b], int32, uniform on low to high - 1."""
        ...


class KeyedDraws:
    """Draws that follow from each example's own key and the numbers drawn before.

    A batch that is split over devices draws the same. It lives as long as one traced call.

    Args:
      keys: PRNG keys [b], read by nothing else.
      dtype: of what is drawn, float32 or float64.
    """

    def __init__(self, keys: Array, dtype: jnp.dtype = jnp.float32):
        self._keys, self._dtype, self._number = keys, dtype, 0
        self._left: dict[Callable[..., Array], Array] = {}

    def _fresh(self, sampler: Callable[..., Array], size: int) -> Array:
        number, self._number = self._number, self._number + 1
        return jax.vmap(lambda key: sampler(
            jax.random.fold_in(key, number), (size,), self._dtype))(self._keys)

    def _take(self, sampler: Callable[..., Array], shape: tuple[int, ...]) -> Array:
        size = math.prod(shape)
        left = self._left.get(sampler)
        if size > BLOCK:
            taken = self._fresh(sampler, size)
        else:
            if left is None or left.shape[1] < size:
                left = self._fresh(sampler, BLOCK)
            taken, self._left[sampler] = left[:, :size], left[:, size:]
        return taken.reshape(taken.shape[:1] + shape)

    def uniform(self, shape: tuple[int, ...] = ()) -> Array:
        """Draws numbers [b, *shape] uniform on [0, 1)."""
        return self._take(jax.random.uniform, shape)

    def normal(self, shape: tuple[int, ...] = ()) -> Array:
        """Draws standard normal numbers [b, *shape]."""
        return self._take(jax.random.normal, shape)

    def integers(self, low: int, high: int) -> Array:
        """Draws integers [b], int32, uniform on low to high - 1."""
        return low + jnp.floor(self.uniform() * (high - low)).astype(jnp.int32)


def gated(draws: Draws, p: Array, value: Array, neutral: float) -> Array:
    """Replaces `value` [b, ...] by `neutral` in all examples but a share `p`, whose gates open.

    The gate is drawn here, hence after the value. A `p` above 1 opens all gates, as 1 does.
    """
    gate = draws.uniform().reshape((-1,) + (1,) * (value.ndim - 1))
    return jnp.where(gate < p, value, neutral)


def where_changed(changed: Array, new: Array, images: Array) -> Array:
    """Returns `new` [b, h, w, c] where `changed` [b], elsewhere the `images` to the bit."""
    return jnp.where(changed.reshape(-1, 1, 1, 1), new, images)
