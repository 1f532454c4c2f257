"""How well images follow when a generator's input moves or turns: EQ-T and EQ-R.

Karras et al. 2021 ("Alias-Free Generative Adversarial Networks", appendix E): an image that was
moved after it was made is compared with the one that the generator makes of a moved input, where
both are known. The figure is a peak signal-to-noise ratio in decibels: what is summed before the
logarithm are squared errors over all samples, pixels that the mask keeps, and channels,

    EQ = 10 log10(RANGE^2 / (sum of squared errors / number of values that were compared)),

so that it is not a mean of the samples' own decibels. Filters, masks and their sums are those of
the official code. Images [b, h, w, c] are in [-1, 1]; x points to the right, y down.
"""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from ganlab.types import Array

RANGE = 2.0
"""From the darkest to the lightest value."""
ROUNDING = 2.0**-24
"""Of a number of single precision near 1."""
LOBES = 3
"""Lobes of Lanczos' window on either side: where it ends, in pixels."""
REACH = 2 * LOBES
"""Pixels to which the filter of a rotation reaches: two windows, one after the other."""
FINE = 4
"""Places a pixel at which a rotation's filter is computed, between which it is interpolated."""
PERIOD = 64
"""Pixels on either side within which the ideal filters of a rotation are convolved."""
NEAR, FAR = 5.5, 6.75
"""Pixels from the first and from the end that a rotation's mask leaves out, as the official code
does: within a pixel of where the filter leaves the image."""
LEAST_TURNED = 16
"""Pixels a side of which a mask of any rotation leaves some."""


class Moved(NamedTuple):
    """Images [b, h, w, c], and the mask [h, w] of pixels that are known: 1 or 0."""

    images: Array
    mask: Array


class Errors(NamedTuple):
    """Sums of squared errors [b] of each image, and how many values of each were compared []."""

    squares: Array
    number: Array


def _within(places: Array, size: int) -> Array:
    return (places >= 0) & (places < size)


def _shifted(images: Array, pixels: Array, axis: int) -> Array:
    """Shifts images by whole pixels along an axis; what comes in from outside is 0."""
    size = images.shape[axis]
    come = _within(jnp.arange(size) - pixels, size)
    shape = [size if number == axis else 1 for number in range(images.ndim)]
    return jnp.where(come.reshape(shape), jnp.roll(images, pixels, axis), 0)


def translate_whole(images: Array, x: Array, y: Array) -> Moved:
    """Moves images [b, h, w, c] by whole pixels (ibid., E.1); pixels from outside are masked.

    Args:
      images: the images.
      x: whole pixels to the right, below 0 to the left.
      y: whole pixels down.
    """
    images = jnp.asarray(images)
    height, width = images.shape[1:3]
    mask = (_within(jnp.arange(height) - y, height)[:, None]
            & _within(jnp.arange(width) - x, width))
    return Moved(_shifted(_shifted(images, y, 1), x, 2), mask.astype(images.dtype))


def _lanczos(places: Array) -> Array:
    """Computes Lanczos' window at places in pixels."""
    return jnp.where(jnp.abs(places) < LOBES, jnp.sinc(places / LOBES), 0)


def translate(images: Array, x: Array, y: Array) -> Moved:
    """Moves images [b, h, w, c] by parts of pixels (ibid., E.2), by a sinc in Lanczos' window.

    Its six taps along each axis are brought to a sum of 1. The mask keeps pixels whose taps are all
    within the image, also of whole shifts, which need one tap alone.

    Args:
      images: the images.
      x: pixels to the right.
      y: pixels down.
    """
    images, masks = jnp.asarray(images), []
    # Taps are whole shifts on both sides of the one wanted, along one axis after the other.
    for axis, shift in ((1, y), (2, x)):
        first = jnp.floor(shift).astype(int)
        steps = np.arange(1 - LOBES, LOBES + 1)
        places = (steps - (shift - first)).astype(images.dtype)
        taps = jnp.sinc(places) * _lanczos(places)
        taps /= jnp.sum(taps)
        size = images.shape[axis]
        images = sum(_shifted(images, first + step, axis) * tap
                     for step, tap in zip(steps, taps, strict=True))
        sources = jnp.arange(size) - first
        masks.append(_within(sources - LOBES, size) & _within(sources - (1 - LOBES), size))
    return Moved(images, (masks[0][:, None] & masks[1]).astype(images.dtype))


