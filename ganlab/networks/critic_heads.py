"""The end of a class-conditional critic: how features become a logit, and how labels enter it.

A head is a function `(module, features[b, d], labels[b], rule, train) -> logits[b]`, called in the
compact method of a critic, which gets the layers. The critic is a `Headed`.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from ganlab.config import ConfigError, unknown
from ganlab.networks.layers import concatenate_labels
from ganlab.networks.spectral import SpectralDense, SpectralEmbed, SpectralRule
from ganlab.types import Array


class Headed(nn.Module, kw_only=True):
    """A critic that ends in a head, with the fields of the head.

    It has a field `num_classes`, 0 without labels, too.

    Attributes:
      head: how the label enters, a name of `HEADS`.
      embedding: numbers of an embedding of an image, with the head `embedding`.
      sliced: whether the logit's layer is a direction and a scale, each with its own gradient.
      codes: numbers that are read of each image beside the logit, for InfoGAN; 0 for none.
    """

    head: str = "projection"
    embedding: int = 512
    sliced: bool = False
    codes: int = 0


Head = Callable[[Headed, Array, Array | None, SpectralRule | None, bool], Array]


class Direction(nn.Module):
    """A layer from features [b, d] to logits [b] whose direction and scale learn apart.

    The discriminative normalized linear layer of Takida et al. 2024 ("SAN"): the weights, those of
    the layer and rows [b, d] added to them, are a scale times a vector of length 1. Returns the
    logits twice: once for the features and the scale, without a gradient to the direction, and once
    for the direction alone.
    """

    kernel_init: nn.initializers.Initializer = nn.initializers.orthogonal()

    @nn.compact
    def __call__(self, features: Array, rows: Array | None) -> tuple[Array, Array]:
        kernel = self.param("kernel", self.kernel_init, (features.shape[-1], 1))
        weights = kernel[:, 0].astype(features.dtype)
        weights = weights[None] if rows is None else weights + rows
        scale = jnp.sqrt(jnp.sum(weights**2, axis=-1, keepdims=True))
        direction, scaled = weights / scale, features * scale
        stop = jax.lax.stop_gradient
        return (jnp.sum(scaled * stop(direction), axis=-1),
                jnp.sum(stop(scaled) * direction, axis=-1))


def _logit(module: Headed, features: Array, rows: Array | None, rule: SpectralRule | None,
           train: bool) -> Array:
    """Computes logits [b] of features [b, d], with the inner product with rows [b, d] added."""
    if module.sliced:
        logits, directed = Direction(name="output")(features, rows)
        module.sow("intermediates", "direction", directed)
        return logits
    logits = SpectralDense(1, rule, name="output")(features, train)[:, 0]
    return logits if rows is None else logits + jnp.sum(rows * features, axis=-1)


def _rows(module: Headed, labels: Array | None, size: int, rule: SpectralRule | None, like: Array,
          train: bool) -> Array:
    """Computes the learned row [b, size] of each label."""
    return SpectralEmbed(module.num_classes, size, rule, name="class_embedding")(
        labels, train, like)


def unlabelled(module: Headed, features: Array, labels: Array | None, rule: SpectralRule | None,
               train: bool) -> Array:
    """Computes a logit that sees no label."""
    del labels
    return _logit(module, features, None, rule, train)


def concatenation(module: Headed, features: Array, labels: Array | None,
                  rule: SpectralRule | None, train: bool) -> Array:
    """Appends the label to the images, before the first layer (Mirza & Osindero 2014)."""
    # `labelled` has done so.
    return unlabelled(module, features, labels, rule, train)


def projection(module: Headed, features: Array, labels: Array | None, rule: SpectralRule | None,
               train: bool) -> Array:
    """Adds the inner product of features and the label's row (Miyato & Koyama 2018, eq. 3)."""
    # A direction is of length 1 by itself.
    rows = _rows(module, labels, features.shape[-1], None if module.sliced else rule, features,
                 train)
    return _logit(module, features, rows, rule, train)


def auxiliary(module: Headed, features: Array, labels: Array | None, rule: SpectralRule | None,
              train: bool) -> Array:
    """Sows `class_logits` [b, classes] beside the logit (Odena et al. 2017, "AC-GAN")."""
    module.sow("intermediates", "class_logits", SpectralDense(
        module.num_classes, rule, use_bias=False, name="class_output")(features, train))
    return unlabelled(module, features, labels, rule, train)


def multi_hinge(module: Headed, features: Array, labels: Array | None, rule: SpectralRule | None,
                train: bool) -> Array:
    """Sows `class_logits` [b, classes + 1], the last for generated images (Kavalerov et al. 2021).

    The logit is that of the label less that of generated images.
    """
    found = SpectralDense(module.num_classes + 1, rule, name="output")(features, train)
    module.sow("intermediates", "class_logits", found)
    # Without labels, as where a network is initialised, it is the most likely class.
    known = found[:, :-1]
    own = (jnp.max(known, axis=-1) if labels is None else
           jnp.take_along_axis(known, labels[:, None], axis=-1)[:, 0])
    return own - found[:, -1]


def embedding(module: Headed, features: Array, labels: Array | None, rule: SpectralRule | None,
              train: bool) -> Array:
    """Sows an `embedding` and the label's `proxy`, both [b, e] of length 1, beside the logit.

    For ContraGAN (Kang & Park 2020) and ReACGAN (Kang et al. 2021).
    """
    found = SpectralDense(module.embedding, rule, name="embedding_output")(features, train)
    rows = _rows(module, labels, module.embedding, rule, features, train)
    for name, vectors in (("embedding", found), ("proxy", rows)):
        length = jnp.sqrt(jnp.sum(vectors**2, axis=-1, keepdims=True))
        module.sow("intermediates", name, vectors / jnp.maximum(length, 1e-12))
    return unlabelled(module, features, labels, rule, train)


HEADS: dict[str, Head] = {
    "none": unlabelled, "concatenation": concatenation, "projection": projection,
    "auxiliary": auxiliary, "multi_hinge": multi_hinge, "embedding": embedding}
"""Heads by name."""


def labelled(module: Headed, images: Array, labels: Array | None) -> Array:
    """Returns what a critic begins with: images [b, h, w, c], with labels where its head appends
    them.

    Raises:
      ConfigError: for a head that does not exist, or that needs labels where there are none.
    """
    if module.head not in HEADS:
        raise unknown("head", module.head, HEADS)
    if not module.num_classes and module.head not in ("none", "projection"):
        raise ConfigError(f"head is {module.head!r}, which needs labels, but the critic sees none; "
                          "use config.system.conditional=True, or head='none'")
    if module.sliced and module.head == "multi_hinge":
        raise ConfigError("sliced is True: a direction has one logit, and head 'multi_hinge' one "
                          "for each class; use another head")
    if module.head != "concatenation":
        return images
    return concatenate_labels(images, labels, module.num_classes)


def headed(module: Headed, features: Array, labels: Array | None, rule: SpectralRule | None,
           train: bool) -> Array:
    """Computes the logit [b] of features [b, d] by the critic's head, and sows what losses look at.

    Without classes, a projection is left out.
    """
    module.sow("intermediates", "features", features)
    if module.codes:
        module.sow("intermediates", "codes",
                   SpectralDense(module.codes, rule, name="code_output")(features, train))
    head = module.head if module.num_classes else "none"
    return HEADS[head](module, features, labels, rule, train)
