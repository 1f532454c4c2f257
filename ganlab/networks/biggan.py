"""BigGAN (Brock et al. 2019, "Large scale GAN training for high fidelity natural image synthesis",
appendix B).

A class is a learned vector, shared by all layers, from which every batch normalization takes its
gains and biases. Latents are hierarchical: they are cut into pieces, of which the first makes the
smallest image and each block gets the next one beside the vector of the class. All kernels are
divided by their largest singular value. Attention looks at all places of one resolution.
"""

from typing import ClassVar, NamedTuple

import jax.numpy as jnp
from flax import linen as nn

from ganlab.config import ConfigError
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
from ganlab.networks.layers import one_hot
from ganlab.networks.spectral import SpectralConv, SpectralDense, SpectralEmbed, choose_rule
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


class BigGANGenerator(nn.Module):
    """BigGAN's generator: latents [b, z] and labels [b] become images [b, h, w, c] in [-1, 1].

    Attributes:
      image_shape: of its images; a side of `MULTIPLES`.
      num_classes: of the labels.
      axis_name: the axis that `pmap` maps, over which statistics are means.
      width: channels by which `multiples` are multiplied, `ch`.
      multiples: channels of the smallest image and of each block; those of `MULTIPLES` if empty.
      shared: numbers of a class's vector; 0 for as many as of a latent.
      shares: whether all layers take their gains and biases from that vector (`G_shared`);
        otherwise each learns its own for every class, and latents are not hierarchical.
      hierarchical: whether every block gets a piece of the latents; the number of pieces, one more
        than blocks, divides them.
      attention: sides of the images that attend to themselves.
      spectral_normalization: a name of `RULES`.
      spectral_epsilon: in place of the rule's, unless it is 0.
      epsilon: of the normalizations of blocks (`BN_eps`).
      output_epsilon: of the last normalization.
      unbiased: whether running variances are unbiased; False for the official `--mybn`, without
        which its code computes no standing statistics.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    multiples: tuple[int, ...] = ()
    shared: int = 128
    shares: bool = True
    hierarchical: bool = True
    attention: tuple[int, ...] = (64,)
    spectral_normalization: str = "biggan"
    spectral_epsilon: float = 0.0
    epsilon: float = 1e-5
    output_epsilon: float = 1e-5
    unbiased: bool = True

    batch_group: ClassVar[int] = 0
    tracks_batch: ClassVar[bool] = True

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        del keys
        table = MULTIPLES
        if self.multiples:
            table = {SMALLEST * 2 ** (len(self.multiples) - 1): self.multiples}
        first, *channels = multiples_of(self.image_shape, table, "BigGAN")
        rule = choose_rule(self.spectral_normalization, self.spectral_epsilon)
        check_attention(doubled_sides(len(channels)), self.attention)
        # The class's vector, beside which each block sees its piece of the latents.
        conditions = self._conditions(labels, latents)
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
            x = GeneratorBlock(multiple * self.width, rule, self.axis_name, self.epsilon,
                               self.unbiased, plain_conditions=not self.shares,
                               name=f"block_{number}")(x, conditions[number], train)
            if x.shape[1] in self.attention:
                x = Attention(rule, name=f"attention_{number}")(x, train)
        # The image.
        x = ConditionalBatchNorm(epsilon=self.output_epsilon, axis_name=self.axis_name,
                                 unbiased=self.unbiased, name="norm")(x, None, train)
        return jnp.tanh(SpectralConv(self.image_shape[-1], 3, rule, name="output")(
            nn.relu(x), train))

    def _conditions(self, labels: Array | None, latents: Array) -> Array:
        """Computes what stands for the class: its vector [b, d], or the one-hot label."""
        if self.shares:
            return class_vectors(self, labels, self.shared or latents.shape[-1], latents)
        if self.hierarchical:
            raise ConfigError("shares is False, so that layers see the label alone, and "
                              "hierarchical is True, so that they see latents beside it; use one "
                              "of shares=True and hierarchical=False")
        check_classes(self)
        return one_hot(labels, self.num_classes, latents)


def check_classes(module: nn.Module) -> None:
    """Raises ConfigError for a generator without classes."""
    if not module.num_classes:
        raise ConfigError("it needs labels, from which its normalizations take their gains; use "
                          "config.system.conditional=True and data with classes")


def class_vectors(module: nn.Module, labels: Array | None, features: int, like: Array) -> Array:
    """Computes the vector [b, features] of each label, in the compact method of a generator.

    Raises:
      ConfigError: for a network without classes.
    """
    check_classes(module)
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
    multiples, side = multiples_of(image_shape, CRITIC_MULTIPLES, "BigGAN"), image_shape[0]
    if side == 32:
        return [Stage(multiple, number < 2, 16) for number, multiple in enumerate(multiples)]
    return [Stage(multiple, number < len(multiples) - 1, max(side // 2 ** (number + 1), SMALLEST))
            for number, multiple in enumerate(multiples)]


class BigGANCritic(Headed):
    """BigGAN's critic: images [b, h, w, c] and labels [b] become logits [b].

    The logit is linear in the sum of the last features over all places, and with classes has by
    default the projection of it on the label's row added (Miyato & Koyama 2018).

    Attributes:
      image_shape: of the images; a side of `MULTIPLES`.
      num_classes: of the labels; 0 without.
      head, embedding, sliced, codes: of the logit and how labels enter it, see `Headed`.
      axis_name: not used: it sees each example by itself.
      width: channels by which the multiples are multiplied, `ch`.
      attention: sides of the images that attend to themselves.
      wide: whether a block's first convolution has as many channels as its second.
      spectral_normalization: a name of `RULES`.
      spectral_epsilon: in place of the rule's, unless it is 0.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    attention: tuple[int, ...] = (64,)
    wide: bool = True
    spectral_normalization: str = "biggan"
    spectral_epsilon: float = 0.0

    batch_group: ClassVar[int] = 1
    tracks_batch: ClassVar[bool] = False

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        del keys
        rule = choose_rule(self.spectral_normalization, self.spectral_epsilon)
        stages, x = critic_stages(self.image_shape), labelled(self, images, labels)
        check_attention(tuple(dict.fromkeys(stage.side for stage in stages)), self.attention)
        for number, stage in enumerate(stages):
            x = CriticBlock(stage.multiple * self.width, rule, number == 0, stage.halves,
                            self.wide, name=f"block_{number}")(x, train)
            if stage.side in self.attention:
                x = Attention(rule, name=f"attention_{number}")(x, train)
        return headed(self, jnp.sum(nn.relu(x), axis=(1, 2)), labels, rule, train)
