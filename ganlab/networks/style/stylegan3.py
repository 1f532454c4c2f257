"""StyleGAN3's generator (Karras et al. 2021, "Alias-free generative adversarial networks").

Latents become styles by StyleGAN2's mapping. Waves of random frequencies and phases, which a style
turns and moves, take the place of a learned constant (section 3.1); layers of equal make, without
noise, filter on the way to the image whatever its pixels cannot hold (section 3.2). What is moved
or turned at the input is so in the image: configuration T follows movements, R (`kernel_size=1,
radial_filters=True`, twice the channels) turns, too. The critic is StyleGAN2's.
"""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from ganlab.convolutions.layers import convolve
from ganlab.networks.style.alias_free import FilteredLayer, Signal, filtered_layers, signals
from ganlab.networks.style.filtered_activation import (
    FilteredActivation,
    Resampling,
    filtered_activation,
)
from ganlab.networks.style.layers import DEMODULATION, UNIT, Dense
from ganlab.networks.style.stylegan2 import Mapping
from ganlab.types import Array


def input_transform(translate_x: Array | float = 0.0, translate_y: Array | float = 0.0,
                    rotate: Array | float = 0.0) -> Array:
    """Computes the `transform` [3, 3] of the generator that moves and turns its images.

    It is the inverse of the movement that is asked for, as it takes places of the image to those of
    the input. The numbers are those of `--translate` and `--rotate` of the official code.

    Args:
      translate_x: to the right, in widths of the image.
      translate_y: down, in heights of the image.
      rotate: degrees counterclockwise, around the centre, before the translation.
    """
    angle = jnp.asarray(rotate, jnp.float32) * (math.pi / 180)
    sin, cos = jnp.sin(angle), jnp.cos(angle)
    x, y = jnp.asarray(translate_x, jnp.float32), jnp.asarray(translate_y, jnp.float32)
    # Of a turn R and then a movement t, the inverse is R^T and -R^T t.
    return jnp.stack([jnp.stack([cos, -sin, sin * y - cos * x]),
                      jnp.stack([sin, cos, -sin * x - cos * y]),
                      jnp.stack([jnp.zeros(()), jnp.zeros(()), jnp.ones(())])])


def batch_mean(x: Array, axis_name: str | None) -> Array:
    """Computes the mean of all numbers of a batch, over all devices if there is an axis of them."""
    mean = jnp.mean(x)
    return mean if axis_name is None else jax.lax.pmean(mean, axis_name)


def draw_frequencies(key: Array, channels: int, cutoff: float) -> Array:
    """Draws frequencies [channels, 2], of columns and of rows, uniformly from the disc of a
    cutoff."""
    angle, share = jax.random.uniform(key, (2, channels))
    angle, length = 2 * math.pi * angle, cutoff * jnp.sqrt(share)
    return jnp.stack([length * jnp.cos(angle), length * jnp.sin(angle)], axis=-1)


class Movement(nn.Module):
    """A turn and a movement by a style (ibid., appendix F): [b, d] to matrices [b, 3, 3].

    Both are none at first: the cosine and the sine, up to their length, are 1 and 0.
    """

    @nn.compact
    def __call__(self, styles: Array) -> Array:
        kernel = self.param("kernel", nn.initializers.zeros_init(), (styles.shape[-1], 4))
        bias = self.param("bias", lambda _, shape: jnp.zeros(shape).at[0].set(1.0), (4,))
        single = jnp.promote_types(styles.dtype, "float32")
        found = (styles.astype(single) @ (kernel / math.sqrt(styles.shape[-1])).astype(single)
                 + bias.astype(single))
        found = found / jnp.linalg.norm(found[:, :2], axis=1, keepdims=True)
        cos, sin, x, y = found.T
        zero, one = jnp.zeros_like(x), jnp.ones_like(x)
        # What is moved back and then turned.
        rows = [[cos, -sin, sin * y - cos * x], [sin, cos, -sin * x - cos * y], [zero, zero, one]]
        return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=1)


