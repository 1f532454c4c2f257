"""Small pieces that the network families share: normalisation, dropout, conditioning, initialisation."""

import zlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from ganlab.config import unknown
from ganlab.networks.activations import ACTIVATIONS
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
    """Declares what a network with a field `normalization` sees of its batch: all of it, or nothing."""

    @property
    def batch_group(self) -> int:
        """Neighbours that see each other in training: 0, the whole batch, under batch normalization, else 1."""
        return 0 if self.normalization == "batch" else 1

    @property
    def tracks_batch(self) -> bool:
        """Whether variables follow the examples, as running statistics do."""
        return self.normalization == "batch"


class Normalization(nn.Module):
    """Normalisation by name: `none`, `batch` (statistics of the global batch) or `layer`.

    `layer` brings all of an example, vector or whole image, to mean 0 and variance 1 (Ba et al. 2016), with a gain and
    a bias for each channel.

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
            return nn.LayerNorm(reduction_axes=tuple(range(1, x.ndim)), feature_axes=-1)(x)
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
              "conditioning": CONDITIONINGS, "label_input": LABEL_INPUTS, "initializer": INITIALIZERS}
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


def images_with_labels(module: nn.Module, images: Array, labels: Array | None) -> Array:
    """What a critic starts from: images, flat or not, where `module.conditioning` says so with their labels appended."""
    return concatenate_labels(images, labels, module.num_classes) if module.conditioning == "concatenate" else images


def latents_with_labels(module: nn.Module, latents: Array, labels: Array | None) -> Array:
    """What a generator starts from: latents [b, z] with their labels appended, [b, z + d].

    Labels enter by `module.label_input`: `one_hot`, d classes, or `embedding`, a learned row of d = z
    numbers a class. Called inside a compact module; the embedding is the module's parameter.
    """
    if module.num_classes == 0 or module.label_input == "one_hot":
        return concatenate_labels(latents, labels, module.num_classes)
    # Rows as large as the latents that they stand beside.
    rows = nn.Embed(module.num_classes, latents.shape[-1], embedding_init=nn.initializers.normal(1.0),
                    name="label_embedding")(labels)
    return jnp.concatenate([latents, rows.astype(latents.dtype)], axis=-1)


def spectral(module: nn.Module, layer: nn.Module, train: bool) -> Callable[[Array], Array]:
    """The layer, with its kernel divided by its largest singular value if `module.spectral_normalization`.

    Miyato et al. 2018, algorithm 1: one power iteration a call, kept in the collection `spectral` in
    training. Kernels are matrices of one row for each input of a unit.
    """
    if not module.spectral_normalization:
        return layer
    # A collection of its own: its numbers are of the weights, not of the batch. Flax adds epsilon to a squared
    # norm, where official codes bound the norm itself by 1e-12.
    def normalized(x: Array) -> Array:
        # The singular vectors are in float32, to which Flax would bring the kernel, and so the layer.
        half = jnp.bfloat16 if x.dtype == jnp.bfloat16 else None
        return nn.SpectralNorm(layer, epsilon=1e-24, dtype=half, collection_name="spectral",
                               name=f"spectral_{layer.name}")(x, update_stats=train)

    return normalized


def critic_output(module: nn.Module, features: Array, labels: Array | None, train: bool) -> Array:
    """The logit [b] of flat features [b, d]: the end of every critic.

    With classes, by `module.conditioning`: `projection` adds the inner product of the features with a
    learned row a class (Miyato & Koyama 2018, eq. 3); `auxiliary` also sows the logits `class_logits`
    [b, classes] of an auxiliary classifier (Odena et al. 2017); `concatenate` was done at the input.
    The `features` are sown as well, for losses that compare them.
    """
    kernel_init = INITIALIZERS[module.initializer]
    module.sow("intermediates", "features", features)
    output = spectral(module, nn.Dense(1, kernel_init=kernel_init, name="output"), train)
    logits = jnp.squeeze(output(features), axis=-1)
    if not module.num_classes:
        return logits
    if module.conditioning == "projection":
        rows = spectral(module, nn.Embed(module.num_classes, features.shape[-1], name="class_embedding"), train)
        logits = logits + jnp.sum(features * rows(labels), axis=-1)
    if module.conditioning == "auxiliary":
        classes = spectral(module, nn.Dense(module.num_classes, kernel_init=kernel_init, name="class_output"), train)
        module.sow("intermediates", "class_logits", classes(features))
    return logits
