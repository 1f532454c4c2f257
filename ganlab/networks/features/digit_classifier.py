"""A small classifier of 8x8 grey digits, whose last hidden layer gives features, no download."""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from ganlab.convolutions.layers import Conv
from ganlab.types import Array


class DigitTaps(NamedTuple):
    """What is read of the classifier."""

    features: Array
    """[b, 64], the last hidden layer, not negative."""
    logits: Array
    """[b, 10]."""


class DigitClassifier(nn.Module):
    """Two convolutions and two dense layers: 38,346 params."""

    @nn.compact
    def __call__(self, images: Array) -> DigitTaps:
        """Classifies images [b, 8, 8, 1] in [0, 1]."""
        hidden = nn.relu(Conv(16, (3, 3), name="conv_0")(images))
        hidden = nn.relu(Conv(32, (3, 3), strides=(2, 2), name="conv_1")(hidden))
        features = nn.relu(nn.Dense(64, name="dense")(jnp.reshape(hidden, (len(hidden), -1))))
        return DigitTaps(features, nn.Dense(10, name="logits")(features))
