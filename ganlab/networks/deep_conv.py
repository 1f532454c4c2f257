"""The plain convolutional networks of DCGAN (Radford et al. 2016) and of SNGAN (Miyato et al. 2018,
table 3), as PyTorch-StudioGAN has them at 32: backbone `deep_conv`.

A generator doubles its images by transposed convolutions of 4x4; a critic has a convolution of 3x3
and one of 4x4, which halves, in each block. Either all of its layers are spectrally normalized, or
it normalizes over the batch. `filters` are the channels of their order.
"""

from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from ganlab.convolutions.layers import Conv, ConvTranspose
from ganlab.networks.conditional_blocks import SMALLEST, ConditionalBatchNorm, check_square
from ganlab.networks.critic_heads import Headed, headed, labelled
from ganlab.networks.layers import one_hot
from ganlab.networks.spectral import SpectralConv, choose_rule
from ganlab.types import Array

EPSILON = 1e-4
"""Of all normalizations over the batch."""
KERNEL_INIT = nn.initializers.orthogonal()


def _check(image_shape: tuple[int, ...], filters: tuple[int, ...]) -> None:
    """Raises ConfigError for images that are not as large as the blocks make them."""
    side = SMALLEST * 2 ** (len(filters) - 1)
    check_square(image_shape, "deep_conv", f"{side}, for {len(filters)} filters", (side,))


class DeepConvGenerator(nn.Module):
    """A generator of transposed convolutions: latents [b, z] (with labels [b]) become images.

    Images [b, h, w, c] are in [-1, 1]. Labels enter one-hot, through the gains and biases of the
    normalizations.

    Attributes:
      image_shape: of its images; a side of 4 times two for each block.
      num_classes: 0 without labels.
      axis_name: the axis that `pmap` maps, over which statistics are means.
      filters: channels of the smallest image, and of each block.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    filters: tuple[int, ...] = (512, 256, 128, 64)

    batch_group: ClassVar[int] = 0
    tracks_batch: ClassVar[bool] = True

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        del keys
        first, *channels = self.filters
        _check(self.image_shape, self.filters)
        conditions = one_hot(labels, self.num_classes, latents) if self.num_classes else None
        # The smallest image, and blocks that double it.
        x = nn.Dense(SMALLEST**2 * first, kernel_init=KERNEL_INIT, name="dense")(latents)
        x = x.reshape(-1, SMALLEST, SMALLEST, first)
        for number, features in enumerate(channels):
            x = ConvTranspose(features, (4, 4), (2, 2), kernel_init=KERNEL_INIT,
                              name=f"conv_{number}")(x)
            x = nn.relu(ConditionalBatchNorm(None, EPSILON, self.axis_name,
                                             name=f"norm_{number}")(x, conditions, train))
        return jnp.tanh(Conv(self.image_shape[-1], (3, 3), kernel_init=KERNEL_INIT,
                             name="output")(x))


class DeepConvCritic(Headed):
    """A critic of convolutions: images [b, h, w, c] (with labels [b]) become logits [b].

    Attributes:
      image_shape: of the images; a side of 4 times two for each block.
      num_classes: 0 without labels.
      head, embedding, sliced, codes: of the logit and how labels enter it, see `Headed`.
      axis_name: the axis that `pmap` maps, over which statistics are means.
      filters: channels of each block, and of the last convolution.
      spectral_normalization: a name of `RULES`; with `none` it normalizes over the batch.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    filters: tuple[int, ...] = (64, 128, 256, 512)
    spectral_normalization: str = "studiogan"

    @property
    def batch_group(self) -> int:
        """Neighbours that see each other in training: all, 0, if it normalizes over the batch."""
        return 0 if self.spectral_normalization == "none" else 1

    @property
    def tracks_batch(self) -> bool:
        """Whether it keeps statistics of its batches."""
        return self.spectral_normalization == "none"

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        del keys
        rule = choose_rule(self.spectral_normalization)
        *blocks, last = self.filters
        _check(self.image_shape, self.filters)

        def convolved(x: Array, features: int, side: int, resizes: str, place: str) -> Array:
            x = SpectralConv(features, side, rule, kernel_init=KERNEL_INIT, resizes=resizes,
                             name=f"conv_{place}")(x, train)
            if rule is None:
                x = ConditionalBatchNorm(None, EPSILON, self.axis_name,
                                         name=f"norm_{place}")(x, None, train)
            return nn.relu(x)

        x = labelled(self, images, labels)
        for number, features in enumerate(blocks):
            x = convolved(x, features, 3, "", f"{number}_0")
            x = convolved(x, features, 4, "strided", f"{number}_1")
        x = convolved(x, last, 3, "", "last")
        return headed(self, jnp.sum(x, axis=(1, 2)), labels, rule, train)
