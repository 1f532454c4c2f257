"""The convolutional networks of textbooks and courses, exactly as these print them.

Each family is made for images of one size. `filters` are the channels of its layers in
their order, to be made smaller for a quick run; their number is the textbook's. There is
no normalisation, every layer has a bias, and weights start as Keras starts them.
"""

from typing import ClassVar, NamedTuple

from flax import linen as nn

from ganlab.convolutions.layers import Conv, ConvTranspose
from ganlab.networks.activations import ACTIVATIONS, leaky_relu
from ganlab.networks.layers import (
    INITIALIZERS,
    ByExample,
    Dropout,
    check_words,
    critic_output,
    images_with_labels,
    latents_with_labels,
    spectral,
)
from ganlab.types import Array


class Convolution(NamedTuple):
    """A convolution, or a transposed one, whose filters are a field of its network."""

    kernel: int
    stride: int = 1
    padding: str = "SAME"
    transposed: bool = False

    def layer(self, filters: int, initializer: str, name: str) -> nn.Module:
        """Makes the Flax module of this convolution."""
        kind = ConvTranspose if self.transposed else Conv
        return kind(filters, (self.kernel,) * 2, strides=(self.stride,) * 2, padding=self.padding,
                    kernel_init=INITIALIZERS[initializer], name=name)


def check_fit(family: str, size: int, image_shape: tuple[int, ...], filters: tuple[int, ...],
              layers: int) -> None:
    """Raises ValueError for images of another size, or filters of another number of layers."""
    # Channels are free: grey images, colours, and critics that see several images at once.
    if len(image_shape) != 3 or tuple(image_shape[:2]) != (size, size):
        raise ValueError(f"{family} is made for images [{size}, {size}, channels]; the data has "
                         f"shape {tuple(image_shape)}; resize the data, or use dcgan or mlp, which "
                         "follow its shape")
    if len(filters) != layers:
        raise ValueError(f"{family} has {layers} layers with filters; filters {tuple(filters)} has "
                         f"{len(filters)}")


class _Generator(ByExample, nn.Module):
    """Dense layer, convolutions that enlarge, and an output convolution; a family is a subclass
    with its numbers.

    Latents [b, z] (with labels appended, by `label_input`) become images [b, h, w, c] in [-1, 1].
    The first of `filters` is that of the dense layer, the others are those of the convolutions.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    filters: tuple[int, ...] = ()
    slope: float = 0.2
    label_input: str = "one_hot"
    initializer: str = "glorot"

    family: ClassVar[str]
    size: ClassVar[int]
    dense_size: ClassVar[int]
    dense_activation: ClassVar[bool] = True
    convolutions: ClassVar[tuple[Convolution, ...]]
    output_kernel: ClassVar[int]
    sigmoid: ClassVar[bool] = False

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        check_words(self)
        check_fit(self.family, self.size, self.image_shape, self.filters,
                  1 + len(self.convolutions))
        x = latents_with_labels(latents, labels, self.num_classes, self.label_input)
        x = nn.Dense(self.dense_size**2 * self.filters[0],
                     kernel_init=INITIALIZERS[self.initializer], name="dense")(x)
        if self.dense_activation:
            x = leaky_relu(x, self.slope)
        # The dense layer makes the smallest image, convolutions enlarge and draw it.
        x = x.reshape(-1, self.dense_size, self.dense_size, self.filters[0])
        pairs = zip(self.convolutions, self.filters[1:], strict=True)
        for number, (convolution, filters) in enumerate(pairs, start=1):
            x = convolution.layer(filters, self.initializer, f"convolution_{number}")(x)
            x = leaky_relu(x, self.slope)
        x = Convolution(self.output_kernel).layer(self.image_shape[-1], self.initializer,
                                                  "output")(x)
        return ACTIVATIONS["image_sigmoid" if self.sigmoid else "tanh"](x)


class _Critic(ByExample, nn.Module):
    """Convolutions, dropout of the flat features, and one logit; a family is a subclass with its
    numbers.

    Images [b, h, w, c] become logits [b]. With classes, labels enter by `conditioning`:
    `concatenate` (one-hot as constant channels), `projection` or `auxiliary` on the features after
    dropout.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    filters: tuple[int, ...] = ()
    slope: float = 0.2
    dropout: float = 0.4
    spectral_normalization: bool = False
    conditioning: str = "projection"
    initializer: str = "glorot"

    family: ClassVar[str]
    size: ClassVar[int]
    convolutions: ClassVar[tuple[Convolution, ...]]
    unit_range: ClassVar[bool] = False

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        check_words(self)
        check_fit(self.family, self.size, self.image_shape, self.filters, len(self.convolutions))
        # The textbook's critic sees [0, 1] where its generator ends in a sigmoid.
        images = (images + 1) / 2 if self.unit_range else images
        x = images_with_labels(images, labels, self.num_classes, self.conditioning)
        pairs = zip(self.convolutions, self.filters, strict=True)
        for number, (convolution, filters) in enumerate(pairs, start=1):
            layer = convolution.layer(filters, self.initializer, f"convolution_{number}")
            x = leaky_relu(spectral(layer, self.spectral_normalization, train)(x), self.slope)
        x = Dropout(self.dropout, name="dropout")(x.reshape(x.shape[0], -1), keys, train)
        return critic_output(self, x, labels, train)


