"""Strided convolutional networks after DCGAN (Radford et al. 2016), sized by the image.

An image of size `base * 2^n` gets n stages of stride 2. Channels are `width` next to
the image and double with each stage inward, up to `max_width`.
"""

import jax.numpy as jnp
from flax import linen as nn

from ganlab.networks.convolution import Conv, ConvTranspose
from ganlab.networks.layers import (
    ACTIVATIONS,
    INITIALIZERS,
    Dropout,
    Normalization,
    check_words,
    concatenate_labels,
    critic_output,
    latents_with_labels,
    spectral,
)
from ganlab.types import Array

STRIDE = 2


def stage_count(image_shape: tuple[int, ...], base: int, family: str = "dcgan") -> int:
    """Number of stride-2 stages between `base` x `base` and the image, of a family of networks.

    Raises ValueError with the sizes that would do, for an image that is not square or
    not `base` times a power of two.
    """
    if len(image_shape) != 3:
        raise ValueError(f"{family} makes images [height, width, channels]; the data has shape {tuple(image_shape)}; "
                         "use mlp")
    if base < 1:
        raise ValueError(f"base {base} is not above 0; 4 is that of the paper")
    height, width, _ = image_shape
    stages = (height // base).bit_length() - 1 if height >= 2 * base else 0
    if height != width or stages < 1 or base * STRIDE**stages != height:
        raise ValueError(f"{family} with base {base} makes square images of size {2 * base}, {4 * base}, {8 * base}, "
                         f"...; the data is {height}x{width}; choose another base or resize the data")
    return stages


def stage_widths(stages: int, width: int, max_width: int) -> list[int]:
    """Channels of each stage, from the image inward."""
    return [min(width * STRIDE**i, max_width) for i in range(stages)]


def check_kernel(kernel: int) -> None:
    """Raises ValueError for a kernel that the stride does not divide.

    Such a transposed convolution overlaps unevenly and draws checkerboards
    (Odena et al. 2016).
    """
    if kernel % STRIDE or kernel < STRIDE:
        raise ValueError(f"kernel {kernel} is not divisible by the stride {STRIDE}; use 2, 4 or 6")


class DCGANGenerator(nn.Module):
    """Dense layer, then transposed convolutions of stride 2 (Radford et al. 2016).

    Latents [b, z] (with labels appended, by `label_input`) become images [b, h, w, c] in [-1, 1].
    With `refine` the last stage keeps its features and a 3x3 convolution draws the image,
    for images so small that one stage alone would have to do all the drawing.
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

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        check_words(self)
        check_kernel(self.kernel)
        stages = stage_count(self.image_shape, self.base)
        widths = stage_widths(stages + self.refine, self.width, self.max_width)[::-1]
        kernel_init = INITIALIZERS[self.initializer]
        use_bias = self.normalization != "batch"

        def normalize(x: Array, stage: int) -> Array:
            x = Normalization(self.normalization, self.axis_name, name=f"norm_{stage}")(x, train)
            return ACTIVATIONS[self.activation](x)

        x = latents_with_labels(self, latents, labels)
        x = nn.Dense(self.base**2 * widths[0], use_bias=use_bias, kernel_init=kernel_init, name="dense")(x)
        x = normalize(x.reshape(-1, self.base, self.base, widths[0]), 0)
        channels = self.image_shape[-1]
        for stage, filters in enumerate([*widths[1:], *([] if self.refine else [channels])], start=1):
            last = stage == len(widths)
            x = ConvTranspose(filters, (self.kernel,) * 2, strides=(STRIDE,) * 2, use_bias=use_bias or last,
                              kernel_init=kernel_init, name=f"up_{stage}")(x)
            if not last:
                x = normalize(x, stage)
        if self.refine:
            x = Conv(channels, (3, 3), kernel_init=kernel_init, name="output")(x)
        return jnp.tanh(x)


class DCGANCritic(nn.Module):
    """Convolutions of stride 2, then one logit (Radford et al. 2016).

    Images [b, h, w, c] become logits [b]. The first stage has no normalisation, as in
    the paper. With classes, labels enter by `conditioning`: `concatenate` (one-hot as
    constant channels), `projection` or `auxiliary` on the last features. `dropout` acts
    on these.
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

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        check_words(self)
        check_kernel(self.kernel)
        kernel_init = INITIALIZERS[self.initializer]
        x = images
        if self.conditioning == "concatenate":
            x = concatenate_labels(x, labels, self.num_classes)
        widths = stage_widths(stage_count(self.image_shape, self.base), self.width, self.max_width)
        for stage, filters in enumerate(widths):
            normalization = self.normalization if stage else "none"
            convolution = Conv(filters, (self.kernel,) * 2, strides=(STRIDE,) * 2, use_bias=normalization != "batch",
                               kernel_init=kernel_init, name=f"down_{stage}")
            x = spectral(self, convolution, train)(x)
            x = Normalization(normalization, self.axis_name, name=f"norm_{stage}")(x, train)
            x = ACTIVATIONS[self.activation](x)
        x = Dropout(self.dropout, name="dropout")(x.reshape(x.shape[0], -1), keys, train)
        return critic_output(self, x, labels, train)
