"""Multilayer perceptrons for images of any shape and for points."""

import math

import jax.numpy as jnp
from flax import linen as nn

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
from ganlab.types import Array


def check_size(module: nn.Module) -> None:
    """Raises ValueError for a depth or a width that makes no network."""
    if module.depth < 0 or module.width < 1:
        raise ValueError(f"depth {module.depth} and width {module.width}: depth is at least 0, width at least 1")


def hidden_layers(module: nn.Module, x: Array, train: bool) -> Array:
    """`depth` dense layers of `width` with normalisation and activation, as submodules of `module`."""
    check_size(module)
    for i in range(module.depth):
        x = nn.Dense(module.width, use_bias=module.normalization != "batch",
                     kernel_init=INITIALIZERS[module.initializer], name=f"dense_{i}")(x)
        x = Normalization(module.normalization, module.axis_name, name=f"norm_{i}")(x, train)
        x = ACTIVATIONS[module.activation](x)
    return x


class MLPGenerator(NormalizedByName, nn.Module):
    """Multilayer perceptron from latents (and one-hot labels) to images or points.

    Latents [b, z] become [b, *image_shape]; `output_activation` is `tanh` for images in
    [-1, 1] and `identity` for points.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 128
    depth: int = 3
    activation: str = "relu"
    normalization: str = "none"
    output_activation: str = "tanh"
    label_input: str = "one_hot"
    initializer: str = "he"

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        check_words(self)
        kernel_init = INITIALIZERS[self.initializer]
        x = hidden_layers(self, latents_with_labels(self, latents, labels), train)
        x = nn.Dense(math.prod(self.image_shape), kernel_init=kernel_init, name="output")(x)
        return ACTIVATIONS[self.output_activation](x).reshape(-1, *self.image_shape)


class MLPCritic(NormalizedByName, nn.Module):
    """Multilayer perceptron from images or points to one logit.

    Images [b, *image_shape] become logits [b]. With classes, labels enter by
    `conditioning`: `concatenate` (one-hot to the input), `projection` or `auxiliary`.

    With `pieces` above 1 a unit is the largest of so many linear functions, before the
    activation (maxout, Goodfellow et al. 2013); `dropout` acts after each hidden layer,
    `input_dropout` before the first.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 128
    depth: int = 3
    pieces: int = 1
    activation: str = "leaky_relu"
    normalization: str = "none"
    spectral_normalization: bool = False
    dropout: float = 0.0
    input_dropout: float = 0.0
    conditioning: str = "projection"
    initializer: str = "he"

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        check_words(self)
        check_size(self)
        if self.pieces < 1:
            raise ValueError(f"pieces {self.pieces} is not above 0; 1 is a plain layer, 5 the maxout of the paper")
        x = images_with_labels(self, images.reshape(images.shape[0], -1), labels)
        x = Dropout(self.input_dropout, name="input_dropout")(x, keys, train)
        for i in range(self.depth):
            dense = nn.Dense(self.width * self.pieces, use_bias=self.normalization != "batch",
                             kernel_init=INITIALIZERS[self.initializer], name=f"dense_{i}")
            x = spectral(self, dense, train)(x)
            if self.pieces > 1:
                x = jnp.max(x.reshape(*x.shape[:-1], self.width, self.pieces), axis=-1)
            x = Normalization(self.normalization, self.axis_name, name=f"norm_{i}")(x, train)
            x = ACTIVATIONS[self.activation](x)
            x = Dropout(self.dropout, name=f"dropout_{i}")(x, keys, train)
        return critic_output(self, x, labels, train)
