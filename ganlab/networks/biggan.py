"""BigGAN (Brock et al. 2019, "Large scale GAN training for high fidelity natural image synthesis",
appendix B), and the parts that BigGAN-deep shares with it.

A class is a learned vector, shared by all layers, from which every batch normalization takes its
gains and biases. Latents are hierarchical: they are cut into pieces, of which the first makes the
smallest image and each block gets the next one beside the vector of the class. All kernels are
divided by their largest singular value. Attention looks at all places of one resolution.
"""

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from ganlab.config import ConfigError, unknown
from ganlab.networks.residual import doubled, halved
from ganlab.networks.spectral import (
    SpectralConv,
    SpectralDense,
    SpectralEmbed,
    SpectralRule,
    choose_rule,
)
from ganlab.types import Array

MULTIPLES = {
    32: (4, 4, 4, 4), 64: (16, 16, 8, 4, 2), 128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1), 512: (16, 16, 8, 8, 4, 2, 1, 1)}
"""Channels of the generator by the side of its images, in multiples of `width`: of the smallest
image, and of each block (ibid., tables 4 to 9; of 32 and 64, as the official code has them)."""
CRITIC_MULTIPLES = {
    32: (4, 4, 4, 4), 64: (1, 2, 4, 8, 16), 128: (1, 2, 4, 8, 16, 16),
    256: (1, 2, 4, 8, 8, 16, 16), 512: (1, 1, 2, 4, 8, 8, 16, 16)}
"""Channels of the critic, from the image on: of each of BigGAN's blocks; of BigGAN-deep's first
convolution and then of each resolution."""
SMALLEST = 4
"""Side of the image with which a generator begins, and with which a critic of 64 and more ends."""
MOMENTUM = 0.9
"""Share of the old statistics that a pass keeps; PyTorch names what it replaces, 0.1."""