class FourierInput(nn.Module):
    """Waves of the frequencies that a signal holds, mixed: styles [b, d] become [b, s, s, c].

    Frequencies and phases are drawn once, into the collection `fourier`. A given transform comes
    after the style's own (ibid., section 3.1, appendix F).
    """

    signal: Signal

    @nn.compact
    def __call__(self, styles: Array, transform: Array) -> Array:
        channels, rate, cutoff = self.signal.channels, self.signal.rate, self.signal.cutoff
        frequencies = self.variable("fourier", "frequencies", lambda: draw_frequencies(
            self.make_rng("params"), channels, cutoff)).value
        phases = self.variable("fourier", "phases", lambda: jax.random.uniform(
            self.make_rng("params"), (channels,), minval=-0.5, maxval=0.5)).value
        kernel = self.param("kernel", UNIT, (channels, channels)) / math.sqrt(channels)
        placed = Movement(name="affine")(styles)
        # Accelerators would round these few numbers, by which all pixels are placed.
        placed = jnp.matmul(placed, transform.astype(placed.dtype), precision="highest")
        # Waves of the places before the transform: phases move, frequencies turn and stretch.
        phases = phases + jnp.einsum("cp,bp->bc", frequencies, placed[:, :2, 2],
                                     precision="highest")
        frequencies = jnp.einsum("cp,bpq->bcq", frequencies, placed[:, :2, :2],
                                 precision="highest")
        # Those that are too high now fade out, from the cutoff to the highest possible one.
        lengths = jnp.linalg.norm(frequencies, axis=-1)
        amplitudes = jnp.clip(1 - (lengths - cutoff) / (rate / 2 - cutoff), 0, 1)
        # Places of pixels, in widths of the image, from its centre on.
        places = jnp.asarray((np.arange(self.signal.size) + 0.5 - self.signal.size / 2) / rate,
                             frequencies.dtype)
        columns, rows = (places[:, None] * frequencies[:, None, :, axis] for axis in (0, 1))
        waves = jnp.sin(2 * math.pi * (rows[:, :, None] + columns[:, None]
                                       + phases[:, None, None]))
        waves = waves * amplitudes[:, None, None]
        return (waves @ kernel.astype(waves.dtype)).astype(styles.dtype)


def modulated_convolution(x: Array, kernel: Array, scales: Array, gain: Array,
                          demodulate: bool = True, axis_name: str | None = None) -> Array:
    """Convolves each image [b, h, w, c] by its own kernel, as StyleGAN2 does, to a larger one.

    Kernels are first brought to a mean square of 1 by output, scales to one of 1 over the whole
    batch, so that half precision holds them; demodulation takes both back but for its epsilon.

    Args:
      x: images.
      kernel: [k, k, c, o]; images are padded by k - 1.
      scales: of the inputs [b, c].
      gain: of the inputs, [].
      demodulate: whether outputs are divided by the norm of their scaled kernel.
      axis_name: the axis of devices that share the batch.
    """
    scales = scales.astype(jnp.promote_types(scales.dtype, "float32"))
    kernel = kernel.astype(scales.dtype)
    outputs = jnp.asarray(gain, scales.dtype)[None, None]
    if demodulate:
        kernel = kernel * jax.lax.rsqrt(jnp.mean(jnp.square(kernel), axis=(0, 1, 2)))
        scales = scales * jax.lax.rsqrt(batch_mean(jnp.square(scales), axis_name))
        # The squared norm of a scaled kernel, by output: squared scales times sums of squares.
        norms = jnp.square(scales) @ jnp.sum(jnp.square(kernel), axis=(0, 1))
        outputs = outputs * jax.lax.rsqrt(norms + DEMODULATION)
    pad = kernel.shape[0] - 1
    y = convolve(x * scales[:, None, None].astype(x.dtype), kernel.astype(x.dtype), (1, 1),
                 ((pad, pad), (pad, pad)))
    return y * outputs[:, None, None].astype(x.dtype)


class StyledLayer(nn.Module):
    """A modulated convolution, a bias and a filtered activation: [b, s, s, c] by styles [b, d].

    The mean square of inputs is followed, in the collection `magnitudes`, and divided by (ibid.,
    section 3.2).
    """

    layer: FilteredLayer
    clamp: float | None
    rate: float
    axis_name: str | None
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, x: Array, styles: Array, train: bool) -> Array:
        layer, axis_name = self.layer, self.axis_name if train else None
        # The average moves before it is used.
        average = self.variable("magnitudes", "average", jnp.ones, ())
        if (train and self.is_mutable_collection("magnitudes")
                and not self.is_initializing()):
            square = batch_mean(jnp.square(x.astype(average.value.dtype)), axis_name)
            square = jax.lax.stop_gradient(square)
            average.value = square + self.rate * (average.value - square)
        gain = jax.lax.rsqrt(average.value)
        # Scales of the inputs by an affine map of the style, around 1.
        scales = Dense(layer.inputs, bias=1.0, name="affine")(styles)
        shape = (layer.kernel, layer.kernel, layer.inputs, layer.features)
        if layer.to_image:  # Without demodulation He's constant is needed, and scales the styles.
            scales = scales / math.sqrt(math.prod(shape[:3]))
        kernel = self.param("kernel", UNIT, shape)
        bias = self.param("bias", nn.initializers.zeros_init(), (layer.features,))
        x = modulated_convolution(x.astype(self.dtype or styles.dtype), kernel, scales, gain,
                                  not layer.to_image, axis_name)
        x = x + bias.astype(x.dtype)
        if layer.to_image:
            return x if self.clamp is None else jnp.clip(x, -self.clamp, self.clamp)
        return filtered_activation(x, FilteredActivation(
            Resampling(layer.up_taps * layer.up, layer.up, padding=layer.padding),
            Resampling(layer.down_taps, down=layer.down), layer.size_in + layer.kernel - 1,
            self.clamp))


