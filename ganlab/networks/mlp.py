"""Multilayer perceptrons for images of any shape and for points."""

import math

import jax.numpy as jnp
from flax import linen as nn

from ganlab.networks.layers import (
    ACTIVATIONS,
    INITIALIZERS,
    Normalization,
    check_words,
    class_projection,
    concatenate_labels,
)
from ganlab.types import Array


def _hidden_layers(module: "MLPGenerator | MLPCritic", x: Array, train: bool) -> Array:
    """`depth` dense layers of `width` with normalisation and activation, as submodules of `module`."""
    if module.depth < 0 or module.width < 1:
        raise ValueError(f"depth {module.depth} and width {module.width}: depth is at least 0, width at least 1")
    for i in range(module.depth):
        x = nn.Dense(module.width, use_bias=module.normalization != "batch",
                     kernel_init=INITIALIZERS[module.initializer], name=f"dense_{i}")(x)
        x = Normalization(module.normalization, module.axis_name, name=f"norm_{i}")(x, train)
        x = ACTIVATIONS[module.activation](x)
    return x


class MLPGenerator(nn.Module):
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
    initializer: str = "he"

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        check_words(self)
        kernel_init = INITIALIZERS[self.initializer]
        x = concatenate_labels(latents, labels, self.num_classes)
        x = _hidden_layers(self, x, train)
        x = nn.Dense(math.prod(self.image_shape), kernel_init=kernel_init, name="output")(x)
        return ACTIVATIONS[self.output_activation](x).reshape(-1, *self.image_shape)


class MLPCritic(nn.Module):
    """Multilayer perceptron from images or points to one logit.

    Images [b, *image_shape] become logits [b]. With classes, labels enter by
    `conditioning`: `concatenate` (one-hot to the input) or `projection`.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 128
    depth: int = 3
    activation: str = "leaky_relu"
    normalization: str = "none"
    conditioning: str = "projection"
    initializer: str = "he"

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        check_words(self)
        kernel_init = INITIALIZERS[self.initializer]
        x = images.reshape(images.shape[0], -1)
        if self.conditioning == "concatenate":
            x = concatenate_labels(x, labels, self.num_classes)
        x = _hidden_layers(self, x, train)
        logits = jnp.squeeze(nn.Dense(1, kernel_init=kernel_init, name="output")(x), axis=-1)
        if self.num_classes and self.conditioning == "projection":
            logits = logits + class_projection(x, labels, self.num_classes)
        return logits
