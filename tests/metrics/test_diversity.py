"""Mean distances, against values computed by hand."""

import numpy as np
import pytest

from ganlab.metrics.diversity import mean_distance


def test_the_mean_is_over_pairs_of_different_points():
    assert mean_distance(np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]])) == pytest.approx((5 + 3 + 4) / 3)


def test_equal_images_have_none():
    assert mean_distance(np.ones((5, 4, 4, 1), np.float32)) == pytest.approx(0.0, abs=1e-6)
