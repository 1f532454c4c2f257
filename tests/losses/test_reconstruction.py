"""Reconstruction losses are least where images agree; the divergence is that of its definition."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from ganlab.losses import RECONSTRUCTION_LOSSES, divergence_from_standard_normal

SHAPE = (5, 4, 4, 3)


def images(seed=0, shape=SHAPE):
    return np.random.default_rng(seed).uniform(-0.9, 0.9, shape)


@jax.jit
def table(real, made):
    """Every loss [b] by its name, with its gradient by the images that were made: all in one program."""
    def entry(loss):
        losses, pullback = jax.vjp(lambda made: loss(real, made), made)
        return losses, *pullback(jnp.ones_like(losses))

    return {name: entry(loss) for name, loss in RECONSTRUCTION_LOSSES.items()}


divergence = jax.jit(divergence_from_standard_normal)


@pytest.mark.parametrize("name", RECONSTRUCTION_LOSSES)
def test_a_loss_belongs_to_its_image_and_sums_over_its_pixels(name, float64):
    real, made = images(0), images(1)
    whole = table(real, made)[name][0]
    assert whole.shape == (len(real),)
    pixels = np.reshape(table(real.reshape(-1, 1), made.reshape(-1, 1))[name][0], (len(real), -1))
    np.testing.assert_allclose(whole, pixels.sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize("name", RECONSTRUCTION_LOSSES)
def test_no_image_is_a_better_reconstruction_than_the_image_itself(name, float64):
    real = images()
    least, gradient = table(real, real)[name]
    np.testing.assert_allclose(gradient, 0.0, atol=1e-12)
    for seed in (1, 2):
        assert np.all(np.asarray(table(real, real + 0.05 * images(seed))[name][0]) > least)


@pytest.mark.parametrize("name", RECONSTRUCTION_LOSSES)
def test_the_furthest_reconstruction_has_a_finite_loss_in_single_precision(name):
    black, white = -np.ones((1, 8), np.float32), np.ones((1, 8), np.float32)
    for real, made in ((black, white), (white, black), (black, black), (white, white)):
        assert np.isfinite(table(real, made)[name][0]).all()


def test_cross_entropy_is_that_of_a_coin_for_each_pixel(float64):
    # Pixels of 1/4 and 1 as probabilities of white, reconstructed as 1/2 and 3/4.
    found, _ = table(np.array([[-0.5, 1.0]]), np.array([[0.0, 0.5]]))["cross_entropy"]
    assert float(found[0]) == pytest.approx(math.log(2) + math.log(4 / 3), rel=1e-12)


def test_squared_error_is_the_density_of_a_normal_without_its_constant(float64):
    real, made = images(0), images(1)
    density = stats.norm.logpdf(real, made).reshape(len(real), -1).sum(axis=1)
    constant = 0.5 * math.log(2 * math.pi) * math.prod(SHAPE[1:])
    np.testing.assert_allclose(table(real, made)["squared_error"][0], -density - constant, rtol=1e-12)


def test_the_divergence_is_its_integral_in_each_dimension(float64):
    mean, log_variance = np.array([[0.7, -1.5, 0.0]]), np.array([[-1.0, 0.4, 0.0]])

    def integrand(x, m, v):
        own = stats.norm(m, math.exp(v / 2))
        return own.pdf(x) * (own.logpdf(x) - stats.norm.logpdf(x))

    expected = sum(integrate.quad(integrand, -15, 15, args=pair)[0]
                   for pair in zip(mean[0], log_variance[0], strict=True))
    found = divergence(mean, log_variance)
    assert found.shape == (1,)
    assert float(found[0]) == pytest.approx(expected, rel=1e-7)


def test_the_divergence_is_zero_for_the_standard_normal_alone():
    rng = np.random.default_rng(0)
    zeros = np.zeros((6, 4), np.float32)
    np.testing.assert_array_equal(divergence(zeros, zeros), 0.0)
    for other in rng.standard_normal((3, 6, 4)).astype(np.float32):
        assert np.all(np.asarray(divergence(other, zeros)) > 1e-3)
        assert np.all(np.asarray(divergence(zeros, other)) > 1e-3)


def test_the_divergence_keeps_its_digits_near_the_standard_normal():
    # v^2 / 4 to first order, where exp(v) - 1 - v in single precision would leave nothing.
    small = np.full((1, 1), 1e-4, np.float32)
    found = divergence(np.zeros((1, 1), np.float32), small)
    np.testing.assert_allclose(found, 2.5e-9, atol=1e-11)
