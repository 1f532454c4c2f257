"""What PGGAN and the first StyleGAN share: levels that fade in, their convolutions and critic.

Karras et al. 2018, "Progressive growing of GANs for improved quality, stability, and variation". A
network of some level makes or judges images of that level's size. Its params are a part of those of
the last level, which makes all of them when it is initialised: also the layers to and from images
of levels that were passed. A level may fade in: the number `fade` stands in the collection `growth`,
where who plays the network sets it. At 0 the level has no say, and images are those of the level
before, each pixel repeated; at 1 it is there alone (figure 2).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from ganlab.convolutions.layers import convolve
from ganlab.convolutions.resized import convolve_doubled, convolve_halved, halved
from ganlab.networks.activations import leaky_relu
from ganlab.networks.style.layers import Dense, scaled_kernel, with_deviation
from ganlab.networks.style.levels import level_channels, level_sizes
from ganlab.networks.style.resampling import filtered, normalized
from ganlab.types import Array

GAIN = math.sqrt(2)
"""He's gain of layers before a ReLU, leaky or not."""
DENSE_GAIN = GAIN / 4
"""Of the dense layer that makes the smallest features, in the official code."""
BLUR = normalized((1.0, 2.0, 1.0))
RESIZED: Mapping[str, Callable[[Array, Array], Array]] = {
    "same": convolve, "doubled": convolve_doubled, "halved": convolve_halved}
"""Convolutions of images as they are, doubled before, and of which 2x2 pixels become their mean."""


def chosen_level(level: int | None, sizes: Sequence[tuple[int, int]]) -> int:
    """Returns the number of a network's level, from 0; None is the last one.

    Raises:
      ValueError: for a level that images of these sizes do not have.
    """
    last = len(sizes) - 1
    if level is not None and not 0 <= level <= last:
        known = ", ".join(f"{rows}x{columns}" for rows, columns in sizes)
        raise ValueError(f"level is {level}, and levels are 0 to {last}, of {known} pixels")
    return last if level is None else level


def share_of_level(module: nn.Module) -> Array | None:
    """Returns the share of a module's level that fades in, its variable; None for one that does
    not."""
    if not (module.fading or module.is_initializing()):
        return None
    share = module.variable("growth", "fade", jnp.ones, ())
    return share.value if module.fading else None


def levels_with_images(module: nn.Module, last: int, fade: Array | float | None) -> range:
    """Returns the levels whose layer to or from images is used.

    They are the last one, in a transition the one before it, too, and all of them while a module is
    initialised.
    """
    first = 0 if module.is_initializing() else last - (fade is not None)
    return range(max(first, 0), last + 1)


def faded(before: Array, now: Array, fade: Array | float) -> Array:
    """Moves from what there was before a level to what there is with it, by `fade` from 0 to 1."""
    return before + jnp.asarray(fade, now.dtype) * (now - before)


def rectified(x: Array, leaky: bool) -> Array:
    """Computes a ReLU, with a slope of 0.2 below 0 if it is leaky."""
    return leaky_relu(x, 0.2) if leaky else nn.relu(x)


class PlainConvolution(nn.Module):
    """A convolution with a bias of images [b, h, w, c], without an activation.

    `resized` is a name of `RESIZED`; `gain` and `equalized` are those of `scaled_kernel`.
    """

    features: int
    side: int
    resized: str = "same"
    gain: float = GAIN
    equalized: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.side, self.side, x.shape[-1], self.features)
        kernel = scaled_kernel(self, shape, self.gain, equalized=self.equalized)
        bias = self.param("bias", nn.initializers.zeros_init(), shape[-1:])
        return RESIZED[self.resized](x, kernel.astype(x.dtype)) + bias.astype(x.dtype)


class DenseFeatures(nn.Module):
    """A dense layer from vectors [b, d] to the smallest features [b, h, w, c], perhaps with a bias
    of each channel."""

    size: tuple[int, int]
    features: int
    use_bias: bool
    equalized: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (x.shape[-1], math.prod(self.size) * self.features)
        kernel = scaled_kernel(self, shape, DENSE_GAIN, equalized=self.equalized)
        y = (x @ kernel.astype(x.dtype)).reshape(-1, *self.size, self.features)
        if not self.use_bias:
            return y
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        return y + bias.astype(x.dtype)


class CriticLevel(nn.Module):
    """One resolution of the critic: two convolutions, of which the second halves.

    `blurred` filters before it halves; with `fused` the mean of 2x2 pixels comes before the bias
    and the activation, otherwise after them.
    """

    channels: int
    next_channels: int
    equalized: bool
    leaky: bool
    blurred: bool
    fused: bool

    def setup(self) -> None:
        """Makes the layer of images and both convolutions."""
        self.from_image = PlainConvolution(self.channels, 1, equalized=self.equalized)
        self.conv0 = PlainConvolution(self.channels, 3, equalized=self.equalized)
        self.conv1 = PlainConvolution(self.next_channels, 3, "halved" if self.fused else "same",
                                      equalized=self.equalized)

    def enter(self, images: Array) -> Array:
        """Computes features [b, h, w, channels] of images of this level's size."""
        return rectified(self.from_image(images), self.leaky)

    def __call__(self, x: Array) -> Array:
        x = rectified(self.conv0(x), self.leaky)
        x = rectified(self.conv1(filtered(x, BLUR) if self.blurred else x), self.leaky)
        return x if self.fused else halved(x)


