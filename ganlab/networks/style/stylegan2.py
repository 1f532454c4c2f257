"""StyleGAN2 (Karras et al. 2020b; with the options of Karras et al. 2020a, "ADA").

Latents become styles by a mapping network; a synthesis network grows an image from a learned
constant, whose every convolution is modulated by a style. An image of side 4 * 2^n has n + 1
levels; an image that is not square starts from rows by columns of 4x4. Channels of a level are
`channel_base` by its longer side, at most `channel_max`, or those of `channels`.

Architectures, for both networks: `skip` adds images of all levels (or shows the image to all
levels), `residual` adds features, `original` does neither.
"""

import math
from collections.abc import Sequence
from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from ganlab.config import unknown
from ganlab.networks.layers import one_hot
from ganlab.networks.style.layers import (
    TAPS,
    Convolution,
    Dense,
    StyledConvolution,
    ToImage,
    draw_noise,
    follow_average,
    normalize_vectors,
    with_deviation,
)
from ganlab.networks.style.levels import level_channels, level_dtype, level_sizes
from ganlab.networks.style.resampling import downsampled, upsampled
from ganlab.types import Array

ARCHITECTURES = ("skip", "residual", "original")


def check_architecture(name: str) -> None:
    """Raises ConfigError for an architecture that does not exist."""
    if name not in ARCHITECTURES:
        raise unknown("architecture", name, ARCHITECTURES)


def label_vectors(labels: Array | None, num_classes: int, features: int, like: Array) -> Array:
    """Computes a learned, normalized vector [b, features] of each label, in a compact module."""
    vectors = Dense(features, name="embed")(one_hot(labels, num_classes, like))
    return normalize_vectors(vectors)


class Mapping(nn.Module):
    """Maps latents [b, z], and labels [b] of a conditional network, to styles [b, styles].

    All layers but the last have `width` numbers; 0 is that of styles. In training the average in
    the collection `styles` follows, see `follow_average`.
    """

    styles: int
    layers: int = 8
    width: int = 0
    num_classes: int = 0
    average_rate: float = 0.995
    axis_name: str | None = None

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None, train: bool) -> Array:
        # Latents and labels alike are brought to a mean square of 1.
        x = normalize_vectors(latents)
        if self.num_classes:
            x = jnp.concatenate(
                [x, label_vectors(labels, self.num_classes, self.styles, x)], axis=-1)
        for number in range(self.layers):
            width = self.styles if number == self.layers - 1 else self.width or self.styles
            x = Dense(width, active=True, rate=0.01, name=f"dense_{number}")(x)
        follow_average(self, x, self.average_rate, self.axis_name, train)
        return x


class Level(nn.Module):
    """One resolution of the synthesis: one convolution, or an enlarging one and another."""

    channels: int
    image_channels: int
    architecture: str
    first: bool
    last: bool
    size: tuple[int, int]
    clamp: float | None = None
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, x: Array | None, image: Array | None, styles: Array,
                 noises: Sequence[Array | None],
                 amount: Array | float) -> tuple[Array, Array | None]:
        """Computes features and the image so far, by a style for each convolution and the image's.

        The image's style is that of the next level's first convolution. Each convolution has noise.
        """
        residual = self.architecture == "residual" and not self.first
        dtype = self.dtype or styles.dtype
        # The first level has one convolution of a learned constant.
        if self.first:
            constant = self.param(
                "constant", nn.initializers.normal(1.0), (*self.size, self.channels))
            x = jnp.broadcast_to(constant.astype(dtype), (styles.shape[0], *constant.shape))
        else:
            x = x.astype(dtype)
            shortcut = (Convolution(self.channels, 1, up=2, active=False, name="skip")(
                x, math.sqrt(0.5)) if residual else None)
            x = StyledConvolution(self.channels, 2, self.clamp, name="conv0")(
                x, styles[:, 0], noises[0], amount)
        # The second convolution, which at the first level is the only one.
        place = 0 if self.first else 1
        gain = math.sqrt(0.5) if residual else 1.0
        x = StyledConvolution(self.channels, 1, self.clamp, name="conv1")(
            x, styles[:, place], noises[place], amount, gain)
        if residual:
            x = shortcut + x
        # The image, in the precision of the styles.
        if image is not None:
            image = upsampled(image, TAPS)
        if self.last or self.architecture == "skip":
            made = ToImage(self.image_channels, self.clamp, name="to_image")(
                x, styles[:, place + 1]).astype(styles.dtype)
            image = made if image is None else image + made
        return x, image


