"""Layers of style networks: equalized rates, modulated convolutions, noise, minibatch deviation.

Karras et al. 2018, "Progressive growing of GANs", section 4.1 (equalized learning rates: weights of
unit variance are scaled where they are used), and Karras et al. 2020b, "Analyzing and improving the
image quality of StyleGAN", section 2.2 (modulation, demodulation).
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from ganlab.networks.activations import leaky_relu
from ganlab.networks.style.resampling import BINOMIAL, normalized, resampling_convolution
from ganlab.types import Array

TAPS = normalized(BINOMIAL)
DEMODULATION = 1e-8
"""Added to the squared norm of a demodulated kernel."""
SQUARES = 1e-8
"""Added to the mean square of a vector that is normalized, and to variances of a minibatch."""
UNIT = nn.initializers.normal(1.0)


def scaled_kernel(module: nn.Module, shape: tuple[int, ...], gain: float = 1.0, rate: float = 1.0,
                  equalized: bool = True) -> Array:
    """Computes the kernel of a compact module, of deviation `gain` by the root of its inputs at
    first (He et al. 2015).

    Args:
      module: gets the parameter `kernel`.
      shape: of the kernel, outputs last.
      gain: factor of the deviation, such as the root of 2 before a ReLU.
      rate: multiplies the learning rate: weights are that many times larger at rest.
      equalized: whether weights rest at a deviation of 1 and are scaled here, at run time, in place
        of an initial deviation (section 4.1).
    """
    deviation = gain / math.sqrt(math.prod(shape[:-1]))
    at_rest = 1.0 if equalized else deviation
    kernel = module.param("kernel", nn.initializers.normal(at_rest / rate), shape)
    return kernel * (deviation * rate if equalized else rate)


def follow_average(module: nn.Module, styles: Array, rate: float, axis_name: str | None,
                   train: bool) -> None:
    """Moves a compact module's average of styles [b, d], in the collection `styles`, in training.

    Each pass moves it to the mean of the batch over all devices by 1 - `rate`.
    """
    average = module.variable("styles", "average", jnp.zeros, styles.shape[-1:])
    if train and module.is_mutable_collection("styles") and not module.is_initializing():
        mean = jax.lax.stop_gradient(jnp.mean(styles.astype(average.value.dtype), axis=0))
        mean = mean if axis_name is None else jax.lax.pmean(mean, axis_name)
        average.value = mean + rate * (average.value - mean)


def normalize_vectors(x: Array) -> Array:
    """Scales vectors [..., d], such as the pixels of features, to a mean square of 1."""
    return x * jax.lax.rsqrt(jnp.mean(jnp.square(x), axis=-1, keepdims=True) + SQUARES)


def activated(x: Array, clamp: float | None, gain: float = 1.0, linear: bool = False) -> Array:
    """Computes a leaky ReLU of slope 0.2 times its gain, root of 2, and clamps it.

    Args:
      x: of any shape.
      clamp: limit of the absolute value, before `gain`; None for none.
      gain: factor beside the activation's own.
      linear: leaves out the ReLU and its gain.
    """
    # The limit is of the activation's own gain, and scaled by the other.
    x = x if linear else leaky_relu(x, 0.2)
    scale = gain if linear else gain * math.sqrt(2)
    x = x if scale == 1 else x * scale
    return x if clamp is None else jnp.clip(x, -clamp * gain, clamp * gain)


class Dense(nn.Module):
    """A dense layer with equalized rates: [b, d] to [b, features], perhaps activated.

    `gain`, `rate` and `equalized` are those of its kernel, see `scaled_kernel`. The rate is that of
    biases, too, which start at `bias`.
    """

    features: int
    active: bool = False
    rate: float = 1.0
    bias: float = 0.0
    gain: float = 1.0
    equalized: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = scaled_kernel(self, (x.shape[-1], self.features), self.gain, self.rate,
                               self.equalized)
        bias = self.param("bias", nn.initializers.constant(self.bias), (self.features,))
        y = x @ kernel.astype(x.dtype) + (bias * self.rate).astype(x.dtype)
        return activated(y, None) if self.active else y


class Convolution(nn.Module):
    """A convolution with equalized rates of images [b, h, w, c], enlarged or reduced by the filter.

    Without `active` it has no bias and no activation either, as beside a residual block.
    """

    features: int
    side: int
    up: int = 1
    down: int = 1
    active: bool = True
    clamp: float | None = None

    @nn.compact
    def __call__(self, x: Array, gain: float = 1.0) -> Array:
        shape = (self.side, self.side, x.shape[-1], self.features)
        # He's constant at run time; enlarging, the official code turns the kernel.
        kernel = self.param("kernel", UNIT, shape) / math.sqrt(math.prod(shape[:3]))
        y = resampling_convolution(x, kernel.astype(x.dtype), TAPS, self.up, self.down,
                                   flip=self.up == 1)
        if self.active:
            y = y + self.param("bias", nn.initializers.zeros_init(), shape[-1:]).astype(x.dtype)
        return activated(y, self.clamp, gain, linear=not self.active)


def modulated_convolution(x: Array, kernel: Array, scales: Array, up: int = 1,
                          demodulate: bool = True) -> Array:
    """Convolves each image [b, h, w, c] by its own kernel: one kernel whose inputs are scaled.

    The images are scaled instead of the kernel (eq. 1), and outputs divided by the norm of their
    scaled kernel (eq. 3), so that one convolution serves the batch. The kernel is turned where it
    enlarges.

    Args:
      x: images.
      kernel: [k, k, c, o].
      scales: of the inputs [b, c].
      up: factor of enlargement.
      demodulate: whether outputs are divided by the norm.
    """
    y = resampling_convolution(x * scales[:, None, None, :].astype(x.dtype),
                               kernel.astype(x.dtype), TAPS, up, flip=up == 1)
    if not demodulate:
        return y
    # The squared norm of a scaled kernel, by output: squared scales times sums of squares.
    norms = jnp.square(scales) @ jnp.sum(jnp.square(kernel), axis=(0, 1))
    return y * jax.lax.rsqrt(norms + DEMODULATION)[:, None, None, :].astype(x.dtype)


def draw_noise(keys: Array, sizes: Sequence[tuple[int, int]]) -> list[Array]:
    """Draws noise [b, h, w, 1] of deviation 1 for each of several layers, by each example's key.

    All of it is one draw, cut into pieces: each draw is a cipher of its own to compile.
    """
    numbers = [rows * columns for rows, columns in sizes]
    drawn = jax.vmap(lambda key: jax.random.normal(key, (sum(numbers),)))(keys)
    pieces = jnp.split(drawn, np.cumsum(numbers)[:-1], axis=1)
    return [piece.reshape(-1, *size, 1) for piece, size in zip(pieces, sizes, strict=True)]


class StyledConvolution(nn.Module):
    """A modulated 3x3 convolution, noise, bias and activation: [b, h, w, c] by styles [b, d].

    Noise is given, [b, h, w, 1], or is the layer's constant, in the collection `noise`; `amount`
    multiplies either.
    """

    features: int
    up: int = 1
    clamp: float | None = None

    @nn.compact
    def __call__(self, x: Array, styles: Array, noise: Array | None = None,
                 amount: Array | float = 1.0, gain: float = 1.0) -> Array:
        # Scales of the inputs by an affine map of the style, around 1.
        scales = Dense(x.shape[-1], bias=1.0, name="affine")(styles)
        kernel = self.param("kernel", UNIT, (3, 3, x.shape[-1], self.features))
        y = modulated_convolution(x, kernel, scales, self.up)
        # One number learns how much noise there is.
        shape = y.shape[1:3]
        constant = self.variable("noise", "constant", lambda: jax.random.normal(
            self.make_rng("params"), (*shape, 1))).value
        strength = self.param("noise_strength", nn.initializers.zeros_init(), ())
        noise = constant if noise is None else noise
        y = y + (noise * (strength * amount)).astype(y.dtype)
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        return activated(y + bias.astype(y.dtype), self.clamp, gain)


class ToImage(nn.Module):
    """A modulated 1x1 convolution to an image's channels, without demodulation: [b, h, w, c]."""

    channels: int
    clamp: float | None = None

    @nn.compact
    def __call__(self, x: Array, styles: Array) -> Array:
        # Without demodulation He's constant is needed, and scales the styles.
        scales = Dense(x.shape[-1], bias=1.0, name="affine")(styles) / math.sqrt(x.shape[-1])
        kernel = self.param("kernel", UNIT, (1, 1, x.shape[-1], self.channels))
        bias = self.param("bias", nn.initializers.zeros_init(), (self.channels,))
        y = modulated_convolution(x, kernel, scales, demodulate=False)
        return activated(y + bias.astype(y.dtype), self.clamp, linear=True)


