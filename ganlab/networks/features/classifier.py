"""A small classifier of small pictures, whose last hidden layer gives features, no download."""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from ganlab.convolutions.layers import Conv
from ganlab.types import Array


class ClassifierTaps(NamedTuple):
    """What is read of the classifier."""

    features: Array
    """[b, 64], the last hidden layer, not negative."""
    logits: Array
    """[b, classes]."""


class Classifier(nn.Module):
    """Convolutions, each but the first of which halves the sides, and two dense layers.

    Attributes:
      classes: how many it tells apart.
      channels: of each convolution.
    """

    classes: int
    channels: tuple[int, ...]

    @nn.compact
    def __call__(self, images: Array) -> ClassifierTaps:
        """Classifies images [b, h, w, c] in [0, 1]."""
        hidden = images
        for index, channels in enumerate(self.channels):
            strides = (2, 2) if index else (1, 1)
            hidden = nn.relu(Conv(channels, (3, 3), strides, name=f"conv_{index}")(hidden))
        features = nn.relu(nn.Dense(64, name="dense")(jnp.reshape(hidden, (len(hidden), -1))))
        return ClassifierTaps(features, nn.Dense(self.classes, name="logits")(features))
