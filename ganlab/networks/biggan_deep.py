"""BigGAN-deep (Brock et al. 2019, appendix B, tables 7 to 9): narrow blocks, twice as many.

A block's 3x3 convolutions have a quarter of the channels. What goes beside them has no weights:
channels that are too many are left out in the generator, and missing ones are added by a
convolution of single pixels in the critic. All latents, beside the vector of the class, make the
smallest image and are the conditions of every block.
"""

from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from ganlab.convolutions.resized import doubled, halved
from ganlab.networks.biggan import CRITIC_MULTIPLES, MULTIPLES, Stage, class_vectors
from ganlab.networks.conditional_blocks import (
    SMALLEST,
    Attention,
    ConditionalBatchNorm,
    check_attention,
    doubled_sides,
    multiples_of,
)
from ganlab.networks.critic_heads import Headed, headed, labelled
from ganlab.networks.spectral import SpectralConv, SpectralDense, SpectralRule, choose_rule
from ganlab.types import Array

NARROWER = 4
"""By how much a block's inner channels are fewer, `channel_ratio`."""


class DeepGeneratorBlock(nn.Module):
    """A residual block of four convolutions that keeps images [b, h, w, c] or doubles them."""

    features: int
    rule: SpectralRule | None
    doubles: bool
    axis_name: str | None = None
    epsilon: float = 1e-5
    unbiased: bool = True

    @nn.compact
    def __call__(self, x: Array, conditions: Array, train: bool) -> Array:
        inner = x.shape[-1] // NARROWER

        def convolved(y: Array, features: int, number: int) -> Array:
            # Single pixels before and after two convolutions of 3x3, of which the first may see
            # the doubled image.
            y = nn.relu(ConditionalBatchNorm(self.rule, self.epsilon, self.axis_name,
                                             self.unbiased,
                                             name=f"norm{number}")(y, conditions, train))
            return SpectralConv(features, 3 if number in (2, 3) else 1, self.rule,
                                resizes="before" if self.doubles and number == 2 else "",
                                name=f"conv{number}")(y, train)

        y = x
        for number, features in enumerate((inner, inner, inner, self.features), start=1):
            y = convolved(y, features, number)
        # The first channels of the input, as many as come out.
        x = x[..., :self.features]
        return y + (doubled(x) if self.doubles else x)


