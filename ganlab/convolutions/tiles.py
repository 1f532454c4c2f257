"""Convolutions with kernels of twice the stride by fewer products.

By Winograd 1980, and Lavin & Gray 2016, "Fast algorithms for convolutional neural networks".

Blocks of stride x stride pixels, seen as channels, leave a kernel of 2x2 blocks. Along one axis, 4
neighbouring outputs of 2 taps are the coefficients of a product of polynomials, transposed; such a
product is known from its values at `POINTS` and at infinity. So 4 outputs take 5 products instead
of 8, and a tile of 4x4 outputs 25 instead of 64. Values grow with the powers of the points: in
single precision outputs have a relative error of 2e-6, and sums of all products one of 3e-7 (128
channels).
"""

import functools
import itertools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ganlab.convolutions.products import Geometry, Pair, interleaved, placed, turn
from ganlab.machine.kept_calls import apart
from ganlab.types import Array

TILE = 4
"""Outputs of a tile, along each axis."""
POINTS = (0.0, 1.0, -0.5, -2.0)
"""Where polynomials are evaluated, besides infinity: small points with the least rounding."""


def _others(point: float) -> list[float]:
    return [other for other in POINTS if other != point]


SEEN = np.array([*([*np.poly(_others(point))[::-1], 0] for point in POINTS), np.poly(POINTS)[::-1]])
"""[5, 5]: the first factors of the products from the 5 numbers that a tile sees. Its rows are the
polynomials that vanish at all points but one, which interpolate the values at the points; the
interpolation is transposed."""
TAPS = np.array(
    [*([1, point] / np.prod(np.subtract(point, _others(point))) for point in POINTS), [0, 1]])
"""[5, 2]: the second factors from the taps of the kernel, divided by the polynomials' values."""
MADE = np.array([*(np.power(point, range(TILE)) for point in POINTS), np.eye(TILE)[-1]])
"""[5, 4]: transposed, the outputs from the products."""
ROWS = 512
"""Tiles of a piece of the batch: enough for quick products, and few enough that the sums of a piece
fit into the cache."""

Images = Callable[[], Array]
"""Images [b, h, w, c], taken out of the batch by the program that reads them."""


