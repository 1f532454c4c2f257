"""StyleGAN (Karras et al. 2019, "A style-based generator architecture for generative adversarial
networks").

Latents become styles by a mapping network; a synthesis network grows an image from a learned
constant, every convolution of which is followed by noise and by a normalization whose scales and
biases are a style's (figure 1). Levels are those of `growing`.
"""

from collections.abc import Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from ganlab.config import unknown
from ganlab.convolutions.resized import doubled
from ganlab.networks.layers import one_hot
from ganlab.networks.style.growing import (
    BLUR,
    GAIN,
    RESIZED,
    DenseFeatures,
    GrowingCritic,
    PlainConvolution,
    chosen_level,
    faded,
    levels_with_images,
    rectified,
    share_of_level,
)
from ganlab.networks.style.layers import (
    Dense,
    draw_noise,
    follow_average,
    normalize_vectors,
    scaled_kernel,
)
from ganlab.networks.style.levels import level_channels, level_sizes
from ganlab.networks.style.resampling import filtered
from ganlab.types import Array

VARIANCES = 1e-8
"""Added to the variance of a channel that is normalized."""


def normalize_channels(x: Array) -> Array:
    """Brings each channel of each image [b, h, w, c] to mean 0 and variance 1 over its pixels."""
    single = x.astype(jnp.promote_types(x.dtype, "float32"))
    centred = single - jnp.mean(single, axis=(1, 2), keepdims=True)
    variances = jnp.mean(jnp.square(centred), axis=(1, 2), keepdims=True)
    return (centred * jax.lax.rsqrt(variances + VARIANCES)).astype(x.dtype)


NORMALIZATIONS = {"instance": normalize_channels, "pixel": normalize_vectors,
                  "none": lambda x: x}
"""What follows an activation: of channels (the paper's), of pixels (PGGAN's), or nothing."""


class Mapping(nn.Module):
    """Maps latents [b, z], and labels [b] of a conditional network, to styles [b, styles].

    A label is a learned vector beside the latents. All layers but the last have `width` numbers; 0
    is that of styles. In training the average in the collection `styles` follows, see
    `follow_average`.
    """

    styles: int
    layers: int = 8
    width: int = 0
    num_classes: int = 0
    average_rate: float = 0.995
    axis_name: str | None = None

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None, train: bool) -> Array:
        x = latents
        if self.num_classes:
            vectors = self.param("label_vectors", nn.initializers.normal(1.0),
                                 (self.num_classes, latents.shape[-1]))
            label = one_hot(labels, self.num_classes, x) @ vectors.astype(x.dtype)
            x = jnp.concatenate([x, label], axis=-1)
        x = normalize_vectors(x)
        for number in range(self.layers):
            width = self.styles if number == self.layers - 1 else self.width or self.styles
            x = rectified(Dense(width, rate=0.01, gain=GAIN, name=f"dense_{number}")(x), True)
        follow_average(self, x, self.average_rate, self.axis_name, train)
        return x


class StyledLayer(nn.Module):
    """Features, noise, bias, activation, normalization and style: [b, h, w, c] by styles [b, d].

    Features come by a convolution, of doubled and then blurred images or of images as they are, or
    they are the smallest ones: a learned constant, or a dense layer's of the style.

    Attributes:
      features: channels.
      source: `same` or `doubled`, a convolution of images; `constant` or `dense`.
      size: rows and columns, of the smallest features.
      styled: whether styles scale and shift channels.
      noisy: whether there is noise, given [b, h, w, 1] or the constant in the collection `noise`.
      normalization: a name of `NORMALIZATIONS`.
    """

    features: int
    source: str
    size: tuple[int, int]
    styled: bool
    noisy: bool
    normalization: str

    @nn.compact
    def __call__(self, x: Array | None, styles: Array, noise: Array | None,
                 amount: Array | float) -> Array:
        zeros, shape = nn.initializers.zeros_init(), (self.features,)
        x = self._features(x, styles)
        # How much noise there is each channel learns by itself.
        if self.noisy:
            constant = self.variable("noise", "constant", lambda: jax.random.normal(
                self.make_rng("params"), (*self.size, 1))).value
            strength = self.param("noise_strength", zeros, shape)
            noise = constant if noise is None else noise
            x = x + (noise * (strength * amount)).astype(x.dtype)
        bias = self.param("bias", zeros, shape)
        x = NORMALIZATIONS[self.normalization](rectified(x + bias.astype(x.dtype), True))
        if not self.styled:
            return x
        # The style scales each channel around 1, and shifts it (eq. 1).
        scales, shifts = jnp.split(Dense(2 * self.features, name="affine")(styles), 2, axis=-1)
        return x * (scales[:, None, None, :] + 1) + shifts[:, None, None, :]

    def _features(self, x: Array | None, styles: Array) -> Array:
        if self.source == "constant":
            constant = self.param("constant", nn.initializers.ones_init(),
                                  (*self.size, self.features))
            return jnp.broadcast_to(constant.astype(styles.dtype),
                                    (styles.shape[0], *constant.shape))
        if self.source == "dense":
            return DenseFeatures(self.size, self.features, False, name="dense")(styles)
        kernel = scaled_kernel(self, (3, 3, x.shape[-1], self.features), GAIN)
        x = RESIZED[self.source](x, kernel.astype(x.dtype))
        return filtered(x, BLUR) if self.source == "doubled" else x


