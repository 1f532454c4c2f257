"""Walks lead from end to end: latents on arcs, classes on lines."""

import numpy as np
import pytest

from ganlab.report.walks import interpolate_classes, interpolate_latents


def test_walks_go_through_their_ends_at_constant_norm():
    ends = np.random.default_rng(0).standard_normal((3, 16))
    ends /= np.linalg.norm(ends, axis=1, keepdims=True)
    walks = interpolate_latents(ends, 5)
    np.testing.assert_allclose(walks[[0, 4, 5, 9]], ends[[0, 1, 1, 2]], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(walks, axis=1), 1.0)


@pytest.mark.parametrize("end", [np.ones(4), -np.ones(4), np.zeros(4)])
def test_walks_between_parallel_or_vanishing_ends_stay_finite(end):
    assert np.isfinite(interpolate_latents(np.stack([np.ones(4), end]), 5)).all()


def test_a_walk_of_classes_leads_from_one_hot_rows_to_one_hot_rows_and_its_weights_sum_to_1():
    walks = interpolate_classes([2, 0, 0], 5, 4).reshape(2, 5, 4)
    rows = np.eye(4, dtype=np.float32)
    np.testing.assert_array_equal(walks[:, [0, -1]], rows[[[2, 0], [0, 0]]])
    np.testing.assert_array_equal(walks[0, :, 0], np.float32([0, 0.25, 0.5, 0.75, 1]))
    np.testing.assert_array_equal(walks.sum(axis=2), 1)
    np.testing.assert_array_equal(walks[1], np.broadcast_to(rows[0], (5, 4)))  # Between equal classes it stands.
