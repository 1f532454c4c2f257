"""The Fréchet distance of Gaussians fitted to features (FID), and its limit for many samples."""

from typing import NamedTuple

import numpy as np

from ganlab.metrics.feature_arrays import checked
from ganlab.output import counted

BLOCK = 1000


class Moments(NamedTuple):
    """Mean and covariance of features."""

    number: int
    """Examples that they were computed from."""
    mean: np.ndarray
    """[d] float64."""
    covariance: np.ndarray
    """[d, d] float64, unbiased: the sum of products divided by one less than the number."""


class MomentSums(NamedTuple):
    """Running sums of features less a shift, from which `finish` computes their moments."""

    number: int
    shift: np.ndarray
    """[d], mean of the first features added: a mean far from 0 would cancel the covariance."""
    sum: np.ndarray
    """[d], of features less the shift."""
    products: np.ndarray
    """[d, d], of the outer products of features less the shift."""


class FrechetInfinity(NamedTuple):
    """The Fréchet distance at infinitely many fake samples."""

    value: float
    """Where the line meets 1/n = 0; may be below 0 where the true distance is small."""
    error: float
    """Standard error of the value, from how far the points lie off the line."""


def add_features(sums: MomentSums | None, features: np.ndarray) -> MomentSums:
    """Adds features [n, d] to running sums, which start as None; raises ValueError as `checked`."""
    features = checked("added", features)
    if sums is None:
        dimension = features.shape[1]
        sums = MomentSums(0, np.mean(features, axis=0, dtype=np.float64), np.zeros(dimension),
                          np.zeros((dimension, dimension)))
    if features.shape[1] != len(sums.shift):
        raise ValueError(f"features of {counted(features.shape[1], 'dimension')} cannot be added "
                         f"to sums of {len(sums.shift)}: take all from one feature network.")
    products, total = sums.products, sums.sum
    # Sums by blocks, so that no copy of all shifted features is made.
    for start in range(0, len(features), BLOCK):
        shifted = features[start:start + BLOCK] - sums.shift
        products, total = products + shifted.T @ shifted, total + np.sum(shifted, axis=0)
    return MomentSums(sums.number + len(features), sums.shift, total, products)


def finish(sums: MomentSums | None) -> Moments:
    """Computes the moments of all features added; raises ValueError for fewer than two."""
    number = sums.number if sums else 0
    if number < 2:
        raise ValueError(f"a covariance of {counted(number, 'feature')} is not defined: give at "
                         "least 2.")
    # The mean is the shift plus the mean offset; a covariance needs only the offset.
    offset = sums.sum / number
    return Moments(number, sums.shift + offset,
                   (sums.products - number * np.outer(offset, offset)) / (number - 1))


def moments(features: np.ndarray) -> Moments:
    """Computes mean and unbiased covariance of features [n, d], in float64; n is at least 2."""
    return finish(add_features(None, checked("given", features, at_least=2)))


def rank_warning(number: int, dimension: int) -> str | None:
    """Warns of a covariance that is singular for want of examples; None if there are enough."""
    if number > dimension:
        return None
    return (f"{counted(number, 'example gives', 'examples give')} a covariance of "
            f"{counted(dimension, 'dimension')} a rank of at most {number - 1}: the Fréchet "
            f"distance is strongly biased, so take at least {dimension + 1}.")


def _root(covariance: np.ndarray) -> np.ndarray:
    """Computes a root [d, r] of a covariance of rank r: root @ root.T is the covariance.

    By the Cholesky factorization with pivots, which stops at the rank: a singular covariance has
    a root of fewer columns, where a symmetric root would carry the noise of each null direction.
    """
    from scipy.linalg import (
        lapack,  # Imported here, because a training begins without it.
    )

    factor, pivots, rank, _ = lapack.dpstrf(covariance, lower=1)
    lower = np.tril(factor)[:, :rank]
    root = np.empty_like(lower)
    root[pivots - 1] = lower
    total = np.trace(covariance)
    if not abs(total - np.sum(root**2)) <= 1e-6 * abs(total):
        raise ValueError("a covariance matrix is not finite or has negative eigenvalues, and must "
                         "be positive semi-definite: compute it from finite features in float64.")
    return root


