"""Latents: drawn from their distribution, whole or cut."""

import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from tiny import IMAGES, tiny_conditional_config, tiny_config, tiny_r3gan_config
from tiny_networks import tiny_kwargs

from ganlab.config import ConfigError
from ganlab.game import example_keys
from ganlab.systems import build_game
from ganlab.systems.latents import draw_latents, latents_of

SIZE = 16
KEYS = example_keys(jax.random.key(0), jnp.arange(1024))
distributions = pytest.mark.parametrize("distribution", ["normal", "uniform"])


def drawn(distribution, keys=KEYS, **options):
    return np.asarray(jax.jit(functools.partial(draw_latents(SIZE, distribution), **options))(keys))


@distributions
@pytest.mark.parametrize("truncation", [0.02, 0.5, 2.0])
def test_cut_latents_follow_the_cut_distribution_and_fill_it(distribution, truncation):
    latents = drawn(distribution, truncation=truncation)
    bound = min(truncation, 1.0) if distribution == "uniform" else truncation
    law = (scipy.stats.uniform(-bound, 2 * bound) if distribution == "uniform"
           else scipy.stats.truncnorm(-bound, bound))
    assert latents.shape == (1024, SIZE)
    assert 0.99 * bound < np.abs(latents).max() <= bound
    # Not clipped: 16,384 draws never meet a bound more than by the rounding of floats.
    assert np.mean(np.abs(latents) == np.float32(bound)) < 1e-3
    assert scipy.stats.kstest(latents.ravel(), law.cdf).pvalue > 1e-3


@distributions
def test_without_a_bound_the_draws_are_those_of_training(distribution, float64):
    random = {"normal": jax.random.normal, "uniform": lambda key, shape: jax.random.uniform(key, shape, minval=-1.0)}
    expected = np.stack([random[distribution](key, (SIZE,)) for key in KEYS[:4]])
    for options in ({}, {"truncation": 0.0}):
        np.testing.assert_allclose(drawn(distribution, KEYS[:4], **options), expected, rtol=1e-12)


@distributions
def test_a_cut_latent_belongs_to_its_key_alone(distribution, float64):
    few, many, other = (drawn(distribution, keys, truncation=0.7) for keys in (KEYS[3:5], KEYS[:9], KEYS[9:11]))
    np.testing.assert_allclose(few, many[3:5], rtol=1e-12)
    assert not np.any(few == other)


@distributions
def test_a_negative_bound_is_refused(distribution):
    with pytest.raises(ValueError, match=r"truncation is -0\.5; use 0 for none"):
        drawn(distribution, truncation=-0.5)


def test_latents_of_a_generator_with_statistics_by_truncation_are_within_two_times_the_truncation():
    latents = latents_of(types.SimpleNamespace(sampling_options=("truncation",)), 50, "normal")
    keys = KEYS[:100]
    found = {truncation: np.asarray(latents(keys, truncation)) for truncation in (0.0, 0.25, 1.0)}
    assert 1.9 < np.abs(found[1.0]).max() <= 2 < np.abs(found[0.0]).max()
    np.testing.assert_allclose(found[0.25], found[1.0] / 4, rtol=1e-6)
    traced = jax.jit(latents)
    for truncation in (0.0, 0.25):
        np.testing.assert_allclose(traced(keys, jnp.asarray(truncation)), found[truncation], rtol=1e-6)
    with pytest.raises(ConfigError, match=r"truncation is 1.5, for which .* up to 1, the nearest; use 1.0"):
        latents(keys, 1.5)
    other = latents_of(types.SimpleNamespace(sampling_options=()), 50, "normal")
    np.testing.assert_array_equal(other(keys, 0.25), draw_latents(50, "normal")(keys, 0.25))


@pytest.mark.parametrize("make", [tiny_config, tiny_conditional_config, tiny_r3gan_config])
def test_a_truncation_without_statistics_is_refused_in_every_system(make):
    generator = {"network": "biggan_deep_published", "kwargs": tiny_kwargs("generator", "biggan_deep_published")}
    with pytest.raises(ConfigError, match="config.sample.truncation is 1.5, .* up to 1, the nearest"):
        build_game(make(generator=generator, system={"conditional": True}, sample={"truncation": 1.5}), IMAGES)
