"""Losses by which a critic and a generator learn what class an image is of, per example.

They look at what a critic finds beside its logit: logits of classes, or an embedding of the image
and the proxy of its label. Both players minimise them, the critic on real images and the generator
on its own.
"""

import jax
import jax.numpy as jnp
import optax

from ganlab.types import Array


def class_cross_entropy(class_logits: Array, labels: Array) -> Array:
    """Computes the cross-entropy [b], in nats, of class logits [b, k] for labels [b].

    The loss of an auxiliary classifier (Odena et al. 2017, "AC-GAN", eq. 3).
    """
    return optax.softmax_cross_entropy_with_integer_labels(class_logits, labels)


def multi_hinge(class_logits: Array, labels: Array) -> Array:
    """Computes how far [b] the label's logit is from 1 above all others, 0 beyond.

    The loss of Crammer & Singer 2001, by which Kavalerov et al. 2021 ("A multi-class hinge loss for
    conditional GANs") train a critic with one class more than the data, for generated images.

    Args:
      class_logits: [b, k + 1], or any number of classes.
      labels: [b]; k for generated images that are to be told apart.
    """
    right = jnp.arange(class_logits.shape[-1]) == labels[:, None]
    wanted = jnp.sum(jnp.where(right, class_logits, 0), axis=-1)
    highest = jnp.max(jnp.where(right, -jnp.inf, class_logits), axis=-1)
    return jax.nn.relu(1 + highest - wanted)


def _unit(vectors: Array) -> Array:
    """Scales vectors [b, d] to length 1; one of length 0 stays, with a gradient of 0."""
    square = jnp.sum(vectors**2, axis=-1, keepdims=True)
    return jnp.where(square > 0, vectors * jax.lax.rsqrt(jnp.where(square > 0, square, 1)), 0)


def _similarities(embeddings: Array, labels: Array,
                  axis_name: str | None) -> tuple[Array, Array, Array]:
    """Computes cosines [b, n] of embeddings [b, d] with all n of the global batch.

    Returns which of these are of other examples, and which of another class, too, each [b, n].
    """
    units, place = _unit(embeddings), jnp.arange(len(labels))
    every, every_label, every_place = units, labels, place
    if axis_name is not None:
        # Those of all devices; each has its examples in one run.
        place = place + jax.lax.axis_index(axis_name) * len(labels)
        every, every_label, every_place = jax.lax.all_gather(
            (units, labels, place), axis_name, tiled=True)
    others = place[:, None] != every_place
    return units @ every.T, others, labels[:, None] != every_label


def contrastive(embeddings: Array, proxies: Array, labels: Array, temperature: Array,
                axis_name: str | None = None) -> Array:
    """Computes the conditional contrastive loss 2C [b] (Kang & Park 2020, "ContraGAN").

    It draws an image to the proxy of its class and to the images of this class, and away from all
    others.

    Args:
      embeddings: of images [b, d].
      proxies: of their labels [b, d].
      labels: [b].
      temperature: by which cosines are divided, above 0.
      axis_name: the mapped axis over which the batch is split; other images are of all of it.
    """
    cosines, others, differs = _similarities(embeddings, labels, axis_name)
    cosines, own = cosines / temperature, jnp.sum(
        _unit(embeddings) * _unit(proxies), axis=-1, keepdims=True) / temperature
    # Logarithms of sums of exponentials, the numerator's without other classes.
    near = jnp.where(others & ~differs, cosines, -jnp.inf)
    every = jnp.where(others, cosines, -jnp.inf)
    return (jax.nn.logsumexp(jnp.concatenate([own, every], axis=1), axis=1)
            - jax.nn.logsumexp(jnp.concatenate([own, near], axis=1), axis=1))


def data_to_data(embeddings: Array, proxies: Array, labels: Array, temperature: Array,
                 margin: Array, axis_name: str | None = None) -> Array:
    """Computes the data-to-data cross-entropy D2DCE [b] (Kang et al. 2021, "ReACGAN").

    It draws an image to the proxy of its class, up to a cosine of `margin`, and away from images of
    other classes, down to one of 1 - `margin`. As in the official code, exponentials of similar
    images are divided by that of the most similar one, of any class, and the proxy's is not.

    Args:
      embeddings: of images [b, d].
      proxies: of their labels [b, d].
      labels: [b].
      temperature: by which distances to the margins are divided, above 0.
      margin: least cosine of an image and its proxy that costs nothing.
      axis_name: the mapped axis over which the batch is split; other images are of all of it.
    """
    cosines, others, differs = _similarities(embeddings, labels, axis_name)
    # How far the proxy is below its margin, and other images are above theirs.
    own = jnp.sum(_unit(embeddings) * _unit(proxies), axis=-1)
    below = jax.nn.relu((margin - own) / temperature)
    above = (cosines - (1 - margin)) / temperature
    most = jnp.max(jnp.where(others, above, -jnp.inf), axis=1, keepdims=True)
    # A single image has no other.
    most = jax.lax.stop_gradient(jnp.where(jnp.isfinite(most), most, 0))
    pushed = jnp.where(others & differs, jax.nn.relu(above) - most, -jnp.inf)
    return below + jax.nn.logsumexp(jnp.concatenate([-below[:, None], pushed], axis=1), axis=1)
