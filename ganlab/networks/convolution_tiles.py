"""Convolutions with kernels of twice the stride by fewer products (Winograd 1980; Lavin & Gray 2016, "Fast algorithms
for convolutional neural networks").

Blocks of stride x stride pixels, seen as channels, leave a kernel of 2x2 blocks. Along one axis, 4 neighbouring outputs
of 2 taps are the coefficients of a product of polynomials, turned about; such a product is known from its values at
`POINTS` and at infinity. So 4 outputs take 5 products for 8, and a tile of 4x4 outputs 25 for 64. Values grow with the
powers of the points: in single precision the outputs are known to 2e-6 of their size where sums of all products are
known to 3e-7 (128 channels).
"""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ganlab.networks.convolution_products import (
    Geometry,
    Pair,
    interleaved,
    placed,
    product,
    turn,
)
from ganlab.types import Array

TILE = 4
"""Outputs of a tile, along each axis."""
POINTS = (0.0, 1.0, -0.5, -2.0)
"""Where polynomials are known, besides infinity: of small points, those that round least."""


def _others(point: float) -> list[float]:
    return [other for other in POINTS if other != point]


SEEN = np.array([*([*np.poly(_others(point))[::-1], 0] for point in POINTS), np.poly(POINTS)[::-1]])
"""[5, 5]: the first factors of the products from the 5 numbers that a tile sees: the polynomials that vanish at all
points but one, by which the values at the points are interpolated, turned about."""
TAPS = np.array([*([1, point] / np.prod(np.subtract(point, _others(point))) for point in POINTS), [0, 1]])
"""[5, 2]: the second factors from the taps of the kernel, and what those polynomials are divided by."""
MADE = np.array([*(np.power(point, range(TILE)) for point in POINTS), np.eye(TILE)[-1]])
"""[5, 4]: turned about, the outputs from the products."""


def _combined(coefficients: np.ndarray, parts: list[Array]) -> Array:
    """The sum of parts, each times its number."""
    total = None
    for number, part in zip(coefficients.tolist(), parts, strict=True):
        if number == 0:
            continue
        term = part if abs(number) == 1 else abs(number) * part
        if total is None:
            total = term if number > 0 else -term
        else:
            total = total + term if number > 0 else total - term
    return total


def _combined_twice(matrix: np.ndarray, parts: list[list[Array]]) -> list[Array]:
    """A grid of parts, combined along its columns and its rows by the rows of the matrix, row after row."""
    halves = [[_combined(row, column) for column in zip(*parts, strict=True)] for row in matrix]
    return [_combined(row, half) for half in halves for row in matrix]


def _windows(x: Array, tiles: Pair, extent: int) -> list[list[Array]]:
    """The pixels [b, m, n, c] at each place of the m x n tiles, which begin every `TILE` pixels."""
    last = [TILE * (count - 1) + 1 for count in tiles]
    return [[lax.slice(x, (0, i, j, 0), (x.shape[0], i + last[0], j + last[1], x.shape[3]), (1, TILE, TILE, 1))
             for j in range(extent)] for i in range(extent)]


def _rows(parts: list[Array]) -> list[Array]:
    """Pixels [b, m, n, c] as the rows of a matrix."""
    return [part.reshape(-1, part.shape[-1]) for part in parts]


def _product_inputs(blocks: Array, tiles: Pair) -> list[Array]:
    """Blocks [b, 4m + 1, 4n + 1, c] to the first factors [b*m*n, c] of the 25 products."""
    return _rows(_combined_twice(SEEN, _windows(blocks, tiles, len(SEEN))))


def _kernel_inputs(kernel: Array) -> list[Array]:
    """A kernel [2, 2, c, o] to the second factors [c, o]."""
    return _combined_twice(TAPS, [list(row) for row in kernel])


def _multiplied(geometry: Geometry, blocks: Array, kernel: Array, tiles: Pair) -> list[Array]:
    """Blocks and a kernel [2, 2, c, o] to the outputs [b*m*n, o] at each of the 4x4 places of the tiles."""
    products = [product(geometry, seen, taps, (1, 0))
                for seen, taps in zip(_product_inputs(blocks, tiles), _kernel_inputs(kernel), strict=True)]
    return _combined_twice(MADE.T, _grid(products))


def _grid(parts: list[Array]) -> list[list[Array]]:
    """A square of parts, in rows."""
    side = math.isqrt(len(parts))
    return [parts[first:first + side] for first in range(0, len(parts), side)]


def _joined(places: list[Array], tiles: Pair, tile: Pair, size: Pair) -> Array:
    """Pixels [b*m*n, c] at each place of the m x n tiles, row after row, as images [b, *size, c]."""
    joined = jnp.concatenate(places, axis=-1).reshape(-1, *tiles, *tile, places[0].shape[-1])
    return interleaved(joined.transpose(0, 1, 3, 2, 4, 5))[:, :size[0], :size[1]]


