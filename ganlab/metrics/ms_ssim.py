"""Multi-scale structural similarity of images, and how similar samples are to each other."""

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

PAIRS_AT_A_TIME = 64


def scales(height: int, width: int) -> int:
    """Returns at how many scales images of a size are compared: 5, or as many as fit the window."""
    return 1 + sum(min(height, width) // 2**scale >= WINDOW for scale in range(1, len(WEIGHTS)))


def _window(size: int) -> np.ndarray:
    places = np.arange(size) - (size - 1) / 2
    weights = np.exp(-0.5 * (places / (DEVIATION * size / WINDOW))**2)
    return weights / np.sum(weights)


def _blur(images: np.ndarray) -> np.ndarray:
    """Computes Gaussian means of all windows that lie within the images."""
    for axis in (1, 2):
        window = _window(min(WINDOW, images.shape[axis]))
        count = images.shape[axis] - len(window) + 1
        images = sum(weight * images.take(range(place, place + count), axis)
                     for place, weight in enumerate(window))
    return images


def _similarities(a: np.ndarray, b: np.ndarray,
                  value_range: float) -> tuple[np.ndarray, np.ndarray]:
    """Computes mean similarity [n, c] and its factor of contrast and structure [n, c]."""
    light, contrast = (0.01 * value_range)**2, (0.03 * value_range)**2
    mean_a, mean_b = _blur(a), _blur(b)
    squares = _blur(a * a + b * b) - mean_a**2 - mean_b**2
    structure = (2 * (_blur(a * b) - mean_a * mean_b) + contrast) / (squares + contrast)
    luminance = (2 * mean_a * mean_b + light) / (mean_a**2 + mean_b**2 + light)
    return np.mean(luminance * structure, axis=(1, 2)), np.mean(structure, axis=(1, 2))


def _half(images: np.ndarray) -> np.ndarray:
    """Averages 2x2 pixels; an odd last row or column is left out."""
    images = images[:, :images.shape[1] // 2 * 2, :images.shape[2] // 2 * 2]
    return (images[:, ::2, ::2] + images[:, 1::2, ::2] + images[:, ::2, 1::2]
            + images[:, 1::2, 1::2]) / 4


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
    a, b = checked_image_pair(a, b, names=("first", "second"))
    if len(a) != len(b):
        raise ValueError(f"{len(a)} first and {counted(len(b), 'second image')} are given, and "
                         "both must be the same number: they are compared in pairs.")
    # The constants C1 and C2 follow the range L of the values, which begins at 0.
    value_range = 255.0 if a.dtype == np.uint8 else 2.0
    offset = 0.0 if a.dtype == np.uint8 else 1.0
    a, b = a.astype(np.float64) + offset, b.astype(np.float64) + offset
    count = scales(*a.shape[1:3])
    # The product over scales of contrast and structure, each to the power of its weight (eq. 7).
    by_channel = np.ones((len(a), a.shape[-1]))
    for scale, weight in enumerate(np.array(WEIGHTS[:count]) / np.sum(WEIGHTS[:count])):
        if scale:
            a, b = _half(a), _half(b)
        similarity, structure = _similarities(a, b, value_range)
        # Luminance is compared only at the coarsest scale.
        by_channel *= np.maximum(similarity if scale == count - 1 else structure, 0)**weight
    return np.mean(by_channel, axis=1)


def ms_ssim_of_pairs(images: np.ndarray, pairs: int = 100, seed: int = 0) -> np.ndarray:
    """Computes `ms_ssim` [pairs] of random pairs of images; `ms_ssim_diversity` is its mean."""
    images = checked_images("given", images)
    check_count("pairs", pairs)
    if len(images) < 2:
        raise ValueError("1 image makes no pair: give at least 2.")
    draw = np.random.Generator(np.random.PCG64(seed))
    # The second image is any other one, each as likely.
    first = draw.integers(len(images), size=pairs)
    second = (first + draw.integers(1, len(images), size=pairs)) % len(images)
    return np.concatenate([ms_ssim(images[first[start:start + PAIRS_AT_A_TIME]],
                                   images[second[start:start + PAIRS_AT_A_TIME]])
                           for start in range(0, pairs, PAIRS_AT_A_TIME)])


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
