"""Modes that samples cover of a Gaussian mixture, and their quality."""

from typing import NamedTuple

import numpy as np


class ModeCount(NamedTuple):
    """What samples cover of a mixture."""

    modes: int
    """Modes that are nearest to at least one high-quality sample."""
    high_quality: float
    """Share of samples within three standard deviations of a mode, from 0 to 1."""
    reverse_kl: float
    """KL divergence in nats of the samples' nearest modes from uniform: 0 to log(m), or inf."""


def count_modes(points: np.ndarray, centers: np.ndarray, deviation: float) -> ModeCount:
    """Counts covered modes and high-quality samples of a mixture (Lin et al. 2018, section 4.1).

    The reverse KL divergence is that of the distribution p of samples over their nearest modes,
    good samples and poor ones alike, from the uniform distribution of the data: the sum of p log(m
    p). It is biased: n samples that are truly uniform give about (m - 1) / (2 n). A sample with a
    value that is not finite has no nearest mode and counts as poor; without any sample it is
    infinite.

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
    """Computes the KL divergence in nats of counts [m], not all 0, from a uniform distribution."""
    share = counts[counts > 0] / np.sum(counts)
    # Empty modes add nothing: p log p goes to 0 with p. Rounding may end below 0.
    return max(0.0, float(np.sum(share * np.log(len(counts) * share))))
