"""Adversarial losses: both players of each game, per example, on raw logits.

Every function maps `(real_logits[b], fake_logits[b])` to a loss [b] in nats or in
squared logits, to be minimised by the player that its name ends in. The first line
of a critic's docstring names the loss wherever losses are listed.
"""

import jax

from ganlab.types import Array

softplus = jax.nn.softplus  # -log sigmoid(x) = softplus(-x), finite for any logit.


def cross_entropy(logits: Array, targets: Array) -> Array:
    """Binary cross-entropy [b] of logits against targets, which noise may push outside [0, 1]."""
    return softplus(logits) - targets * logits


def half_squared_distance(logits: Array, targets: Array) -> Array:
    """Half the squared distance [b] of logits to targets."""
    return 0.5 * (logits - targets) ** 2


def minimax_critic(real_logits: Array, fake_logits: Array) -> Array:
    """Binary cross-entropy; the generator minimises log(1 - D(fake)) (Goodfellow et al. 2014, eq. 1)."""
    return softplus(-real_logits) + softplus(fake_logits)


def minimax_generator(real_logits: Array, fake_logits: Array) -> Array:
    """log(1 - sigmoid(fake)), the saturating loss of the value function itself."""
    del real_logits
    return -softplus(fake_logits)


def non_saturating_generator(real_logits: Array, fake_logits: Array) -> Array:
    """-log sigmoid(fake): same fixed point as minimax, stronger gradient early (ibid., section 3)."""
    del real_logits
    return softplus(-fake_logits)


def non_saturating_critic(real_logits: Array, fake_logits: Array) -> Array:
    """Binary cross-entropy; the generator minimises -log D(fake) (Goodfellow et al. 2014, section 3)."""
    return minimax_critic(real_logits, fake_logits)


def least_squares_critic(real_logits: Array, fake_logits: Array) -> Array:
    """Least squares to 1 for real and 0 for fake (Mao et al. 2017, eq. 9)."""
    return 0.5 * (real_logits - 1.0) ** 2 + 0.5 * fake_logits**2


def least_squares_generator(real_logits: Array, fake_logits: Array) -> Array:
    """Half the squared distance of fake logits to 1 (ibid., eq. 9)."""
    del real_logits
    return 0.5 * (fake_logits - 1.0) ** 2


def wasserstein_critic(real_logits: Array, fake_logits: Array) -> Array:
    """Difference of mean logits, the Wasserstein-1 dual (Arjovsky et al. 2017, eq. 2)."""
    return fake_logits - real_logits


def wasserstein_generator(real_logits: Array, fake_logits: Array) -> Array:
    """The negative fake logit (ibid., theorem 3)."""
    del real_logits
    return -fake_logits


def hinge_critic(real_logits: Array, fake_logits: Array) -> Array:
    """Hinge at margin 1, without a factor 1/2 (Lim & Ye 2017; Miyato et al. 2018, eq. 16)."""
    return jax.nn.relu(1.0 - real_logits) + jax.nn.relu(1.0 + fake_logits)


def hinge_generator(real_logits: Array, fake_logits: Array) -> Array:
    """The negative fake logit (Miyato et al. 2018, eq. 17)."""
    del real_logits
    return -fake_logits


def relativistic_critic(real_logits: Array, fake_logits: Array) -> Array:
    """Relativistic pairing: real above its paired fake (Jolicoeur-Martineau 2018; Huang et al. 2024, eq. 2)."""
    return softplus(fake_logits - real_logits)


def relativistic_generator(real_logits: Array, fake_logits: Array) -> Array:
    """The critic's loss with the players swapped: fake above its paired real."""
    return softplus(real_logits - fake_logits)