class BigGANDeepGenerator(nn.Module):
    """BigGAN-deep's generator: latents [b, z] and labels [b] become images [b, h, w, c] in [-1, 1].

    Attributes:
      image_shape: of its images; a side of `MULTIPLES`.
      num_classes: of the labels.
      axis_name: the axis that `pmap` maps, over which statistics are means.
      width: channels by which `MULTIPLES` are multiplied, `ch`.
      shared: numbers of a class's vector; 0 for as many as of a latent.
      attention: sides of the images that attend to themselves.
      spectral_normalization: a name of `RULES`.
      depth: blocks of a resolution, of which the last doubles it.
      spectral_epsilon: in place of the rule's, unless it is 0.
      epsilon: of the normalizations of blocks (`BN_eps`).
      unbiased: whether running variances are unbiased; False for the official `--mybn`.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    shared: int = 128
    attention: tuple[int, ...] = (64,)
    spectral_normalization: str = "biggan"
    depth: int = 2
    spectral_epsilon: float = 0.0
    epsilon: float = 1e-5
    unbiased: bool = True

    batch_group: ClassVar[int] = 0
    tracks_batch: ClassVar[bool] = True

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        del keys
        first, *channels = multiples_of(self.image_shape, MULTIPLES, "BigGAN")
        rule = choose_rule(self.spectral_normalization, self.spectral_epsilon)
        check_attention(doubled_sides(len(channels)), self.attention)
        # The class's vector and the latents are the conditions of everything.
        vectors = class_vectors(self, labels, self.shared or latents.shape[-1], latents)
        conditions = jnp.concatenate([vectors, latents], axis=-1)
        x = SpectralDense(SMALLEST**2 * first * self.width, rule, name="dense")(conditions, train)
        x = x.reshape(-1, SMALLEST, SMALLEST, first * self.width)
        for number, multiple in enumerate(channels):
            # The first block of a resolution keeps its channels, the last one doubles it.
            for place in range(self.depth):
                features = multiple * self.width if place else x.shape[-1]
                x = DeepGeneratorBlock(
                    features, rule, place == self.depth - 1, self.axis_name, self.epsilon,
                    self.unbiased, name=f"block_{number}_{place}")(x, conditions, train)
            if x.shape[1] in self.attention:
                x = Attention(rule, name=f"attention_{number}")(x, train)
        x = nn.relu(ConditionalBatchNorm(axis_name=self.axis_name, unbiased=self.unbiased,
                                         name="norm")(x, None, train))
        return jnp.tanh(SpectralConv(self.image_shape[-1], 3, rule, name="output")(x, train))


class DeepCriticBlock(nn.Module):
    """A residual block of four convolutions that keeps images [b, h, w, c] or halves them."""

    features: int
    rule: SpectralRule | None
    halves: bool

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        inner = self.features // NARROWER

        def convolved(y: Array, features: int, side: int, name: str) -> Array:
            return SpectralConv(features, side, self.rule, name=name)(y, train)

        def resized(y: Array) -> Array:
            return halved(y) if self.halves else y

        y = convolved(nn.relu(x), inner, 1, "conv1")
        y = convolved(nn.relu(y), inner, 3, "conv2")
        y = convolved(nn.relu(y), inner, 3, "conv3")
        y = convolved(resized(nn.relu(y)), self.features, 1, "conv4")
        # Channels that the input lacks are made of those that it has.
        x = resized(x)
        if missing := self.features - x.shape[-1]:
            x = jnp.concatenate([x, convolved(x, missing, 1, "shortcut")], axis=-1)
        return y + x


def deep_stages(image_shape: tuple[int, ...]) -> list[Stage]:
    """Lists the resolutions of a deep critic after its first convolution: all halve the image, but
    for the last one at 32."""
    multiples, side = multiples_of(image_shape, CRITIC_MULTIPLES, "BigGAN"), image_shape[0]
    return [Stage(multiple, side != 32 or number < 2,
                  16 if side == 32 else side // 2 ** (number + 1))
            for number, multiple in enumerate(multiples[1:])]


class BigGANDeepCritic(Headed):
    """BigGAN-deep's critic: images [b, h, w, c] and labels [b] become logits [b].

    Attributes:
      image_shape: of the images; a side of `MULTIPLES`.
      num_classes: of the labels; 0 without.
      head, embedding, sliced, codes: of the logit and how labels enter it, see `Headed`.
      axis_name: not used: it sees each example by itself.
      width: channels by which the multiples are multiplied, `ch`.
      attention: sides of the images that attend to themselves.
      spectral_normalization: a name of `RULES`.
      depth: blocks of a resolution, of which the first halves it.
      spectral_epsilon: in place of the rule's, unless it is 0.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    attention: tuple[int, ...] = (64,)
    spectral_normalization: str = "biggan"
    depth: int = 2
    spectral_epsilon: float = 0.0

    batch_group: ClassVar[int] = 1
    tracks_batch: ClassVar[bool] = False

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        del keys
        rule = choose_rule(self.spectral_normalization, self.spectral_epsilon)
        stages = deep_stages(self.image_shape)
        check_attention(tuple(dict.fromkeys(stage.side for stage in stages)), self.attention)
        first = CRITIC_MULTIPLES[self.image_shape[0]][0]
        x = SpectralConv(first * self.width, 3, rule, name="input")(
            labelled(self, images, labels), train)
        for number, stage in enumerate(stages):
            for place in range(self.depth):
                x = DeepCriticBlock(stage.multiple * self.width, rule,
                                    stage.halves and place == 0,
                                    name=f"block_{number}_{place}")(x, train)
            if stage.side in self.attention:
                x = Attention(rule, name=f"attention_{number}")(x, train)
        return headed(self, jnp.sum(nn.relu(x), axis=(1, 2)), labels, rule, train)
