"""Terms beside an adversarial loss that need more than its logits: averages of them in the memory,
steps of the latents, changed images."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.augment import Augmentation, adaptive
from ganlab.config import ConfigError, joined_names
from ganlab.game import Network
from ganlab.losses import lecam, natural_step
from ganlab.systems.parts import choose_loss
from ganlab.types import Array, Hyper, Tree

LECAM = "lecam"
"""Entry of the memory: averages of the critic's mean logits, and the updates that made them."""
CHANGES: dict[str, Augmentation] = {
    "flip+shift": adaptive(("xflip", "xint")), "shift": adaptive(("xint",))}
"""How consistency moves images, always (a chance of 1)."""
ACROSS = ("lecam", "feature_matching")
"""Regularizations that look across the batch."""


def check_regularizations(config: Mapping[str, Any], image_shape: tuple[int, ...],
                          critic: Network) -> None:
    """Raises ConfigError for a regularization that the data, a critic or a loss does not allow."""
    sown, loss = critic.sown(), choose_loss(config)
    for name in ("consistency", "balanced_consistency"):
        if name in joined_names(config, "regularizations") and len(image_shape) != 3:
            raise ConfigError(f"config.system.regularizations has {name}, which moves images, but "
                              f"the data are points of {image_shape[0]} numbers; use "
                              "latent_consistency, or do without it")
    for name, part, hint in (("feature_matching", "features", "sow its features"),
                             ("sliced", "direction", "take kwargs.sliced=True, as those of sngan "
                              "and biggan do")):
        chosen = name in joined_names(config, "regularizations")
        if chosen and part not in sown:
            raise ConfigError(f"config.system.regularizations has {name}, but "
                              "config.networks.critic "
                              f"({config['networks']['critic']['network']}) does not sow {part!r}; "
                              f"let it {hint}")
        if name == "sliced" and not chosen and part in sown:
            raise ConfigError("config.networks.critic is sliced, but its direction would not "
                              "learn; add sliced to config.system.regularizations")
        if name == "sliced" and chosen and loss.compares:
            raise ConfigError(f"config.system.loss is {config['system']['loss']!r}, which compares "
                              "real and fake logits, but config.system.regularizations has sliced, "
                              "whose direction needs the generator's loss of single images; use "
                              "hinge or non_saturating")


def averages_of_logits(chosen: tuple[str, ...]) -> dict[str, Any]:
    """Returns the entry of the memory that LeCam begins with; {} if it is not chosen."""
    if LECAM not in chosen:
        return {}
    return {LECAM: {"real": np.zeros((), np.float32), "fake": np.zeros((), np.float32),
                    "updates": np.zeros((), np.int32)}}


def held_to_averages(real_logits: Array, fake_logits: Array, memory: Mapping[str, Tree],
                     hyper: Hyper, critic_updates: int,
                     axis_name: str | None) -> tuple[Array, Mapping[str, Tree]]:
    """Computes LeCam's regularizer [], and the memory with averages that this batch has moved.

    Tseng et al. 2021. Up to its start the averages are the batch's own means, and it is 0.

    Args:
      real_logits: [b].
      fake_logits: [b].
      memory: with the entry `LECAM`.
      hyper: with `lecam_decay` and `lecam_start_rounds`.
      critic_updates: of a round.
      axis_name: the axis that `pmap` maps, or None.
    """
    # The batch moves the averages before it is held to them.
    before = memory[LECAM]
    means = jax.lax.stop_gradient((jnp.mean(real_logits), jnp.mean(fake_logits)))
    if axis_name is not None:
        means = jax.lax.pmean(means, axis_name)
    rounds = before["updates"] // critic_updates
    keep = jnp.where(rounds < hyper["lecam_start_rounds"], 0.0, hyper["lecam_decay"])
    moved = {kind: (keep * before[kind] + (1 - keep) * mean).astype(before[kind].dtype)
             for kind, mean in zip(("real", "fake"), means, strict=True)}
    value = jnp.mean(lecam(real_logits, fake_logits, moved["real"], moved["fake"]))
    after = {**memory, LECAM: {**moved, "updates": before["updates"] + 1}}
    return jnp.where(rounds > hyper["lecam_start_rounds"], value, 0.0), after


def optimised(logits: Callable[[Array], Array], latents: Array, free: int, keys: Array,
              hyper: Hyper, steps: int, bounded: bool) -> tuple[Array, Array]:
    """Moves latents [b, z] up a critic's logits (Wu et al. 2019, "LOGAN").

    Args:
      logits: `latents[b, z] -> logits[b]`.
      latents: [b, z].
      free: first numbers of each that move.
      keys: one PRNG key an example [b].
      hyper: with `latent_optimisation_rate`, `_damping` and `_share`.
      steps: how often they move.
      bounded: whether they stay in [-1, 1].

    Returns:
      The latents, differentiable by all that the logits depend on, and the mean squared length []
      of their steps.
    """
    cost, moving = jnp.zeros(()), jnp.arange(latents.shape[-1]) < free
    for number in range(steps):
        slopes = jax.grad(lambda latents: jnp.sum(logits(latents)))(latents)
        step = natural_step(slopes * moving, hyper["latent_optimisation_rate"],
                            hyper["latent_optimisation_damping"])
        cost += jnp.mean(jnp.sum(step**2, axis=-1))
        # Some latents stay as they were drawn.
        drawn = jax.vmap(lambda key, number=number: jax.random.uniform(
            jax.random.fold_in(key, number)))(keys)
        latents = latents + jnp.where(
            (drawn < hyper["latent_optimisation_share"])[:, None], step, 0)
        latents = jnp.clip(latents, -1, 1) if bounded else latents
    return latents, cost
