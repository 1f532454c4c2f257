"""The exponential moving average of params, with warm-up."""

import jax.numpy as jnp

from ganlab.types import Array, Hyper


def ema_rate(hyper: Hyper, kimg: Array, images_per_round: int) -> Array:
    """Share of the old average that a round keeps: 1/2 ^ (images of the round / half-life).

    The half-life is `ema_half_life_kimg`, but at most `ema_warmup` times the images shown
    so far, so that early averages forget the random start (`ema_rampup` of Karras et al.
    2020a); a warm-up of 0 is none. A half-life of 0 keeps nothing of the old average.
    """
    half_life, warmup = hyper["ema_half_life_kimg"], hyper["ema_warmup"]
    half_life = jnp.where(warmup > 0, jnp.minimum(half_life, kimg * warmup), half_life)
    return jnp.where(half_life > 0, 0.5 ** (images_per_round / 1000 / jnp.maximum(half_life, 1e-8)), 0.0)
