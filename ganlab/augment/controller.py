"""The controller that adapts the chance of augmentations to overfitting (Karras et al. 2020,
section 3, eq. 1)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ganlab.types import Array


class Adaptation(NamedTuple):
    """Where the controller stands: scalars, float32 but `rounds`, int32."""

    p: Array
    """The chance of each operation, from 0; it may pass 1, where all gates are open already."""
    signs: Array
    """Mean sign of the real logits, summed over the rounds since p last moved."""
    rounds: Array
    """Number of these rounds."""


def start_adaptation(p: float = 0.0) -> Adaptation:
    """Returns a controller that starts at chance p."""
    return Adaptation(jnp.float32(p), jnp.float32(0), jnp.int32(0))


def adapted_chance(p: Array, mean_sign: Array, images: Array, target: Array,
                   speed_kimg: Array) -> Array:
    """Moves the chance p one step, up where the critic is surer of real images than `target`.

    Args:
      p: the chance, a number from 0.
      mean_sign: r_t of eq. 1, the mean sign of the critic's logits of real images, in [-1, 1].
      images: real images seen since the last step.
      target: of `mean_sign`; 0.6 in the paper.
      speed_kimg: thousands of images in which p can move by 1; 500 in the paper.
    """
    step = jnp.sign(mean_sign - target) * images / (speed_kimg * 1000)
    return jnp.maximum(p + step, 0)


def adapt(state: Adaptation, real_logits: Array, images: Array | int,
          target: Array | float = 0.6, speed_kimg: Array | float = 500.0, interval: int = 4,
          axis_name: str | None = None) -> Adaptation:
    """Sees one round; after every `interval` of them it moves the chance.

    Args:
      state: where the controller stands.
      real_logits: [b], or [b, h, w] of patches, of augmented real images.
      images: real images of the round, on all devices together.
      target: of the mean sign of the logits.
      speed_kimg: thousands of images in which the chance can move by 1.
      interval: rounds from one move to the next.
      axis_name: the mapped axis over which the batch is split, or None.
    """
    sign = jnp.mean(jnp.sign(real_logits)).astype(jnp.float32)
    if axis_name is not None:
        sign = jax.lax.pmean(sign, axis_name)
    signs, rounds = state.signs + sign, state.rounds + 1
    # The step is computed in every round and taken in the last one.
    moved = adapted_chance(state.p, signs / rounds, images * interval, target, speed_kimg)
    due = rounds >= interval
    return Adaptation(jnp.where(due, moved, state.p).astype(jnp.float32),
                      jnp.where(due, 0, signs), jnp.where(due, 0, rounds))
