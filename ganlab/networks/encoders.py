"""Encoders: from images to a diagonal normal over latents."""

from flax import linen as nn

from ganlab.networks.layers import (
    INITIALIZERS,
    NormalizedByName,
    check_words,
    concatenate_labels,
)
from ganlab.networks.mlp import hidden_layers
from ganlab.types import Array


def normal_heads(features: Array, latent_size: int, initializer: str) -> tuple[Array, Array]:
    """Maps features [b, d] to mean and logarithm of the variance, each [b, latent_size].

    Call it inside a compact module, which gets the layers `mean` and `log_variance`.
    """
    kernel_init = INITIALIZERS[initializer]
    mean = nn.Dense(latent_size, kernel_init=kernel_init, name="mean")(features)
    log_variance = nn.Dense(latent_size, kernel_init=kernel_init, name="log_variance")(features)
    return mean, log_variance


class MLPEncoder(NormalizedByName, nn.Module):
    """Multilayer perceptron from images or points to a diagonal normal over latents.

    Images [b, *image_shape] (with one-hot labels appended) become the mean and the logarithm of
    the variance, each [b, latent_size]: the generator's layers in the other direction.
    """

    image_shape: tuple[int, ...]
    latent_size: int
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 128
    depth: int = 3
    activation: str = "relu"
    normalization: str = "none"
    initializer: str = "he"

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> tuple[Array, Array]:
        check_words(self)
        x = concatenate_labels(images.reshape(images.shape[0], -1), labels, self.num_classes)
        x = hidden_layers(self, x, train)
        return normal_heads(x, self.latent_size, self.initializer)
