"""Small pieces that network families share: normalization, dropout, conditioning, initializers."""

import zlib
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from ganlab.config import unknown
from ganlab.networks.activations import ACTIVATIONS
from ganlab.networks.class_labels import class_rows, one_hot
from ganlab.networks.spectral import spectral
from ganlab.types import Array

NORMALIZATIONS = ("none", "batch", "layer")
CONDITIONINGS = ("concatenate", "projection", "auxiliary")
LABEL_INPUTS = ("one_hot", "embedding")

INITIALIZERS: dict[str, jax.nn.initializers.Initializer] = {
    "dcgan": nn.initializers.normal(0.02),
    "glorot": nn.initializers.glorot_uniform(),
    "he": nn.initializers.he_normal(),
    "lecun": nn.initializers.lecun_normal(),
    "goodfellow": lambda key, shape, dtype: jax.random.uniform(key, shape, dtype, -0.05, 0.05),
}


class ByExample:
    """Declares that a network passes each example of its batch by itself."""

    batch_group = 1
    tracks_batch = False


class NormalizedByName:
    """Declares what a network with a field `normalization` sees of its batch: all of it, or
    nothing."""

    @property
    def batch_group(self) -> int:
        """Neighbours that see each other in training: 0, all, under batch normalization, else 1."""
        return 0 if self.normalization == "batch" else 1

    @property
    def tracks_batch(self) -> bool:
        """Whether variables follow the examples, as running statistics do."""
        return self.normalization == "batch"


class Normalization(nn.Module):
    """Normalisation by name: `none`, `batch` (statistics of the global batch) or `layer`.

    `layer` brings all of an example, vector or whole image, to mean 0 and variance 1 (Ba et al.
    2016), with a gain and a bias for each channel.

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
            return nn.BatchNorm(use_running_average=not train, momentum=0.9,
                                axis_name=self.axis_name)(x)
        if self.kind == "layer":
            return nn.LayerNorm(reduction_axes=tuple(range(1, x.ndim)), feature_axes=-1)(x)
        return x


class Dropout(nn.Module):
    """Sets a share `rate` of the entries of x [b, ...] to zero and scales the others to keep means.

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
            raise ValueError(f"dropout {self.rate} needs keys, one an example, in training; pass "
                             "keys or train=False")
        # Not Python's hash, which differs between processes.
        place = np.uint32(zlib.crc32("/".join(self.path).encode()))
        place_keys = jax.vmap(lambda key: jax.random.fold_in(key, place))(keys)
        keep = jax.vmap(
            lambda key: jax.random.bernoulli(key, 1 - self.rate, x.shape[1:]))(place_keys)
        return jnp.where(keep, x / (1 - self.rate), 0)


def check_words(module: nn.Module) -> None:
    """Raises ConfigError for a field of a network whose word is not in the table of that field.

    Fields that a network lacks, or that are None, are not checked.
    """
    tables = {"activation": ACTIVATIONS, "output_activation": ACTIVATIONS,
              "normalization": NORMALIZATIONS, "conditioning": CONDITIONINGS,
              "label_input": LABEL_INPUTS, "initializer": INITIALIZERS}
    for field, allowed in tables.items():
        if getattr(module, field, None) not in (None, *allowed):
            raise unknown(field, getattr(module, field), allowed)


def concatenate_labels(x: Array, labels: Array | None, num_classes: int) -> Array:
    """Appends one-hot labels to vectors [b, d], or as constant channels to images [b, h, w, c]."""
    if num_classes == 0:
        return x
    # One row for each example, repeated over the pixels of an image.
    rows = one_hot(labels, num_classes, x)
    rows = rows.reshape(rows.shape[:1] + (1,) * (x.ndim - 2) + rows.shape[1:])
    return jnp.concatenate([x, jnp.broadcast_to(rows, x.shape[:-1] + (num_classes,))], axis=-1)


def images_with_labels(images: Array, labels: Array | None, num_classes: int,
                       conditioning: str) -> Array:
    """Returns what a critic starts from: images, with labels appended if these are concatenated.

    Images may be flat.
    """
    return (concatenate_labels(images, labels, num_classes) if conditioning == "concatenate"
            else images)


def latents_with_labels(latents: Array, labels: Array | None, num_classes: int,
                        label_input: str) -> Array:
    """Returns what a generator starts from: latents [b, z] with labels appended, [b, z + d].

    Labels enter by `label_input`: `one_hot`, d classes, or `embedding`, a learned row of d = z
    numbers for each class. Call it inside a compact module, which gets the embedding.
    """
    if num_classes == 0 or label_input == "one_hot":
        return concatenate_labels(latents, labels, num_classes)
    # Rows as large as the latents beside them.
    table = nn.Embed(num_classes, latents.shape[-1], embedding_init=nn.initializers.normal(1.0),
                     name="label_embedding")
    rows = class_rows(table.embedding, labels) if labels.ndim == 2 else table(labels)
    return jnp.concatenate([latents, rows.astype(latents.dtype)], axis=-1)


class ConditionalCritic(Protocol):
    """The fields of a critic that `critic_output` reads, and how it sows what losses look at.

    Attributes:
      num_classes: 0 without labels.
      conditioning: one of `CONDITIONINGS`.
      spectral_normalization: whether of all layers.
      initializer: a name of `INITIALIZERS`.
    """

    num_classes: int
    conditioning: str
    spectral_normalization: bool
    initializer: str

    def sow(self, collection: str, name: str, value: Array, /) -> bool:
        """Stores a value in a collection, as every Flax module does."""
        ...


def critic_output(critic: ConditionalCritic, features: Array, labels: Array | None,
                  train: bool, use_bias: bool = True) -> Array:
    """Computes the logit [b] of flat features [b, d]: the end of every critic.

    With classes, by its `conditioning`: `projection` adds the inner product of the features with a
    learned row of the class (Miyato & Koyama 2018, eq. 3); `auxiliary` also sows the logits
    `class_logits` [b, classes] of an auxiliary classifier (Odena et al. 2017); `concatenate` was
    done at the input. The `features` are sown as well, for losses that compare them. The logit has
    a bias if `use_bias`. Call it inside the critic's compact method, which gets the layers.
    """
    kernel_init, normalize = INITIALIZERS[critic.initializer], critic.spectral_normalization
    critic.sow("intermediates", "features", features)
    output = spectral(nn.Dense(1, use_bias, kernel_init=kernel_init, name="output"), normalize,
                      train)
    logits = jnp.squeeze(output(features), axis=-1)
    if not critic.num_classes:
        return logits
    if critic.conditioning == "projection":
        # The projection of the features on the class, without a bias of its own.
        rows = nn.Embed(critic.num_classes, features.shape[-1], name="class_embedding")
        logits = logits + jnp.sum(features * spectral(rows, normalize, train)(labels), axis=-1)
    if critic.conditioning == "auxiliary":
        # The auxiliary classifier shares all features with the logit.
        classes = nn.Dense(critic.num_classes, kernel_init=kernel_init, name="class_output")
        critic.sow("intermediates", "class_logits", spectral(classes, normalize, train)(features))
    return logits
