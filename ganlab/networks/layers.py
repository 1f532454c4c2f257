"""Small pieces that the network families share: normalisation, dropout, conditioning, initialisation."""

import zlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from ganlab.config import unknown
from ganlab.types import Array

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": nn.relu,
    "leaky_relu": lambda x: nn.leaky_relu(x, 0.2),
    "softplus": nn.softplus,
    "tanh": jnp.tanh,
    "identity": lambda x: x,
}

NORMALIZATIONS = ("none", "batch", "layer")
CONDITIONINGS = ("concatenate", "projection")

INITIALIZERS: dict[str, jax.nn.initializers.Initializer] = {
    "dcgan": nn.initializers.normal(0.02),
    "glorot": nn.initializers.glorot_uniform(),
    "he": nn.initializers.he_normal(),
    "lecun": nn.initializers.lecun_normal(),
}


class Normalization(nn.Module):
    """Normalisation by name: `none`, `batch` (statistics of the global batch) or `layer`.

    `batch` uses momentum 0.9 and epsilon 1e-5 (Ioffe & Szegedy 2015); under `pmap` it
    needs `axis_name`, under `jit` over a mesh its statistics are global as they are.
    Layers before it take `use_bias=False`: such a bias has no gradient but rounding
    noise, which Adam would amplify.
    """

    kind: str
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        if self.kind == "batch":
            return nn.BatchNorm(use_running_average=not train, momentum=0.9, axis_name=self.axis_name)(x)
        if self.kind == "layer":
            return nn.LayerNorm()(x)
        return x


class Dropout(nn.Module):
    """Sets a share `rate` of the entries of x [b, ...] to zero and scales the others to keep the mean.

    Identity unless `train`. Which entries fall follows from the example's own key in
    `keys` [b] and the layer's place in the network: two layers draw differently, and a
    batch that is split over devices draws the same.
    """

    rate: float

    def __call__(self, x: Array, keys: Array | None, train: bool) -> Array:
        if not 0 <= self.rate < 1:
            raise ValueError(f"dropout {self.rate} is not a share in [0, 1)")
        if not train or self.rate == 0:
            return x
        if keys is None:
            raise ValueError(f"dropout {self.rate} needs keys, one an example, in training; pass keys or train=False")
        # Not Python's hash, which differs between processes.
        place = np.uint32(zlib.crc32("/".join(self.path).encode()))
        keep = jax.vmap(lambda key: jax.random.bernoulli(jax.random.fold_in(key, place), 1 - self.rate,
                                                         x.shape[1:]))(keys)
        return jnp.where(keep, x / (1 - self.rate), 0)


def check_words(module: nn.Module) -> None:
    """Raises ConfigError for a word-valued field of a network that is none of its table."""
    tables = {"activation": ACTIVATIONS, "output_activation": ACTIVATIONS, "normalization": NORMALIZATIONS,
              "conditioning": CONDITIONINGS, "initializer": INITIALIZERS}
    for field, allowed in tables.items():
        if getattr(module, field, None) not in (None, *allowed):
            raise unknown(field, getattr(module, field), allowed)


def one_hot(labels: Array, num_classes: int, like: Array) -> Array:
    """Labels [b] as one-hot rows [b, num_classes] in the dtype of `like`."""
    return jax.nn.one_hot(labels, num_classes, dtype=like.dtype)


def concatenate_labels(x: Array, labels: Array | None, num_classes: int) -> Array:
    """Appends one-hot labels to vectors [b, d], or as constant channels to images [b, h, w, c]."""
    if num_classes == 0:
        return x
    rows = one_hot(labels, num_classes, x)
    rows = rows.reshape(rows.shape[:1] + (1,) * (x.ndim - 2) + rows.shape[1:])
    return jnp.concatenate([x, jnp.broadcast_to(rows, x.shape[:-1] + (num_classes,))], axis=-1)


def class_projection(features: Array, labels: Array, num_classes: int) -> Array:
    """Inner product [b] of features [b, d] with a learned row a class (Miyato & Koyama 2018, eq. 3).

    Called inside a compact module; the embedding is the module's parameter.
    """
    rows = nn.Embed(num_classes, features.shape[-1], name="class_embedding")(labels)
    return jnp.sum(features * rows, axis=-1)
