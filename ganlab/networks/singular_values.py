"""The largest singular value of each weight of a network, whose growth foretells collapse (Brock et
al. 2019, section 4.2 and figure 3)."""

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.networks.spectral import power_iteration, singular_values
from ganlab.types import Array, Tree

ITERATIONS = 30
SMALLEST_NORM = 1e-30


def weight_matrices(params: Tree) -> dict[str, Array]:
    """Returns every weight of a network as a matrix, by its path joined by slashes.

    A weight is an array of two axes or more, as it is stored: before spectral normalization, and
    before it is scaled for an equalized learning rate. The matrix has a row for each index of its
    last axis, which counts outputs (that of an embedding is turned, which changes no value).
    """
    return {"/".join(str(key.key) for key in path): leaf.reshape(-1, leaf.shape[-1]).T
            for path, leaf in jax.tree_util.tree_leaves_with_path(params) if leaf.ndim > 1}


def largest_singular_value(matrix: Array) -> Array:
    """Computes the largest singular value [] of a matrix [rows, rest] by 30 power iterations.

    They begin at a fixed vector, so that the value depends on the matrix alone. It is never above
    the true one, but for rounding; where the second value is at most 0.8 of the first, it is exact
    to float32. Where many values lie close to the first, as in a random matrix, it is up to 2%
    below.
    """
    matrix = matrix.astype(jnp.promote_types(matrix.dtype, jnp.float32))
    start = np.random.default_rng(0).standard_normal((1, len(matrix))).astype(matrix.dtype)
    left, right = jax.lax.fori_loop(
        0, ITERATIONS, lambda _, found: power_iteration(matrix, found[0], SMALLEST_NORM),
        (jnp.asarray(start), jnp.zeros((1, matrix.shape[1]), matrix.dtype)))
    return singular_values(matrix, left, right)[0]


def largest_singular_values(params: Tree) -> dict[str, Array]:
    """Computes the largest singular value [] of each of a network's `weight_matrices`."""
    return {name: largest_singular_value(matrix)
            for name, matrix in weight_matrices(params).items()}
