"""Residual blocks of class-conditional networks: of SNGAN, SAGAN, BigGAN and the codes after them.

Blocks rectify before they convolve (Gulrajani et al. 2017); the class enters a generator through
the gains and biases of its batch normalizations (Dumoulin et al. 2017), a critic by its head
(`critic_heads`).
"""

from collections.abc import Container, Mapping

import jax
from flax import linen as nn

from ganlab.config import ConfigError, unknown
from ganlab.convolutions.resized import doubled, halved
from ganlab.networks.batch_statistics import batch_statistics, whole
from ganlab.networks.spectral import SpectralConv, SpectralDense, SpectralRule
from ganlab.types import Array

SMALLEST = 4
"""Side of the image with which a generator begins."""
NARROWEST = 8
"""Least channels with attention."""


def multiples_of(image_shape: tuple[int, ...], table: Mapping[int, tuple[int, ...]],
                 family: str) -> tuple[int, ...]:
    """Returns the channels that a table has for images; raises ConfigError for other sides."""
    check_square(image_shape, family, ", ".join(map(str, table)), table)
    return table[image_shape[0]]


def check_square(image_shape: tuple[int, ...], family: str, words: str,
                 sides: Container[int]) -> None:
    """Raises ConfigError for points, and for images that are not square with a side of some, which
    `words` name."""
    if len(image_shape) != 3:
        raise ConfigError(f"the data has shape {list(image_shape)}; {family} takes images [height, "
                          f"width, channels] with a side of {words}; use mlp")
    rows, columns = image_shape[:2]
    if rows != columns or rows not in sides:
        raise ConfigError(f"images have {rows}x{columns} pixels; {family}'s are square, with a "
                          f"side of {words}; resize the data")


def doubled_sides(blocks: int) -> tuple[int, ...]:
    """Returns the sides of the images that a generator's blocks make, one after the other."""
    return tuple(SMALLEST * 2 ** (number + 1) for number in range(blocks))


def check_attention(sides: tuple[int, ...], attention: tuple[int, ...]) -> None:
    """Raises ConfigError for attention at a side that no block of a network makes."""
    for side in attention:
        if side not in sides:
            raise unknown("attention", str(side), [str(made) for made in sides])


class ConditionalBatchNorm(nn.Module):
    """Batch normalization of images [b, h, w, c] whose gains and biases are linear in conditions
    [b, d], gains around 1; without conditions they are learned."""

    rule: SpectralRule | None = None
    epsilon: float = 1e-5
    axis_name: str | None = None
    unbiased: bool = True

    @nn.compact
    def __call__(self, x: Array, conditions: Array | None, train: bool) -> Array:
        size = x.shape[-1]
        mean, variance = batch_statistics(self, whole(x), train, self.axis_name, self.unbiased)
        normalized = ((whole(x) - mean) * jax.lax.rsqrt(variance + self.epsilon)).astype(x.dtype)
        if conditions is None:
            gain = self.param("gain", nn.initializers.ones_init(), (size,)).astype(x.dtype)
            return normalized * gain + self.param(
                "bias", nn.initializers.zeros_init(), (size,)).astype(x.dtype)

        def linear(name: str) -> Array:
            found = SpectralDense(size, self.rule, use_bias=False, name=name)(conditions, train)
            return found[:, None, None, :]

        return normalized * (1 + linear("gain")) + linear("bias")


class Attention(nn.Module):
    """Self-attention over the places of images [b, h, w, c] (Zhang et al. 2019, section 3).

    Keys and values are of 2x2 places, the largest of each; scores are not scaled. What is attended
    to is added by a learned weight, 0 at first.
    """

    rule: SpectralRule | None

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        b, rows, columns, channels = x.shape
        if channels < NARROWEST:
            raise ConfigError(f"attention at {rows}x{columns} has {channels} channels, of which "
                              f"queries are an eighth; use a width that makes it {NARROWEST}")

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
    """A residual block that doubles images [b, h, w, c], with conditions [b, d] or without.

    With `plain_conditions` what is linear in conditions is not spectrally normalized.
    """

    features: int
    rule: SpectralRule | None
    axis_name: str | None
    epsilon: float = 1e-5
    unbiased: bool = True
    plain_conditions: bool = False

    @nn.compact
    def __call__(self, x: Array, conditions: Array | None, train: bool) -> Array:
        def rectified(y: Array, name: str) -> Array:
            rule = None if self.plain_conditions else self.rule
            return nn.relu(ConditionalBatchNorm(rule, self.epsilon, self.axis_name, self.unbiased,
                                                name=name)(y, conditions, train))

        y = rectified(x, "norm1")
        y = SpectralConv(self.features, 3, self.rule, resizes="before", name="conv1")(y, train)
        y = rectified(y, "norm2")
        y = SpectralConv(self.features, 3, self.rule, name="conv2")(y, train)
        # Single pixels may as well be convolved before they are repeated.
        return y + doubled(SpectralConv(self.features, 1, self.rule, name="shortcut")(x, train))


class CriticBlock(nn.Module):
    """A residual block of images [b, h, w, c], perhaps halved at its end.

    The first block of a critic does not rectify its input. The first convolution makes `features`
    channels, or keeps those of its input (`wide=False`). With `rectifies_shortcut` what goes beside
    the convolutions is rectified as well, as where an official code does so in place.
    """

    features: int
    rule: SpectralRule | None
    first: bool
    halves: bool
    wide: bool = True
    rectifies_shortcut: bool = False

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        y = x if self.first else nn.relu(x)
        x = y if self.rectifies_shortcut else x
        y = SpectralConv(self.features if self.wide else x.shape[-1], 3, self.rule,
                         name="conv1")(y, train)
        y = SpectralConv(self.features, 3, self.rule, resizes="after" if self.halves else "",
                         name="conv2")(nn.relu(y), train)
        # Means of pixels may as well be taken before each is convolved.
        if self.halves or self.features != x.shape[-1]:
            return y + SpectralConv(self.features, 1, self.rule, name="shortcut")(
                halved(x) if self.halves else x, train)
        return y + x