class StyleGAN2Generator(nn.Module):
    """StyleGAN2's generator: latents [b, z] (with labels [b]) become images [b, h, w, c].

    Images are not bounded by a unit; real ones are in [-1, 1]. Called with `styles` it leaves out
    the mapping, with `only_styles` the synthesis.

    Attributes:
      image_shape: of its images, sides that are multiples of 8.
      num_classes: 0 without labels.
      axis_name: the axis that `pmap` maps, over which the average of styles is a mean.
      styles: numbers of a style.
      mapping_layers: dense layers of the mapping.
      mapping_width: numbers of all of them but the last; 0 is that of styles.
      channel_base: channels of a level times its longer side.
      channel_max: most channels of a level.
      channels: of each level, smallest first, in place of those that these two numbers give.
      architecture: one of `ARCHITECTURES`.
      clamp: limit of activations, such as 256 in half precision; 0 for none.
      half_levels: how many of the largest levels compute in bfloat16.
      average_rate: of the average of styles, what a pass keeps.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    styles: int = 512
    mapping_layers: int = 8
    mapping_width: int = 0
    channel_base: int = 32768
    channel_max: int = 512
    channels: tuple[int, ...] = ()
    architecture: str = "skip"
    clamp: float = 0.0
    half_levels: int = 0
    average_rate: float = 0.995

    batch_group: ClassVar[int] = 1
    tracks_batch: ClassVar[bool] = True

    @property
    def layers(self) -> int:
        """Styles of an image: one a convolution, and one for the last image."""
        return 2 * len(level_sizes(self.image_shape))

    def setup(self) -> None:
        """Makes the mapping and the levels."""
        check_architecture(self.architecture)
        sizes = level_sizes(self.image_shape)
        channels = level_channels(sizes, self.channel_base, self.channel_max, self.channels)
        self.mapping = Mapping(self.styles, self.mapping_layers, self.mapping_width,
                               self.num_classes, self.average_rate, self.axis_name)
        self.levels = [Level(
            channels[number], self.image_shape[-1], self.architecture, number == 0,
            number == len(sizes) - 1, size, self.clamp or None,
            level_dtype(number, len(sizes), self.half_levels), name=f"level_{number}")
            for number, size in enumerate(sizes)]

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
            styles = jnp.broadcast_to(mapped[:, None], (mapped.shape[0], self.layers, self.styles))
        if only_styles:
            return styles
        # One convolution at the first level, two at the others, each with noise of its own.
        sizes = [size for number, size in enumerate(level_sizes(self.image_shape))
                 for _ in range(min(number + 1, 2))]
        noises = [None] * len(sizes) if keys is None else draw_noise(keys, sizes)
        # The first level takes two styles, the others three, of which the next one shares the last.
        x, image = None, None
        for number, level in enumerate(self.levels):
            place = max(2 * number - 1, 0)
            x, image = level(x, image, styles[:, place:place + 3], noises[place:place + 2], noise)
        return image


class CriticLevel(nn.Module):
    """One resolution of the critic: two convolutions, of which the second reduces."""

    channels: int
    next_channels: int
    architecture: str
    first: bool
    clamp: float | None = None
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, x: Array | None, image: Array | None) -> tuple[Array, Array | None]:
        dtype = self.dtype or jnp.promote_types(
            (image if x is None else x).dtype, "float32")
        # The image enters at the first level, or at each, reduced.
        if self.first or self.architecture == "skip":
            seen = Convolution(self.channels, 1, clamp=self.clamp, name="from_image")(
                image.astype(dtype))
            x = seen if x is None else x.astype(dtype) + seen
            image = downsampled(image, TAPS) if self.architecture == "skip" else None
        x = x.astype(dtype)
        # Two convolutions, of which the second reduces, and one of single pixels beside them.
        residual = self.architecture == "residual"
        shortcut = (Convolution(self.next_channels, 1, down=2, active=False, name="skip")(
            x, math.sqrt(0.5)) if residual else None)
        x = Convolution(self.channels, 3, clamp=self.clamp, name="conv0")(x)
        x = Convolution(self.next_channels, 3, down=2, clamp=self.clamp, name="conv1")(
            x, math.sqrt(0.5) if residual else 1.0)
        return (shortcut + x if residual else x), image


class StyleGAN2Critic(nn.Module):
    """StyleGAN2's critic: images [b, h, w, c] (with labels [b]) become logits [b].

    The smallest level sees the deviation among `group` neighbours of the batch. With classes the
    logit is the projection of the features on a mapped label (Miyato & Koyama 2018).

    Attributes:
      image_shape: of the images.
      num_classes: 0 without labels.
      axis_name: not used: neighbours lie on one device.
      mapping_layers: dense layers of a label's mapping.
      channel_base: channels of a level times its longer side.
      channel_max: most channels of a level.
      channels: of each level, smallest first, in place of those that these two numbers give.
      architecture: one of `ARCHITECTURES`.
      clamp: limit of activations; 0 for none.
      half_levels: how many of the largest levels compute in bfloat16.
      group: neighbours of the minibatch deviation; 1 leaves it out, 0 is the whole batch.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    mapping_layers: int = 8
    channel_base: int = 32768
    channel_max: int = 512
    channels: tuple[int, ...] = ()
    architecture: str = "residual"
    clamp: float = 0.0
    half_levels: int = 0
    group: int = 4

    tracks_batch: ClassVar[bool] = False

    @property
    def batch_group(self) -> int:
        """Neighbours that see each other."""
        return self.group

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        del keys, train
        check_architecture(self.architecture)
        sizes = level_sizes(self.image_shape)
        channels = level_channels(sizes, self.channel_base, self.channel_max, self.channels)[::-1]
        clamp, single = self.clamp or None, jnp.promote_types(images.dtype, "float32")
        # Levels from the image down to the smallest.
        x, image = None, images
        for number in range(len(sizes) - 1):
            level = len(sizes) - 1 - number
            x, image = CriticLevel(
                channels[number], channels[number + 1], self.architecture, number == 0, clamp,
                level_dtype(level, len(sizes), self.half_levels), name=f"level_{level}")(x, image)
        # The smallest level, in single precision.
        x = x.astype(single)
        if self.architecture == "skip":
            x = x + Convolution(channels[-1], 1, clamp=clamp, name="from_image")(
                image.astype(single))
        # How much neighbours differ shows a lack of variety.
        if self.group != 1:
            x = with_deviation(x, self.group)
        x = Convolution(channels[-1], 3, clamp=clamp, name="convolution")(x)
        x = Dense(channels[-1], active=True, name="dense")(x.reshape(len(x), -1))
        self.sow("intermediates", "features", x)
        # The logit, or the projection of as many numbers on the label's.
        if not self.num_classes:
            return Dense(1, name="output")(x)[:, 0]
        label = label_vectors(labels, self.num_classes, channels[-1], x)
        for number in range(self.mapping_layers):
            label = Dense(channels[-1], active=True, rate=0.01, name=f"label_{number}")(label)
        features = Dense(channels[-1], name="output")(x)
        return jnp.sum(features * label, axis=-1) / math.sqrt(channels[-1])
