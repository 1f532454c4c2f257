"""The kernel distance (KID): squared maximum mean discrepancy of features under a cubic kernel."""

from typing import NamedTuple

import numpy as np

from ganlab.metrics.feature_arrays import check_count, checked_pair

BLOCK = 1000


class KernelDistance(NamedTuple):
    """Squared maximum mean discrepancy over random subsets."""

    mean: float
    """Over the subsets; unbiased, so it may be below 0."""
    deviation: float
    """Standard deviation over the subsets, divided by their number and not by one less."""


def _kernel_sum(a: np.ndarray, b: np.ndarray, block: int) -> float:
    """Sums (x.y / d + 1)^3 over all pairs, in float64 by blocks."""
    total = 0.0
    for row in range(0, len(a), block):
        rows = np.asarray(a[row:row + block], np.float64)
        for column in range(0, len(b), block):
            # The product of an array with its own transpose takes half the time.
            same = a is b and row == column
            kernel = rows @ (rows if same else np.asarray(b[column:column + block], np.float64)).T
            kernel /= a.shape[1]
            kernel += 1
            total += np.vdot(kernel * kernel, kernel)
    return float(total)


def _sum_of_others(a: np.ndarray, block: int) -> float:
    """Sums the kernel over all ordered pairs of two different examples."""
    own = sum(np.sum((np.sum(np.asarray(a[start:start + block], np.float64)**2, axis=1) / a.shape[1]
                      + 1)**3) for start in range(0, len(a), block))
    return _kernel_sum(a, a, block) - float(own)


def _squared_mmd(real: np.ndarray, fake: np.ndarray, block: int) -> float:
    # Gretton et al. 2012, lemma 6: examples are not compared with themselves.
    n, m = len(real), len(fake)
    return (_sum_of_others(real, block) / (n * (n - 1))
            + _sum_of_others(fake, block) / (m * (m - 1))
            - 2 * _kernel_sum(real, fake, block) / (n * m))


def squared_mmd(real: np.ndarray, fake: np.ndarray, block: int = BLOCK) -> float:
    """Estimates the squared maximum mean discrepancy of two sets of features, without bias.

    Cubic kernel (x.y / d + 1)^3; an example is not compared with itself, which makes the estimate
    unbiased: for equal distributions it is 0 on average, so it may be below 0 (Gretton et al. 2012,
    lemma 6; Binkowski et al. 2018, section 4).

    Args:
      real: [n, d], n at least 2.
      fake: [m, d], m at least 2.
      block: examples compared at a time, which limits the memory.

    Raises:
      ValueError: for features that are not finite, too few, or of different dimensions.
    """
    return _squared_mmd(*checked_pair(real, fake, at_least=2), block)


def kernel_distance(real: np.ndarray, fake: np.ndarray, subsets: int = 100, subset_size: int = 1000,
                    seed: int = 0) -> KernelDistance:
    """Computes the kernel distance (Binkowski et al. 2018, "KID"): `squared_mmd` of random subsets.

    The subsets are those of torch-fidelity for the same seed: from NumPy's RandomState(seed), for
    each subset the fake examples, then the real ones, without replacement. With its seed 2020 the
    numbers are the same except for its float32.

    Args:
      real: [n, d].
      fake: [m, d].
      subsets: how many, at least 1.
      subset_size: examples of each set in a subset: 2 to the size of the smaller set.
      seed: of the subsets.

    Raises:
      ValueError: for bad features, a subset larger than a set, or no subset.
    """
    real, fake = checked_pair(real, fake, at_least=2)
    check_count("subset_size", subset_size, 2, min(len(real), len(fake)),
                "the size of the smaller set")
    check_count("subsets", subsets)
    # The generator and the order of its draws are those of torch-fidelity.
    draw, values = np.random.RandomState(seed), []
    for _ in range(subsets):
        some_fake = fake[draw.choice(len(fake), subset_size, replace=False)]
        some_real = real[draw.choice(len(real), subset_size, replace=False)]
        values.append(_squared_mmd(some_real, some_fake, BLOCK))
    # KID is the mean over subsets; their deviation shows how sure it is.
    return KernelDistance(float(np.mean(values)), float(np.std(values)))
