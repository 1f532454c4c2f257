"""Draws of latents, in training and for samples."""

from collections.abc import Callable
from typing import Protocol

import jax

from ganlab.game import Options, Sampler
from ganlab.types import Array

OPTIONS: Options = {"temperature": 1.0, "truncation": 0.0}
"""Options of every sampler whose latents are drawn here, with the values that do nothing."""


class Draw(Protocol):
    """A draw of latents."""

    def __call__(self, keys: Array, truncation: float = 0.0) -> Array:
        """Returns latents [b, z] for keys [b]."""
        ...


def draw_latents(size: int, distribution: str) -> Draw:
    """Returns the draw `(keys[b], truncation=0.0) -> latents [b, size]`, "normal" or "uniform".

    These are the standard normal distribution and the uniform one in [-1, 1]. With a static
    `truncation` t above 0, every coordinate comes from the distribution cut to [-t, t], as if draws
    outside were drawn again (Brock et al. 2019, section 3.1); with 0 it is not cut.
    """
    def latents(keys: Array, truncation: float = 0.0) -> Array:
        if truncation < 0:
            raise ValueError(f"truncation is {truncation}; use 0 for none, or a bound above 0")
        if distribution == "uniform":
            bound = min(truncation or 1.0, 1.0)
            return jax.vmap(lambda key: jax.random.uniform(
                key, (size,), float, -bound, bound))(keys)
        if truncation:
            return jax.vmap(lambda key: jax.random.truncated_normal(
                key, -truncation, truncation, (size,), float))(keys)
        return jax.vmap(lambda key: jax.random.normal(key, (size,), float))(keys)

    return latents


def latent_sampler(network: str, draw: Draw, images: Callable[..., Array]) -> Sampler:
    """Returns the sampler of one network's images of drawn latents, with the options `OPTIONS`."""
    def latents(keys: Array, options: Options = {}) -> Array:
        return draw(keys, options.get("truncation", 0.0)) * options.get("temperature", 1.0)

    return Sampler((network,), latents, images, OPTIONS)
