"""The published BigGAN-deep: networks of 128, 256 and 512 pixels that were trained on ImageNet, as
Hugging Face's pytorch-pretrained-BigGAN has them.

Its weights are those of use: kernels are divided by their singular values. Its normalizations keep
statistics for 51 truncations of latents, from 0 to 1, as found by drawing from each.
"""

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from ganlab.config import ConfigError
from ganlab.convolutions.resized import doubled
from ganlab.networks.batch_statistics import whole
from ganlab.networks.biggan_deep import NARROWER
from ganlab.networks.conditional_blocks import SMALLEST, Attention, check_square
from ganlab.networks.layers import one_hot
from ganlab.networks.spectral import SpectralConv, SpectralDense
from ganlab.types import Array

Block = tuple[bool, int, int]
"""Whether a block doubles the image, and its channels before and after, in multiples of `width`."""


def paired(*channels: int) -> tuple[Block, ...]:
    """Lists blocks in pairs: the first keeps its channels, the second doubles images."""
    return tuple(block for before, after in zip(channels, channels[1:], strict=False)
                 for block in ((False, before, before), (True, before, after)))


LAYERS = {128: paired(16, 16, 8, 4, 2, 1), 256: paired(16, 16, 8, 8, 4, 2, 1),
          512: paired(16, 16, 8, 8, 4, 2, 1, 1)}
"""Blocks of the published networks by the side of their images."""
WHOLE = 1e-3
"""As near to a number of the table, a truncation has its statistics."""


class Place(NamedTuple):
    """Where a truncation lies in a table: two entries next to each other, and the first one's
    share."""

    first: Array
    second: Array
    share: Array


def place_at(truncation: Array | float, number: int) -> Place:
    """Finds a truncation among `number` entries, of truncations 0 to 1.

    As the published code has it: between two entries the shares are those of the other one, so
    that what is interpolated jumps at each of them.
    """
    place = jnp.clip(jnp.asarray(truncation, jnp.float32), 0, 1) * (number - 1)
    nearest = jnp.round(place)
    whole = jnp.abs(place - nearest) < WHOLE
    first = jnp.where(whole, nearest, jnp.floor(place)).astype(jnp.int32)
    return Place(first, jnp.minimum(first + 1, number - 1), jnp.where(whole, 1.0, place - first))


def statistics_at(table: Array, place: Place) -> Array:
    """Interpolates statistics [n, c] at a place among them: [c]."""
    first, second = (jax.lax.dynamic_index_in_dim(table, entry, keepdims=False)
                     for entry in (place.first, place.second))
    return first * place.share + second * (1 - place.share)


class StoredNorm(nn.Module):
    """Normalization of images [b, h, w, c] by stored statistics, with gains and biases linear in
    conditions [b, d], or learned."""

    statistics: int
    epsilon: float

    @nn.compact
    def __call__(self, x: Array, conditions: Array | None, place: Place) -> Array:
        shape = (self.statistics, x.shape[-1])
        means = self.variable("batch_stats", "mean", jnp.zeros, shape)
        variances = self.variable("batch_stats", "var", jnp.ones, shape)
        mean, variance = (statistics_at(table.value, place) for table in (means, variances))
        x = ((whole(x) - mean) / jnp.sqrt(variance + self.epsilon)).astype(x.dtype)
        if conditions is None:
            gain = self.param("gain", nn.initializers.ones_init(), shape[1:]).astype(x.dtype)
            return x * gain + self.param(
                "bias", nn.initializers.zeros_init(), shape[1:]).astype(x.dtype)

        def linear(name: str) -> Array:
            found = SpectralDense(shape[1], None, use_bias=False, name=name)(conditions, False)
            return found[:, None, None, :]

        return x * (1 + linear("gain")) + linear("bias")


class PublishedBigGANDeep(nn.Module):
    """The published generator: latents [b, z] and labels [b] become images [b, h, w, c] in [-1, 1].

    It has no mode of training: gradients pass, statistics stay. Its call takes the truncation by
    which the latents were drawn, up to 1; 0 for none.

    Attributes:
      image_shape: of its images; channels are the first ones of its last layer.
      num_classes: of the labels.
      axis_name: not used: it sees each example by itself.
      width: channels by which those of layers are multiplied.
      layers: blocks; none for those that were published for this side.
      attention: after how many blocks places attend to each other.
      statistics: truncations that have statistics.
      epsilon: of normalizations.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 128
    layers: tuple[Block, ...] = ()
    attention: int = 8
    statistics: int = 51
    epsilon: float = 1e-4

    batch_group: ClassVar[int] = 1
    tracks_batch: ClassVar[bool] = False
    sampling_options: ClassVar[tuple[str, ...]] = ("truncation",)

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False, truncation: Array | float = 0.0) -> Array:
        del keys, train
        layers = self._fitting()
        # No truncation has the statistics of the largest one.
        place = place_at(jnp.where(jnp.asarray(truncation) > 0, truncation, 1.0), self.statistics)
        # Latents and as many numbers of the class are the conditions of everything.
        vectors = SpectralDense(latents.shape[-1], None, use_bias=False, name="class_embedding")(
            one_hot(labels, self.num_classes, latents), False)
        conditions = jnp.concatenate([latents, vectors], axis=-1)
        channels = layers[0][1] * self.width
        x = SpectralDense(SMALLEST**2 * channels, None, name="dense")(conditions, False)
        x = x.reshape(-1, SMALLEST, SMALLEST, channels)
        for number, (doubles, _, after) in enumerate(layers):
            if number == self.attention:
                x = Attention(None, name="attention")(x, False)
            x = self._block(x, conditions, place, number, doubles, after * self.width)
        x = nn.relu(StoredNorm(self.statistics, self.epsilon, name="norm")(x, None, place))
        x = SpectralConv(x.shape[-1], 3, None, name="output")(x, False)
        return jnp.tanh(x[..., :self.image_shape[-1]])

    def _fitting(self) -> tuple[Block, ...]:
        """Returns the blocks; raises ConfigError where they do not make the images, or without
        classes."""
        if not self.num_classes:
            raise ConfigError("it needs labels; use config.system.conditional=True and data with "
                              "classes")
        sides = list(LAYERS)
        if self.layers:
            sides = [SMALLEST * 2 ** sum(doubles for doubles, _, _ in self.layers)]
        check_square(self.image_shape, "the published BigGAN-deep", ", ".join(map(str, sides)),
                     sides)
        return self.layers or LAYERS[self.image_shape[0]]

    def _block(self, x: Array, conditions: Array, place: Place, number: int, doubles: bool,
               features: int) -> Array:
        """Computes a residual block of four convolutions; what goes beside loses channels."""
        inner, y = x.shape[-1] // NARROWER, x
        for layer, size in enumerate((inner, inner, inner, features)):
            y = nn.relu(StoredNorm(self.statistics, self.epsilon, name=f"norm_{number}_{layer}")(
                y, conditions, place))
            # The first 3x3 convolution sees the doubled image.
            y = doubled(y) if doubles and layer == 1 else y
            y = SpectralConv(size, 3 if layer in (1, 2) else 1, None,
                             name=f"conv_{number}_{layer}")(y, False)
        return y + (doubled(x) if doubles else x)[..., :features]
