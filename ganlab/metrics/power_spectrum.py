"""Average power spectra of images: how much of each frequency a set of images has.

As Karras et al. 2021 ("Alias-Free Generative Adversarial Networks") compare them: images are
brought to the mean and deviation of the data, multiplied by a Kaiser window, and their spectra are
interpolated by padding with zeros. Channels and images are averaged as powers, before the
logarithm. The window has an energy of 1, so that white noise of the data's deviation is at 0 dB at
every frequency.
"""

from typing import NamedTuple

import numpy as np
from scipy import fft

from ganlab.metrics.feature_arrays import checked_images

BETA = 8.0
"""Shape of the Kaiser window."""
INTERPOLATION = 4
"""Frequencies of the spectrum along an axis, by the pixels of the image; an even number."""
BLOCK_BYTES = 2**26
"""Of the numbers of spectra that are computed at once."""
LEAST_POWER = 1e-12
"""Powers below are rounding, and count as this in decibels."""


class PowerSums(NamedTuple):
    """Running sums of images, from which `power_spectrum` is computed.

    Sums are over images and channels of values on a scale from -1 to 1.
    """

    number: int
    """Channels of all images."""
    values: np.ndarray
    """[h, w], of the pixels' values."""
    squares: float
    """Of all squared values."""
    powers: np.ndarray
    """[2 h, w + 1], of the powers of windowed images padded to twice their sides, half of them: the
    other half mirrors it."""


class Spectrum(NamedTuple):
    """An average power spectrum, with the frequency 0 in the middle."""

    down: np.ndarray
    """Frequencies [m] along height, in cycles an image."""
    across: np.ndarray
    """[n], along width."""
    powers: np.ndarray
    """[m, n]; 1 is that of white noise of the data's deviation."""


def window(height: int, width: int) -> np.ndarray:
    """Computes the Kaiser window [h, w] of both axes, whose squares sum to 1."""
    rows, columns = (np.kaiser(side, BETA) for side in (height, width))
    return np.outer(rows / np.linalg.norm(rows), columns / np.linalg.norm(columns))


def add_images(sums: PowerSums | None, images: np.ndarray) -> PowerSums:
    """Adds images to running sums, which start as None.

    Args:
      sums: of images of the same shape.
      images: [n, h, w, c], uint8 or floats in [-1, 1].

    Raises:
      ValueError: for an array that is not a set of images, and for images of another size.
    """
    images = checked_images("added", images)
    height, width, channels = images.shape[1:]
    if sums is None:
        sums = PowerSums(0, np.zeros((height, width)), 0.0, np.zeros((2 * height, width + 1)))
    if sums.values.shape != (height, width):
        raise ValueError(f"images of {width}x{height} pixels cannot be added to those of "
                         f"{sums.values.shape[1]}x{sums.values.shape[0]}: bring all to one size.")
    number, values, squares, powers = sums
    shape = window(height, width)
    step = max(1, BLOCK_BYTES // (8 * powers.size * channels))
    # Some at a time: a spectrum has four times as many numbers as its image.
    for start in range(0, len(images), step):
        part = np.float64(images[start:start + step])
        part = part / 127.5 - 1 if images.dtype == np.uint8 else part
        pages = np.moveaxis(part, -1, 1).reshape(-1, height, width)
        found = fft.rfft2(pages * shape, (2 * height, 2 * width))
        number, values = number + len(pages), values + np.sum(pages, axis=0)
        squares = squares + float(np.sum(np.square(pages)))
        powers = powers + np.sum(np.square(found.real) + np.square(found.imag), axis=0)
    return PowerSums(number, values, squares, powers)


def value_statistics(sums: PowerSums) -> tuple[float, float]:
    """Returns mean and standard deviation of all values that were added."""
    pixels = sums.number * sums.values.size
    mean = float(np.sum(sums.values)) / pixels
    return mean, float(np.sqrt(max(sums.squares / pixels - mean**2, 0.0)))


def power_spectrum(sums: PowerSums, mean: float, deviation: float) -> Spectrum:
    """Computes the average power spectrum of all images added, brought to a mean and a deviation.

    Of an image x and a window v the power |F((x - mean) v)|^2 has three parts: that of x v, which
    was summed; one that is linear in x, and follows from the sum of images; and that of the window.
    The sum at twice the image's sides holds its whole autocorrelation, from which it is known at
    any more frequencies.

    Args:
      sums: of `add_images`.
      mean: of the data, on a scale from -1 to 1; see `value_statistics`.
      deviation: of the data, likewise, above 0.

    Raises:
      ValueError: for a deviation of 0.
    """
    if not deviation > 0:
        raise ValueError(f"deviation={deviation} is given, and must be above 0: images that are "
                         "all of one colour have no spectrum.")
    height, width = sums.values.shape
    doubled = 2 * height, 2 * width
    shape = window(height, width)
    # (x - mean) v, by its three parts.
    of_window = fft.rfft2(shape, doubled)
    linear = fft.rfft2(sums.values / sums.number * shape, doubled)
    powers = (sums.powers / sums.number - 2 * mean * (linear * np.conj(of_window)).real
              + mean**2 * np.abs(of_window)**2) / deviation**2
    # The autocorrelation, with lag 0 in the middle, is padded and transformed again.
    lags = fft.fftshift(fft.irfft2(powers, doubled))
    sides = INTERPOLATION * height, INTERPOLATION * width
    padded = np.pad(lags, [((side - lag) // 2,) * 2 for side, lag
                           in zip(sides, doubled, strict=True)])
    powers = fft.fftshift(fft.fft2(fft.ifftshift(padded)).real)
    down, across = (fft.fftshift(fft.fftfreq(side, 1 / side)) / INTERPOLATION for side in sides)
    return Spectrum(down, across, np.maximum(powers, 0))


def in_decibels(powers: np.ndarray) -> np.ndarray:
    """Returns powers in dB."""
    return 10 * np.log10(np.maximum(powers, LEAST_POWER))


def spectral_distance(one: Spectrum, other: Spectrum) -> float:
    """Computes the mean difference of two spectra in dB, without its sign, over all frequencies.

    Raises:
      ValueError: for spectra of images of different sizes.
    """
    if one.powers.shape != other.powers.shape:
        raise ValueError(f"spectra of {list(one.powers.shape)} and {list(other.powers.shape)} "
                         "frequencies are given, and both must be of images of one size: resize "
                         "one of the sets.")
    return float(np.mean(np.abs(in_decibels(one.powers) - in_decibels(other.powers))))


def spectral_slices(spectrum: Spectrum) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Returns frequencies [k] and powers [k] from 0 on, by degrees: 0, along width, and 45.

    The diagonal of an image that is not square is that of its frequencies in cycles an image.
    """
    down, across, powers = spectrum
    row, column = len(down) // 2, len(across) // 2
    count = min(row, column)
    steps = np.arange(count)
    return {0: (across[column:], powers[row, column:]),
            45: (np.hypot(down[row + steps], across[column + steps]),
                 powers[row + steps, column + steps])}