def _distance(mean: np.ndarray, root: np.ndarray, other_mean: np.ndarray,
              other_root: np.ndarray) -> float:
    # With A = R R' and B = S S' the eigenvalues of A B are the squared singular values of R'S, so
    # the trace of the root of A B is the sum of those. The eigenvalues of the smaller of the two
    # Gram matrices of R'S are not below 0 except by rounding, and take a third of the time of the
    # singular values.
    overlap = root.T @ other_root
    gram = overlap.T @ overlap if overlap.shape[0] >= overlap.shape[1] else overlap @ overlap.T
    trace = np.sum(np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0)))
    return max(0.0, float(np.sum((mean - other_mean)**2) + np.sum(root**2) + np.sum(other_root**2)
                          - 2 * trace))


def _check_dimensions(a: Moments, dimension: int) -> None:
    if len(a.mean) != dimension:
        raise ValueError(f"moments of {counted(len(a.mean), 'dimension')} cannot be compared with "
                         f"{dimension}: take both from one feature network.")


def frechet_distance(a: Moments, b: Moments) -> float:
    """Computes the squared Fréchet (2-Wasserstein) distance of two Gaussians, at least 0.

    It is |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)) (Dowson and Landau 1982; Heusel et al.
    2017, "FID"). Singular covariances are as good as others: in 2,048 dimensions rounding stayed
    below 1e-9 for spectra that are flat, steep, cut off at half the dimensions or apart.

    Raises:
      ValueError: for moments of different dimensions, or a covariance that has negative
        eigenvalues.
    """
    _check_dimensions(a, len(b.mean))
    return _distance(a.mean, _root(a.covariance), b.mean, _root(b.covariance))


def frechet_infinity(real: Moments, fake: np.ndarray, seed: int,
                     points: int = 15) -> FrechetInfinity:
    """Extrapolates the Fréchet distance to infinitely many fake samples (Chong and Forsyth 2020).

    The bias of the distance at n samples is nearly a multiple of 1/n. So the distance is computed
    for random subsets of sizes spread evenly from a tenth of the samples to all of them, a line in
    1/n is fitted by least squares, and its intercept is the value. The real moments stay as they
    are. Subsets overlap, so the error is smaller than that of new samples. Below d + 1 samples
    the bias is not that simple: see `rank_warning` for a tenth of the samples.

    Args:
      real: moments of the real features.
      fake: features [n, d].
      seed: of the subsets.
      points: sizes, at least 3; each costs a covariance and the eigenvalues of a matrix [d, d].

    Raises:
      ValueError: for bad features, other dimensions, fewer than 3 points, or too few samples for
        them.
    """
    fake = checked("fake", fake)
    _check_dimensions(real, fake.shape[1])
    # Sizes are (n - n/10) / (points - 1) apart: n below twice the points makes some of them equal.
    if points < 3 or len(fake) < 2 * points:
        raise ValueError(f"points={points} sizes of subsets of {len(fake)} fake features are "
                         "given, and at least 3 sizes and two features for each are needed: change "
                         "points or take more samples.")
    # Sizes of subsets, spread evenly: FID_N is computed at each of them.
    sizes = np.linspace(max(2, len(fake) / 10), len(fake), points).round().astype(int)
    draw = np.random.Generator(np.random.PCG64(seed))
    real_root, distances = _root(real.covariance), []
    for size in sizes:
        # A random subset of this size, whose moments are summed by blocks.
        chosen, sums = np.sort(draw.permutation(len(fake))[:size]), None
        for start in range(0, size, BLOCK):
            sums = add_features(sums, fake[chosen[start:start + BLOCK]])
        subset = finish(sums)
        distances.append(_distance(real.mean, real_root, subset.mean, _root(subset.covariance)))
    # The line through (1/N, FID_N) meets 1/N = 0 at FID_infinity.
    return FrechetInfinity(*_intercept(1 / sizes, np.array(distances)))


def _intercept(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Computes the intercept of the least-squares line through points, and its standard error."""
    centred = x - np.mean(x)
    slope = np.sum(centred * y) / np.sum(centred**2)
    value = np.mean(y) - slope * np.mean(x)
    variance = np.sum((y - value - slope * x)**2) / (len(x) - 2)
    return (float(value),
            float(np.sqrt(variance * (1 / len(x) + np.mean(x)**2 / np.sum(centred**2)))))
