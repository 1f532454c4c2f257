"""Modes and quality of samples from a Gaussian mixture."""

from typing import NamedTuple

import numpy as np


class ModeCount(NamedTuple):
    """What samples cover of a mixture."""

    modes: int
    """Modes that are nearest to at least one high-quality sample."""
    high_quality: float
    """Share of samples within three standard deviations of a mode."""


def count_modes(points: np.ndarray, centers: np.ndarray, deviation: float) -> ModeCount:
    """Modes covered and share of high-quality samples (Lin et al. 2018, section 4.1).

    Args:
      points: samples [n, d].
      centers: modes [m, d].
      deviation: standard deviation of each mode.
    """
    distances = np.linalg.norm(points[:, None] - centers[None], axis=-1)
    nearest = np.argmin(distances, axis=1)
    good = np.min(distances, axis=1) <= 3 * deviation
    return ModeCount(len(np.unique(nearest[good])), float(np.mean(good)))
