"""The sliced Wasserstein distance of features, and of patches of images at several resolutions."""

from collections.abc import Iterator

import numpy as np

from ganlab.metrics.feature_arrays import check_count, checked_image_pair, checked_pair

PROJECTIONS_AT_A_TIME = 32
FEATURES_AT_A_TIME = 4096
IMAGES_AT_A_TIME = 256

PATCH = 7
COARSEST = 16
"""Sides of a patch and of the pyramid's coarsest level in pixels (Karras et al. 2018, sec. 5)."""

BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16


def _projections(features: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Sorts the projections [n, p] on directions [d, p], in float64 by blocks."""
    blocks = (features[start:start + FEATURES_AT_A_TIME].astype(np.float64) @ directions
              for start in range(0, len(features), FEATURES_AT_A_TIME))
    return np.sort(np.concatenate(list(blocks)), axis=0)


def _sorted_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Computes the 1-Wasserstein distance [p] of columns of two sorted arrays [n, p] and [m, p]."""
    n, m = len(a), len(b)
    if n == m:
        return np.mean(np.abs(a - b), axis=0)
    # Quantile functions are steps: of n equal ones here and m there. In units of 1 / (n m) their
    # edges are whole.
    edges = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    widths, left = np.diff(edges) / (n * m), edges[:-1]
    return widths @ np.abs(a[left // m] - b[left // n])


def sliced_wasserstein(real: np.ndarray, fake: np.ndarray, projections: int = 512,
                       seed: int = 0) -> float:
    """Computes the mean 1-Wasserstein distance of random projections (Rabin et al. 2011).

    The unit is that of the features. A random direction in d dimensions sees about 1 / sqrt(d) of a
    shift, so compare at one dimension. Sets of different sizes are compared by their quantile
    functions, exactly.

    Args:
      real: [n, d].
      fake: [m, d].
      projections: random directions, at least 1.
      seed: of the directions.

    Raises:
      ValueError: for bad features, other dimensions, or no direction.
    """
    real, fake = checked_pair(real, fake)
    check_count("projections", projections)
    # Directions uniform on the sphere.
    directions = np.random.Generator(np.random.PCG64(seed)).normal(
        size=(real.shape[1], projections))
    directions /= np.linalg.norm(directions, axis=0)
    # In one dimension the distance is that of the sorted projections.
    starts = range(PROJECTIONS_AT_A_TIME, projections, PROJECTIONS_AT_A_TIME)
    distances = [_sorted_distance(_projections(real, some), _projections(fake, some))
                 for some in np.split(directions, starts, 1)]
    return float(np.mean(np.concatenate(distances)))


def _blur(images: np.ndarray, gain: float = 1.0) -> np.ndarray:
    from scipy import ndimage  # Imported here, because a training begins without it.

    for axis in (1, 2):
        images = ndimage.correlate1d(images, gain * BINOMIAL, axis=axis, mode="mirror")
    return images


def laplacian_pyramid(images: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the levels of images [n, h, w, c] from fine to coarse (Burt and Adelson 1983).

    Their expansions sum to the images. Each level halves the sides as long as both are even and the
    halves at least 16; the last is the blurred image itself.
    """
    images = np.asarray(images, np.float32)
    while all(side % 2 == 0 and side >= 2 * COARSEST for side in images.shape[1:3]):
        half = _blur(images)[:, ::2, ::2]
        expanded = np.zeros_like(images)
        expanded[:, ::2, ::2] = half
        # Three of four pixels are empty: a gain of 2 along either axis keeps the mean.
        yield images - _blur(expanded, gain=2)
        images = half
    yield images


def _patches(images: np.ndarray, number: int, seed: int) -> dict[int, np.ndarray]:
    """Cuts `number` patches of each image at each level: [n * number, 7 * 7 * c] by its height."""
    draw, found = np.random.Generator(np.random.PCG64(seed)), {}
    for start in range(0, len(images), IMAGES_AT_A_TIME):
        for level in laplacian_pyramid(images[start:start + IMAGES_AT_A_TIME]):
            n, height, width, _ = level.shape
            top = draw.integers(height - PATCH + 1, size=(n, number))
            left = draw.integers(width - PATCH + 1, size=(n, number))
            # All patches of a level, of which the drawn ones are copied.
            windows = np.lib.stride_tricks.sliding_window_view(level, (PATCH, PATCH), axis=(1, 2))
            found.setdefault(height, []).append(
                windows[np.arange(n)[:, None], top, left].reshape(n * number, -1))
    return {height: np.concatenate(parts) for height, parts in found.items()}


def _normalized(patches: np.ndarray, channels: int) -> np.ndarray:
    """Normalizes patches [n, c * 7 * 7] to mean 0 and deviation 1 in each channel, over all."""
    split = patches.reshape(len(patches), channels, -1)
    deviation = np.std(split, axis=(0, 2), keepdims=True, dtype=np.float64)
    mean = np.mean(split, axis=(0, 2), keepdims=True, dtype=np.float64)
    return ((split - mean) / np.where(deviation > 0, deviation, 1)).astype(np.float32).reshape(
        patches.shape)


def image_sliced_wasserstein(real_images: np.ndarray, fake_images: np.ndarray, seed: int = 0,
                             patches: int = 128, projections: int = 512) -> dict[int, float]:
    """Computes sliced Wasserstein distances of 7x7 patches by level (Karras et al. 2018, sec. 5).

    The levels are those of a Laplacian pyramid, by their height in pixels: fine levels show
    sharpness and noise, the coarsest shows large structure. Patches of either set are normalized in
    each channel by their own mean and deviation, so colour and contrast as a whole are not
    compared. Publications print these values times a thousand, from 16,384 images. Images of the
    same place in either set are cut at the same places, so identical sets are at distance 0.

    Args:
      real_images: [n, h, w, c] of any value range, at least 7 pixels a side; below 32, one level is
        compared.
      fake_images: [m, h, w, c] of the same.
      seed: of the places and directions.
      patches: of each image at each level; one takes 196 c bytes.
      projections: random directions.

    Raises:
      ValueError: for images that are not finite, too small, or of different shapes or types.
    """
    real_images, fake_images = checked_image_pair(real_images, fake_images, least_side=PATCH)
    check_count("patches", patches)
    # Both sets are cut at the same places.
    real, fake = (_patches(images, patches, seed) for images in (real_images, fake_images))
    # Each level on its own, after each set's normalization.
    channels = real_images.shape[-1]
    return {height: sliced_wasserstein(_normalized(real[height], channels),
                                       _normalized(fake[height], channels), projections,
                                       seed) for height in real}