class SmallestCriticLevel(nn.Module):
    """The end of the critic: how much neighbours differ, a convolution and two dense layers."""

    channels: int
    width: int
    outputs: int
    equalized: bool
    leaky: bool
    group: int
    deviations: int

    def setup(self) -> None:
        """Makes the layer of images and the three others."""
        self.from_image = PlainConvolution(self.channels, 1, equalized=self.equalized)
        self.convolution = PlainConvolution(self.channels, 3, equalized=self.equalized)
        self.dense = Dense(self.width, gain=GAIN, equalized=self.equalized)
        self.output = Dense(self.outputs, equalized=self.equalized)

    def enter(self, images: Array) -> Array:
        """Computes features [b, h, w, channels] of images of this level's size."""
        return rectified(self.from_image(images), self.leaky)

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Computes the last features [b, width] and the outputs [b, outputs]."""
        if self.group != 1:
            x = with_deviation(x, self.group, self.deviations)
        x = rectified(self.convolution(x), self.leaky)
        features = rectified(self.dense(x.reshape(len(x), -1)), self.leaky)
        return features, self.output(features)


class GrowingCritic(nn.Module):
    """The body of both critics: images [b, h, w, c] of a level's size become outputs [b, n].

    The smallest level sees the deviation among `group` neighbours of the batch.

    Attributes:
      image_shape: of the images of the last level.
      num_classes: 0 without labels.
      axis_name: not used: neighbours lie on one device.
      level: of the images, from 0 for the smallest; None is the last one.
      fading: whether the level fades in, by the variable `fade`.
      channel_base: channels of a level times its longer side.
      channel_max: most channels of a level.
      channels: of each level, smallest first, in place of those that these two numbers give.
      dense_width: of the dense layer; 0 is the channels that half the smallest side would have, or
        with `channels` the first of these.
      group: neighbours of the minibatch deviation; 1 leaves it out, 0 is the whole batch.
      deviations: channels of the minibatch deviation, each of a part of the features.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    level: int | None = None
    fading: bool = False
    channel_base: int = 16384
    channel_max: int = 512
    channels: tuple[int, ...] = ()
    dense_width: int = 0
    group: int = 4
    deviations: int = 1

    equalized: ClassVar[bool] = True
    leaky: ClassVar[bool] = True
    blurred: ClassVar[bool] = False
    fused: ClassVar[bool] = True
    tracks_batch: ClassVar[bool] = False

    @property
    def batch_group(self) -> int:
        """Neighbours that see each other."""
        return self.group

    @property
    def outputs(self) -> int:
        """Numbers that it gives for an image: a logit for each class, or one."""
        return max(self.num_classes, 1)

    def setup(self) -> None:
        """Makes the levels up to that of the images."""
        sizes = level_sizes(self.image_shape)
        channels = level_channels(sizes, self.channel_base, self.channel_max, self.channels)
        self.share = share_of_level(self)
        self.size = sizes[chosen_level(self.level, sizes)]
        # As the official code, which counts channels on by one level.
        smaller = [tuple(side // 2 for side in sizes[0])]
        width = self.dense_width or (channels[0] if self.channels else level_channels(
            smaller, self.channel_base, self.channel_max)[0])
        self.levels = [SmallestCriticLevel(channels[0], width, self.outputs, self.equalized,
                                           self.leaky, self.group, self.deviations,
                                           name="level_0"), *(
            CriticLevel(channels[number], channels[number - 1], self.equalized, self.leaky,
                        self.blurred, self.fused, name=f"level_{number}")
            for number in range(1, chosen_level(self.level, sizes) + 1))]

    def judged(self, images: Array) -> Array:
        """Computes the outputs [b, n] of images [b, h, w, c], and sows features."""
        if images.shape[1:3] != self.size:
            raise ValueError(f"images are of {'x'.join(map(str, images.shape[1:3]))} pixels, and "
                             f"this level's are of {'x'.join(map(str, self.size))}")
        # Features of the images, and in a transition of the images halved.
        last, fade = len(self.levels) - 1, self.share
        seen, entered = levels_with_images(self, last, fade), {}
        for number in reversed(seen):
            entered[number] = self.levels[number].enter(images)
            images = halved(images)
        # From the last level down, whose say the fade is.
        x = entered[last]
        for number in range(last, 0, -1):
            x = self.levels[number](x)
            if number == last and fade is not None:
                x = faded(entered[last - 1], x, fade)
        features, outputs = self.levels[0](x)
        self.sow("intermediates", "features", features)
        return outputs
