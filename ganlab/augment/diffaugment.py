"""Differentiable augmentation (Zhao et al. 2020, "Differentiable augmentation for data-efficient
GAN training", section 3.2): always applied, with no chance to choose."""

from collections.abc import Callable

import jax.numpy as jnp

from ganlab.augment.draws import Draws
from ganlab.config import unknown
from ganlab.types import Array

# Shares of an image's height and width, as published.
SHIFT = 0.125
CUTOUT = 0.5


def _rows(numbers: Array) -> Array:
    return numbers.reshape(-1, 1, 1, 1)


def brightness(images: Array, draws: Draws) -> Array:
    """Adds a number uniform on [-0.5, 0.5) to each image [b, h, w, c]."""
    return images + _rows(draws.uniform() - 0.5).astype(images.dtype)


def saturation(images: Array, draws: Draws) -> Array:
    """Multiplies distances from the pixel's mean of channels by a number uniform on [0, 2)."""
    grey = jnp.mean(images, axis=3, keepdims=True)
    return (images - grey) * _rows(draws.uniform() * 2).astype(images.dtype) + grey


def contrast(images: Array, draws: Draws) -> Array:
    """Multiplies distances from the image's mean by a number uniform on [0.5, 1.5)."""
    mean = jnp.mean(images, axis=(1, 2, 3), keepdims=True)
    return (images - mean) * _rows(draws.uniform() + 0.5).astype(images.dtype) + mean


def color(images: Array, draws: Draws) -> Array:
    """Changes brightness, saturation and contrast of images [b, h, w, c], in this order."""
    return contrast(saturation(brightness(images, draws), draws), draws)


def _rounded_share(length: int, share: float) -> int:
    return int(length * share + 0.5)


def translation(images: Array, draws: Draws) -> Array:
    """Shifts images [b, h, w, c] by whole pixels up to an eighth; what comes in is 0.

    The shift along the height is drawn first.
    """
    for axis in (1, 2):
        length = images.shape[axis]
        most = _rounded_share(length, SHIFT)
        source = jnp.arange(length) + draws.integers(-most, most + 1)[:, None]
        # One index [b, h, 1, 1] or [b, 1, w, 1] for whole rows or columns.
        shape = (-1, length, 1, 1) if axis == 1 else (-1, 1, length, 1)
        inside = ((source >= 0) & (source < length)).reshape(shape)
        index = jnp.clip(source, 0, length - 1).reshape(shape)
        images = jnp.where(inside, jnp.take_along_axis(images, index, axis=axis), 0)
    return images


def cutout(images: Array, draws: Draws) -> Array:
    """Sets a rectangle of half the height and width of images [b, h, w, c] to 0.

    Its middle lies anywhere in the image, that along the height drawn first; what of it lies
    outside is lost.
    """
    within = []
    for length in images.shape[1:3]:
        size = _rounded_share(length, CUTOUT)
        first = draws.integers(0, length + 1 - size % 2) - size // 2
        place = jnp.arange(length) - first[:, None]
        within.append((place >= 0) & (place < size))
    rows, columns = within
    return jnp.where((rows[:, :, None] & columns[:, None, :])[..., None], 0, images)


POLICIES: dict[str, Callable[[Array, Draws], Array]] = {
    "color": color, "translation": translation, "cutout": cutout}
"""Policies `(images [b, h, w, c], draws) -> images`, in the order of the paper's experiments."""


def diffaugment(images: Array, draws: Draws, policies: tuple[str, ...]) -> Array:
    """Applies policies, names of `POLICIES`, to images [b, h, w, c] in the order given.

    Raises:
      ConfigError: for a policy that does not exist.
    """
    for policy in policies:
        if policy not in POLICIES:
            raise unknown("augmentation policy", policy, POLICIES)
        images = POLICIES[policy](images, draws)
    return images
