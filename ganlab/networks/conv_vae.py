"""The variational autoencoder of Chollet's Deep Learning with Python (2018), section 8.4.

The book has it for 28x28 grey images; here it follows images of any even size. As in the
textbook's other networks, every layer has a bias and weights start as Keras starts them.
`filters` are the channels of the convolutions in their order.
"""

from flax import linen as nn

from ganlab.networks.activations import ACTIVATIONS
from ganlab.networks.encoders import normal_heads
from ganlab.networks.layers import (
    INITIALIZERS,
    ByExample,
    check_words,
    concatenate_labels,
    latents_with_labels,
)
from ganlab.networks.textbook import Convolution
from ganlab.types import Array

ENCODER_CONVOLUTIONS = (Convolution(3), Convolution(3, stride=2), Convolution(3), Convolution(3))


def check_even(image_shape: tuple[int, ...]) -> None:
    """Raises ValueError for images that one stride of 2 does not halve."""
    if len(image_shape) != 3 or image_shape[0] % 2 or image_shape[1] % 2:
        raise ValueError("conv_vae is made for images [height, width, channels] of even height and "
                         f"width; the data has shape {tuple(image_shape)}; resize the data, or use "
                         "mlp")


def check_filters(filters: tuple[int, ...], layers: int) -> None:
    """Raises ValueError for filters of another number of layers."""
    if len(filters) != layers:
        raise ValueError(f"conv_vae has {layers} layers with filters here; filters "
                         f"{tuple(filters)} has {len(filters)}")


class ConvVAEEncoder(ByExample, nn.Module):
    """Encoder of Chollet's Deep Learning with Python (2018), section 8.4: four 3x3 convolutions and a dense layer.

    Images [b, h, w, c] (with one-hot labels as constant channels) become the mean and the logarithm
    of the variance, each [b, latent_size]. Convolutions are 3x3; `width` is that of the dense
    layer.
    """

    image_shape: tuple[int, ...]
    latent_size: int
    num_classes: int = 0
    axis_name: str | None = None
    filters: tuple[int, ...] = (32, 64, 64, 64)
    width: int = 32
    initializer: str = "glorot"

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> tuple[Array, Array]:
        check_words(self)
        check_even(self.image_shape)
        check_filters(self.filters, len(ENCODER_CONVOLUTIONS))
        # Four convolutions, of which the second halves the size.
        x = concatenate_labels(images, labels, self.num_classes)
        pairs = zip(ENCODER_CONVOLUTIONS, self.filters, strict=True)
        for number, (convolution, filters) in enumerate(pairs, start=1):
            x = nn.relu(convolution.layer(filters, self.initializer, f"convolution_{number}")(x))
        x = nn.Dense(self.width, kernel_init=INITIALIZERS[self.initializer],
                     name="dense")(x.reshape(x.shape[0], -1))
        return normal_heads(nn.relu(x), self.latent_size, self.initializer)


class ConvVAEGenerator(ByExample, nn.Module):
    """Decoder of Chollet's Deep Learning with Python (2018), section 8.4: latents (2) to 28x28, or any even size.

    Latents [b, z] (with labels appended, by `label_input`) become images [b, h, w, c] in [-1, 1],
    where the book's sigmoid makes [0, 1]. The first of `filters` is that of the dense layer.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    filters: tuple[int, ...] = (64, 32)
    label_input: str = "one_hot"
    initializer: str = "glorot"

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        check_words(self)
        check_even(self.image_shape)
        check_filters(self.filters, 2)
        height, width, channels = self.image_shape
        # A dense layer makes half the size, which a transposed convolution doubles.
        inner = (height // 2, width // 2, self.filters[0])
        x = latents_with_labels(latents, labels, self.num_classes, self.label_input)
        x = nn.Dense(inner[0] * inner[1] * inner[2], kernel_init=INITIALIZERS[self.initializer],
                     name="dense")(x)
        x = nn.relu(x).reshape(-1, *inner)
        up = Convolution(3, stride=2, transposed=True)
        up = up.layer(self.filters[1], self.initializer, "convolution_1")
        x = Convolution(3).layer(channels, self.initializer, "output")(nn.relu(up(x)))
        return ACTIVATIONS["image_sigmoid"](x)