class Level(nn.Module):
    """One resolution of the synthesis: two layers, of which the first doubles, or starts."""

    channels: int
    image_channels: int
    size: tuple[int, int]
    start: str
    styled: bool
    noisy: bool
    normalization: str

    @nn.compact
    def __call__(self, x: Array | None, styles: Array, noises: Sequence[Array | None],
                 amount: Array | float, to_image: bool) -> tuple[Array, Array | None]:
        """Computes features [b, h, w, c] by two styles [b, 2, d], and images if asked for."""
        for number, source in enumerate((self.start, "same")):
            x = StyledLayer(self.channels, source, self.size, self.styled, self.noisy,
                            self.normalization, name=f"conv{number}")(
                x, styles[:, number], noises[number], amount)
        if not to_image:
            return x, None
        return x, PlainConvolution(self.image_channels, 1, gain=1.0, name="to_image")(x)


class StyleGAN1Generator(nn.Module):
    """StyleGAN's generator: latents [b, z] (with labels [b]) become images [b, h, w, c] of a level.

    Images are not bounded by a unit; real ones are in [-1, 1]. Called with `styles` it leaves out
    the mapping, with `only_styles` the synthesis. There are styles for the layers of all levels,
    whatever the level.

    Attributes:
      image_shape: of the images of the last level, sides that are multiples of 8.
      num_classes: 0 without labels.
      axis_name: the axis that `pmap` maps, over which the average of styles is a mean.
      level: of its images, from 0 for the smallest; None is the last one.
      fading: whether the level fades in, by the variable `fade` from 0 to 1.
      styles: numbers of a style.
      mapping_layers: dense layers of the mapping; without any, styles are the normalized latents.
      mapping_width: numbers of all of them but the last; 0 is that of styles.
      channel_base: channels of a level times its longer side.
      channel_max: most channels of a level.
      channels: of each level, smallest first, in place of those that these two numbers give.
      constant: whether images start from a learned constant, or from the first style by a dense
        layer (table 1, D).
      styled: whether styles scale and shift channels (table 1, C).
      noisy: whether each layer adds noise (table 1, E).
      normalization: of features after each activation, a name of `NORMALIZATIONS`.
      average_rate: of the average of styles, what a pass keeps.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    level: int | None = None
    fading: bool = False
    styles: int = 512
    mapping_layers: int = 8
    mapping_width: int = 0
    channel_base: int = 16384
    channel_max: int = 512
    channels: tuple[int, ...] = ()
    constant: bool = True
    styled: bool = True
    noisy: bool = True
    normalization: str = "instance"
    average_rate: float = 0.995

    batch_group: ClassVar[int] = 1
    tracks_batch: ClassVar[bool] = True

    @property
    def layers(self) -> int:
        """Styles of an image: one a layer, two a level."""
        return 2 * len(level_sizes(self.image_shape))

    def setup(self) -> None:
        """Makes the mapping, and the levels up to that of the images."""
        if self.normalization not in NORMALIZATIONS:
            raise unknown("normalization", self.normalization, NORMALIZATIONS)
        sizes = level_sizes(self.image_shape)
        channels = level_channels(sizes, self.channel_base, self.channel_max, self.channels)
        self.mapping = Mapping(self.styles, self.mapping_layers, self.mapping_width,
                               self.num_classes, self.average_rate, self.axis_name)
        self.share = share_of_level(self)
        start = "constant" if self.constant else "dense"
        self.levels = [Level(
            channels[number], self.image_shape[-1], sizes[number],
            start if number == 0 else "doubled", self.styled, self.noisy, self.normalization,
            name=f"level_{number}") for number in range(chosen_level(self.level, sizes) + 1)]

    def __call__(self, latents: Array | None, labels: Array | None = None,
                 styles: Array | None = None, noise: Array | float = 1.0,
                 keys: Array | None = None, train: bool = False,
                 only_styles: bool = False) -> Array:
        """Computes images, or styles [b, layers, d], which are the same for every layer.

        Args:
          latents: [b, z]; None with `styles`.
          labels: [b], of a conditional network.
          styles: [b, layers, d] in place of those that the mapping makes.
          noise: factor of all noise: 1, or 0 for none.
          keys: of noise, [b]; without them each layer adds its constant noise.
          train: whether the average of styles follows those of this pass.
          only_styles: whether the pass ends with the mapping.
        """
        if styles is None:
            mapped = self.mapping(latents, labels, train)
            size, numbers = mapped.shape
            styles = jnp.broadcast_to(mapped[:, None], (size, self.layers, numbers))
        if only_styles:
            return styles
        # Noise of two layers a level.
        last = len(self.levels) - 1
        sizes = [size for size in level_sizes(self.image_shape)[:last + 1] for _ in range(2)]
        drawn = keys is not None and self.noisy
        noises = draw_noise(keys, sizes) if drawn else [None] * len(sizes)
        # Images of the last level, and in a transition of the one before.
        fade = self.share
        seen = levels_with_images(self, last, fade)
        x, before, now = None, None, None
        for number, level in enumerate(self.levels):
            two = slice(2 * number, 2 * number + 2)
            x, image = level(x, styles[:, two], noises[two], noise, number in seen)
            before, now = now, image
        return now if fade is None or before is None else faded(doubled(before), now, fade)


class StyleGAN1Critic(GrowingCritic):
    """StyleGAN's critic: images [b, h, w, c] of a level (with labels [b]) become logits [b].

    It blurs before it halves. With classes the logit is that of the label, one of as many outputs
    (Mescheder et al. 2018).

    Attributes:
      image_shape, num_classes, axis_name, level, fading, channel_base, channel_max, channels, dense_width,
        group, deviations: those of `GrowingCritic`.
    """

    blurred: ClassVar[bool] = True

    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        """Computes logits of images of the level."""
        del keys, train
        outputs = self.judged(images)
        if not self.num_classes:
            return outputs[:, 0]
        return jnp.sum(outputs * one_hot(labels, self.num_classes, outputs), axis=-1)
