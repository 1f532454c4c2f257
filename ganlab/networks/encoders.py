"""Encoders: from images to a diagonal normal over latents."""

from flax import linen as nn

from ganlab.networks.layers import ACTIVATIONS, INITIALIZERS, Normalization, check_words, concatenate_labels
from ganlab.types import Array


def normal_heads(features: Array, latent_size: int, initializer: str) -> tuple[Array, Array]:
    """Mean and logarithm of the variance, each [b, latent_size], linear in features [b, d].

    Called inside a compact module; the layers `mean` and `log_variance` are the module's.
    """
    mean, log_variance = (nn.Dense(latent_size, kernel_init=INITIALIZERS[initializer], name=name)(features)
                          for name in ("mean", "log_variance"))
    return mean, log_variance


class MLPEncoder(nn.Module):
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
        if self.depth < 0 or self.width < 1:
            raise ValueError(f"depth {self.depth} and width {self.width}: depth is at least 0, width at least 1")
        x = concatenate_labels(images.reshape(images.shape[0], -1), labels, self.num_classes)
        for i in range(self.depth):
            x = nn.Dense(self.width, use_bias=self.normalization != "batch",
                         kernel_init=INITIALIZERS[self.initializer], name=f"dense_{i}")(x)
            x = Normalization(self.normalization, self.axis_name, name=f"norm_{i}")(x, train)
            x = ACTIVATIONS[self.activation](x)
        return normal_heads(x, self.latent_size, self.initializer)
