"""Strided convolutional networks after DCGAN (Radford et al. 2016), sized by the image.

An image of size `base * 2^n` gets n stages of stride 2. Channels are `width` next to
the image and double with each stage inward, up to `max_width`.
"""

import jax.numpy as jnp
from flax import linen as nn

from ganlab.convolutions.layers import Conv, ConvTranspose
from ganlab.networks.activations import ACTIVATIONS
from ganlab.networks.layers import (
    INITIALIZERS,
    Dropout,
    Normalization,
    NormalizedByName,
    check_words,
    critic_output,
    images_with_labels,
    latents_with_labels,
    spectral,
)
from ganlab.networks.resolutions import STRIDE, stage_count, stage_widths
from ganlab.types import Array


def check_kernel(kernel: int) -> None:
    """Raises ValueError for a kernel that the stride does not divide.

    Such a transposed convolution overlaps unevenly and draws checkerboards
    (Odena et al. 2016).
    """
    if kernel % STRIDE or kernel < STRIDE:
        raise ValueError(f"kernel {kernel} is not divisible by the stride {STRIDE}; use 2, 4 or 6")


class DCGANGenerator(NormalizedByName, nn.Module):
    """Dense layer, then transposed convolutions of stride 2 (Radford et al. 2016).

    Latents [b, z] (with labels appended, by `label_input`) become images [b, h, w, c] in [-1, 1].
    With `refine` the last stage keeps its features and a 3x3 convolution draws the image,
    for images so small that otherwise one stage would have to do all the drawing. With
    `output_bias=False` what draws the image has no bias, as in PyTorch's tutorial.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    max_width: int = 512
    base: int = 4
    kernel: int = 4
    activation: str = "relu"
    normalization: str = "batch"
    label_input: str = "one_hot"
    initializer: str = "dcgan"
    refine: bool = False
    output_bias: bool = True

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        check_words(self)
        check_kernel(self.kernel)
        stages = stage_count(self.image_shape, self.base, "dcgan")
        widths = stage_widths(stages + self.refine, self.width, self.max_width)[::-1]
        kernel_init = INITIALIZERS[self.initializer]
        use_bias = self.normalization != "batch"

        # The paper normalizes all layers but the output, which has a bias instead.
        def normalize(x: Array, stage: int) -> Array:
            x = Normalization(self.normalization, self.axis_name, name=f"norm_{stage}")(x, train)
            return ACTIVATIONS[self.activation](x)

        # Project and reshape: the dense layer makes the smallest image.
        x = latents_with_labels(latents, labels, self.num_classes, self.label_input)
        x = nn.Dense(self.base**2 * widths[0], use_bias=use_bias, kernel_init=kernel_init,
                     name="dense")(x)
        x = normalize(x.reshape(-1, self.base, self.base, widths[0]), 0)
        # Each transposed convolution doubles the size; the last one draws the image.
        channels = self.image_shape[-1]
        ends = [] if self.refine else [channels]
        for stage, filters in enumerate([*widths[1:], *ends], start=1):
            last = stage == len(widths)
            x = ConvTranspose(filters, (self.kernel,) * 2, strides=(STRIDE,) * 2,
                              use_bias=self.output_bias if last else use_bias,
                              kernel_init=kernel_init,
                              name=f"up_{stage}")(x)
            if not last:
                x = normalize(x, stage)
        if self.refine:
            x = Conv(channels, (3, 3), use_bias=self.output_bias, kernel_init=kernel_init,
                     name="output")(x)
        return jnp.tanh(x)


class DCGANCritic(NormalizedByName, nn.Module):
    """Convolutions of stride 2, then one logit (Radford et al. 2016).

    Images [b, h, w, c] become logits [b]. The first stage has no normalisation, as in
    the paper. With classes, labels enter by `conditioning`: `concatenate` (one-hot as
    constant channels), `projection` or `auxiliary` on the last features. `dropout` acts
    on these. With `bias=False` no layer has a bias, as in PyTorch's tutorial.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    max_width: int = 512
    base: int = 4
    kernel: int = 4
    activation: str = "leaky_relu"
    normalization: str = "none"
    spectral_normalization: bool = False
    dropout: float = 0.0
    conditioning: str = "projection"
    initializer: str = "dcgan"
    bias: bool = True

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        check_words(self)
        check_kernel(self.kernel)
        kernel_init = INITIALIZERS[self.initializer]
        # All stages but the first one are normalized, and the last features make the logit.
        x = images_with_labels(images, labels, self.num_classes, self.conditioning)
        stages = stage_count(self.image_shape, self.base, "dcgan")
        widths = stage_widths(stages, self.width, self.max_width)
        for stage, filters in enumerate(widths):
            normalization = self.normalization if stage else "none"
            convolution = Conv(filters, (self.kernel,) * 2, strides=(STRIDE,) * 2,
                               use_bias=self.bias and normalization != "batch",
                               kernel_init=kernel_init,
                               name=f"down_{stage}")
            x = spectral(convolution, self.spectral_normalization, train)(x)
            x = Normalization(normalization, self.axis_name, name=f"norm_{stage}")(x, train)
            x = ACTIVATIONS[self.activation](x)
        x = Dropout(self.dropout, name="dropout")(x.reshape(x.shape[0], -1), keys, train)
        return critic_output(self, x, labels, train, self.bias)
