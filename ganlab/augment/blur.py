"""The blur of what a critic sees (Karras et al. 2021, appendix F): strong at first, then none."""

import jax
import jax.numpy as jnp

from ganlab.types import Array

LARGEST_BLUR = 64.0
"""The largest `sigma`, in pixels."""


def blurred(images: Array, sigma: Array | float) -> Array:
    """Blurs images along both axes, as if they were black (0) outside.

    The filter is 2^-(x / sigma)^2 at whole pixels up to 3 sigma away, rounded down, over its sum;
    below a third of a pixel it leaves images as they are.

    Args:
      images: [b, h, w, c].
      sigma: in pixels, from 0 to `LARGEST_BLUR`; traced.
    """
    sigma = jnp.asarray(sigma, images.dtype)

    def filtered(images: Array) -> Array:
        reach = int(3 * LARGEST_BLUR)
        total = jnp.sum(_tap(jnp.arange(-reach, reach + 1), sigma))
        # Along an axis the filter is a product with a matrix of its taps by distance.
        rows, columns = (_tap(jnp.arange(side)[:, None] - jnp.arange(side), sigma) / total
                         for side in images.shape[1:3])
        return jnp.einsum("ih,jw,bhwc->bijc", rows, columns, images)

    return jax.lax.cond(jnp.floor(3 * sigma) > 0, filtered, lambda images: images, images)


def _tap(distance: Array, sigma: Array) -> Array:
    """Computes the weight, not yet divided by the sum, of pixels at a distance."""
    # A stack of trials computes both ways, and must not divide by 0 in the one that is not taken.
    taps = jnp.exp2(-jnp.square(distance / jnp.maximum(sigma, 0.1)))
    return jnp.where(jnp.abs(distance) <= jnp.floor(3 * sigma), taps, 0)
