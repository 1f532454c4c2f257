"""The controller that adapts the chance of augmentations to overfitting (Karras et al. 2020,
section 3, eq. 1)."""

from typing import NamedTuple

import jax.numpy as jnp

from ganlab.types import Array


class Adaptation(NamedTuple):
    """Where the controller stands: scalars, float32 but `updates`, int32."""

    p: Array
    """The chance of each operation, from 0; it may pass 1, where all gates are open already."""
    signs: Array
    """Mean sign of the real logits, summed over the critic's updates since p last moved."""
    updates: Array
    """Number of these updates."""


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


def adapt(state: Adaptation, mean_sign: Array, images: Array | int,
          target: Array | float = 0.6, speed_kimg: Array | float = 500.0,
          interval: int = 4) -> Adaptation:
    """Sees one update of the critic; after every `interval` of them it moves the chance.

    Args:
      state: where the controller stands.
      mean_sign: of the logits of augmented real images, of the global batch.
      images: real images of the update, on all devices together.
      target: of the mean sign; 0 leaves the chance as it is.
      speed_kimg: thousands of images in which the chance can move by 1.
      interval: updates from one move to the next.
    """
    # In the state's precision, whatever the numbers have.
    dtype = state.signs.dtype
    signs, updates = state.signs + mean_sign.astype(dtype), state.updates + 1
    # The step is computed after every update and taken after the last one.
    moved = adapted_chance(state.p, signs / updates, images * interval, target, speed_kimg)
    due = updates >= interval
    return Adaptation(jnp.where(due & (target > 0), moved, state.p).astype(dtype),
                      jnp.where(due, 0, signs), jnp.where(due, 0, updates))
