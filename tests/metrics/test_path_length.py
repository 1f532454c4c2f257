"""Path length is the squared speed of the images along the path."""

import numpy as np
import pytest

from ganlab.metrics import path_lengths, trimmed_mean
from ganlab.metrics.path_length import spherical_step

DRAW = np.random.Generator(np.random.PCG64(11))
A, B = DRAW.normal(size=(2, 50, 6))
T = DRAW.uniform(size=50)


def squared(a, b):
    return np.sum((a - b)**2, axis=tuple(range(1, a.ndim)))


def test_a_linear_generator_moves_along_a_straight_path_at_the_speed_of_its_ends():
    matrix = DRAW.normal(size=(6, 9))
    found = path_lengths(A, B, T, lambda latents: latents @ matrix, squared, spherical=False)
    np.testing.assert_allclose(found, squared(A @ matrix, B @ matrix), rtol=1e-8)
    # At twice the scale the path is four times as long, whatever the step.
    np.testing.assert_allclose(path_lengths(A, B, T, lambda latents: 2 * latents @ matrix, squared, 1e-3, False),
                               4 * found, rtol=1e-8)


def test_a_great_circle_is_walked_at_the_speed_of_its_angle():
    a, b = (latents / np.linalg.norm(latents, axis=1, keepdims=True) for latents in (A, B))
    angle = np.arccos(np.sum(a * b, axis=1))
    found = path_lengths(5 * a, 5 * b, T, lambda latents: latents, squared)
    # The chord of the step is shorter than its arc by a part in 1e8.
    np.testing.assert_allclose(found, (5 * angle)**2, rtol=1e-6)


def test_a_great_circle_starts_at_the_one_and_ends_at_the_other():
    np.testing.assert_allclose(spherical_step(A, B, np.zeros(50)), A, atol=1e-12)
    np.testing.assert_allclose(spherical_step(A, B, np.ones(50)), B, atol=1e-12)


def test_the_middle_of_a_quarter_circle_by_hand():
    found = spherical_step(np.array([[2.0, 0.0]]), np.array([[0.0, 4.0]]), np.array([0.5]))
    np.testing.assert_allclose(found, [[3 / np.sqrt(2), 3 / np.sqrt(2)]], rtol=1e-12)


def test_between_equal_latents_nothing_moves():
    for spherical in (True, False):
        found = path_lengths(A, A, T, lambda latents: latents, squared, spherical=spherical)
        np.testing.assert_allclose(found, 0, atol=1e-12)


def test_latents_keep_their_shape():
    a, b = A.reshape(50, 2, 3), B.reshape(50, 2, 3)
    shapes = []
    path_lengths(a, b, T, lambda latents: shapes.append(latents.shape) or latents, squared)
    assert shapes == [(50, 2, 3)] * 2


def test_the_trimmed_mean_leaves_out_what_lies_beyond_the_outer_percentiles():
    lengths = np.arange(201.0)
    lengths[200] = 1e9
    # The percentiles are the lengths 2 and 198 of 0 to 200.
    assert trimmed_mean(lengths[::-1]) == np.mean(np.arange(2, 199))
    assert trimmed_mean(np.array([3.0])) == 3
    # Bounds are lengths that occur: of ten, none is left out.
    assert trimmed_mean(np.arange(10.0)) == 4.5


@pytest.mark.parametrize(("change", "words"), [
    ({"latents_b": B[:, :5]}, "latents of shapes"),
    ({"t": T[:9]}, r"t of \[9\]"),
    ({"t": T + 1}, "t within 0 and 1"),
    ({"epsilon": 0.0}, "epsilon=0.0"),
    ({"latents_a": A * np.nan}, "NaN"),
    ({"t": T * np.nan}, "t within 0 and 1"),
])
def test_what_is_no_path_is_refused(change, words):
    arguments = {"latents_a": A, "latents_b": B, "t": T, "generate": lambda latents: latents, "distance": squared}
    with pytest.raises(ValueError, match=words):
        path_lengths(**{**arguments, **change})


@pytest.mark.parametrize("bad", [np.zeros(0), np.zeros((3, 3)), np.array([1, np.nan])])
def test_what_has_no_trimmed_mean_is_refused(bad):
    with pytest.raises(ValueError, match="must be finite numbers"):
        trimmed_mean(bad)