UP = Convolution(4, stride=2, transposed=True)
DOWN = Convolution(4, stride=2)


class DCGAN64Generator(_Generator):
    """Generator of the Keras DCGAN tutorial: latents (128) to 64x64, ending in a sigmoid."""

    filters: tuple[int, ...] = (128, 128, 256, 512)

    family, size, dense_size, output_kernel = "dcgan64", 64, 8, 5
    dense_activation, sigmoid = False, True
    convolutions = (UP, UP, UP)


class DCGAN64Critic(_Critic):
    """Critic of the Keras DCGAN tutorial: 64x64 to a logit by three convolutions of stride 2."""

    filters: tuple[int, ...] = (64, 128, 128)
    dropout: float = 0.2

    family, size, unit_range = "dcgan64", 64, True
    convolutions = (DOWN, DOWN, DOWN)


# The book writes LeakyReLU(), whose slope is 0.3 in the Keras of its time (2).
FROG_SLOPE = 0.3


class DCGAN32FrogGenerator(_Generator):
    """Generator of Chollet's Deep Learning with Python (2018), 8.5: latents (32) to 32x32."""

    filters: tuple[int, ...] = (128, 256, 256, 256, 256)
    slope: float = FROG_SLOPE

    family, size, dense_size, output_kernel = "dcgan32_frog", 32, 16, 7
    convolutions = (Convolution(5), UP, Convolution(5), Convolution(5))


class DCGAN32FrogCritic(_Critic):
    """Critic of Chollet's Deep Learning with Python (2018), section 8.5: 32x32 to a logit."""

    filters: tuple[int, ...] = (128, 128, 128, 128)
    slope: float = FROG_SLOPE

    family, size = "dcgan32_frog", 32
    convolutions = (Convolution(3, padding="VALID"),
                    *[Convolution(4, stride=2, padding="VALID")] * 3)


class DCGAN32Generator(_Generator):
    """Generator of courses on CIFAR-10: latents (100) to 32x32 by three transposed convolutions."""

    filters: tuple[int, ...] = (256, 128, 128, 128)

    family, size, dense_size, output_kernel = "dcgan32", 32, 4, 3
    convolutions = (UP, UP, UP)


class DCGAN32Critic(_Critic):
    """Critic of courses on CIFAR-10: 32x32 to a logit by 3x3 convolutions, three of stride 2."""

    filters: tuple[int, ...] = (64, 128, 128, 256)

    family, size = "dcgan32", 32
    convolutions = (Convolution(3), *[Convolution(3, stride=2)] * 3)
