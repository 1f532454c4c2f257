"""Residual networks of the WGAN with gradient penalty (Gulrajani et al. 2017), sized by the image.

Blocks normalize and rectify before each of their two 3x3 convolutions. A generator's block enlarges
by nearest neighbours, a critic's reduces by means of 2x2 pixels; a 1x1 convolution beside them
resizes likewise. An image of size `base * 2^n` gets n blocks. Channels are `width` next to the
image and double with each block inward, up to `max_width`. The defaults are the networks of the
paper's 64x64 pictures, except for the critic's normalization.
"""

import jax.numpy as jnp
from flax import linen as nn

from ganlab.convolutions.layers import Conv
from ganlab.convolutions.resized import doubled, halved
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
from ganlab.networks.resolutions import stage_count, stage_widths
from ganlab.types import Array

GLOROT = INITIALIZERS["glorot"]


def rectified(x: Array, normalization: str, axis_name: str | None, train: bool, name: str) -> Array:
    """Normalizes and rectifies x, inside a compact module, which gets the normalization `name`."""
    return nn.relu(Normalization(normalization, axis_name, name=name)(x, train))


class ResidualGenerator(NormalizedByName, nn.Module):
    """Dense layer, then residual blocks that enlarge (Gulrajani et al. 2017, the networks for 64x64).

    Latents [b, z] (with labels appended, by `label_input`) become images [b, h, w, c] in [-1, 1].
    `initializer` is that of the 3x3 convolutions; the others start by Glorot.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    max_width: int = 512
    base: int = 4
    normalization: str = "batch"
    label_input: str = "one_hot"
    initializer: str = "he"

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        check_words(self)
        widths = stage_widths(stage_count(self.image_shape, self.base, "residual"), self.width,
                              self.max_width)[::-1]
        # Batch normalization ends the sum of blocks, so that none of their constants comes through.
        use_bias = self.normalization != "batch"

        def convolution(filters: int, name: str, bias: bool = use_bias) -> Conv:
            return Conv(filters, (3, 3), use_bias=bias, kernel_init=INITIALIZERS[self.initializer],
                        name=name)

        # A dense layer makes the smallest image.
        x = latents_with_labels(latents, labels, self.num_classes, self.label_input)
        x = nn.Dense(self.base**2 * widths[0], kernel_init=GLOROT, name="dense")(x)
        x = x.reshape(-1, self.base, self.base, widths[0])
        for stage, filters in enumerate(widths, start=1):
            # Its kernel has one pixel, so that it may as well come before pixels are repeated.
            shortcut = doubled(Conv(filters, (1, 1), use_bias=use_bias, kernel_init=GLOROT,
                                    name=f"shortcut_{stage}")(x))
            # Normalization, ReLU and convolution, twice; the first one sees the doubled image.
            y = rectified(x, self.normalization, self.axis_name, train, f"norm_{stage}_first")
            y = convolution(filters, f"up_{stage}", self.normalization == "none")(doubled(y))
            y = rectified(y, self.normalization, self.axis_name, train, f"norm_{stage}_second")
            x = shortcut + convolution(filters, f"second_{stage}")(y)
        x = rectified(x, self.normalization, self.axis_name, train, "norm_output")
        return jnp.tanh(convolution(self.image_shape[-1], "output", bias=True)(x))


class ResidualCritic(NormalizedByName, nn.Module):
    """Convolution, residual blocks that reduce, and one logit (Gulrajani et al. 2017, the networks for 64x64).

    Images [b, h, w, c] become logits [b]. The paper's normalization is `layer`. With classes,
    labels enter by `conditioning`: `concatenate` (one-hot as constant channels), `projection` or
    `auxiliary` on the flat features, on which `dropout` acts. `initializer` is that of the 3x3
    convolutions of blocks, and of the logit; the others start by Glorot.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    max_width: int = 512
    base: int = 4
    normalization: str = "none"
    spectral_normalization: bool = False
    dropout: float = 0.0
    conditioning: str = "projection"
    initializer: str = "he"

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        check_words(self)
        widths = stage_widths(stage_count(self.image_shape, self.base, "residual"), self.width,
                              self.max_width)

        # Every convolution, those of the shortcuts too, may be spectrally normalized.
        def convolve(x: Array, filters: int, kernel: int, name: str, bias: bool = True,
                     in_block: bool = True) -> Array:
            init = INITIALIZERS[self.initializer] if in_block else GLOROT
            layer = Conv(filters, (kernel,) * 2, use_bias=bias, kernel_init=init, name=name)
            return spectral(layer, self.spectral_normalization, train)(x)

        x = images_with_labels(images, labels, self.num_classes, self.conditioning)
        x = convolve(x, widths[0], 3, "input", in_block=False)
        for stage, filters in enumerate([*widths[1:], widths[-1]]):
            # Pixels are averaged before the shortcut's convolution, and after the block's last.
            shortcut = convolve(halved(x), filters, 1, f"shortcut_{stage}", in_block=False)
            y = rectified(x, self.normalization, self.axis_name, train, f"norm_{stage}_first")
            y = convolve(y, x.shape[-1], 3, f"first_{stage}", bias=self.normalization == "none")
            y = rectified(y, self.normalization, self.axis_name, train, f"norm_{stage}_second")
            x = shortcut + halved(convolve(y, filters, 3, f"down_{stage}"))
        x = Dropout(self.dropout, name="dropout")(x.reshape(x.shape[0], -1), keys, train)
        return critic_output(self, x, labels, train)