def multiples_of(image_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the channels for images of a shape; raises ConfigError for one without an entry."""
    rows, columns = image_shape[:2]
    if rows != columns or rows not in MULTIPLES:
        raise ConfigError(f"images have {rows}x{columns} pixels; BigGAN's have a side of "
                          f"{', '.join(map(str, MULTIPLES))}")
    return MULTIPLES[rows]


def check_attention(sides: tuple[int, ...], attention: tuple[int, ...]) -> None:
    """Raises ConfigError for attention at a side that no block of a network makes."""
    for side in attention:
        if side not in sides:
            raise unknown("attention", side, sides)


class BatchNorm(nn.Module):
    """Batch normalization without a gain or bias of its own; its running variance is unbiased.

    Under `pmap` it needs `axis_name`; under `jit` over a mesh its statistics are global as they
    are. Statistics are of float32 at least. With `biased` the running variance is the batch's own,
    as in the official code's own layer.
    """

    epsilon: float = 1e-5
    axis_name: str | None = None
    biased: bool = False

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        whole = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        size = x.shape[-1:]
        mean = self.variable("batch_stats", "mean", jnp.zeros, size, whole.dtype)
        variance = self.variable("batch_stats", "var", jnp.ones, size, whole.dtype)
        used = mean.value, variance.value
        if train:
            used = self._statistics(whole)
            if not self.is_initializing() and self.is_mutable_collection("batch_stats"):
                devices = 1 if self.axis_name is None else jax.lax.psum(1, self.axis_name)
                number = x.size // x.shape[-1] * devices
                factor = 1.0 if self.biased else number / max(number - 1, 1)
                mean.value = MOMENTUM * mean.value + (1 - MOMENTUM) * used[0]
                variance.value = MOMENTUM * variance.value + (1 - MOMENTUM) * factor * used[1]
        return ((whole - used[0]) * jax.lax.rsqrt(used[1] + self.epsilon)).astype(x.dtype)

    def _statistics(self, x: Array) -> tuple[Array, Array]:
        """Computes mean and biased variance [c] of the global batch."""
        def average(values: Array) -> Array:
            values = jnp.mean(values, axis=tuple(range(x.ndim - 1)))
            return values if self.axis_name is None else jax.lax.pmean(values, self.axis_name)

        mean = average(x)
        return mean, average(jnp.square(x - mean))


class AffineBatchNorm(nn.Module):
    """Batch normalization with a learned gain and bias for each channel."""

    axis_name: str | None = None
    biased: bool = False

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        size = x.shape[-1:]
        gain = self.param("gain", nn.initializers.ones_init(), size)
        bias = self.param("bias", nn.initializers.zeros_init(), size)
        x = BatchNorm(axis_name=self.axis_name, biased=self.biased, name="norm")(x, train)
        return x * gain.astype(x.dtype) + bias.astype(x.dtype)


class ConditionalBatchNorm(nn.Module):
    """Batch normalization of images [b, h, w, c] whose gains and biases are linear in conditions
    [b, d]; gains are around 1."""

    rule: SpectralRule | None
    epsilon: float = 1e-5
    axis_name: str | None = None
    biased: bool = False

    @nn.compact
    def __call__(self, x: Array, conditions: Array, train: bool) -> Array:
        size = x.shape[-1]
        gain = 1 + SpectralDense(size, self.rule, use_bias=False, name="gain")(conditions, train)
        bias = SpectralDense(size, self.rule, use_bias=False, name="bias")(conditions, train)
        x = BatchNorm(self.epsilon, self.axis_name, self.biased, name="norm")(x, train)
        return x * gain[:, None, None, :] + bias[:, None, None, :]


class Attention(nn.Module):
    """Self-attention over the places of images [b, h, w, c] (Zhang et al. 2019, section 3).

    Keys and values are of 2x2 places, the largest of each; scores are not scaled. What is attended
    to is added by a learned weight, 0 at first.
    """

    rule: SpectralRule | None

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        b, rows, columns, channels = x.shape

        def convolved(y: Array, features: int, name: str) -> Array:
            return SpectralConv(features, 1, self.rule, use_bias=False, name=name)(y, train)

        def pooled(y: Array) -> Array:
            return nn.max_pool(y, (2, 2), (2, 2)).reshape(b, rows * columns // 4, y.shape[-1])

        # Queries of all places, keys and values of a quarter of them.
        queries = convolved(x, channels // 8, "theta").reshape(b, rows * columns, -1)
        keys, values = pooled(convolved(x, channels // 8, "phi")), pooled(
            convolved(x, channels // 2, "g"))
        weights = nn.softmax(queries @ keys.transpose(0, 2, 1), axis=-1)
        found = (weights @ values).reshape(b, rows, columns, -1)
        gamma = self.param("gamma", nn.initializers.zeros_init(), ())
        return x + gamma.astype(x.dtype) * convolved(found, channels, "o")


class GeneratorBlock(nn.Module):
    """A residual block that doubles images [b, h, w, c], with conditions [b, d]."""

    features: int
    rule: SpectralRule | None
    axis_name: str | None
    biased: bool

    @nn.compact
    def __call__(self, x: Array, conditions: Array, train: bool) -> Array:
        def rectified(y: Array, name: str) -> Array:
            return nn.relu(ConditionalBatchNorm(self.rule, 1e-5, self.axis_name, self.biased,
                                                name=name)(y, conditions, train))

        y = doubled(rectified(x, "norm1"))
        y = SpectralConv(self.features, 3, self.rule, name="conv1")(y, train)
        y = rectified(y, "norm2")
        y = SpectralConv(self.features, 3, self.rule, name="conv2")(y, train)
        # Single pixels may as well be convolved before they are repeated.
        return y + doubled(SpectralConv(self.features, 1, self.rule, name="shortcut")(x, train))


class BigGANGenerator(nn.Module):
    """BigGAN's generator: latents [b, z] and labels [b] become images [b, h, w, c] in [-1, 1].

    Attributes:
      image_shape: of its images; a side of `MULTIPLES`.
      num_classes: of the labels.
      axis_name: the axis that `pmap` maps, over which statistics are means.
      width: channels by which `MULTIPLES` are multiplied, `ch`.
      shared: numbers of a class's vector; 0 for as many as of a latent.
      hierarchical: whether every block gets a piece of the latents; the number of pieces, one more
        than blocks, divides them.
      attention: sides of the images that attend to themselves.
      spectral_normalization: a name of `RULES`.
      biased: whether running variances are the batches' own.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    shared: int = 128
    hierarchical: bool = True
    attention: tuple[int, ...] = (64,)
    spectral_normalization: str = "biggan"
    biased: bool = False

    batch_group: ClassVar[int] = 0
    tracks_batch: ClassVar[bool] = True

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        del keys
        first, *channels = multiples_of(self.image_shape)
        rule = choose_rule(self.spectral_normalization)
        check_attention(tuple(SMALLEST * 2 ** (number + 1) for number in range(len(channels))),
                        self.attention)
        # The class's vector, beside which each block sees its piece of the latents.
        conditions = class_vectors(self, labels, self.shared or latents.shape[-1], latents)
        pieces = [latents] * (len(channels) + 1)
        if self.hierarchical:
            pieces = cut_latents(latents, len(pieces))
            conditions = [jnp.concatenate([conditions, piece], axis=-1) for piece in pieces[1:]]
        else:
            conditions = [conditions] * len(channels)
        # The smallest image, and blocks that double it.
        x = SpectralDense(SMALLEST**2 * first * self.width, rule, name="dense")(pieces[0], train)
        x = x.reshape(-1, SMALLEST, SMALLEST, first * self.width)
        for number, multiple in enumerate(channels):
            x = GeneratorBlock(multiple * self.width, rule, self.axis_name, self.biased,
                               name=f"block_{number}")(x, conditions[number], train)
            if x.shape[1] in self.attention:
                x = Attention(rule, name=f"attention_{number}")(x, train)
        # The image.
        x = nn.relu(AffineBatchNorm(self.axis_name, self.biased, name="norm")(x, train))
        return jnp.tanh(SpectralConv(self.image_shape[-1], 3, rule, name="output")(x, train))


def class_vectors(module: nn.Module, labels: Array | None, features: int, like: Array) -> Array:
    """Computes the vector [b, features] of each label, in the compact method of a generator.

    Raises:
      ConfigError: for a network without classes.
    """
    if not module.num_classes:
        raise ConfigError("it needs labels, from which its normalizations take their gains; use "
                          "config.system.conditional=True and data with classes")
    return SpectralEmbed(module.num_classes, features, None, name="shared")(labels, False, like)


def cut_latents(latents: Array, pieces: int) -> list[Array]:
    """Cuts latents [b, z] into pieces [b, z / pieces].

    Raises:
      ConfigError: if they do not divide.
    """
    size = latents.shape[-1]
    if size % pieces:
        below = size // pieces * pieces
        raise ConfigError(f"config.system.latent_size is {size}, which {pieces} pieces of "
                          f"hierarchical latents do not divide; use {below or pieces} or "
                          f"{below + pieces}, or hierarchical=False")
    return jnp.split(latents, pieces, axis=-1)


class CriticBlock(nn.Module):
    """A residual block of images [b, h, w, c], perhaps halved at its end.

    The first block of a critic does not rectify its input. The first convolution makes `features`
    channels, or keeps those of its input (`wide=False`).
    """

    features: int
    rule: SpectralRule | None
    first: bool
    halves: bool
    wide: bool

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        def resized(y: Array) -> Array:
            return halved(y) if self.halves else y

        y = x if self.first else nn.relu(x)
        y = SpectralConv(self.features if self.wide else x.shape[-1], 3, self.rule,
                         name="conv1")(y, train)
        y = resized(SpectralConv(self.features, 3, self.rule, name="conv2")(nn.relu(y), train))
        # Means of pixels may as well be taken before each is convolved.
        if self.halves or self.features != x.shape[-1]:
            return y + SpectralConv(self.features, 1, self.rule, name="shortcut")(
                resized(x), train)
        return y + x


class Stage(NamedTuple):
    """A part of a critic.

    Attributes:
      multiple: channels after it, in multiples of `width`.
      halves: whether it halves the image.
      side: by which `attention` names it: that of its images, except at 32.
    """

    multiple: int
    halves: bool
    side: int


def critic_stages(image_shape: tuple[int, ...]) -> list[Stage]:
    """Lists the blocks of a critic: all halve but the last; at 32, two halve and two keep 8x8.

    The official code has all of these two and two at 16, so that attention there is after each.
    """
    multiples_of(image_shape)
    side = image_shape[0]
    multiples = CRITIC_MULTIPLES[side]
    if side == 32:
        return [Stage(multiple, number < 2, 16) for number, multiple in enumerate(multiples)]
    return [Stage(multiple, number < len(multiples) - 1, max(side // 2 ** (number + 1), SMALLEST))
            for number, multiple in enumerate(multiples)]


class BigGANCritic(nn.Module):
    """BigGAN's critic: images [b, h, w, c] and labels [b] become logits [b].

    The logit is linear in the sum of the last features over all places, and with classes has the
    projection of it on the label's row added (Miyato & Koyama 2018).

    Attributes:
      image_shape: of the images; a side of `MULTIPLES`.
      num_classes: of the labels; 0 without.
      axis_name: not used: it sees each example by itself.
      width: channels by which the multiples are multiplied, `ch`.
      attention: sides of the images that attend to themselves.
      wide: whether a block's first convolution has as many channels as its second.
      spectral_normalization: a name of `RULES`.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    attention: tuple[int, ...] = (64,)
    wide: bool = True
    spectral_normalization: str = "biggan"

    batch_group: ClassVar[int] = 1
    tracks_batch: ClassVar[bool] = False

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        del keys
        rule, stages, x = (choose_rule(self.spectral_normalization),
                           critic_stages(self.image_shape), images)
        check_attention(tuple(dict.fromkeys(stage.side for stage in stages)), self.attention)
        for number, stage in enumerate(stages):
            x = CriticBlock(stage.multiple * self.width, rule, number == 0, stage.halves,
                            self.wide, name=f"block_{number}")(x, train)
            if stage.side in self.attention:
                x = Attention(rule, name=f"attention_{number}")(x, train)
        return projected(self, jnp.sum(nn.relu(x), axis=(1, 2)), labels, rule, train)


def projected(module: nn.Module, features: Array, labels: Array | None,
              rule: SpectralRule | None, train: bool) -> Array:
    """Computes the logit [b] of features [b, d], in the compact method of a critic."""
    module.sow("intermediates", "features", features)
    logits = SpectralDense(1, rule, name="output")(features, train)[:, 0]
    if not module.num_classes:
        return logits
    rows = SpectralEmbed(module.num_classes, features.shape[-1], rule,
                         name="class_embedding")(labels, train, features)
    return logits + jnp.sum(rows * features, axis=-1)
