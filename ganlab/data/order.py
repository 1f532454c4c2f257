"""The order of data: which example stands at a position, a pure function of (key, position).

Each epoch is a full pass in a new order. Nothing is stored and nothing is sorted, so
training resumes anywhere from its step alone, and a data set of any size costs the same.
"""

import jax
import jax.numpy as jnp

from ganlab.types import Array

# Swap-or-not rounds. After r rounds an element has kept its place with probability
# 2^-r; the tests measure uniformity of places and of neighbours at this number.
ROUNDS = 40


def _mix(x: Array) -> Array:
    """A bijective hash of uint32 (the two-multiply xorshift `lowbias32` of C. Wellons)."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)


def shuffled_index(key: Array, position: Array, size: int) -> Array:
    """Index in [0, size) of the example at each position of an endless reshuffled stream.

    Positions [e*size, (e+1)*size) are a permutation of the data set for every epoch e.
    Swap-or-not shuffle (Hoang, Morris & Rogaway 2012): each round pairs x with K - x
    modulo `size` and swaps the pair by one hashed bit.

    Args:
      key: a PRNG key; it alone chooses the orders.
      position: uint32 positions, any shape, below 2^32.
      size: number of examples, below 2^31.

    Returns:
      int32 indices in the shape of `position`.
    """
    words = jax.random.key_data(key).astype(jnp.uint32).reshape(-1)
    size = jnp.uint32(size)
    position = position.astype(jnp.uint32)
    epoch_key = _mix(_mix((position // size) ^ words[0]) ^ words[-1])

    def swap(number: Array, x: Array) -> Array:
        round_key = _mix(epoch_key + (number.astype(jnp.uint32) + 1) * jnp.uint32(0x9E3779B9))
        partner = (round_key % size + size - x) % size
        bit = _mix(jnp.maximum(x, partner) ^ _mix(round_key ^ words[-1])) & 1
        return jnp.where(bit == 1, partner, x)

    return jax.lax.fori_loop(0, ROUNDS, swap, position % size).astype(jnp.int32)
