"""Modes are counted where there are good samples."""

import numpy as np

from ganlab.data import SOURCES
from ganlab.metrics import count_modes


def test_real_samples_cover_every_mode_at_the_share_within_three_deviations():
    data = SOURCES["grid25"]()
    found = count_modes(data.images, data.centers, data.deviation)
    assert found.modes == 25
    # A 2-D Gaussian has 1 - exp(-9/2) of its mass within three deviations.
    assert abs(found.high_quality - (1 - np.exp(-4.5))) < 1e-3


def test_a_mode_with_only_poor_samples_is_not_covered():
    centers = np.array([[0.0, 0.0], [1.0, 0.0]])
    found = count_modes(np.array([[0.0, 0.0], [0.02, 0.0], [1.1, 0.0], [5.0, 5.0]]), centers, 0.01)
    assert found.modes == 1 and found.high_quality == 0.5
