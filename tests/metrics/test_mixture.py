"""Modes are counted where there are good samples; every sample counts for the divergence."""

import numpy as np
import pytest

from ganlab.data import SOURCES
from ganlab.metrics import count_modes

LINE = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])


def test_real_samples_cover_every_mode_at_the_share_within_three_deviations():
    data = SOURCES["grid25"]()
    found = count_modes(data.images, data.centers, data.deviation)
    assert found.modes == 25
    # A 2-D Gaussian has 1 - exp(-9/2) of its mass within three deviations.
    assert abs(found.high_quality - (1 - np.exp(-4.5))) < 1e-3
    assert found.reverse_kl < 1e-3


def test_a_mode_with_only_poor_samples_is_not_covered():
    found = count_modes(np.array([[0.0, 0.0], [0.02, 0.0], [1.1, 0.0], [5.0, 5.0]]), LINE[:2], 0.01)
    assert found.modes == 1 and found.high_quality == 0.5


def test_every_mode_equally_often_is_at_divergence_zero():
    assert count_modes(np.repeat(LINE, 5, axis=0), LINE, 0.1).reverse_kl == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("mode", range(4))
def test_one_of_m_modes_is_at_divergence_log_m(mode):
    assert count_modes(LINE[[mode] * 7], LINE, 0.1) == (1, 1.0, pytest.approx(np.log(4)))


def test_a_poor_sample_counts_for_its_nearest_mode_in_the_divergence():
    # Three at the first mode, two of them far from it, and one at the last: 3/4 log 3 + 1/4 log 1.
    found = count_modes(np.array([[0.0, 0.0], [0.0, 9.0], [-9.0, 0.0], [3.0, 0.0]]), LINE, 0.1)
    assert found == (2, 0.5, pytest.approx(0.75 * np.log(3)))


def test_samples_that_are_not_finite_are_poor_and_of_no_mode():
    points = np.array([[0.0, 0.0], [np.nan, 0.0], [np.inf, 0.0], [0.0, 0.0]])
    assert count_modes(points, LINE, 0.1) == (1, 0.5, pytest.approx(np.log(4)))
    assert count_modes(points[1:3], LINE, 0.1) == (0, 0.0, np.inf)
