"""Residual blocks of class-conditional networks: of SNGAN, SAGAN, BigGAN and the codes after them.

Blocks rectify before they convolve (Gulrajani et al. 2017); the class enters a generator through
the gains and biases of its batch normalizations (Dumoulin et al. 2017), a critic by projection.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from ganlab.config import unknown
from ganlab.networks.residual import doubled, halved
from ganlab.networks.spectral import SpectralConv, SpectralDense, SpectralEmbed, SpectralRule
from ganlab.types import Array

MOMENTUM = 0.9
"""Share of the old statistics that a pass keeps; PyTorch names what it replaces, 0.1."""


def check_attention(sides: tuple[int, ...], attention: tuple[int, ...]) -> None:
    """Raises ConfigError for attention at a side that no block of a network makes."""
    for side in attention:
        if side not in sides:
            raise unknown("attention", str(side), [str(made) for made in sides])


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


class ConditionalBatchNorm(nn.Module):
    """Batch normalization of images [b, h, w, c] whose gains and biases are linear in conditions
    [b, d], gains around 1; without conditions they are learned."""

    rule: SpectralRule | None = None
    epsilon: float = 1e-5
    axis_name: str | None = None
    biased: bool = False

    @nn.compact
    def __call__(self, x: Array, conditions: Array | None, train: bool) -> Array:
        size = x.shape[-1]
        normalized = BatchNorm(self.epsilon, self.axis_name, self.biased, name="norm")(x, train)
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
    """A residual block that doubles images [b, h, w, c], with conditions [b, d] or without."""

    features: int
    rule: SpectralRule | None
    axis_name: str | None
    biased: bool = False
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array, conditions: Array | None, train: bool) -> Array:
        def rectified(y: Array, name: str) -> Array:
            return nn.relu(ConditionalBatchNorm(self.rule, self.epsilon, self.axis_name,
                                                self.biased, name=name)(y, conditions, train))

        y = doubled(rectified(x, "norm1"))
        y = SpectralConv(self.features, 3, self.rule, name="conv1")(y, train)
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
        def resized(y: Array) -> Array:
            return halved(y) if self.halves else y

        y = x if self.first else nn.relu(x)
        x = y if self.rectifies_shortcut else x
        y = SpectralConv(self.features if self.wide else x.shape[-1], 3, self.rule,
                         name="conv1")(y, train)
        y = resized(SpectralConv(self.features, 3, self.rule, name="conv2")(nn.relu(y), train))
        # Means of pixels may as well be taken before each is convolved.
        if self.halves or self.features != x.shape[-1]:
            return y + SpectralConv(self.features, 1, self.rule, name="shortcut")(
                resized(x), train)
        return y + x


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