def tiles_of(outputs: Pair) -> Pair:
    """How many tiles cover so many outputs."""
    return tuple(-(-output // TILE) for output in outputs)


def _blocks(geometry: Geometry, x: Array, tiles: Pair) -> Array:
    """Images as the blocks of stride x stride pixels that the tiles see."""
    size = tuple(TILE * count + 1 for count in tiles)
    padded = placed(x, tuple(blocks * stride for blocks, stride in zip(size, geometry.strides, strict=True)),
                    tuple(pair[0] for pair in geometry.padding))
    blocks = padded.reshape(-1, size[0], geometry.strides[0], size[1], geometry.strides[1], x.shape[-1])
    return _settled(blocks.transpose(0, 1, 3, 2, 4, 5).reshape(-1, *size, math.prod(geometry.strides) * x.shape[-1]), x)


def _kernel_to_blocks(geometry: Geometry, kernel: Array) -> Array:
    """A kernel of pixels, of a multiple of the stride, as one of blocks."""
    (down, right), (rows, columns) = geometry.strides, geometry.blocks.kernel
    channels = kernel.shape[2:]
    kernel = kernel.reshape(rows, down, columns, right, *channels).transpose(0, 2, 1, 3, 4, 5)
    return kernel.reshape(rows, columns, -1, channels[1])


def _kernel_from_blocks(geometry: Geometry, kernel: Array) -> Array:
    """A kernel of blocks as one of pixels."""
    (down, right), (rows, columns, _, outputs) = geometry.strides, kernel.shape
    kernel = kernel.reshape(rows, columns, down, right, -1, outputs).transpose(0, 2, 1, 3, 4, 5)
    return kernel.reshape(rows * down, columns * right, -1, outputs)


@jax.custom_batching.custom_vmap
def _settled(computed: Array, source: Array) -> Array:
    """What was computed, in memory once and for all. XLA:CPU computes numbers anew for each that reads them, and its
    barriers are gone before it does so; a loop that ends before it begins stays.

    It would begin where the source is not a number, and change one number of what was computed to that.
    """
    def spoil(state: tuple[Array, Array]) -> tuple[Array, Array]:
        return jnp.array(False), state[1].at[(0,) * computed.ndim].set(jnp.nan)

    return lax.while_loop(lambda state: state[0], spoil, (jnp.isnan(source[(0,) * source.ndim]), computed))[1]


@_settled.def_vmap
def _settled_stack(axis_size: int, which: list[bool], computed: Array, source: Array) -> tuple[Array, bool]:
    return _settled(computed, source), which[0]


def forward_winograd(geometry: Geometry, x: Array, kernel: Array) -> Array:
    """Images [b, h, w, c] and a kernel [kh, kw, c, o] of twice the stride to outputs [b, oh, ow, o]."""
    tiles = tiles_of(geometry.output)
    places = _multiplied(geometry, _blocks(geometry, x, tiles), _kernel_to_blocks(geometry, kernel), tiles)
    return _joined(places, tiles, (TILE, TILE), geometry.output)


def input_winograd(geometry: Geometry, g: Array, kernel: Array) -> Array:
    """Outputs and a kernel of twice the stride to images: a convolution for the pixels at each place in the stride."""
    down, right = geometry.strides
    channels, outputs = kernel.shape[2:]
    tiles = tiles_of(tuple(-(-size // stride) for size, stride in zip(geometry.size, geometry.strides, strict=True)))
    kernel = turn(kernel).reshape(2, down, 2, right, outputs, channels)
    parts = {}
    for row, column in itertools.product(range(down), range(right)):
        # Such a pixel is seen through one tap of each half of the kernel, by two outputs of which this is the later.
        (later, i), (further, j) = (divmod(place + pair[0], stride) for place, pair, stride
                                    in zip((row, column), geometry.padding, geometry.strides, strict=True))
        seen = placed(g, tuple(TILE * count + 1 for count in tiles), (1 - later, 1 - further))
        found = _multiplied(geometry, seen, kernel[:, down - 1 - i, :, right - 1 - j], tiles)
        parts[row, column] = _grid(found)
    places = [parts[row, column][a][b] for a in range(TILE) for row in range(down)
              for b in range(TILE) for column in range(right)]
    return _joined(places, tiles, (TILE * down, TILE * right), geometry.size)


def kernel_winograd(geometry: Geometry, x: Array, g: Array) -> Array:
    """Images and outputs to a kernel of twice the stride."""
    tiles = tiles_of(geometry.output)
    g = placed(g, tuple(TILE * count for count in tiles), (0, 0))
    seen = _product_inputs(_blocks(geometry, x, tiles), tiles)
    made = _rows(_combined_twice(MADE, _windows(g, tiles, TILE)))
    # On XLA:CPU the narrow matrix has to come first, or the product takes twice the time.
    narrow_last = seen[0].shape[1] > g.shape[-1]
    first, second = (made, seen) if narrow_last else (seen, made)
    products = [product(geometry, a, b, (0, 0)) for a, b in zip(first, second, strict=True)]
    kernel = _settled(jnp.stack(_combined_twice(TAPS.T, _grid(products))), g)
    kernel = kernel.reshape(2, 2, *kernel.shape[1:])
    return _kernel_from_blocks(geometry, kernel.swapaxes(2, 3) if narrow_last else kernel)
