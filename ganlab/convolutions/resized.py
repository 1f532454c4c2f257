"""Convolutions of images that are doubled before or halved after, as in residual blocks.

Four neighbours of an image that was doubled by nearest neighbours are one number, and so are four
outputs of which the mean is taken: what a kernel of an odd side k has there are sums of its taps.
So both are convolutions of stride 2 with a kernel of side k + 1, which are each other's transposes.
One of 3x3 takes 16 products for a small pixel, where 36 are in the words. A CPU computes them so;
libraries of accelerators are quickest with 3x3 kernels as they are.
"""

import jax.numpy as jnp

from ganlab.convolutions.layers import convolve, convolve_transposed, convolves_as_written
from ganlab.types import Array


def repeated(x: Array, factor: int) -> Array:
    """Repeats every pixel of images [b, h, w, c] to a block of `factor` by `factor`."""
    return jnp.repeat(jnp.repeat(x, factor, axis=1), factor, axis=2)


def block_means(x: Array, factor: int) -> Array:
    """Averages blocks of `factor` by `factor` pixels of images [b, h, w, c]."""
    b, height, width, c = x.shape
    return jnp.mean(x.reshape(b, height // factor, factor, width // factor, factor, c),
                    axis=(2, 4))


def doubled(x: Array) -> Array:
    """Repeats every pixel of images [b, h, w, c] to 2x2."""
    return repeated(x, 2)


def halved(x: Array) -> Array:
    """Averages 2x2 pixels of images [b, h, w, c]: [b, h / 2, w / 2, c]."""
    return block_means(x, 2)


def convolve_doubled(x: Array, kernel: Array) -> Array:
    """Computes `convolve(doubled(x), kernel)`, [b, 2h, 2w, o], of an odd kernel [k, k, c, o]."""
    side = kernel.shape[0]
    if side == 1:
        return doubled(convolve(x, kernel))
    if convolves_as_written():
        return convolve(doubled(x), kernel)
    pads = ((side + 1) // 2,) * 2
    return convolve_transposed(x, _sums_of_taps(kernel), (2, 2), (pads, pads))


def convolve_halved(x: Array, kernel: Array) -> Array:
    """Computes `halved(convolve(x, kernel))`, [b, h / 2, w / 2, o], of an odd kernel [k, k, c, o]
    and images of even sides."""
    side = kernel.shape[0]
    if side == 1:
        return convolve(halved(x), kernel)
    if convolves_as_written():
        return halved(convolve(x, kernel))
    pads = ((side - 1) // 2,) * 2
    return convolve(x, _sums_of_taps(kernel / 4), (2, 2), (pads, pads))


def _sums_of_taps(kernel: Array) -> Array:
    """Adds to each tap its neighbours before it: [k, k, c, o] to [k + 1, k + 1, c, o]."""
    for axis in (0, 1):
        before, after = ([(0, 0)] * kernel.ndim for _ in range(2))
        before[axis], after[axis] = (1, 0), (0, 1)
        kernel = jnp.pad(kernel, before) + jnp.pad(kernel, after)
    return kernel
