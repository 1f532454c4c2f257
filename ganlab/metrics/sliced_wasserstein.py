"""The sliced Wasserstein distance of features, and of patches of images at several resolutions."""

from collections.abc import Iterator, Sequence

import numpy as np

from ganlab.metrics.feature_arrays import check_count, checked_image_pair, checked_pair

PROJECTIONS_AT_A_TIME = 32
FEATURES_AT_A_TIME = 4096
BLOCK_BYTES = 2**26
"""Bytes of images, as floats, whose levels are computed at once."""

PATCH = 7
COARSEST = 16
"""Sides of a patch and of the pyramid's coarsest level in pixels (Karras et al. 2018, sec. 5)."""

BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16


def _projections(features: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Sorts the projections [p, n] on directions [d, p], in float64 by blocks."""
    found = np.empty((directions.shape[1], len(features)))
    for start in range(0, len(features), FEATURES_AT_A_TIME):
        block = features[start:start + FEATURES_AT_A_TIME].astype(np.float64)
        found[:, start:start + len(block)] = (block @ directions).T
    found.sort(axis=1)
    return found


def _sorted_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Computes the 1-Wasserstein distance [p] of rows of two sorted arrays [p, n] and [p, m]."""
    n, m = a.shape[1], b.shape[1]
    if n == m:
        return np.mean(np.abs(a - b), axis=1)
    # Quantile functions are steps: of n equal ones here and m there. In units of 1 / (n m) their
    # edges are whole.
    edges = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    widths, left = np.diff(edges) / (n * m), edges[:-1]
    return np.abs(a[:, left // m] - b[:, left // n]) @ widths


def sliced_wasserstein(real: np.ndarray, fake: np.ndarray, projections: int = 512,
                       seed: int | Sequence[int] = 0) -> float:
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


def _blur(images: np.ndarray, axis: int, gain: float = 1.0) -> np.ndarray:
    from scipy import ndimage  # Imported here, because a training begins without it.

    return ndimage.correlate1d(images, gain * BINOMIAL, axis=axis, mode="mirror")


def _halved(images: np.ndarray) -> np.ndarray:
    """Blurs images and takes every second row and column, from the first on."""
    return _blur(_blur(images, 1)[:, ::2], 2)[:, :, ::2]


def _doubled(images: np.ndarray) -> np.ndarray:
    """Puts images on every second row and column of images twice as large, and blurs these."""
    for axis in (1, 2):
        filled = np.zeros([side * (1 + (place == axis)) for place, side in enumerate(images.shape)],
                          images.dtype)
        filled[(slice(None),) * axis + (slice(None, None, 2),)] = images
        # Every second line is empty: a gain of 2 keeps the mean.
        images = _blur(filled, axis, gain=2)
    return images


def pyramid_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Returns height and width of the levels of a pyramid of images, from fine to coarse.

    Each level halves the sides as long as both are even and the halves at least 16.
    """
    sizes = [(height, width)]
    while all(side % 2 == 0 and side >= 2 * COARSEST for side in sizes[-1]):
        sizes.append(tuple(side // 2 for side in sizes[-1]))
    return sizes


def laplacian_level(images: np.ndarray, level: int) -> np.ndarray:
    """Computes one level of images [n, h, w, c], counted from the finest one, 0."""
    images = np.asarray(images, np.float32)
    for _ in range(level):
        images = _halved(images)
    return (images if len(pyramid_sizes(*images.shape[1:3])) == 1
            else images - _doubled(_halved(images)))


def laplacian_pyramid(images: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the levels of images [n, h, w, c] from fine to coarse (Burt and Adelson 1983).

    Their expansions sum to the images; the last is the blurred image itself, and the levels have
    the sizes of `pyramid_sizes`. The filter is [1, 4, 6, 4, 1] / 16 along either axis; beyond its
    edge an image is mirrored about the centres of its outermost pixels.
    """
    for level in range(len(pyramid_sizes(*np.shape(images)[1:3]))):
        yield laplacian_level(images, level)


def _patches(images: np.ndarray, level: int, number: int, seed: Sequence[int]) -> np.ndarray:
    """Cuts `number` patches of each image at a level: float32 [n * number, c * 7 * 7]."""
    draw = np.random.Generator(np.random.PCG64(seed))
    found = np.empty((len(images) * number, images.shape[-1] * PATCH**2), np.float32)
    at_a_time = max(1, BLOCK_BYTES // (4 * images[0].size))
    for start in range(0, len(images), at_a_time):
        seen = laplacian_level(images[start:start + at_a_time], level)
        ends = [side - PATCH + 1 for side in seen.shape[1:3]]
        top, left = draw.integers(ends, size=(len(seen), number, 2)).transpose(2, 0, 1)
        # All patches of a level, of which the drawn ones are copied.
        windows = np.lib.stride_tricks.sliding_window_view(seen, (PATCH, PATCH), axis=(1, 2))
        found[start * number:(start + len(seen)) * number] = windows[
            np.arange(len(seen))[:, None], top, left].reshape(len(seen) * number, -1)
    return found


def _normalize(patches: np.ndarray, channels: int) -> np.ndarray:
    """Brings patches [n, c * 7 * 7], in place, to mean 0 and deviation 1 in each channel."""
    split = patches.reshape(len(patches), channels, -1)
    split -= np.mean(split, axis=(0, 2), dtype=np.float64, keepdims=True).astype(np.float32)
    # By blocks: squares in float64 of all patches would take twice their memory.
    squares = sum(np.sum(np.square(split[start:start + FEATURES_AT_A_TIME], dtype=np.float64),
                         axis=(0, 2), keepdims=True)
                  for start in range(0, len(split), FEATURES_AT_A_TIME))
    deviation = np.sqrt(squares / (split.size / channels))
    split /= np.where(deviation > 0, deviation, 1).astype(np.float32)
    return patches


def image_sliced_wasserstein(real_images: np.ndarray, fake_images: np.ndarray, seed: int = 0,
                             patches: int = 128, projections: int = 512,
                             same_places: bool = True) -> dict[int, float]:
    """Computes sliced Wasserstein distances of 7x7 patches by level (Karras et al. 2018, sec. 5).

    The levels are those of a Laplacian pyramid, by their height in pixels: fine levels show
    sharpness and noise, the coarsest shows large structure. Patches of either set are normalized in
    each channel by their own mean and deviation, so colour and contrast as a whole are not
    compared. Publications print these values times a thousand, of 16,384 images in either set, and
    with places drawn for each set, so that a set is not at distance 0 from itself.

    Args:
      real_images: [n, h, w, c] of any value range, at least 7 pixels a side; below 32, one level is
        compared.
      fake_images: [m, h, w, c] of the same.
      seed: of the places and directions.
      patches: of each image at each level; one takes 196 c bytes, those of one level at a time.
      projections: random directions of each level. The official 4 repeats of 128 are as 512.
      same_places: whether images of the same place in either set are cut at the same places, so
        that identical sets are at distance 0; False draws them for each set, as the official code.

    Raises:
      ValueError: for images that are not finite, too small, or of different shapes or types.
    """
    real_images, fake_images = checked_image_pair(real_images, fake_images, least_side=PATCH)
    check_count("patches", patches)
    check_count("projections", projections)
    sets = ((real_images, 0), (fake_images, 0 if same_places else 1))
    found = {}
    for level, (height, _) in enumerate(pyramid_sizes(*real_images.shape[1:3])):
        # Each level on its own, after each set's normalization.
        real, fake = (_normalize(_patches(images, level, patches, (seed, level, places)),
                                 images.shape[-1]) for images, places in sets)
        found[height] = sliced_wasserstein(real, fake, projections, (seed, level, len(sets)))
    return found
