"""StyleGAN3's filtered nonlinearity: enlarge, activate, reduce (Karras et al. 2021, section 3.2).

A pointwise nonlinearity makes frequencies that a grid of pixels cannot hold. So it works on a finer
grid: pixels are spread and filtered, activated, filtered and thinned. Most of the network's time is
here. On a CPU filters are sums of shifted images (`resampling.shifted`), in their gradients, too;
products with matrices took three times as long (docs/speed.md). On accelerators they are
convolutions of each channel by `lax`. For its gradient the activation keeps where it was positive,
not the numbers of the finer grid, which take four times the space.
"""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ganlab.convolutions.layers import convolves_as_written
from ganlab.machine.kept_calls import apart
from ganlab.networks.style.resampling import shifted
from ganlab.types import Array

SLOPE, GAIN = 0.2, math.sqrt(2)
"""Of the leaky ReLU."""
LEAST_PART = 1e-7
"""Share of the largest part of a radial filter below which a part is left out: single precision
does not see it."""
CLAMPED, NEGATIVE, POSITIVE = range(3)


@dataclasses.dataclass(frozen=True, eq=False)
class Resampling:
    """Spreads images by zeros, pads, filters and thins them, along both axes alike.

    Attributes:
      taps: of the filter, [t] along both axes, or symmetric [t, t].
      up: pixels that each pixel becomes along an axis, itself and zeros.
      down: of the filtered pixels along an axis, one in this many is kept.
      padding: zeros before and after the spread pixels; negative ones cut.
    """

    taps: np.ndarray
    up: int = 1
    down: int = 1
    padding: tuple[int, int] = (0, 0)

    def side(self, side: int) -> int:
        """Computes the side of what becomes of images of a side."""
        return -(-(side * self.up + sum(self.padding) - len(self.taps) + 1) // self.down)

    def adjoint(self, side: int) -> "Resampling":
        """Returns the resampling that takes gradients back to images of a side."""
        low, length = len(self.taps) - 1 - self.padding[0], len(self.taps)
        high = (side - 1) * self.up + length - self.side(side) * self.down - low
        return Resampling(np.flip(self.taps), self.down, self.up, (low, high))


def resampled(images: Array, how: Resampling) -> Array:
    """Resamples images [b, h, w, c] along both axes."""
    if how.up == how.down == len(how.taps) == 1 and how.padding == (0, 0):
        return images * how.taps.item()
    if convolves_as_written():
        return _by_lax(images, how)
    # A filter of two axes is a sum of few that are products of one of each.
    parts = [(1.0, how.taps)] if how.taps.ndim == 1 else separable_parts(how.taps)
    # Enlarging, columns come last, and reducing, first: measured to be quicker.
    axes = (1, 2) if how.up > how.down else (2, 1)

    def along(axis: int, taps: np.ndarray, images: Array) -> Array:
        # A pass along one axis would be computed again for every tap of the one along the other.
        return apart(lambda x: shifted(x, axis, taps, how.up, how.down, how.padding), images)

    return functools.reduce(jnp.add, [
        along(axes[1], taps, along(axes[0], taps * weight, images)) for weight, taps in parts])


def separable_parts(taps: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """Returns numbers and vectors whose outer squares make a symmetric filter [t, t] together.

    They are its eigenvalues and eigenvectors; three or four are more than rounding.
    """
    values, vectors = np.linalg.eigh(taps)
    least = LEAST_PART * np.abs(values).max()
    return [(value, vector) for value, vector in zip(values, vectors.T, strict=True)
            if abs(value) > least]


def _by_lax(images: Array, how: Resampling) -> Array:
    """Resamples by convolutions of each channel: one of both axes, or one along each."""
    channels, turned = images.shape[-1], np.flip(how.taps)
    passes = ([((0, 1), turned)] if turned.ndim == 2 else
              [((0,), turned[:, None]), ((1,), turned[None])])
    # A convolution does not spread zeros after the last pixel: they become padding.
    pads = how.padding[0], how.padding[1] + how.up - 1
    for axes, kernel in passes:
        kernel = jnp.asarray(kernel, images.dtype)[:, :, None, None]
        images = lax.conv_general_dilated(
            images, jnp.broadcast_to(kernel, (*kernel.shape[:3], channels)),
            [how.down if axis in axes else 1 for axis in (0, 1)],
            [pads if axis in axes else (0, 0) for axis in (0, 1)],
            lhs_dilation=[how.up if axis in axes else 1 for axis in (0, 1)],
            dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=channels)
    return images


@dataclasses.dataclass(frozen=True, eq=False)
class FilteredActivation:
    """A leaky ReLU on a finer grid.

    Attributes:
      enlarge: from the images to the finer grid, with a gain that keeps a constant image.
      reduce: from there.
      side: of the images before.
      clamp: limit of the absolute value after the activation; None for none.
    """

    enlarge: Resampling
    reduce: Resampling
    side: int
    clamp: float | None = None


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def filtered_activation(images: Array, how: FilteredActivation) -> Array:
    """Enlarges images [b, h, w, c], applies a leaky ReLU with its gain, clamps, reduces them."""
    return _activate(images, how)[0]


def _activate(images: Array, how: FilteredActivation) -> tuple[Array, Array]:
    """Computes the images, and which case of the activation each pixel of the finer grid is."""
    fine = resampled(images, how.enlarge)
    positive = fine > 0
    y = jnp.where(positive, fine, SLOPE * fine) * jnp.asarray(GAIN, fine.dtype)
    case = positive
    if how.clamp is not None:
        case = jnp.where(jnp.abs(y) > how.clamp, CLAMPED,
                         jnp.where(positive, POSITIVE, NEGATIVE)).astype(jnp.int8)
        y = jnp.clip(y, -how.clamp, how.clamp)
    return resampled(y, how.reduce), case


def _gradient(how: FilteredActivation, case: Array, cotangent: Array) -> tuple[Array]:
    """Takes a cotangent back: the filters turned around, and the slope of each case between."""
    fine = resampled(cotangent, how.reduce.adjoint(case.shape[1]))
    positive = case if how.clamp is None else case == POSITIVE
    g = jnp.where(positive, fine, SLOPE * fine) * jnp.asarray(GAIN, fine.dtype)
    if how.clamp is not None:
        g = jnp.where(case == CLAMPED, 0, g)
    return (resampled(g, how.enlarge.adjoint(how.side)),)


filtered_activation.defvjp(_activate, _gradient)