def with_deviation(x: Array, group: int, parts: int = 1) -> Array:
    """Appends channels of the deviation among neighbours to features [b, h, w, c]: one for each of
    some equal parts of the features.

    Karras et al. 2018, section 3: of each run of `group` examples (of the batch, if it is smaller)
    the deviation of every feature, averaged over features and places. The official code groups
    examples that are a stride apart, which is the same after a permutation of the batch.
    """
    batch, channels = x.shape[0], x.shape[-1]
    size = min(group or batch, batch)
    if batch % size:
        raise ValueError(f"minibatch deviation looks at groups of {size}, which do not divide a "
                         f"batch of {batch}; use a batch of a multiple, or another group")
    if channels % parts:
        raise ValueError(f"minibatch deviation is of {parts} parts, into which {channels} channels "
                         "do not divide; use a number that divides them")
    runs = x.reshape(batch // size, size, *x.shape[1:-1], parts, channels // parts)
    runs = runs.astype(jnp.promote_types(x.dtype, "float32"))
    centred = runs - jnp.mean(runs, axis=1, keepdims=True)
    deviations = jnp.sqrt(jnp.mean(jnp.square(centred), axis=1) + SQUARES)
    means = jnp.repeat(jnp.mean(deviations, axis=(1, 2, 4)), size, axis=0).astype(x.dtype)
    added = jnp.broadcast_to(means[:, None, None, :], (*x.shape[:3], parts))
    return jnp.concatenate([x, added], axis=-1)
