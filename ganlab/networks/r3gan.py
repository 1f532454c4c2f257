"""R3GAN (Huang et al. 2024, "The GAN is dead; long live the GAN!", section 4): a modern baseline
without normalization, styles or tricks.

Generator and critic mirror each other. A stage has one resolution and a few residual blocks, whose
middle convolution is grouped; between stages images are resampled by a smooth filter. At 4x4 the
generator begins with a learned basis, which the latents scale by channel, and the critic ends with
one.
"""

import math
from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from ganlab.config import ConfigError
from ganlab.convolutions.layers import convolve
from ganlab.networks.activations import leaky_relu
from ganlab.networks.conditional_blocks import SMALLEST, check_square
from ganlab.networks.layers import one_hot
from ganlab.networks.style.resampling import BINOMIAL, downsampled, normalized, upsampled
from ganlab.types import Array

TAPS = normalized(BINOMIAL)
SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))
"""By which a leaky ReLU of this slope has to be scaled to keep variances (He et al. 2015)."""
MOST_STAGES = 12
"""Up to images of 8192x8192."""


def he(gain: float) -> nn.initializers.Initializer:
    """Returns normal draws of deviation `gain` by the root of the inputs of a unit; zeros for 0."""
    if gain == 0:
        return nn.initializers.zeros_init()
    return nn.initializers.variance_scaling(gain**2, "fan_in", "normal")


class Convolution(nn.Module):
    """A convolution of images [b, h, w, c] without a bias, whose size stays."""

    features: int
    side: int = 1
    groups: int = 1
    gain: float = 1.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.side, self.side, x.shape[-1] // self.groups, self.features)
        kernel = self.param("kernel", he(self.gain), shape)
        return convolve(x, kernel.astype(x.dtype), groups=self.groups)


class Dense(nn.Module):
    """A dense layer without a bias: [b, d] to [b, features]."""

    features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", he(1.0), (x.shape[-1], self.features))
        return x @ kernel.astype(x.dtype)


class Block(nn.Module):
    """A residual block of images [b, h, w, c]: 1x1, a grouped 3x3, 1x1 (section 4.2).

    Attributes:
      groups: of the 3x3 convolution, `cardinality`.
      expansion: by which its channels are more than the block's.
      blocks: of the whole network, by which weights start smaller (Zhang et al. 2019, "Fixup").
    """

    groups: int
    expansion: int
    blocks: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        inner = x.shape[-1] * self.expansion
        # Three convolutions: blocks^(-1 / (2 * 3 - 2)). The last one starts at zero.
        gain = GAIN * self.blocks ** (-1 / 4)

        def activated(y: Array, number: int) -> Array:
            bias = self.param(f"bias{number}", nn.initializers.zeros_init(), (inner,))
            return leaky_relu(y + bias.astype(y.dtype), SLOPE)

        y = activated(Convolution(inner, gain=gain, name="conv1")(x), 1)
        y = activated(Convolution(inner, 3, self.groups, gain, name="conv2")(y), 2)
        return x + Convolution(x.shape[-1], gain=0.0, name="conv3")(y)


def check_stages(image_shape: tuple[int, ...], **stages: tuple[int, ...]) -> None:
    """Raises ConfigError unless there is a number for each stage, one for every size."""
    sides = [SMALLEST * 2**number for number in range(MOST_STAGES)]
    check_square(image_shape, "R3GAN", "4, 8, 16, 32 and so on", sides)
    side = image_shape[0]
    number = sides.index(side) + 1
    for name, values in stages.items():
        if len(values) != number:
            raise ConfigError(f"{name} has {len(values)} numbers, but images of {side}x{side} "
                              f"have {number} stages, from 4x4 on; give a number for each")


class R3GANNetwork(nn.Module):
    """What generator and critic have in common.

    Attributes:
      image_shape: of the images, whose side is 4 * 2^n for n + 1 stages.
      num_classes: 0 without labels.
      axis_name: not used: each example is seen by itself.
      widths: channels of each stage, that of 4x4 first.
      groups: of each stage's 3x3 convolutions.
      blocks: residual blocks of each stage.
      expansion: by which a block's inner channels are more.
      embedding: numbers of a class.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    widths: tuple[int, ...] = (768, 768, 768, 768)
    groups: tuple[int, ...] = (96, 96, 96, 96)
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    expansion: int = 2
    embedding: int = 768

    batch_group: ClassVar[int] = 1
    tracks_batch: ClassVar[bool] = False

    def stage(self, x: Array, stage: int) -> Array:
        """Computes the residual blocks of one stage, inside the compact method."""
        for number in range(self.blocks[stage]):
            x = Block(self.groups[stage], self.expansion, sum(self.blocks),
                      name=f"block_{stage}_{number}")(x)
        return x


class R3GANGenerator(R3GANNetwork):
    """R3GAN's generator: latents [b, z] (with labels [b]) become images [b, h, w, c].

    Images are not bounded by a unit; real ones are in [-1, 1]. A class's numbers stand beside the
    latents.
    """

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        del keys, train
        check_stages(self.image_shape, widths=self.widths, groups=self.groups, blocks=self.blocks)
        x = latents
        if self.num_classes:
            x = jnp.concatenate([x, class_embedding(self, labels, x)], axis=-1)
        # The basis, whose channels the latents scale.
        basis = self.param("basis", nn.initializers.normal(1.0),
                           (SMALLEST, SMALLEST, self.widths[0]))
        x = Dense(self.widths[0], name="dense")(x)[:, None, None, :] * basis.astype(x.dtype)
        # Stages from 4x4 up to the image; each but the first begins with a larger one.
        for stage, width in enumerate(self.widths):
            if stage:
                x = upsampled(resized_channels(x, width, f"transition_{stage}"), TAPS)
            x = self.stage(x, stage)
        return Convolution(self.image_shape[-1], name="output")(x)


class R3GANCritic(R3GANNetwork):
    """R3GAN's critic: images [b, h, w, c] (with labels [b]) become logits [b].

    With classes the logit is the inner product of the last numbers with the class's.
    """

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        del keys, train
        check_stages(self.image_shape, widths=self.widths, groups=self.groups, blocks=self.blocks)
        # Stages from the image down to 4x4.
        last = len(self.widths) - 1
        x = Convolution(self.widths[last], name="input")(images)
        for stage in range(last, -1, -1):
            x = self.stage(x, stage)
            if stage:
                x = resized_channels(downsampled(x, TAPS), self.widths[stage - 1],
                                     f"transition_{stage}")
        # The basis weighs the places of each channel by itself.
        basis = self.param("basis", he(1.0), (SMALLEST, SMALLEST, 1, self.widths[0]))
        x = jnp.sum(x * basis[:, :, 0].astype(x.dtype), axis=(1, 2))
        self.sow("intermediates", "features", x)
        x = Dense(self.embedding if self.num_classes else 1, name="dense")(x)
        if self.num_classes:
            return jnp.sum(x * class_embedding(self, labels, x), axis=-1)
        return x[:, 0]


def resized_channels(x: Array, features: int, name: str) -> Array:
    """Convolves single pixels to other channels, inside a compact method; the same ones stay."""
    return x if x.shape[-1] == features else Convolution(features, name=name)(x)


def class_embedding(module: nn.Module, labels: Array | None, like: Array) -> Array:
    """Computes a learned vector [b, embedding] of each label, inside a compact method."""
    return Dense(module.embedding, name="class_embedding")(
        one_hot(labels, module.num_classes, like))
