"""Adversarial losses: both players of each game, per example, on raw logits.

Every function maps `(real_logits[b], fake_logits[b])` to a loss [b] in nats or in
squared logits, to be minimised by the player that its name ends in. The first line
of a critic's docstring names the loss wherever losses are listed.
"""

import jax

from ganlab.types import Array

softplus = jax.nn.softplus  # -log sigmoid(x) = softplus(-x), finite for any logit.


def cross_entropy(logits: Array, targets: Array) -> Array:
    """Computes binary cross-entropy [b] to targets, which noise may push out of [0, 1]."""
    return softplus(logits) - targets * logits


def half_squared_distance(logits: Array, targets: Array) -> Array:
    """Computes half the squared distance [b] of logits to targets."""
    return 0.5 * (logits - targets) ** 2


def minimax_critic(real_logits: Array, fake_logits: Array) -> Array:
    """Computes cross-entropy; the generator's is log(1 - D) (Goodfellow et al. 2014, eq. 1)."""
    return softplus(-real_logits) + softplus(fake_logits)


def minimax_generator(real_logits: Array, fake_logits: Array) -> Array:
    """Computes log(1 - sigmoid(fake)), the saturating loss of the value function itself."""
    del real_logits
    return -softplus(fake_logits)


def non_saturating_generator(real_logits: Array, fake_logits: Array) -> Array:
    """Computes -log sigmoid(fake): same fixed point, stronger gradient early (ibid., sec. 3)."""
    del real_logits
    return softplus(-fake_logits)


def non_saturating_critic(real_logits: Array, fake_logits: Array) -> Array:
    """Computes cross-entropy; the generator's is -log D (Goodfellow et al. 2014, section 3)."""
    return minimax_critic(real_logits, fake_logits)


def least_squares_critic(real_logits: Array, fake_logits: Array) -> Array:
    """Computes half the squared distances to 1 for real and 0 for fake (Mao et al. 2017, eq. 9)."""
    return 0.5 * (real_logits - 1.0) ** 2 + 0.5 * fake_logits**2


def least_squares_generator(real_logits: Array, fake_logits: Array) -> Array:
    """Computes half the squared distance of fake logits to 1 (ibid., eq. 9)."""
    del real_logits
    return 0.5 * (fake_logits - 1.0) ** 2


def wasserstein_critic(real_logits: Array, fake_logits: Array) -> Array:
    """Computes fake less real logits: the Wasserstein-1 dual (Arjovsky et al. 2017, eq. 2)."""
    return fake_logits - real_logits


def wasserstein_generator(real_logits: Array, fake_logits: Array) -> Array:
    """Computes the negative fake logit (ibid., theorem 3)."""
    del real_logits
    return -fake_logits


def hinge_critic(real_logits: Array, fake_logits: Array) -> Array:
    """Computes the hinge loss at margin 1 (Lim & Ye 2017; Miyato et al. 2018, eq. 16)."""
    return jax.nn.relu(1.0 - real_logits) + jax.nn.relu(1.0 + fake_logits)


def hinge_generator(real_logits: Array, fake_logits: Array) -> Array:
    """Computes the negative fake logit (Miyato et al. 2018, eq. 17)."""
    del real_logits
    return -fake_logits


def relativistic_critic(real_logits: Array, fake_logits: Array) -> Array:
    """Compares real to its paired fake (Jolicoeur-Martineau 2018; Huang et al. 2024, eq. 2)."""
    return softplus(fake_logits - real_logits)


def relativistic_generator(real_logits: Array, fake_logits: Array) -> Array:
    """Compares fake to its paired real: the critic's loss with the players swapped."""
    return softplus(real_logits - fake_logits)
