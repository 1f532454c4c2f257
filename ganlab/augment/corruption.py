"""Augmentation by corruption: noise, and squares cut out (Karras et al. 2020, appendix B)."""

import jax.numpy as jnp

from ganlab.augment.draws import Draws, gated, where_changed
from ganlab.augment.strengths import Strengths
from ganlab.types import Array


def augment_noise(images: Array, draws: Draws, p: Array, strengths: Strengths) -> Array:
    """Adds normal noise of a half-normal deviation to images [b, h, w, c], each with chance p."""
    deviation = gated(draws, p, jnp.abs(draws.normal()) * strengths.noise_std, 0)
    noise = draws.normal(images.shape[1:]) * deviation.reshape(-1, 1, 1, 1)
    return where_changed(deviation != 0, images + noise.astype(images.dtype), images)


def _within(center: Array, share: Array, length: int) -> Array:
    """Returns which of `length` pixels have their middle within a share [b] about a center [b]."""
    middles = (jnp.arange(length) + 0.5) / length
    return jnp.abs(middles - center[:, None]) < share[:, None] / 2


def augment_cutout(images: Array, draws: Draws, p: Array, strengths: Strengths) -> Array:
    """Sets a rectangle about a uniform place of images [b, h, w, c] to 0, each with chance p.

    The rectangle has the image's proportions; what of it lies outside is lost.
    """
    height, width = images.shape[1:3]
    share = gated(draws, p, jnp.full(images.shape[:1], strengths.cutout_size), 0)
    center = draws.uniform((2,))
    rows, columns = _within(center[:, 1], share, height), _within(center[:, 0], share, width)
    return jnp.where((rows[:, :, None] & columns[:, None, :])[..., None], 0, images)
