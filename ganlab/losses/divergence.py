"""Divergences between distributions in closed form."""

import jax.numpy as jnp

from ganlab.types import Array


def divergence_from_standard_normal(mean: Array, log_variance: Array) -> Array:
    """Computes the KL divergence [b], in nats, of diagonal normals [b, z] from the standard normal.

    Kingma & Welling 2014, appendix B. The variance is given as its natural logarithm.
    """
    # expm1 keeps what is left near a variance of 1, where the terms cancel.
    return 0.5 * jnp.sum(mean**2 + jnp.expm1(log_variance) - log_variance, axis=-1)
