"""Multi-scale structural similarity of images, and how similar samples are to each other."""

from collections.abc import Callable, Iterator

import numpy as np

from ganlab.metrics.feature_arrays import (
    check_count,
    checked_image_pair,
    checked_images,
)
from ganlab.output import counted

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the scales, from fine to coarse (Wang et al. 2003, section 3.2)."""

WINDOW, DEVIATION = 11, 1.5
"""Side and standard deviation of the Gaussian window in pixels (Wang et al. 2004, sec. 3.C)."""

FIVE_SCALES_SIDE = 16
"""Pixels a side that five scales need: each halves the sides of the one before."""

PAIRS_AT_A_TIME = 64


def scales(height: int, width: int) -> int:
    """Returns at how many scales images of a size are compared: 5, or as many as fit the window."""
    return 1 + sum(min(height, width) // 2**scale >= WINDOW for scale in range(1, len(WEIGHTS)))


def _window(size: int) -> np.ndarray:
    places = np.arange(size) - (size - 1) / 2
    weights = np.exp(-0.5 * (places / (DEVIATION * size / WINDOW))**2)
    return weights / np.sum(weights)


def _blur(images: np.ndarray, sizes: tuple[int, int]) -> np.ndarray:
    """Computes Gaussian means of all windows of `sizes` that lie within the images."""
    for axis, size in zip((1, 2), sizes, strict=True):
        window = _window(size)
        count = images.shape[axis] - len(window) + 1
        images = sum(weight * images.take(range(place, place + count), axis)
                     for place, weight in enumerate(window))
    return images


def _similarities(a: np.ndarray, b: np.ndarray, value_range: float,
                  sizes: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Computes mean similarity [n, c] and its factor of contrast and structure [n, c]."""
    light, contrast = (0.01 * value_range)**2, (0.03 * value_range)**2
    mean_a, mean_b = _blur(a, sizes), _blur(b, sizes)
    squares = _blur(a * a + b * b, sizes) - mean_a**2 - mean_b**2
    structure = (2 * (_blur(a * b, sizes) - mean_a * mean_b) + contrast) / (squares + contrast)
    luminance = (2 * mean_a * mean_b + light) / (mean_a**2 + mean_b**2 + light)
    return np.mean(luminance * structure, axis=(1, 2)), np.mean(structure, axis=(1, 2))


