"""Modes and quality of samples from a Gaussian mixture."""

from typing import NamedTuple

import numpy as np


class ModeCount(NamedTuple):
    """What samples cover of a mixture."""

    modes: int
    """Modes that are nearest to at least one high-quality sample."""
    high_quality: float
    """Share of samples within three standard deviations of a mode, from 0 to 1."""
    reverse_kl: float
    """KL divergence of the samples' nearest modes from uniform in nats: from 0 to log(m), infinite without samples."""


def count_modes(points: np.ndarray, centers: np.ndarray, deviation: float) -> ModeCount:
    """Modes covered, share of high-quality samples and reverse KL divergence (Lin et al. 2018, section 4.1).

    The divergence is that of the distribution p of samples over their nearest modes, good samples
    and poor ones alike, from the uniform distribution of the data: the sum of p log(m p). It is
    biased: n samples that are truly uniform give about (m - 1) / (2 n). A sample with a value that
    is not finite has no nearest mode and is of no quality.

    Args:
      points: samples [n, d].
      centers: modes [m, d].
      deviation: standard deviation of each mode.
    """
    finite = points[np.all(np.isfinite(points), axis=1)]
    if not len(finite):
        return ModeCount(0, 0.0, float("inf"))
    distances = np.linalg.norm(finite[:, None] - centers[None], axis=-1)
    nearest = np.argmin(distances, axis=1)
    good = np.min(distances, axis=1) <= 3 * deviation
    return ModeCount(len(np.unique(nearest[good])), float(np.sum(good) / len(points)),
                     kl_from_uniform(np.bincount(nearest, minlength=len(centers))))


def kl_from_uniform(counts: np.ndarray) -> float:
    """KL divergence in nats of the distribution of counts [m], with a sum above 0, from the uniform one over m."""
    share = counts[counts > 0] / np.sum(counts)
    # What is not there adds nothing: p log p goes to 0 with p. Rounding may end below the least value.
    return max(0.0, float(np.sum(share * np.log(len(counts) * share))))
