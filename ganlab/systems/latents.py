"""Draws of latents, in training and for samples."""

import dataclasses
from collections.abc import Callable
from typing import Protocol

import jax
import jax.numpy as jnp

from ganlab.config import ConfigError
from ganlab.game import Network, Options, Sampler
from ganlab.systems.standing_statistics import (
    STANDING,
    has_batch_statistics,
    standing_statistics,
)
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

    These are the standard normal distribution and the uniform one in [-1, 1]. With a
    `truncation` t above 0, every coordinate comes from the distribution cut to [-t, t], as if draws
    outside were drawn again (Brock et al. 2019, section 3.1); with 0 it is not cut.
    """
    def latents(keys: Array, truncation: float = 0.0) -> Array:
        # A traced number may be 0, too.
        static = not isinstance(truncation, jax.Array)
        if static and truncation < 0:
            raise ValueError(f"truncation is {truncation}; use 0 for none, or a bound above 0")
        if distribution == "normal" and static and truncation == 0:
            return jax.vmap(lambda key: jax.random.normal(key, (size,), float))(keys)
        bound = jnp.where(truncation > 0, truncation, jnp.inf)
        if distribution == "uniform":
            bound = jnp.minimum(bound, 1.0)
            return jax.vmap(lambda key: jax.random.uniform(
                key, (size,), float, -bound, bound))(keys)
        return jax.vmap(lambda key: jax.random.truncated_normal(
            key, -bound, bound, (size,), float))(keys)

    return latents


def latents_of(generator: Network, size: int, distribution: str) -> Draw:
    """Returns the draw of a generator's latents [b, size]: `draw_latents`, or for one that has
    statistics by truncation, that of its publication.

    There a `truncation` of up to 1 is a factor on draws within [-2, 2], of the normal distribution.
    """
    if "truncation" not in generator.sampling_options:
        return draw_latents(size, distribution)
    draw = draw_latents(size, "normal")

    def latents(keys: Array, truncation: float = 0.0) -> Array:
        # A traced number may be 0, too.
        if isinstance(truncation, jax.Array):
            return jnp.where(truncation > 0, truncation * draw(keys, PUBLISHED_BOUND), draw(keys))
        check_truncation("truncation", truncation)
        return truncation * draw(keys, PUBLISHED_BOUND) if truncation else draw(keys)

    return latents


PUBLISHED_BOUND = 2.0
"""Largest latent of the published BigGAN-deep before the factor (`truncated_noise_sample`)."""


def check_truncation(name: str, truncation: float) -> None:
    """Raises ConfigError for a truncation, of this name, that no file has statistics for."""
    if truncation > 1:
        raise ConfigError(f"{name} is {truncation}, for which the generator has no statistics: it "
                          "has them for truncations up to 1, the nearest; use 1.0, or 0 for none")


def latent_sampler(network: str, draw: Draw, images: Callable[..., Array]) -> Sampler:
    """Returns the sampler of one network's images of drawn latents, with the options `OPTIONS`."""
    return Sampler((network,), with_options(draw), images, OPTIONS)


def with_options(draw: Draw) -> Callable[[Array, Options], Array]:
    """Returns the draw of a sampler's latents, `(keys[b], options) -> latents[b, z]`."""
    def latents(keys: Array, options: Options = {}) -> Array:
        return draw(keys, options.get("truncation", 0.0)) * options.get("temperature", 1.0)

    return latents


def with_standing(sampler: Sampler, generator: Network, classes: int, images: int,
                  axis_name: str | None = None) -> Sampler:
    """Returns a sampler that can compute standing statistics, if its generator has statistics.

    Args:
      sampler: of one network, the generator.
      generator: the network.
      classes: that it sees; 0 for none.
      images: in a batch of training.
      axis_name: the axis that `pmap` maps, or None.
    """
    if not has_batch_statistics(generator):
        return sampler
    return dataclasses.replace(
        sampler, options={**sampler.options, STANDING: 0}, prepare=standing_statistics(
            *sampler.networks, generator, sampler.latents, classes, images, axis_name))
