"""Augmentation by filters: four bands of frequency, made stronger or weaker.

Karras et al. 2020, appendix B.
"""

import jax.numpy as jnp
import numpy as np

from ganlab.augment.draws import Draws, gated, where_changed
from ganlab.augment.strengths import Strengths
from ganlab.types import Array

# The wavelet sym2's low-pass filter, convolved with its mirror image: what keeps the lower half of
# all frequencies; the rest is the upper half. Both are centred and symmetric.
LOWER = np.array([-1, 0, 9, 16, 9, 0, -1]) / 32
UPPER = np.array([1, 0, -9, 16, -9, 0, 1]) / 32
# Share of each band, lowest first, in the power of natural images, which falls as 1/f.
POWER = np.array([10, 1, 1, 1]) / 13


def _sparse(taps: np.ndarray, distance: int) -> np.ndarray:
    """Moves taps apart, with zeros between them."""
    spread = np.zeros((len(taps) - 1) * distance + 1)
    spread[::distance] = taps
    return spread


def band_filters() -> np.ndarray:
    """Builds the filters [4, 43] of the bands up to 1/8, 1/4, 1/2 and all of the frequencies.

    They are centred and symmetric, and together they change nothing.
    """
    half, quarter = LOWER, np.convolve(LOWER, _sparse(LOWER, 2))
    bands = (np.convolve(quarter, _sparse(LOWER, 4)), np.convolve(quarter, _sparse(UPPER, 4)),
             np.convolve(half, _sparse(UPPER, 2)), UPPER)
    return np.stack([np.pad(band, (len(bands[0]) - len(band)) // 2) for band in bands])


def band_matrices(size: int) -> np.ndarray:
    """Builds the matrices [4, size, size] that filter a row, reflected beyond its ends, by band."""
    filters = band_filters()
    source = np.pad(np.arange(size), filters.shape[1] // 2, mode="reflect")
    matrices = np.zeros((len(filters), size, size))
    for start, taps in enumerate(filters.T):
        # A pixel may be read through several taps, where the row is reflected.
        matrices[:, np.arange(size), source[start:start + size]] += taps[:, None]
    return matrices


def band_gains(draws: Draws, p: Array, strengths: Strengths) -> Array:
    """Draws factors [b, 4] of the bands: log-normal ones, each brought to the power of before."""
    gains = 1
    for band, share in enumerate(strengths.imgfilter_bands):
        factor = gated(draws, p * share, jnp.exp2(draws.normal() * strengths.imgfilter_std), 1)
        # This band's factor, and what keeps the expected power of all bands together.
        power = 1 + POWER[band] * (factor**2 - 1)
        alone = jnp.where(np.arange(len(POWER)) == band, factor[:, None], 1)
        gains = gains * alone / jnp.sqrt(power)[:, None]
    return gains


def augment_filter(images: Array, draws: Draws, p: Array, strengths: Strengths) -> Array:
    """Filters images [b, h, w, c], each band with chance p times its share of `imgfilter_bands`.

    An image whose bands all stay is returned to the bit.
    """
    gains = band_gains(draws, p, strengths).astype(images.dtype)
    # A matrix for each image and axis: the filter is the same along both.
    rows, columns = (
        jnp.einsum("bk,kij->bij", gains, jnp.asarray(band_matrices(size), images.dtype),
                   precision="highest") for size in images.shape[1:3])
    filtered = jnp.einsum("byh,bhwc->bywc", rows, images, precision="highest")
    filtered = jnp.einsum("bxw,bywc->byxc", columns, filtered, precision="highest")
    return where_changed(jnp.any(gains != 1, axis=1), filtered, images)