def _turned(x: Array, y: Array, angle: Array) -> tuple[Array, Array]:
    """Turns vectors against the clock by an angle in radians; y points down."""
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    return cosine * x + sine * y, cosine * y - sine * x


def _rotation_taps(angle: Array, fine: int, like: Array) -> Array:
    """Computes the filter between the pixels of an image and those of a turned one (ibid., E.3).

    It passes what either grid of pixels can hold: two ideal low-pass filters, one along either
    grid, are convolved, and so are their windows. Taps [n, fine, n, fine], n = 2 `REACH`, are at
    distances of -`REACH` pixels on, and the n by n taps of each place within a pixel have a sum of
    1.
    """
    # A period of places, from 0 on and with the negative ones at its end.
    period = 2 * PERIOD * fine - 1
    places = np.fft.fftfreq(period, 1 / period) / fine
    x, y = (jnp.asarray(part, like.dtype) for part in np.meshgrid(places, places))
    grids = ((x, y), _turned(x, y, angle))

    def convolved(parts: list[Array]) -> Array:
        first, second = map(jnp.fft.rfft2, parts)
        return jnp.fft.irfft2(first * second, (period, period))

    ideal = convolved([jnp.sinc(across) * jnp.sinc(down) for across, down in grids])
    window = convolved([_lanczos(across) * _lanczos(down) for across, down in grids])
    # Taps to either side; the first row and column are only there to fill the places.
    chosen = np.arange(-REACH * fine, REACH * fine)
    inside = chosen > chosen[0]
    taps = (ideal * window)[chosen[:, None], chosen] * (inside[:, None] & inside)
    taps = taps.reshape(2 * REACH, fine, 2 * REACH, fine)
    return taps / jnp.sum(taps, axis=(0, 2), keepdims=True)


def _filtered(images: Array, taps: Array) -> Array:
    """Computes images [b, fine h, fine w, c] by the taps of `_rotation_taps`; zeros are around."""
    batch, height, width, channels = images.shape
    fine = taps.shape[1]
    kernel = taps[::-1, :, ::-1].transpose(0, 2, 1, 3).reshape(2 * REACH, 2 * REACH, 1, fine**2)
    pages = images.transpose(0, 3, 1, 2).reshape(-1, height, width, 1)
    found = lax.conv_general_dilated(pages, kernel, (1, 1), ((REACH - 1, REACH),) * 2,
                                     dimension_numbers=("NHWC", "HWIO", "NHWC"),
                                     precision=lax.Precision.HIGHEST)
    # Places within a pixel are interleaved.
    found = found.reshape(batch, channels, height, width, fine, fine)
    return found.transpose(0, 2, 4, 3, 5, 1).reshape(batch, fine * height, fine * width, channels)


def rotate(images: Array, angle: Array) -> Moved:
    """Turns images [b, h, w, c] about their middle (ibid., E.3).

    They are filtered at a quarter of a pixel's distance, and interpolated linearly between. Pixels
    whose filter is not within the image are masked.

    Args:
      images: the images, from `LEAST_TURNED` pixels a side on.
      angle: radians, against the clock.
    """
    images = jnp.asarray(images)
    fine = _filtered(images, _rotation_taps(angle, FINE, images))
    height, width = images.shape[1:3]
    # Where each pixel comes from: the other way round about the middle, in places of the fine grid.
    middle = (height - 1) / 2, (width - 1) / 2
    down, across = jnp.meshgrid(*(jnp.arange(size) - half for size, half in
                                  zip((height, width), middle, strict=True)), indexing="ij")
    across, down = _turned(across, down, -angle)
    sources = [FINE * (part + half) for part, half in zip((down, across), middle, strict=True)]
    kept = [(jnp.round(place) >= FINE * NEAR) & (jnp.round(place) <= FINE * (size - FAR))
            for place, size in zip(sources, (height, width), strict=True)]
    # Linear between four neighbours.
    rows, columns = (_neighbours(place, FINE * size, images.dtype) for place, size
                     in zip(sources, (height, width), strict=True))
    found = sum(fine[:, row, column] * (share * part)[..., None]
                for row, share in rows for column, part in columns)
    return Moved(found, (kept[0] & kept[1]).astype(images.dtype))


