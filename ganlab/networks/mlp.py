"""Multilayer perceptrons for images of any shape and for points."""

import math
from typing import Protocol

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


class Perceptron(Protocol):
    """The fields of a network that `hidden_layers` reads.

    Attributes:
      width: units of each layer.
      depth: number of layers.
      activation: a name of `ACTIVATIONS`.
      normalization: one of `NORMALIZATIONS`.
      axis_name: axis of `pmap` over which batch statistics are averaged; None for none.
      initializer: a name of `INITIALIZERS`.
    """

    width: int
    depth: int
    activation: str
    normalization: str
    axis_name: str | None
    initializer: str


def check_size(width: int, depth: int) -> None:
    """Raises ValueError for a depth or a width that does not make a network."""
    if depth < 0 or width < 1:
        raise ValueError(f"depth {depth} and width {width}: depth is at least 0, width at least 1")


def hidden_layers(network: Perceptron, x: Array, train: bool) -> Array:
    """Applies the dense layers of a perceptron, each with normalisation and activation.

    Call it inside the network's compact method, which gets the layers.
    """
    check_size(network.width, network.depth)
    for i in range(network.depth):
        x = nn.Dense(network.width, use_bias=network.normalization != "batch",
                     kernel_init=INITIALIZERS[network.initializer], name=f"dense_{i}")(x)
        x = Normalization(network.normalization, network.axis_name, name=f"norm_{i}")(x, train)
        x = ACTIVATIONS[network.activation](x)
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
        x = latents_with_labels(latents, labels, self.num_classes, self.label_input)
        x = hidden_layers(self, x, train)
        x = nn.Dense(math.prod(self.image_shape), kernel_init=kernel_init, name="output")(x)
        return ACTIVATIONS[self.output_activation](x).reshape(-1, *self.image_shape)


class MLPCritic(NormalizedByName, nn.Module):
    """Multilayer perceptron from images or points to one logit.

    Images [b, *image_shape] become logits [b]. With classes, labels enter by
    `conditioning`: `concatenate` (one-hot to the input), `projection` or `auxiliary`.

    With `pieces` above 1 a unit is the largest of this many linear functions, before the
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
        check_size(self.width, self.depth)
        if self.pieces < 1:
            raise ValueError(f"pieces {self.pieces} is not above 0; 1 is a plain layer, 5 the "
                             "maxout of the paper")
        x = images_with_labels(images.reshape(images.shape[0], -1), labels, self.num_classes,
                               self.conditioning)
        x = Dropout(self.input_dropout, name="input_dropout")(x, keys, train)
        for i in range(self.depth):
            # A dense layer, normalization, activation and dropout; maxout in between.
            dense = nn.Dense(self.width * self.pieces, use_bias=self.normalization != "batch",
                             kernel_init=INITIALIZERS[self.initializer], name=f"dense_{i}")
            x = spectral(dense, self.spectral_normalization, train)(x)
            # Maxout: the largest of the pieces of each unit.
            if self.pieces > 1:
                x = jnp.max(x.reshape(*x.shape[:-1], self.width, self.pieces), axis=-1)
            x = Normalization(self.normalization, self.axis_name, name=f"norm_{i}")(x, train)
            x = ACTIVATIONS[self.activation](x)
            x = Dropout(self.dropout, name=f"dropout_{i}")(x, keys, train)
        return critic_output(self, x, labels, train)
