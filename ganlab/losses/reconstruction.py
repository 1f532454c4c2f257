"""How far images are from what they should be: negative log-likelihoods of images under a decoder.

Every function maps `(images[b, ...], reconstructed[b, ...])`, both in [-1, 1], to a loss [b] in
nats, summed over pixels and channels as the bound of Kingma & Welling 2014 has it, so that
its size against the Kullback-Leibler term means something.
"""

import jax.numpy as jnp

from ganlab.types import Array

# In float32 a probability this close to 1 still differs from 1.
LEAST_PROBABILITY = 1e-6


def cross_entropy(images: Array, reconstructed: Array) -> Array:
    """Computes cross-entropy in [0, 1]: a Bernoulli decoder (Kingma & Welling 2014, appendix C.1).

    Values between black and white count as probabilities of white: the loss is least where
    the images agree, but not zero there. Probabilities are kept `LEAST_PROBABILITY` away from
    0 and 1.
    """
    white = (images + 1) / 2
    probability = jnp.clip((reconstructed + 1) / 2, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return -_sum(white * jnp.log(probability) + (1 - white) * jnp.log1p(-probability))


def squared_error(images: Array, reconstructed: Array) -> Array:
    """Computes half the squared error: a normal decoder of variance 1 (ibid., appendix C.2).

    The constant of its likelihood is left out.
    """
    return 0.5 * _sum((images - reconstructed) ** 2)


def _sum(values: Array) -> Array:
    """Sums everything that belongs to an example: [b]."""
    return jnp.sum(values.reshape(values.shape[0], -1), axis=-1)
