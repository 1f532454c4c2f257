"""The generator of CycleGAN, after Johnson et al. 2016: residual blocks at a quarter of a size."""

import jax.numpy as jnp
from flax import linen as nn

from ganlab.networks.layers import Dropout, NormalizedByName
from ganlab.networks.translation.torch_layers import (
    blurred_double,
    blurred_half,
    convolution,
    doubling_convolution,
    has_bias,
    normalized,
    reflect,
)
from ganlab.networks.translation.unet import check_sides
from ganlab.types import Array

STAGES = 2


class ResNetGenerator(NormalizedByName, nn.Module):
    """Residual blocks between two stages of stride 2 and back (Zhu et al. 2017, section 7.2).

    Images [b, h, w, c] of sides that 4 divides, from 8 on, become images [b, h, w, image_shape[-1]]
    in [-1, 1]. The papers take 9 blocks for 256x256 and 6 for 128x128. Borders are mirrored.
    `dropout` acts within the blocks. `antialias_down` and `antialias_up` change sizes by a fixed
    filter beside a convolution of stride 1, as CUT does (Park et al. 2020). `use_bias` is of
    convolutions before a normalization; None gives one to all but those before batch normalization.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    blocks: int = 9
    normalization: str = "instance"
    dropout: float = 0.0
    use_bias: bool | None = None
    antialias_down: bool = False
    antialias_up: bool = False

    @property
    def multiple(self) -> int:
        """The divisor of height and width of the images that it takes."""
        return 2**STAGES

    @property
    def least(self) -> int:
        """The smallest height and width that it takes: two pixels to mirror at a quarter of it."""
        return 2 * self.multiple

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        check_sides(images, self.multiple, self.least)
        use_bias = has_bias(self.use_bias, self.normalization)

        def normalize(x: Array, name: str) -> Array:
            return normalized(x, self.normalization, self.axis_name, train, f"{name}_norm")

        def activated(x: Array, name: str) -> Array:
            return nn.relu(normalize(x, name))

        # c7s1-64 of the paper, then d128 and d256, which halve the size.
        first = convolution(self.width, 7, 1, 0, use_bias, "first")
        x = activated(first(reflect(images, 3)), "first")
        for stage in range(1, STAGES + 1):
            name = f"down_{stage}"
            stride = 1 if self.antialias_down else 2
            x = activated(convolution(self.width * 2**stage, 3, stride, 1, use_bias, name)(x), name)
            x = blurred_half(x) if self.antialias_down else x
        # R256: residual blocks of two convolutions, whose sum is not rectified.
        for block in range(self.blocks):
            one, two = (f"block_{block}_{half}" for half in (0, 1))
            y = activated(convolution(x.shape[-1], 3, 1, 0, use_bias, one)(reflect(x, 1)), one)
            y = Dropout(self.dropout, name=f"dropout_{block}")(y, keys, train)
            y = convolution(x.shape[-1], 3, 1, 0, use_bias, two)(reflect(y, 1))
            x = x + normalize(y, two)
        # u128 and u64 double the size, and c7s1-3 draws the image.
        for stage in range(STAGES):
            name = f"up_{stage}"
            features = self.width * 2 ** (STAGES - 1 - stage)
            if self.antialias_up:
                x = convolution(features, 3, 1, 1, use_bias, name)(blurred_double(x))
            else:
                x = doubling_convolution(features, 3, use_bias, name)(x)
            x = activated(x, name)
        return jnp.tanh(convolution(self.image_shape[-1], 7, 1, 0, True, "output")(reflect(x, 3)))
