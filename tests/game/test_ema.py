"""The rate of the moving average."""

import jax.numpy as jnp
import pytest

from ganlab.game import ema_rate


@pytest.mark.parametrize("images", [1, 64, 1000])
def test_after_one_half_life_of_images_half_of_the_old_average_is_left(float64, images):
    hyper = {"ema_half_life_kimg": jnp.asarray(10.0), "ema_warmup": jnp.asarray(0.0)}
    rate = ema_rate(hyper, jnp.asarray(0.0), images)
    assert float(rate) ** (10_000 / images) == pytest.approx(0.5, rel=1e-9)


def test_warm_up_shortens_the_half_life_to_its_fraction_of_the_images_shown(float64):
    warm = {"ema_half_life_kimg": jnp.asarray(10.0), "ema_warmup": jnp.asarray(0.05)}
    cold = {"ema_half_life_kimg": jnp.asarray(5.0), "ema_warmup": jnp.asarray(0.0)}
    assert float(ema_rate(warm, jnp.asarray(100.0), 64)) == pytest.approx(float(ema_rate(cold, jnp.asarray(0.0), 64)))
    assert float(ema_rate(warm, jnp.asarray(1e6), 64)) == pytest.approx(0.5 ** (0.064 / 10), rel=1e-9)
    assert float(ema_rate(warm, jnp.asarray(0.0), 64)) == 0.0
