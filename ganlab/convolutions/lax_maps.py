"""The three maps of a convolution by `lax`, each in the form that XLA:CPU computes quickest."""

import math

import jax
import jax.numpy as jnp
from jax import lax

from ganlab.convolutions import products as products
from ganlab.convolutions.products import Geometry, Pair
from ganlab.types import Array


def forward_lax(geometry: Geometry, x: Array, kernel: Array) -> Array:
    """Computes outputs by one convolution."""
    return lax.conv_general_dilated(
        x, kernel, geometry.strides, geometry.padding, dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=geometry.precision)


def input_lax(geometry: Geometry, g: Array, kernel: Array) -> Array:
    """Computes images by a convolution for each place in the stride.

    The gradient of the whole would multiply by the zeros between the outputs.
    """
    kernel = products.turn(kernel)
    rows, columns = ([_seen_by(geometry, axis, place) for place in range(stride)]
                     for axis, stride in enumerate(geometry.strides))
    alike = [jnp.stack([_convolve_part(geometry, g, kernel, row, column) for column in columns],
                       axis=3) for row in rows]
    return products.interleaved(jnp.stack(alike, axis=2))[:, :geometry.size[0], :geometry.size[1]]


def _seen_by(geometry: Geometry, axis: int, place: int) -> tuple[slice, Pair]:
    """Returns what pixels at a place in the stride see of the turned kernel, and output padding."""
    extent, stride = geometry.kernel[axis], geometry.strides[axis]
    before = geometry.padding[axis][0] + place
    first = (extent - 1 - before) % stride
    taps = -(-(extent - first) // stride)
    # The output that the first tap of the first pixel sees.
    low = (before - (extent - 1 - first)) // stride
    pixels = -(-geometry.size[axis] // stride)
    return slice(first, None, stride), (-low, low + pixels - 1 + taps - geometry.output[axis])


def _convolve_part(geometry: Geometry, g: Array, kernel: Array, row: tuple[slice, Pair],
                   column: tuple[slice, Pair]) -> Array:
    part = kernel[row[0], column[0]]
    size = [sum(padding) + extent - taps + 1 for (_, padding), extent, taps
            in zip((row, column), geometry.output, part.shape, strict=False)]
    if not part.size:  # A kernel smaller than the stride leaves pixels that no output sees.
        return jnp.zeros((g.shape[0], *size, kernel.shape[-1]), g.dtype)
    return lax.conv_general_dilated(
        g, part, (1, 1), (row[1], column[1]), dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=geometry.precision)


def kernel_lax(geometry: Geometry, x: Array, g: Array) -> Array:
    """Computes a kernel by outputs that slide over the images; the sum is over the batch."""
    if geometry.strides == (1, 1):
        # Outputs that slide are a window no larger than the images. Of wider padding XLA:CPU makes
        # a loop that takes a hundred times as long: there the images slide over the outputs.
        if math.prod(geometry.output) > math.prod(geometry.size):
            return products.turn(kernel_lax(geometry.back, g, x))
        kernel = jax.ShapeDtypeStruct((*geometry.kernel, x.shape[-1], g.shape[-1]), g.dtype)
        return jax.linear_transpose(lambda kernel: forward_lax(geometry, x, kernel), kernel)(g)[0]
    # With strides, rows of pixels times channels slide as one axis, which XLA:CPU moves sooner.
    images, height, width, channels = x.shape
    rows, columns = (
        (low, extent + (outputs - 1) * stride - size - low)
        for (low, _), extent, outputs, stride, size in zip(
            geometry.padding, geometry.kernel, geometry.output, geometry.strides, geometry.size,
            strict=True))
    kernel = lax.conv_general_dilated(
        x.transpose(1, 2, 3, 0).reshape(1, height, width * channels, images),
        g.transpose(1, 2, 0, 3), (1, 1), (rows, tuple(pixels * channels for pixels in columns)),
        rhs_dilation=(geometry.strides[0], geometry.strides[1] * channels),
        dimension_numbers=("NHWC", "HWIO", "NHWC"), precision=geometry.precision)
    return kernel.reshape(*geometry.kernel, channels, -1)
