"""Draws of latents, in training and for samples."""

from collections.abc import Callable

import jax

from ganlab.types import Array


def draw_latents(size: int, distribution: str) -> Callable[..., Array]:
    """The draw `(keys[b], truncation=0.0) -> latents [b, size]`, standard normal or uniform in [-1, 1].

    With a static `truncation` t above 0, every coordinate comes from the distribution cut to
    [-t, t], as if draws outside were drawn again (Brock et al. 2019, section 3.1); with 0 from the
    whole.
    """
    def latents(keys: Array, truncation: float = 0.0) -> Array:
        if truncation < 0:
            raise ValueError(f"truncation is {truncation}; use 0 for none, or a bound above 0")
        if distribution == "uniform":
            bound = min(truncation or 1.0, 1.0)
            return jax.vmap(lambda key: jax.random.uniform(key, (size,), float, -bound, bound))(keys)
        if truncation:
            return jax.vmap(lambda key: jax.random.truncated_normal(key, -truncation, truncation, (size,), float))(keys)
        return jax.vmap(lambda key: jax.random.normal(key, (size,), float))(keys)

    return latents
