"""Regularizers of one network's weights: scalars of its params that see no batch, unweighted."""

import jax
import jax.numpy as jnp

from ganlab.types import Array, Tree


def kernels(params: Tree) -> list[Array]:
    """Returns the kernels of a network's layers: no embeddings, gains or biases."""
    return [leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params)
            if path[-1].key == "kernel"]


def orthogonal(params: Tree) -> Array:
    """Computes half the squared inner products of different filters, summed over all kernels.

    The regularizer of Brock et al. 2019, eq. 3. A filter is all weights of one output. Half, so
    that the gradient is that of the official code, 2 (W W^T * (1 - I)) W with `orthogonal_weight`
    1e-4.
    """
    def of_kernel(kernel: Array) -> Array:
        filters = kernel.reshape(-1, kernel.shape[-1]).T
        products = filters @ filters.T
        return 0.5 * jnp.sum((products * (1 - jnp.eye(len(filters)))) ** 2)

    return sum((of_kernel(kernel) for kernel in kernels(params)), jnp.zeros(()))


def l2(params: Tree) -> Array:
    """Computes half the sum of squares of all kernels, whose gradient is the kernels themselves."""
    return sum((0.5 * jnp.sum(kernel**2) for kernel in kernels(params)), jnp.zeros(()))
