"""Geometric augmentations: one affine map an example, applied by one resampling.

Karras et al. 2020, appendix B. Each operation draws the inverse of its map, from places in the
augmented image to places in the given one; inverses are multiplied on the right. Places are
(x, y, 1) in pixels from the centre of the image, x along its width.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.augment.draws import Draws, gated, where_changed
from ganlab.augment.strengths import Strengths
from ganlab.types import Array

# The low-pass filter of the wavelet sym6 (Daubechies 1992), scaled to sum 1 (appendix B).
SYM6 = np.array([
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633,
    0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252,
    -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148,
]) / np.sqrt(2)
TAPS = len(SYM6)
# Pixels beyond each edge that the last filter reads.
BORDER = TAPS // 4


def _affine(rows: tuple[tuple[Array | float, ...], ...]) -> Array:
    """Stacks two rows of three numbers, each [b] or a constant, to matrices [b, 3, 3]."""
    entries = jnp.broadcast_arrays(*(jnp.asarray(entry) for row in rows for entry in row))
    matrices = jnp.stack(entries, axis=-1).reshape(-1, 2, 3)
    last = jnp.broadcast_to(jnp.array([0, 0, 1], matrices.dtype), (len(matrices), 1, 3))
    return jnp.concatenate([matrices, last], axis=1)


def _stretch(x: Array, y: Array | float) -> Array:
    return _affine(((x, 0, 0), (0, y, 0)))


def _shift(x: Array, y: Array) -> Array:
    return _affine(((jnp.ones_like(x), 0, x), (0, 1, y)))


def _turn(cosine: Array, sine: Array) -> Array:
    return _affine(((cosine, -sine, 0), (sine, cosine, 0)))


def xflip(draws: Draws, p: Array, strengths: Strengths, size: tuple[int, int]) -> Array:
    """Draws a mirroring of left and right, in half of the open cases: [b, 3, 3]."""
    del strengths, size
    flips = gated(draws, p, jnp.floor(draws.uniform() * 2), 0)
    return _stretch(1 - 2 * flips, 1)


def rotate90(draws: Draws, p: Array, strengths: Strengths, size: tuple[int, int]) -> Array:
    """Draws 0 to 3 quarter turns: inverse maps [b, 3, 3], exact in their entries."""
    del strengths, size
    quarters = gated(draws, p, jnp.floor(draws.uniform() * 4), 0)
    angle = jnp.pi / 2 * quarters
    return _turn(jnp.round(jnp.cos(angle)), jnp.round(jnp.sin(angle)))


def xint(draws: Draws, p: Array, strengths: Strengths, size: tuple[int, int]) -> Array:
    """Draws a shift by whole pixels, uniform up to a share of the image: [b, 3, 3]."""
    height, width = size
    share = gated(draws, p, (draws.uniform((2,)) * 2 - 1) * strengths.xint_max, 0)
    return _shift(-jnp.round(share[:, 0] * width), -jnp.round(share[:, 1] * height))


def scale(draws: Draws, p: Array, strengths: Strengths, size: tuple[int, int]) -> Array:
    """Draws a log-normal factor of both axes: inverse maps [b, 3, 3]."""
    del size
    factor = gated(draws, p, jnp.exp2(draws.normal() * strengths.scale_std), 1)
    return _stretch(1 / factor, 1 / factor)


def rotate(draws: Draws, p: Array, strengths: Strengths, size: tuple[int, int]) -> Array:
    """Draws a rotation, uniform to either side: inverse maps [b, 3, 3].

    It happens before and after the anisotropic scale, each time with the probability that makes
    that of one or both p (appendix B).
    """
    del size
    either = 1 - jnp.sqrt(jnp.clip(1 - p, 0, 1))
    angle = gated(draws, either, (draws.uniform() * 2 - 1) * np.pi * strengths.rotate_max, 0)
    return _turn(jnp.cos(angle), jnp.sin(angle))


def aniso(draws: Draws, p: Array, strengths: Strengths, size: tuple[int, int]) -> Array:
    """Draws a log-normal factor of x, by which y is divided: inverse maps [b, 3, 3]."""
    del size
    factor = gated(draws, p, jnp.exp2(draws.normal() * strengths.aniso_std), 1)
    return _stretch(1 / factor, factor)


def xfrac(draws: Draws, p: Array, strengths: Strengths, size: tuple[int, int]) -> Array:
    """Draws a normal shift by a share of the image: inverse maps [b, 3, 3]."""
    height, width = size
    share = gated(draws, p, draws.normal((2,)) * strengths.xfrac_std, 0)
    return _shift(-share[:, 0] * width, -share[:, 1] * height)


GEOMETRY: tuple[tuple[str, Callable[[Draws, Array, Strengths, tuple[int, int]], Array]], ...] = (
    ("xflip", xflip), ("rotate90", rotate90), ("xint", xint), ("scale", scale),
    ("rotate", rotate), ("aniso", aniso), ("rotate", rotate), ("xfrac", xfrac))
"""Operations in their order: pairs, since rotation stands on both sides of `aniso`."""


def upsampling_matrix(size: int) -> np.ndarray:
    """Builds the matrix [6 size - 2, size] from a row of pixels to a row of twice the density.

    The row is continued by its reflection for size - 1 pixels at either end, zeros are put between
    pixels, and the wavelet's filter is convolved with them. A zero beyond each end is what is read
    outside. One matrix for all of it: XLA:CPU multiplies by it as fast as it sums shifted rows,
    and takes the gradient ten times faster.
    """
    source = np.pad(np.arange(size), size - 1, mode="reflect")
    length = 2 * len(source)
    spread = np.zeros((length + TAPS - 1, size))
    spread[TAPS // 2 + 2 * np.arange(len(source)), source] = 1
    # Twice, since every other value is a zero that was put in.
    rows = sum(2 * tap * spread[start:start + length] for start, tap in enumerate(SYM6[::-1]))
    return np.pad(rows, ((1, 1), (0, 0)))


def downsampling_matrix(size: int) -> np.ndarray:
    """Builds the matrix [size, 2 size + 12] back from twice the density, without the border."""
    rows = np.zeros((size, 2 * (size + 2 * BORDER)))
    for start, tap in enumerate(SYM6, start=1):
        rows[np.arange(size), 2 * np.arange(size) + start] = tap
    return rows


def _both_axes(images: Array, along_height: np.ndarray, along_width: np.ndarray) -> Array:
    """Multiplies the columns and rows of images [b, h, w, c] by a matrix each."""
    rows, columns = (jnp.asarray(matrix, images.dtype) for matrix in (along_height, along_width))
    images = jnp.einsum("yh,bhwc->bywc", rows, images, precision="highest")
    return jnp.einsum("xw,bywc->byxc", columns, images, precision="highest")


def _cells(place: Array, length: int) -> tuple[Array, Array]:
    """Splits places on a row of `length` values into the index left of them and the rest."""
    # Both ends of the row are zeros, so that beyond them nothing is read.
    place = jnp.clip(place, 0, length - 1)
    index = jnp.minimum(jnp.floor(place), length - 2)
    return index.astype(jnp.int32), (place - index)[..., None]


def bilinear(images: Array, x: Array, y: Array) -> Array:
    """Reads images [b, h, w, c] at places x, y [b, q, r] in pixels of index: [b, q, r, c].

    Beyond an image its outermost pixels continue.
    """
    height, width, channels = images.shape[1:]
    (left, across), (top, down) = _cells(x, width), _cells(y, height)
    pixels = images.reshape(-1, height * width, channels)
    corner = top * width + left

    def at(offset: int) -> Array:
        return jax.vmap(lambda rows, index: jnp.take(rows, index, axis=0, mode="clip"))(
            pixels, corner + offset)

    # Four neighbours, mixed along rows and then along columns.
    upper = at(0) * (1 - across) + at(1) * across
    lower = at(width) * (1 - across) + at(width + 1) * across
    return upper * (1 - down) + lower * down


def resample(images: Array, inverse: Array) -> Array:
    """Applies affine maps, given by their inverses [b, 3, 3], to images [b, h, w, c].

    Appendix B: reflection beyond the edges, twice the density by the wavelet's filter, bilinear
    reading, and back by the same filter. Official code reflects as far as the batch needs; here it
    is as far as it ever can, so that shapes are static.
    """
    height, width = images.shape[1:3]
    dense = _both_axes(images, upsampling_matrix(height), upsampling_matrix(width))
    # Places to read at twice the density, from the centre: the corner of four pixels is one pixel.
    x = np.arange(2 * (width + 2 * BORDER)) + 1 - (width + 2 * BORDER)
    y = np.arange(2 * (height + 2 * BORDER)) + 1 - (height + 2 * BORDER)
    x, y = (jnp.asarray(place, images.dtype) for place in (x[None, None, :], y[None, :, None]))
    rows = inverse[:, :2, :, None, None]
    x, y = (rows[:, axis, 0] * x + rows[:, axis, 1] * y + 2 * rows[:, axis, 2] - 1
            for axis in (0, 1))
    read = bilinear(dense, x + dense.shape[2] / 2, y + dense.shape[1] / 2)
    return _both_axes(read, downsampling_matrix(height), downsampling_matrix(width))


def augment_geometry(images: Array, draws: Draws, p: Array, operations: tuple[str, ...],
                     strengths: Strengths) -> Array:
    """Applies the geometric ones among `operations` to images [b, h, w, c], each with chance p.

    An image whose map is the identity is returned to the bit.
    """
    size = images.shape[1:3]
    inverse = identity = jnp.eye(3, dtype=images.dtype)[None]
    for name, operation in GEOMETRY:
        if name in operations:
            step = operation(draws, p, strengths, size).astype(images.dtype)
            inverse = jnp.matmul(inverse, step, precision="highest")
    # Nothing is resampled where no operation is on.
    if inverse is identity:
        return images
    changed = jnp.any(inverse != identity, axis=(1, 2))
    return where_changed(changed, resample(images, inverse), images)