def _neighbours(places: Array, size: int, dtype: jnp.dtype) -> list[tuple[Array, Array]]:
    """Returns the two whole places beside each place, and their shares."""
    first = jnp.floor(places)
    share = (places - first).astype(dtype)
    index = first.astype(int)
    return [(jnp.clip(index, 0, size - 1), 1 - share), (jnp.clip(index + 1, 0, size - 1), share)]


def filter_as_turned(images: Array, angle: Array) -> Moved:
    """Filters turned images [b, h, w, c] as `rotate` does those that it turns (ibid., E.3).

    The generator's image of a turned input has corners of the spectrum that a turned image cannot
    have; without them both can be compared. The mask leaves out the pixels near the border.

    Args:
      images: the images, which are not turned here.
      angle: radians against the clock by which they were turned already.
    """
    images = jnp.asarray(images)
    height, width = images.shape[1:3]
    border = REACH - 1
    mask = (_within(jnp.arange(height) - border, height - 2 * border)[:, None]
            & _within(jnp.arange(width) - border, width - 2 * border))
    return Moved(_filtered(images, _rotation_taps(-angle, 1, images)), mask.astype(images.dtype))


def whole_shift_errors(still: Array, moved: Array, x: Array, y: Array) -> Errors:
    """Compares images [b, h, w, c] of an input that moved by whole pixels with `still`, moved.

    Args:
      still: images of the input as it was.
      moved: of the input that moved.
      x: whole pixels to the right.
      y: whole pixels down.
    """
    return _errors(translate_whole(still, x, y), moved)


def shift_errors(still: Array, moved: Array, x: Array, y: Array) -> Errors:
    """Compares as `whole_shift_errors`, for x and y that are parts of pixels."""
    return _errors(translate(still, x, y), moved)


def turn_errors(still: Array, turned: Array, angle: Array) -> Errors:
    """Compares images [b, h, w, c] of an input that turned with `still`, turned.

    Both pass through the same low-pass filter.

    Args:
      still: images of the input as it was, from `LEAST_TURNED` pixels a side on.
      turned: of the input that turned.
      angle: radians, against the clock.
    """
    found, filtered = rotate(still, angle), filter_as_turned(turned, angle)
    return _errors(Moved(found.images, found.mask * filtered.mask), filtered.images)


def _errors(expected: Moved, found: Array) -> Errors:
    squares = jnp.square(expected.images - found) * expected.mask[..., None]
    # Row by row, which single precision bears.
    return Errors(jnp.sum(jnp.sum(jnp.sum(squares, 2), 1), 1),
                  jnp.sum(expected.mask) * found.shape[-1])


def error_shares(squares: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Brings squared errors to numbers [n] whose mean is the mean squared error of all values.

    Args:
      squares: sums of squared errors of parts, such as those of one transform, [n].
      numbers: how many values each is of, [n].

    Raises:
      ValueError: where no value was compared, or an error is not finite.
    """
    squares, numbers = (np.asarray(values, np.float64) for values in (squares, numbers))
    if not np.sum(numbers):
        raise ValueError("no pixel was compared, since the mask leaves none of such small images: "
                         "take larger ones.")
    if not np.all(np.isfinite(squares)):
        raise ValueError("an error is not finite, and all must be: look for a generator that "
                         "diverged.")
    return squares / np.mean(numbers)


def decibels(mean_square: float) -> float:
    """Computes the peak signal-to-noise ratio, in dB, of a mean squared error of images in [-1, 1].

    It ends at 150.5 dB: smaller errors are below the rounding of single precision.
    """
    return 10 * math.log10(RANGE**2 / max(mean_square, ROUNDING**2))
