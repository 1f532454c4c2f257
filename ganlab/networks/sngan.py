"""The residual networks of SNGAN (Miyato et al. 2018, tables 3 and 4), with the attention of SAGAN
(Zhang et al. 2019), as PyTorch-StudioGAN has them at 32, 64 and 128.

The class enters the generator one-hot, through its batch normalizations or beside the latents; a
critic is spectrally normalized. In SAGAN the generator is, too.
"""

from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from ganlab.config import unknown
from ganlab.networks.conditional_blocks import (
    SMALLEST,
    Attention,
    ConditionalBatchNorm,
    CriticBlock,
    GeneratorBlock,
    check_attention,
    doubled_sides,
    multiples_of,
)
from ganlab.networks.critic_heads import Headed, headed, labelled
from ganlab.networks.layers import concatenate_labels, one_hot
from ganlab.networks.spectral import SpectralConv, SpectralDense, choose_rule
from ganlab.types import Array

GENERATOR_MULTIPLES = {
    32: (4, 4, 4, 4), 64: (16, 8, 4, 2, 1), 128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1)}
"""Channels of the generator by the side of its images, in multiples of `width`: of the smallest
image, and of each block."""
CRITIC_MULTIPLES = {
    32: (2, 2, 2, 2), 64: (1, 2, 4, 8, 16), 128: (1, 2, 4, 8, 16, 16),
    256: (1, 2, 4, 8, 8, 16, 16)}
"""Channels of the critic's blocks, from the image on: all halve but the last; at 32, but the last
two."""
EPSILON = 1e-4
"""Of the generator's normalizations."""
CONDITIONINGS = ("normalization", "concatenation")
"""How labels enter the generator: through the gains and biases of its batch normalizations, or
appended to the latents, with normalizations that learn these."""


class SNGANGenerator(nn.Module):
    """SNGAN's generator: latents [b, z] (with labels [b]) become images [b, h, w, c] in [-1, 1].

    Attributes:
      image_shape: of its images; a side of `GENERATOR_MULTIPLES`.
      num_classes: 0 without labels.
      axis_name: the axis that `pmap` maps, over which statistics are means.
      width: channels by which the multiples are multiplied.
      attention: sides of the images that attend to themselves.
      spectral_normalization: a name of `RULES`; `studiogan` for SAGAN.
      conditioning: how labels enter, a name of `CONDITIONINGS`.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    attention: tuple[int, ...] = ()
    spectral_normalization: str = "none"
    conditioning: str = "normalization"

    batch_group: ClassVar[int] = 0
    tracks_batch: ClassVar[bool] = True

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        del keys
        rule = choose_rule(self.spectral_normalization)
        first, *channels = multiples_of(self.image_shape, GENERATOR_MULTIPLES, "SNGAN")
        check_attention(doubled_sides(len(channels)), self.attention)
        if self.conditioning not in CONDITIONINGS:
            raise unknown("conditioning", self.conditioning, CONDITIONINGS)
        conditions = None
        if self.conditioning == "concatenation":
            latents = concatenate_labels(latents, labels, self.num_classes)
        elif self.num_classes:
            conditions = one_hot(labels, self.num_classes, latents)
        # The smallest image, and blocks that double it.
        x = SpectralDense(SMALLEST**2 * first * self.width, rule, name="dense")(latents, train)
        x = x.reshape(-1, SMALLEST, SMALLEST, first * self.width)
        for number, multiple in enumerate(channels):
            x = GeneratorBlock(multiple * self.width, rule, self.axis_name, epsilon=EPSILON,
                               name=f"block_{number}")(x, conditions, train)
            if x.shape[1] in self.attention:
                x = Attention(rule, name=f"attention_{number}")(x, train)
        x = nn.relu(ConditionalBatchNorm(epsilon=EPSILON, axis_name=self.axis_name,
                                         name="norm")(x, None, train))
        return jnp.tanh(SpectralConv(self.image_shape[-1], 3, rule, name="output")(x, train))


class SNGANCritic(Headed):
    """SNGAN's critic: images [b, h, w, c] (with labels [b]) become logits [b].

    Attributes:
      image_shape: of the images; a side of `CRITIC_MULTIPLES`.
      num_classes: 0 without labels.
      head, embedding, sliced, codes: of the logit and how labels enter it, see `Headed`.
      axis_name: not used: it sees each example by itself.
      width: channels by which the multiples are multiplied.
      attention: sides of the images that attend to themselves.
      spectral_normalization: a name of `RULES`.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    attention: tuple[int, ...] = ()
    spectral_normalization: str = "studiogan"

    batch_group: ClassVar[int] = 1
    tracks_batch: ClassVar[bool] = False

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        del keys
        rule, multiples = (choose_rule(self.spectral_normalization),
                           multiples_of(self.image_shape, CRITIC_MULTIPLES, "SNGAN"))
        halving = 2 if self.image_shape[0] == 32 else len(multiples) - 1
        x, sides = labelled(self, images, labels), []
        for number, multiple in enumerate(multiples):
            x = CriticBlock(multiple * self.width, rule, number == 0, number < halving,
                            rectifies_shortcut=True, name=f"block_{number}")(x, train)
            sides.append(x.shape[1])
            # After the block that makes this side, and not after those that keep it.
            if x.shape[1] in self.attention and number < halving:
                x = Attention(rule, name=f"attention_{number}")(x, train)
        check_attention(tuple(dict.fromkeys(sides)), self.attention)
        return headed(self, jnp.sum(nn.relu(x), axis=(1, 2)), labels, rule, train)