class StyleGAN3Generator(nn.Module):
    """StyleGAN3's generator: latents [b, z] (with labels [b]) become images [b, h, w, c].

    Images are not bounded by a unit; real ones are in [-1, 1]. Called with `styles` it leaves out
    the mapping, with `only_styles` the synthesis. An image has `layers` + 2 styles: one of the
    input, one of each layer, one of the layer to the image.

    Attributes:
      image_shape: of its images, square, with a power of 2 as side.
      num_classes: 0 without labels.
      axis_name: the axis that `pmap` maps, over which averages are means.
      styles: numbers of a style.
      mapping_layers: dense layers of the mapping.
      layers: between the input and the layer to the image.
      critical_layers: the last of them, whose cutoff is as high as the image allows.
      channel_base: channels of a layer times twice its cutoff.
      channel_max: most channels of a layer.
      first_cutoff: up to which the first layer keeps frequencies, in waves in the image's width.
      first_stopband: from which on it keeps none.
      last_stopband: of the last layer, in cutoffs of it.
      margin: pixels beyond the image, at the rate of each layer.
      kernel_size: side of kernels: 3 in configuration T, 1 in R.
      radial_filters: whether filters after activations are alike in all directions, as in R.
      filter_size: taps of a filter by the factor of its resampling.
      lrelu_upsampling: how much finer the grid of an activation is than that of its layer.
      output_scale: factor of images.
      clamp: limit of activations, such as 256 in half precision; 0 for none.
      half_levels: layers compute in bfloat16 whose rate is more than the image's by 2 to the power
        of this.
      average_rate: of the average of styles, what a pass keeps.
      magnitude_rate: of the mean squares of layers' inputs, what a pass keeps.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    styles: int = 512
    mapping_layers: int = 2
    layers: int = 14
    critical_layers: int = 2
    channel_base: int = 32768
    channel_max: int = 512
    first_cutoff: float = 2.0
    first_stopband: float = 2.0**2.1
    last_stopband: float = 2.0**0.3
    margin: int = 10
    kernel_size: int = 3
    radial_filters: bool = False
    filter_size: int = 6
    lrelu_upsampling: int = 2
    output_scale: float = 0.25
    clamp: float = 0.0
    half_levels: int = 0
    average_rate: float = 0.998
    magnitude_rate: float = 0.999

    batch_group: ClassVar[int] = 0
    tracks_batch: ClassVar[bool] = True
    sampling_options: ClassVar[tuple[str, ...]] = ("translate_x", "translate_y", "rotate")

    def signals(self) -> list[Signal]:
        """Lists what the layers make, the one to the image last."""
        return signals(self.image_shape, self.layers, self.critical_layers, self.first_cutoff,
                       self.first_stopband, self.last_stopband, self.margin, self.channel_base,
                       self.channel_max)

    def filtered_layers(self) -> list[FilteredLayer]:
        """Lists the layers with their filters, the one to the image last."""
        return filtered_layers(self.signals(), self.critical_layers, self.kernel_size,
                               self.filter_size, self.lrelu_upsampling, self.radial_filters)

    def setup(self) -> None:
        """Makes the mapping, the input and the layers."""
        made = self.signals()
        self.mapping = Mapping(self.styles, self.mapping_layers, 0, self.num_classes,
                               self.average_rate, self.axis_name)
        self.input = FourierInput(made[0])
        least = self.image_shape[0] / 2**self.half_levels
        self.synthesis = [StyledLayer(
            layer, self.clamp or None, self.magnitude_rate, self.axis_name,
            jnp.bfloat16 if layer.rate > least else None, name=f"layer_{number}")
            for number, layer in enumerate(self.filtered_layers())]

    def __call__(self, latents: Array | None, labels: Array | None = None,
                 styles: Array | None = None, noise: Array | float = 1.0,
                 keys: Array | None = None, train: bool = False, only_styles: bool = False,
                 translate_x: Array | float = 0.0, translate_y: Array | float = 0.0,
                 rotate: Array | float = 0.0, transform: Array | None = None) -> Array:
        """Computes images, or styles [b, layers + 2, d], which are the same for every layer.

        Args:
          latents: [b, z]; None with `styles`.
          labels: [b], of a conditional network.
          styles: [b, layers + 2, d] in place of those that the mapping makes.
          noise: ignored: this generator has no noise. Other style generators take it here.
          keys: ignored likewise.
          train: whether averages that may change follow what this pass has, those of styles and of
            magnitudes. Officially they do so in the critic's updates alone.
          only_styles: whether the pass ends with the mapping.
          translate_x: of `input_transform`, for all images alike, as are the next two.
          translate_y: likewise.
          rotate: likewise.
          transform: [3, 3] or [b, 3, 3] in place of that of these three numbers.
        """
        del noise, keys
        if styles is None:
            mapped = self.mapping(latents, labels, train)
            styles = jnp.broadcast_to(
                mapped[:, None], (mapped.shape[0], self.layers + 2, self.styles))
        if only_styles:
            return styles
        if transform is None:
            transform = input_transform(translate_x, translate_y, rotate)
        x = self.input(styles[:, 0], jnp.asarray(transform))
        for number, layer in enumerate(self.synthesis):
            x = layer(x, styles[:, number + 1], train)
        return x.astype(styles.dtype) * self.output_scale
