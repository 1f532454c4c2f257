"""Statistics of batch normalization with the arithmetic of PyTorch (Ioffe & Szegedy 2015)."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from ganlab.types import Array

MOMENTUM = 0.9
"""Share of the old statistics that an update keeps; PyTorch names what it replaces, 0.1."""


def batch_statistics(module: nn.Module, x: Array, train: bool, axis_name: str | None,
                     unbiased: bool = True) -> tuple[Array, Array]:
    """Computes the mean and variance [c] by which images x [b, h, w, c] are normalized.

    In training they are the batch's own, and running ones follow in the collection `batch_stats`,
    the variance `unbiased` (section 3.1) or as it is; else they are the running ones. Call it inside the compact
    method of a layer, which gets them. Under `pmap` it needs `axis_name`; under `jit` over a mesh
    statistics are global as they are.
    """
    size = x.shape[-1]
    mean = module.variable("batch_stats", "mean", jnp.zeros, (size,), jnp.float32)
    variance = module.variable("batch_stats", "var", jnp.ones, (size,), jnp.float32)
    if not train:
        return mean.value, variance.value

    def average(values: Array) -> Array:
        values = jnp.mean(values, axis=(0, 1, 2))
        return values if axis_name is None else jax.lax.pmean(values, axis_name)

    # Mean and biased variance of the global batch.
    found = average(x)
    used = found, average((x - found) ** 2)
    if not module.is_initializing():
        # The unbiased running variance is that of the whole batch.
        number = x.size // size * (1 if axis_name is None else jax.lax.psum(1, axis_name))
        kept = used[1] * (number / max(number - 1, 1)) if unbiased else used[1]
        mean.value = MOMENTUM * mean.value + (1 - MOMENTUM) * used[0]
        variance.value = MOMENTUM * variance.value + (1 - MOMENTUM) * kept
    return used


def whole(x: Array) -> Array:
    """Converts shorter formats to float32: statistics in halves would have three digits."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
