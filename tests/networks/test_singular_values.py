"""The largest singular value of each weight, against NumPy's decomposition in float64."""

import jax
import numpy as np
import pytest

from ganlab.networks.singular_values import largest_singular_value, largest_singular_values, weight_matrices

RNG = np.random.default_rng(5)
VALUE = jax.jit(largest_singular_value)


def exact(matrix):
    """NumPy's."""
    return np.linalg.svd(matrix, compute_uv=False)[0]


def with_values(values, rest):
    """A random matrix with these singular values, of `rest` columns."""
    left, right = (np.linalg.qr(RNG.standard_normal((size, len(values))))[0] for size in (len(values), rest))
    return left @ np.diag(values) @ right.T


@pytest.mark.parametrize("ratio", [0.0, 0.5, 0.8])
def test_the_largest_value_is_numpys_where_the_second_is_apart(float64, ratio):
    matrix = with_values(7.0 * ratio ** np.arange(24.0), 40)
    np.testing.assert_allclose(VALUE(matrix), exact(matrix), rtol=1e-6)


@pytest.mark.parametrize("shape", [(24, 40), (96, 96), (40, 3)])
def test_of_a_random_matrix_it_is_at_most_two_percent_below_and_never_above(float64, shape):
    matrix = RNG.standard_normal(shape)
    assert 0.98 * exact(matrix) < VALUE(matrix) <= exact(matrix) * (1 + 1e-12)


def test_it_scales_with_the_matrix_and_is_that_of_the_transpose_and_of_zeros_zero(float64):
    matrix = with_values([3.0, 1.0, 0.5], 5)
    for scale in (1e-12, 1e12):
        np.testing.assert_allclose(VALUE(scale * matrix), 3.0 * scale, rtol=1e-9)
    np.testing.assert_allclose(VALUE(matrix.T.copy()), 3.0, rtol=1e-9)
    assert VALUE(np.zeros((3, 5))) == 0.0


def test_every_weight_is_named_by_its_path_and_is_a_matrix_of_a_row_an_output(float64):
    kernel, table = RNG.standard_normal((3, 3, 2, 4)), RNG.standard_normal((6, 5))
    params = {"conv": {"kernel": kernel, "bias": np.ones(4)}, "names": {"embedding": table}, "gain": np.ones(())}
    matrices = weight_matrices(params)
    assert {name: matrix.shape for name, matrix in matrices.items()} == {
        "conv/kernel": (4, 18), "names/embedding": (5, 6)}
    np.testing.assert_array_equal(matrices["conv/kernel"][1], kernel[..., 1].ravel())
    found = jax.jit(largest_singular_values)(params)
    for name, value in found.items():
        assert 0.98 * exact(matrices[name]) < value <= exact(matrices[name]) * (1 + 1e-12)
