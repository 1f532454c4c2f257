"""Batches of a data set that lives on the device, gathered inside the round's program."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from ganlab.data.dataset import to_float
from ganlab.data.order import shuffled_index
from ganlab.types import Array


def gather_batches(data: Mapping[str, Array], key: Array, step: Array, slots: int, batch_size: int) -> dict[str, Array]:
    """The real batches of one round, a pure function of (key, step).

    Args:
      data: arrays `image` [n, ...] and `label` [n].
      key: the order's PRNG key.
      step: rounds played before this one.
      slots: batches in a round, one for each repeat of each update.
      batch_size: global batch size b.

    Returns:
      `image` [slots, b, ...], floats in [-1, 1] (or points), and `label` [slots, b].
    """
    first = step.astype(jnp.uint32) * jnp.uint32(slots * batch_size)
    position = first + jnp.arange(slots * batch_size, dtype=jnp.uint32)
    index = shuffled_index(key, position.reshape(slots, batch_size), data["image"].shape[0])
    batches = {name: jnp.take(array, index, axis=0) for name, array in data.items()}
    return {**batches, "image": to_float(batches["image"])}


def device_data(arrays: Mapping[str, Array], sharding: jax.sharding.Sharding) -> dict[str, Array]:
    """Places the arrays of a data set on the devices."""
    return {name: jax.device_put(array, sharding) for name, array in arrays.items()}
