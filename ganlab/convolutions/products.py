"""The three bilinear maps of a convolution as matrix products, quicker on some processors.

The inner product of g and a convolution of images x by a kernel k is linear in each of x, k and g.
Its gradients are the three maps: `forward` from (x, k) to outputs, `input` from (g, k) to images,
`kernel` from (x, g) to kernels. Each can be computed in several ways, equal but for rounding:

- `gather`: one row of a matrix for each output pixel, the patch that it sees, and one product.
- `scatter`: one product for each input pixel, whose results are added up where they belong. At
  stride 1 a map has both ways, because the convolution that leads back has the turned kernel; the
  side with fewer channels is cheaper to move.
"""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
from jax import lax

from ganlab.types import Array

Pair = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Geometry:
    """The static part of a convolution of images of `size` (h, w); negative padding crops."""

    size: Pair
    kernel: Pair
    strides: Pair
    padding: tuple[Pair, Pair]
    precision: lax.Precision | None = None

    @property
    def output(self) -> Pair:
        """Height and width of the output."""
        return tuple((size + sum(padding) - kernel) // stride + 1
                     for size, kernel, stride, padding in zip(
                         self.size, self.kernel, self.strides, self.padding, strict=True))

    @property
    def back(self) -> "Geometry":
        """At stride 1, the convolution by the turned kernel that maps outputs back to images."""
        low = [kernel - 1 - padding[0]
               for kernel, padding in zip(self.kernel, self.padding, strict=True)]
        high = [size + kernel - 1 - output - before for size, kernel, output, before
                in zip(self.size, self.kernel, self.output, low, strict=True)]
        return dataclasses.replace(
            self, size=self.output, padding=tuple(zip(low, high, strict=True)))

    @property
    def blocks(self) -> "Geometry":
        """The same convolution of blocks of stride x stride pixels, at stride 1."""
        kernel = tuple(-(-kernel // stride)
                       for kernel, stride in zip(self.kernel, self.strides, strict=True))
        size = tuple(output + extent - 1
                     for output, extent in zip(self.output, kernel, strict=True))
        return dataclasses.replace(
            self, size=size, kernel=kernel, strides=(1, 1), padding=((0, 0), (0, 0)))


def turn(kernel: Array) -> Array:
    """Turns a kernel [h, w, c, o] by half a circle and exchanges its channels: [h, w, o, c]."""
    return jnp.swapaxes(kernel[::-1, ::-1], 2, 3)


def _pad(x: Array, padding: tuple[Pair, Pair]) -> Array:
    """Pads images [b, h, w, c] with zeros, or crops them by negative padding."""
    return lax.pad(x, jnp.zeros((), x.dtype),
                   [(0, 0, 0), *((*pair, 0) for pair in padding), (0, 0, 0)])


def placed(x: Array, size: Pair, first: Pair) -> Array:
    """Pads or crops images to `size` so that the pixel at 0 comes to `first`."""
    return _pad(x, tuple((before, after - present - before)
                         for before, after, present in zip(first, size, x.shape[1:3], strict=True)))


def product(geometry: Geometry, a: Array, b: Array, axes: Pair) -> Array:
    """Computes the product of two matrices over one axis of each."""
    return lax.dot_general(a, b, (((axes[0],), (axes[1],)), ((), ())), precision=geometry.precision)


def _product_of_pixels(geometry: Geometry, images: Array, b: Array) -> Array:
    """Computes images [b, h, w, i] times b [i, j], as [b, h, w, j]."""
    @jax.custom_batching.custom_vmap
    def multiply(images: Array, b: Array) -> Array:
        # XLA:CPU has two libraries for products. The one that it prefers takes up to twice the time
        # for many rows and few columns; convolutions of single pixels go to the other one.
        return lax.conv_general_dilated(
            images, b[None, None], (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision=geometry.precision)

    @multiply.def_vmap
    def stacked(axis_size: int, which: list[bool], images: Array, b: Array) -> tuple[Array, bool]:
        def alone(images: Array, b: Array) -> Array:
            return product(geometry, images, b, (3, 0))

        return jax.vmap(alone, [0 if split else None for split in which])(images, b), True

    return multiply(images, b)


def _seen(geometry: Geometry, padded: Array, axis: int) -> list[Array]:
    """Lists what outputs see through each place in the kernel; height is `axis` of the images."""
    reach = [(outputs - 1) * stride + 1
             for outputs, stride in zip(geometry.output, geometry.strides, strict=True)]
    found = []
    for i, j in itertools.product(*map(range, geometry.kernel)):
        low, high, steps = [0] * 4, list(padded.shape), [1] * 4
        low[axis:axis + 2], high[axis:axis + 2] = (i, j), (i + reach[0], j + reach[1])
        steps[axis:axis + 2] = geometry.strides
        found.append(lax.slice(padded, low, high, steps))
    return found


def _taps(geometry: Geometry, x: Array) -> list[Array]:
    """Lists the pixels [b*oh*ow, c] that outputs see through each place in the kernel."""
    return [tap.reshape(-1, x.shape[-1]) for tap in _seen(geometry, _pad(x, geometry.padding), 1)]


def _patches(geometry: Geometry, x: Array) -> Array:
    """Joins what each output sees, [b*oh*ow, kh*kw*c]."""
    return jnp.concatenate(_taps(geometry, x), axis=-1)


def forward_gather(geometry: Geometry, x: Array, kernel: Array) -> Array:
    """Maps images [b, h, w, c] and kernel [kh, kw, c, o] to outputs [b, oh, ow, o], by patches."""
    channels = kernel.shape[-1]
    outputs = product(geometry, _patches(geometry, x), kernel.reshape(-1, channels), (1, 0))
    return outputs.reshape(-1, *geometry.output, channels)


def forward_grouped(geometry: Geometry, x: Array, kernel: Array, groups: int) -> Array:
    """Maps images [b, h, w, c] and kernel [kh, kw, c / groups, o] to outputs [b, oh, ow, o], each
    group of channels by itself: a product of patches a group.

    Its derivatives are products, too; those of XLA:CPU's own grouped convolutions took fifty times
    as long.
    """
    inputs, outputs = kernel.shape[2], kernel.shape[3] // groups
    # Groups before the batch: images that are convolved alone.
    apart = jnp.moveaxis(x.reshape(*x.shape[:3], groups, inputs), 3, 0)
    apart = _pad(apart.reshape(-1, *x.shape[1:3], inputs), geometry.padding)
    patches = jnp.concatenate(_seen(geometry, apart, 1), axis=-1)
    patches = patches.reshape(groups, -1, patches.shape[-1])
    kernels = jnp.moveaxis(kernel.reshape(-1, groups, outputs), 1, 0)
    made = lax.dot_general(patches, kernels, (((2,), (1,)), ((0,), (0,))),
                           precision=geometry.precision)
    made = made.reshape(groups, -1, *geometry.output, outputs)
    return jnp.moveaxis(made, 0, 3).reshape(-1, *geometry.output, groups * outputs)


def forward_scatter(geometry: Geometry, x: Array, kernel: Array) -> Array:
    """Computes `forward_gather` at stride 1 by products at every pixel of x."""
    return input_scatter(geometry.back, x, turn(kernel))


def input_scatter(geometry: Geometry, g: Array, kernel: Array) -> Array:
    """Maps outputs [b, oh, ow, o] and kernel [kh, kw, c, o] to images [b, h, w, c], by outputs."""
    kh, kw, channels, outputs = kernel.shape
    (down, right), (rows, columns) = geometry.strides, geometry.blocks.kernel
    # Filled up with zeros, a kernel is whole blocks of stride x stride, and the images are a sum of
    # shifted products.
    kernel = jnp.pad(kernel, ((0, rows * down - kh), (0, columns * right - kw), (0, 0), (0, 0)))
    products = _product_of_pixels(geometry, g, kernel.reshape(-1, outputs).T)
    products = products.reshape(*g.shape[:3], rows, down, columns, right, channels)
    size = geometry.blocks.size
    shifted = [placed(products[:, :, :, i, :, j].reshape(*g.shape[:3], -1), size, (i, j))
               for i in range(rows) for j in range(columns)]
    return _from_blocks(geometry, sum(shifted[1:], shifted[0]))


def input_gather(geometry: Geometry, g: Array, kernel: Array) -> Array:
    """Computes `input_scatter` at stride 1 by patches of g."""
    return forward_gather(geometry.back, g, turn(kernel))


def kernel_gather(geometry: Geometry, x: Array, g: Array) -> Array:
    """Maps images [b, h, w, c] and outputs [b, oh, ow, o] to a kernel [kh, kw, c, o], by pixels."""
    channels, outputs = x.shape[-1], g.shape[-1]
    rows = g.reshape(-1, outputs)
    if channels < WIDE:
        # The patches as columns, [kh*kw*c, b*oh*ow]: few channels are quick to move there.
        columns = jnp.stack(_seen(geometry, _pad(x, geometry.padding).transpose(3, 0, 1, 2), 2))
        kernel = product(geometry, columns.reshape(-1, len(rows)), rows, (1, 0))
    else:
        # Patches of many channels cost more memory than one large product gains. Products over the
        # rows of two matrices are slow: g is transposed once for all taps, and the barrier keeps
        # the compiler from undoing it.
        columns = lax.optimization_barrier(rows.T)
        kernel = jnp.stack([product(geometry, columns, tap, (1, 0))
                            for tap in _taps(geometry, x)]).swapaxes(1, 2)
    return kernel.reshape(*geometry.kernel, channels, outputs)


def kernel_scatter(geometry: Geometry, x: Array, g: Array) -> Array:
    """Computes `kernel_gather` at stride 1 by patches of g."""
    return turn(kernel_gather(geometry.back, g, x))


def _unfold(x: Array, block: Pair) -> Array:
    """Unfolds channels [b, h, w, i*j*c] to blocks of pixels: [b, h*i, w*j, c]."""
    images, height, width, channels = x.shape
    down, right = block
    x = x.reshape(images, height, width, down, right, channels // (down * right))
    return interleaved(x.transpose(0, 1, 3, 2, 4, 5))


def interleaved(x: Array) -> Array:
    """Reshapes blocks of pixels [b, h, i, w, j, c] to images [b, h*i, w*j, c]."""
    images, height, down, width, right, channels = x.shape
    return x.reshape(images, height * down, width * right, channels)


def _from_blocks(geometry: Geometry, x: Array) -> Array:
    """Turns blocks into the images that they are parts of, without padding."""
    return placed(_unfold(x, geometry.strides), geometry.size,
                  tuple(-pair[0] for pair in geometry.padding))


WIDE = 32
"""Channels from which on each pixel of a patch is multiplied alone, not the whole patch at once."""
