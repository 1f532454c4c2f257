"""Terms beside an adversarial loss that keep a critic or a generator from going astray."""

import math

import jax
import jax.numpy as jnp

from ganlab.types import AdversarialLoss, Array


def lecam(real_logits: Array, fake_logits: Array, real_average: Array,
          fake_average: Array) -> Array:
    """Computes the distance [b] by which logits pass moving averages of those of the other kind.

    The regularizer of Tseng et al. 2021 ("Regularizing generative adversarial networks under
    limited data") as its official code has it: squared, of real logits above the average of the
    fake ones, and of fake logits below that of the real ones.

    Args:
      real_logits: [b].
      fake_logits: [b].
      real_average: moving average of the critic's mean logit of real images [].
      fake_average: likewise of generated ones [].
    """
    return (jax.nn.relu(real_logits - fake_average) ** 2
            + jax.nn.relu(real_average - fake_logits) ** 2)


def drift(real_logits: Array) -> Array:
    """Computes the squares [b] of real logits [b], which keep them near zero.

    Karras et al. 2018 ("Progressive growing of GANs", appendix A.1), with a weight of 0.001: of the
    Wasserstein loss the level of logits is free.
    """
    return real_logits**2


def mean_feature_distance(real_features: Array, fake_features: Array,
                          axis_name: str | None = None) -> Array:
    """Computes the mean absolute difference [] of mean features of real and fake images, [b, d].

    The means are over the global batch. The feature matching of Salimans et al. 2016 (section 3.1)
    in the L1 form of PyTorch-StudioGAN and of the official multi-hinge code; the paper's own is
    `ganlab.systems.tricks.match_features`.
    """
    difference = jnp.mean(real_features, axis=0) - jnp.mean(fake_features, axis=0)
    if axis_name is not None:
        difference = jax.lax.pmean(difference, axis_name)
    return jnp.mean(jnp.abs(difference))


def squared_difference(one: Array, other: Array) -> Array:
    """Computes the mean squared difference [b] of what a critic sees in images and changed ones.

    Arrays are [b] or [b, d]: consistency regularization (Zhang et al. 2020; Zhao et al. 2021).
    """
    return jnp.mean((one - other).reshape(len(one), -1) ** 2, axis=-1)


def discrete_code_loss(logits: Array, codes: Array) -> Array:
    """Computes the cross-entropy [b], in nats, of logits [b, n, k] for n codes one-hot [b, n, k].

    Summed over the codes: the bound on mutual information of Chen et al. 2016 ("InfoGAN", eq. 5)
    without the entropy of the codes, which is constant.
    """
    return -jnp.sum(codes * jax.nn.log_softmax(logits, axis=-1), axis=(1, 2))


def continuous_code_loss(means: Array, log_variances: Array, codes: Array) -> Array:
    """Computes the negative log-likelihood [b], in nats, of codes [b, n] under normals [b, n].

    Summed over the codes (ibid., section 6: a factored Gaussian).
    """
    squares = (codes - means) ** 2 * jnp.exp(-log_variances)
    return 0.5 * jnp.sum(math.log(2 * math.pi) + log_variances + squares, axis=-1)


def direction_loss(loss: AdversarialLoss, real_logits: Array, fake_logits: Array) -> Array:
    """Computes the loss [b] of the direction of a sliced critic (Takida et al. 2024, "SAN").

    The direction is to separate real from fake features as the generator's loss R weights them:
    R(real) - R(fake). That is Wasserstein's loss with hinge, whose R is -t, and the difference of
    softplus(-t) with the non-saturating loss.

    Args:
      loss: of both players; its generator's part does not compare.
      real_logits: [b], whose gradient reaches the direction alone.
      fake_logits: likewise.
    """
    return loss.generator(None, real_logits) - loss.generator(None, fake_logits)


def natural_step(gradients: Array, rate: Array, damping: Array) -> Array:
    """Computes the step [b, z] of latents up a critic's logit by its gradients [b, z].

    Wu et al. 2019 ("LOGAN"): natural gradient descent by an approximate Fisher information,
    `rate` / (`damping` + squared norm) times the gradient.
    """
    squares = jnp.sum(gradients**2, axis=-1, keepdims=True)
    return rate * gradients / (damping + squares)