def tiles_of(outputs: Pair) -> Pair:
    """Computes the number of tiles along each axis that cover the outputs."""
    return tuple(-(-output // TILE) for output in outputs)


def _combined(matrix: np.ndarray, parts: list[Array]) -> Array:
    """Multiplies a matrix with a list of parts: sums of parts, one a row along a new first axis."""
    def times(column: int) -> Array:
        numbers = matrix[:, column].reshape(-1, *[1] * parts[column].ndim)
        return jnp.asarray(numbers, parts[column].dtype) * parts[column][None]

    return sum((times(column) for column in range(1, len(parts))), times(0))


def _every(x: Array, axis: int, extent: int, count: int) -> list[Array]:
    """Lists what lies at each place of `count` tiles, which begin every `TILE` of an axis."""
    return [lax.slice_in_dim(x, place, place + TILE * (count - 1) + 1, TILE, axis)
            for place in range(extent)]


def _factors(matrix: np.ndarray, images: Images, strides: Pair, tiles: Pair) -> Array:
    """Computes factors [25, b*m*n, stride*stride*c] of the 25 products of m x n tiles of images.

    The matrix acts along both axes; blocks of stride x stride pixels are channels.
    """
    def by_rows() -> Array:
        x, (down, right) = images(), strides
        blocks = x.reshape(len(x), x.shape[1] // down, down, x.shape[2] // right, right, x.shape[3])
        return _combined(matrix, _every(blocks, 1, matrix.shape[1], tiles[0]))

    half = apart(by_rows)
    made = apart(lambda: _combined(matrix, [
        part.transpose(0, 1, 2, 4, 3, 5, 6)
        for part in _every(half, 4, matrix.shape[1], tiles[1])]))
    return made.reshape(len(matrix)**2, math.prod(made.shape[2:5]), -1)


def _seen(images: Images, strides: Pair, tiles: Pair, first: Pair) -> Array:
    """Computes the first factors from images, whose first pixel comes to `first` in the tiles."""
    size = tuple(stride * (TILE * count + 1) for stride, count in zip(strides, tiles, strict=True))
    padded = apart(lambda: placed(images(), size, first))
    return _factors(SEEN, lambda: padded, strides, tiles)


def _made(outputs: Images, tiles: Pair) -> Array:
    """Computes the factors of the kernel's gradient from outputs."""
    size = tuple(TILE * count for count in tiles)
    return _factors(MADE, lambda: placed(outputs(), size, (0, 0)), (1, 1), tiles)


def _taps(kernel: Array) -> Array:
    """Computes the second factors [25, c, o] from a kernel [2, 2, c, o]."""
    def combined() -> Array:
        half = _combined(TAPS, list(kernel))
        return _combined(TAPS, [half[:, 0], half[:, 1]])

    return apart(combined).reshape(-1, *kernel.shape[2:])


def _outputs(geometry: Geometry, seen: Array, taps: Array, tiles: Pair) -> Array:
    """Computes the outputs [b, 4m, 4n, o] of m x n tiles from both factors."""
    products = lax.dot_general(
        seen, taps, (((2,), (1,)), ((0,), (0,))), precision=geometry.precision)
    side, channels = len(SEEN), taps.shape[-1]
    half = apart(
        lambda: _combined(MADE.T, list(products.reshape(side, side, -1, *tiles, channels))))
    # [rows, columns, b, m, n, o]
    places = _combined(MADE.T, [half[:, place] for place in range(side)])
    return interleaved(places.transpose(2, 3, 0, 4, 1, 5))


def _kernel_to_blocks(geometry: Geometry, kernel: Array) -> Array:
    """Turns a kernel of pixels, of a multiple of the stride, into one of blocks."""
    (down, right), (rows, columns) = geometry.strides, geometry.blocks.kernel
    channels = kernel.shape[2:]
    kernel = kernel.reshape(rows, down, columns, right, *channels).transpose(0, 2, 1, 3, 4, 5)
    return kernel.reshape(rows, columns, -1, channels[1])


def _kernel_from_products(geometry: Geometry, products: Array) -> Array:
    """Turns sums [25, o, stride*stride*c] of products of outputs and images into a kernel."""
    side = len(SEEN)

    def combined() -> Array:
        half = _combined(TAPS.T, list(products.reshape(side, side, *products.shape[1:])))
        return _combined(TAPS.T, [half[:, place] for place in range(side)])

    (down, right), (rows, columns) = geometry.strides, geometry.blocks.kernel
    kernel = apart(combined)
    kernel = kernel.reshape(rows, columns, kernel.shape[2], down, right, -1).transpose(
        0, 3, 1, 4, 5, 2)
    return kernel.reshape(rows * down, columns * right, *kernel.shape[4:])


def _piece_by_piece(step: Callable, total: Array | None, arrays: tuple[Array, ...],
                    tiles: Pair) -> tuple:
    """Calls `step(total, *pieces) -> (total, images)` on pieces of a batch of about `ROWS` tiles.

    Returns the last total, and the images [b, ...] of all pieces.
    """
    # The largest pieces of one size that have at most `ROWS` tiles, or one image.
    images = arrays[0].shape[0]
    size = max(part for part in range(1, images + 1)
               if images % part == 0 and part * math.prod(tiles) <= max(ROWS, math.prod(tiles)))
    # Neighbours go to different pieces, so that each device, which has neighbours, has a part of
    # every piece.
    arrays = tuple(array.reshape(size, images // size, *array.shape[1:]) for array in arrays)

    def play(number: int | Array, total: Array | None) -> tuple:
        return step(total, *(functools.partial(
            lax.dynamic_index_in_dim, array, number, 1, keepdims=False) for array in arrays))

    def play_next(number: Array, state: tuple) -> tuple:
        total, made = play(number, state[0])
        return total, (None if made is None else
                       lax.dynamic_update_index_in_dim(state[1], made, number, 1))

    # One piece needs no loop.
    if size == images:
        return play(0, total)
    # Each piece puts its images into the array of all of them.
    shape = jax.eval_shape(play, 0, total)[1]
    made = None if shape is None else jnp.zeros(
        (size, images // size, *shape.shape[1:]), shape.dtype)
    total, made = lax.fori_loop(0, images // size, play_next, (total, made))
    return total, None if made is None else made.reshape(images, *made.shape[2:])


def forward_and_kernel_winograd(geometry: Geometry, x: Array, kernel: Array | None,
                                g: Array | None) -> tuple[Array | None, Array | None]:
    """Computes outputs by a kernel, and a kernel by outputs g, from the same first factors.

    Either map is left out, and None, if its argument is None.
    """
    # The kernel's factors are the same for all pieces of the batch.
    tiles = tiles_of(geometry.output)
    taps = None if kernel is None else _taps(_kernel_to_blocks(geometry, kernel))
    first = tuple(pair[0] for pair in geometry.padding)

    def step(total: Array | None, x: Images,
             g: Images | None = None) -> tuple[Array | None, Array | None]:
        seen, outputs = _seen(x, geometry.strides, tiles, first), None
        if taps is not None:
            outputs = _outputs(geometry, seen, taps, tiles)[
                :, :geometry.output[0], :geometry.output[1]]
        if g is not None:
            # On XLA:CPU the narrow matrix has to come first: blocks have stride x stride times the
            # channels of images.
            total += lax.dot_general(_made(g, tiles), seen, (((1,), (1,)), ((0,), (0,))),
                                     precision=geometry.precision)
        return total, outputs

    # Outputs come from each piece, the kernel from the sum over all of them.
    total = None if g is None else jnp.zeros(
        (len(SEEN)**2, g.shape[-1], math.prod(geometry.strides) * x.shape[-1]), x.dtype)
    total, outputs = _piece_by_piece(step, total, (x,) if g is None else (x, g), tiles)
    return outputs, None if g is None else _kernel_from_products(geometry, total)


def forward_winograd(geometry: Geometry, x: Array, kernel: Array) -> Array:
    """Maps images [b, h, w, c] and kernel [kh, kw, c, o] of twice the stride to outputs."""
    return forward_and_kernel_winograd(geometry, x, kernel, None)[0]


def kernel_winograd(geometry: Geometry, x: Array, g: Array) -> Array:
    """Maps images and outputs to a kernel of twice the stride."""
    return forward_and_kernel_winograd(geometry, x, None, g)[1]


def input_winograd(geometry: Geometry, g: Array, kernel: Array) -> Array:
    """Maps outputs and a kernel of twice the stride to images: a convolution a place in it."""
    down, right = geometry.strides
    channels, outputs = kernel.shape[2:]
    tiles = tiles_of(tuple(
        -(-size // stride) for size, stride in zip(geometry.size, geometry.strides, strict=True)))
    kernel = turn(kernel).reshape(2, down, 2, right, outputs, channels)
    convolutions = []
    for row, column in itertools.product(range(down), range(right)):
        # Such a pixel is seen through one tap of each half of the kernel, by two outputs, of which
        # this is the later one.
        (later, i), (further, j) = (
            divmod(place + pair[0], stride) for place, pair, stride
            in zip((row, column), geometry.padding, geometry.strides, strict=True))
        convolutions.append((
            (1 - later, 1 - further), _taps(kernel[:, down - 1 - i, :, right - 1 - j])))

    def step(total: None, g: Images) -> tuple[None, Array]:
        alike = [_outputs(geometry, _seen(g, (1, 1), tiles, first), taps, tiles)
                 for first, taps in convolutions]
        rows = [jnp.stack(alike[row * right:(row + 1) * right], axis=3) for row in range(down)]
        return total, interleaved(jnp.stack(rows, axis=2))[:, :geometry.size[0], :geometry.size[1]]

    return _piece_by_piece(step, None, (g,), tiles)[1]