def _half(images: np.ndarray) -> np.ndarray:
    """Averages 2x2 pixels; an odd last row or column is left out."""
    images = images[:, :images.shape[1] // 2 * 2, :images.shape[2] // 2 * 2]
    return (images[:, ::2, ::2] + images[:, 1::2, ::2] + images[:, ::2, 1::2]
            + images[:, 1::2, 1::2]) / 4


def _factors(a: np.ndarray, b: np.ndarray, count: int,
             square: bool = False) -> Iterator[np.ndarray]:
    """Yields what is compared at each of `count` scales [n, c], from fine to coarse.

    The window shrinks to each side of a scale, or, if it is to stay `square`, to the smaller one.
    """
    # The constants C1 and C2 follow the range L of the values, which begins at 0.
    value_range = 255.0 if a.dtype == np.uint8 else 2.0
    offset = 0.0 if a.dtype == np.uint8 else 1.0
    a, b = a.astype(np.float64) + offset, b.astype(np.float64) + offset
    for scale in range(count):
        if scale:
            a, b = _half(a), _half(b)
        sizes = tuple(min(WINDOW, side) for side in a.shape[1:3])
        similarity, structure = _similarities(a, b, value_range,
                                              (min(sizes),) * 2 if square else sizes)
        # Luminance is compared only at the coarsest scale.
        yield similarity if scale == count - 1 else structure


def _checked_pairs(a: np.ndarray, b: np.ndarray,
                   least_side: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Returns pairs of images; raises ValueError for images that make none."""
    a, b = checked_image_pair(a, b, least_side, names=("first", "second"))
    if len(a) != len(b):
        raise ValueError(f"{len(a)} first and {counted(len(b), 'second image')} are given, and "
                         "both must be the same number: they are compared in pairs.")
    return a, b


def ms_ssim(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Computes multi-scale structural similarity [n] of pairs, 0 to 1 (Wang et al. 2003, eq. 7).

    Window of 11x11 pixels, C1 = (0.01 L)^2, C2 = (0.03 L)^2, means over windows, factors below 0
    taken as 0. Each channel has its own product over scales, and the mean of these is the
    similarity, as in TensorFlow's `ssim_multiscale` and pytorch-msssim. The five scales need 176
    pixels a side. Smaller images have as many scales as the window fits into, with the weights of
    these normalized to sum to 1: three at 64 pixels, two at 32. Below 11 pixels there is one, and
    the window shrinks to the image. So compare at one size.

    Args:
      a: [n, h, w, c], uint8 with range L = 255, or a float type in [-1, 1] with range L = 2. Floats
        are compared as from 0 to 2, so that either type gives the same.
      b: the same.

    Raises:
      ValueError: for images that are not finite, or of different shapes, types or number.
    """
    a, b = _checked_pairs(a, b)
    count = scales(*a.shape[1:3])
    weights = np.array(WEIGHTS[:count]) / np.sum(WEIGHTS[:count])
    # The product over scales of contrast and structure, each to the power of its weight (eq. 7).
    by_channel = np.ones((len(a), a.shape[-1]))
    for factor, weight in zip(_factors(a, b, count), weights, strict=True):
        by_channel *= np.maximum(factor, 0)**weight
    return np.mean(by_channel, axis=1)


def ms_ssim_of_five_scales(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Computes multi-scale structural similarity [n] as PGGAN reports it (Karras et al. 2018).

    It is `ms_ssim` but for three conventions: there are five scales at any size, and where the
    window is larger than a scale it shrinks to it, with its deviation; channels are averaged at
    each scale, before the product; and the weights are the published ones, which sum to 1.0001.

    Args:
      a: [n, h, w, c] as `ms_ssim` takes them, at least 16 pixels a side.
      b: the same.

    Raises:
      ValueError: as `ms_ssim`, and for smaller images.
    """
    a, b = _checked_pairs(a, b, FIVE_SCALES_SIDE)
    product = np.ones(len(a))
    for factor, weight in zip(_factors(a, b, len(WEIGHTS), square=True), WEIGHTS, strict=True):
        product *= np.maximum(np.mean(factor, axis=1), 0)**weight
    return product


def _by_blocks(compare: Callable[[np.ndarray, np.ndarray], np.ndarray], images: np.ndarray,
               first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compares images of places `first` with those of places `second`, some at a time."""
    return np.concatenate([compare(images[first[start:start + PAIRS_AT_A_TIME]],
                                   images[second[start:start + PAIRS_AT_A_TIME]])
                           for start in range(0, len(first), PAIRS_AT_A_TIME)])


def _checked_set(images: np.ndarray) -> np.ndarray:
    """Returns images that make a pair; raises ValueError for others."""
    images = checked_images("given", images)
    if len(images) < 2:
        raise ValueError("1 image makes no pair: give at least 2.")
    return images


def ms_ssim_of_neighbours(images: np.ndarray) -> np.ndarray:
    """Computes `ms_ssim_of_five_scales` [n // 2] of the first two images, the next two, and so on.

    PGGAN reports the mean of 10,000 such pairs. An odd last image is left out.
    """
    images = _checked_set(images)
    first = np.arange(0, len(images) - 1, 2)
    return _by_blocks(ms_ssim_of_five_scales, images, first, first + 1)


def ms_ssim_of_pairs(images: np.ndarray, pairs: int = 100, seed: int = 0) -> np.ndarray:
    """Computes `ms_ssim` [pairs] of random pairs of images; `ms_ssim_diversity` is its mean."""
    images = _checked_set(images)
    check_count("pairs", pairs)
    draw = np.random.Generator(np.random.PCG64(seed))
    # The second image is any other one, each as likely.
    first = draw.integers(len(images), size=pairs)
    second = (first + draw.integers(1, len(images), size=pairs)) % len(images)
    return _by_blocks(ms_ssim, images, first, second)


def ms_ssim_diversity(images: np.ndarray, pairs: int = 100, seed: int = 0) -> float:
    """Computes the mean `ms_ssim` of random pairs: the lower, the more diverse (Odena et al. 2017).

    The paper draws 100 pairs in each class, and compares with the same of the training images
    (section 4.2). No image is paired with itself.

    Args:
      images: [n, h, w, c] as `ms_ssim` takes them, n at least 2; of one class.
      pairs: drawn with replacement, at least 1.
      seed: of the pairs.

    Raises:
      ValueError: for bad images, fewer than 2, or no pair.
    """
    return float(np.mean(ms_ssim_of_pairs(images, pairs, seed)))
