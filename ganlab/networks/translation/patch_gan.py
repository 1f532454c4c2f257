"""Critics with a logit for each patch of an image (Isola et al. 2017, section 3.2.2)."""

import jax.numpy as jnp
from flax import linen as nn

from ganlab.networks.activations import leaky_relu
from ganlab.networks.layers import NormalizedByName
from ganlab.networks.translation.torch_layers import convolution, has_bias, normalized
from ganlab.output import counted
from ganlab.types import Array

KERNEL = 4
MOST_DOUBLINGS = 3  # Channels grow to 8 times the width.


class PatchCritic(NormalizedByName, nn.Module):
    """PatchGAN: `layers` convolutions of stride 2 and two of stride 1; 3 judge patches of 70x70 (Isola et al. 2017).

    Images [b, h, w, c] become logits [b, h', w'], about 1/2^`layers` of the size, by `layers`
    convolutions of stride 2 and two of stride 1. `use_bias` is of convolutions before a
    normalization; None gives one to all but those before batch normalization.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    layers: int = 3
    normalization: str = "batch"
    use_bias: bool | None = None

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        # Each of the two last convolutions takes one row and one column away.
        if self.layers < 1 or min(images.shape[1:3]) >> self.layers < 3:
            raise ValueError(f"a patch critic of {counted(self.layers, 'layer')} judges images "
                             f"from {3 << max(self.layers, 1)} pixels on; these have "
                             f"{images.shape[1]}x{images.shape[2]}; take 1 layer or more, and "
                             "fewer for small images, or the critic pixel")
        use_bias = has_bias(self.use_bias, self.normalization)
        # C64 of the paper, the only layer without normalization (section 6.1.2).
        x = leaky_relu(convolution(self.width, KERNEL, 2, 1, True, "conv_0")(images), 0.2)
        # C128 and so on: channels double with each layer, and the last one keeps the size.
        for layer in range(1, self.layers + 1):
            features = self.width * 2 ** min(layer, MOST_DOUBLINGS)
            stride = 2 if layer < self.layers else 1
            x = convolution(features, KERNEL, stride, 1, use_bias, f"conv_{layer}")(x)
            x = normalized(x, self.normalization, self.axis_name, train, f"norm_{layer}")
            x = leaky_relu(x, 0.2)
        return jnp.squeeze(convolution(1, KERNEL, 1, 1, True, f"conv_{self.layers + 1}")(x),
                           axis=-1)


class PixelCritic(NormalizedByName, nn.Module):
    """PatchGAN of a single pixel: colours alone are judged (Isola et al. 2017, section 4.4).

    Images [b, h, w, c] become logits [b, h, w]. `use_bias` is of both convolutions around the
    normalization; None gives them one unless that is batch normalization.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    normalization: str = "batch"
    use_bias: bool | None = None

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        use_bias = has_bias(self.use_bias, self.normalization)
        x = leaky_relu(convolution(self.width, 1, 1, 0, True, "conv_0")(images), 0.2)
        x = convolution(2 * self.width, 1, 1, 0, use_bias, "conv_1")(x)
        x = leaky_relu(normalized(x, self.normalization, self.axis_name, train, "norm_1"), 0.2)
        return jnp.squeeze(convolution(1, 1, 1, 0, use_bias, "conv_2")(x), axis=-1)
