"""Resampling by short filters (Karras et al. 2020b, "Analyzing and improving the image quality of
StyleGAN", appendix B).

An image is spread by zeros, filtered, and thinned: up, FIR, down. A filter of one axis, [taps], is
used along rows and along columns: of small images by a matrix, which XLA:CPU multiplies by as
quickly as it moves pixels and compiles sooner, of others as sums of shifted images, of which none
is spread first. A filter of two axes, [taps, taps], is a convolution of each channel.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import lax

from ganlab.convolutions.layers import convolve, convolve_transposed
from ganlab.types import Array

BINOMIAL = (1.0, 3.0, 3.0, 1.0)
"""Taps of StyleGAN2, before they are brought to a sum of 1."""
MOST_MULTIPLIED = 64
"""Pixels of an axis up to which it is resampled by a matrix."""
Pads = tuple[tuple[int, int], tuple[int, int]]


def normalized(taps: Sequence[float] | np.ndarray) -> np.ndarray:
    """Brings taps, [t] or [t, t], to a sum of 1."""
    taps = np.asarray(taps, np.float64)
    return taps / taps.sum()


def up_fir_down(images: Array, taps: np.ndarray, up: int = 1, down: int = 1,
                pads: Pads = ((0, 0), (0, 0)), gain: float = 1.0, flip: bool = False) -> Array:
    """Spreads images [b, h, w, c] by zeros, pads, filters and thins them.

    Args:
      images: the images.
      taps: of the filter, [t] along both axes or [t, t].
      up: pixels that each pixel becomes along each axis, itself and zeros.
      down: of the filtered pixels along each axis, one in this many is kept.
      pads: zeros before and after the spread rows and columns; negative ones cut.
      gain: factor of the filter over both axes.
      flip: whether taps are multiplied in their own order (a correlation) or backwards (a
        convolution).
    """
    taps = np.asarray(taps, np.float64)
    taps = taps if flip else np.flip(taps)
    # Taps of two axes cannot be taken one axis after the other.
    if taps.ndim == 2:
        return _filter_channels(images, taps * gain, up, down, pads)
    for axis, padding in zip((1, 2), pads, strict=True):
        along = _multiplied if images.shape[axis] <= MOST_MULTIPLIED else shifted
        images = along(images, axis, taps * np.sqrt(gain), up, down, padding)
    return images


def _multiplied(images: Array, axis: int, taps: np.ndarray, up: int, down: int,
                padding: tuple[int, int]) -> Array:
    """Resamples along one axis by a matrix [outputs, pixels]."""
    extent = images.shape[axis]
    outputs = -(-(extent * up + sum(padding) - len(taps) + 1) // down)
    # Spread pixel j * down + k - padding is an image's pixel, or a zero.
    places = np.arange(outputs)[:, None] * down + np.arange(len(taps)) - padding[0]
    held = (places % up == 0) & (places >= 0) & (places < extent * up)
    matrix = np.zeros((outputs, extent))
    rows, found = np.nonzero(held)
    np.add.at(matrix, (rows, places[held] // up), taps[found])
    matrix = jnp.asarray(matrix, images.dtype)
    if axis == 2:
        return matrix @ images
    batch, _, width, channels = images.shape
    return (matrix @ images.reshape(batch, extent, -1)).reshape(batch, outputs, width, channels)


def shifted(images: Array, axis: int, taps: np.ndarray, up: int, down: int,
            padding: tuple[int, int]) -> Array:
    """Resamples images [b, h, w, c] along one axis by sums of shifted images.

    Each place within the spread has its own taps and neighbours. Arguments are those of
    `up_fir_down`, for one axis; taps are multiplied in their own order.
    """
    extent = images.shape[axis]
    length = extent * up + sum(padding) - len(taps) + 1
    # Shifts of the places 0 to up - 1: spread pixel j + k - padding is an image's pixel.
    shifts = [[(tap, (place + tap - padding[0]) // up) for tap in range(len(taps))
               if (place + tap - padding[0]) % up == 0] for place in range(up)]
    rows = -(-length // up)
    every = [shift for found in shifts for _, shift in found]
    before, after = max(0, -min(every)), max(0, rows - 1 + max(every) - (extent - 1))
    zero = jnp.zeros((), images.dtype)
    # Zeros around the image, as far as any tap reads.
    padded = lax.pad(images, zero, [(before, after, 0) if number == axis else (0, 0, 0)
                                    for number in range(images.ndim)])
    step = down if up == 1 else 1
    kept = -(-length // step) if up == 1 else rows

    def moved(shift: int) -> Array:
        start = before + shift
        return lax.slice_in_dim(padded, start, start + (kept - 1) * step + 1, step, axis)

    places = [sum(moved(shift) * taps[tap].astype(images.dtype) for tap, shift in found)
              for found in shifts]
    if up == 1:
        return places[0]
    # Places are interleaved again, and what lies beyond the end is cut.
    shape = list(images.shape)
    shape[axis] = rows * up
    spread = jnp.stack(places, axis + 1).reshape(shape)
    return lax.slice_in_dim(spread, 0, length, down, axis)


def _filter_channels(images: Array, taps: np.ndarray, up: int, down: int, pads: Pads) -> Array:
    """Filters each channel by taps of two axes."""
    channels = images.shape[-1]
    zero = jnp.zeros((), images.dtype)
    spread = lax.pad(images, zero, [(0, 0, 0), *((before, after + up - 1, up - 1)
                                                 for before, after in pads), (0, 0, 0)])
    kernel = jnp.broadcast_to(jnp.asarray(taps, images.dtype)[:, :, None, None],
                              (*taps.shape, 1, channels))
    return lax.conv_general_dilated(spread, kernel, (down, down), "VALID",
                                    dimension_numbers=("NHWC", "HWIO", "NHWC"),
                                    feature_group_count=channels)


def upsampled(images: Array, taps: np.ndarray, factor: int = 2) -> Array:
    """Enlarges images [b, h, w, c] by a filter; a constant image keeps its value."""
    pad = (len(taps) + factor - 1) // 2, (len(taps) - factor) // 2
    return up_fir_down(images, taps, up=factor, pads=(pad, pad), gain=factor**2)


def downsampled(images: Array, taps: np.ndarray, factor: int = 2) -> Array:
    """Reduces images [b, h, w, c] after a filter."""
    pad = (len(taps) - factor + 1) // 2, (len(taps) - factor) // 2
    return up_fir_down(images, taps, down=factor, pads=(pad, pad))


def filtered(images: Array, taps: np.ndarray) -> Array:
    """Filters images [b, h, w, c], whose size stays."""
    pad = len(taps) // 2, (len(taps) - 1) // 2
    return up_fir_down(images, taps, pads=(pad, pad))


def resampling_convolution(images: Array, kernel: Array, taps: np.ndarray, up: int = 1,
                           down: int = 1, flip: bool = True) -> Array:
    """Convolves images [b, h, w, c] and enlarges or reduces them by a filter.

    The size is kept but for `up` and `down`, of which one is 1. A kernel of one pixel meets the
    smaller image, a larger one the spread image before the filter (up) or the filtered one (down).

    Args:
      images: the images.
      kernel: [k, k, c, o], k odd.
      taps: of the filter.
      up: factor of enlargement.
      down: factor of reduction.
      flip: whether the kernel is multiplied in its own order (a correlation) or backwards.
    """
    side, length = kernel.shape[0], len(taps)
    kernel = kernel if flip else kernel[::-1, ::-1]
    pad = side // 2
    # Without resampling the filter is not used.
    if up == down == 1:
        return convolve(images, kernel, (1, 1), ((pad, pad), (pad, pad)))
    # Reducing, the filter comes first; for single pixels it thins, so that fewer are convolved.
    if down > 1:
        low, high = pad + (length - down + 1) // 2, pad + (length - down) // 2
        if side == 1:
            small = up_fir_down(images, taps, down=down, pads=((low, high), (low, high)))
            return convolve(small, kernel, (1, 1), "VALID")
        soft = up_fir_down(images, taps, pads=((low, high), (low, high)))
        return convolve(soft, kernel, (down, down), "VALID")
    # Enlarging, it comes last.
    low, high = pad + (length + up - 1) // 2, pad + (length - up) // 2
    if side == 1:
        return up_fir_down(convolve(images, kernel, (1, 1), "VALID"), taps, up=up,
                           pads=((low, high), (low, high)), gain=up**2)
    # The spread image has side - 1 zeros around it, of which the filter's padding has fewer.
    large = convolve_transposed(images, kernel, (up, up), ((side - 1, side - 1),) * 2)
    pads = (low - (side - 1), high - (side - up))
    return up_fir_down(large, taps, pads=(pads, pads), gain=up**2)
