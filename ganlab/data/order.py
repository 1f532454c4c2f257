"""The order of data: which example stands at a position, a pure function of (key, position).

Each epoch is a full pass in a new order. Nothing is stored and nothing is sorted, so
training resumes anywhere from its step alone, and a data set of any size costs the same.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.types import Array

# Swap-or-not rounds. After r rounds an element has kept its place with probability
# 2^-r; the tests measure uniformity of places and of neighbours at this number.
ROUNDS = 40


def _mix(x: Any) -> Any:
    """Hashes uint32 one to one (the two-multiply xorshift `lowbias32` of C. Wellons)."""
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


def shuffled_index(key: Array, position: Array, size: int) -> Array:
    """Returns the index in [0, size) of the example at each position of an endless shuffled stream.

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
    return _shuffled(key_words(key), position.astype(jnp.uint32), jnp.uint32(size), jnp,
                     jax.lax.fori_loop)


def host_shuffled_index(words: np.ndarray, position: np.ndarray, size: int) -> np.ndarray:
    """Computes `shuffled_index` in NumPy, to the bit, for reading on the host.

    `words` are the `key_words` of the key.
    """
    def loop(first: int, last: int, body: Callable, x: np.ndarray) -> np.ndarray:
        for number in range(first, last):
            x = body(np.asarray(number), x)
        return x

    with np.errstate(over="ignore"):  # Arithmetic modulo 2^32 is what is meant.
        return _shuffled(words, np.asarray(position, np.uint32), np.uint32(size), np, loop)


def key_words(key: Array) -> Array:
    """Returns the words uint32 [n] of a PRNG key."""
    return jax.random.key_data(key).astype(jnp.uint32).reshape(-1)


def position_bit(key: Array, position: Array) -> Array:
    """Draws uint32 0 or 1 for each uint32 position: a bit that belongs to the example there."""
    # The last shift takes the draw apart from those of the order.
    return (_position_hash(key, position) >> 9) & 1


def position_draw(key: Array, position: Array, number: int, below: int) -> Array:
    """Draws uint32 in [0, below) for each uint32 position, apart from other `number`s and the bit.

    Uniform except for a share of `below` / 2^32.
    """
    # Steps of the golden ratio, as of the order's rounds.
    salt = np.uint32((number + 1) * 0x9E3779B9 & 0xFFFFFFFF)
    return _mix(_position_hash(key, position) + salt) % np.uint32(below)


def class_draw(words: Any, position: Any, count: Any) -> Any:
    """Draws a number of [0, `count`) for each uint32 position, int32, by NumPy or JAX to the same
    bits.

    Uniform but for a share of `count` / 2^32. It is apart from the draws of `position_draw` for
    crops.
    """
    salt = np.uint32(0x85EBCA6B)  # No multiple of the golden ratio's steps that crops take.
    hashed = _mix(_mix(_mix(position ^ words[0]) ^ words[-1]) + salt)
    return (hashed % count.astype(np.uint32)).astype(np.int32)


def _position_hash(key: Array, position: Array) -> Array:
    words = key_words(key)
    return _mix(_mix(position ^ words[0]) ^ words[-1])


def _shuffled(words: Any, position: Any, size: Any, xp: ModuleType, loop: Callable) -> Any:
    # A key for each epoch, so that every pass has an order of its own.
    epoch_key = _mix(_mix((position // size) ^ words[0]) ^ words[-1])

    def swap(number: Any, x: Any) -> Any:
        step = (number.astype(np.uint32) + np.uint32(1)) * np.uint32(0x9E3779B9)
        round_key = _mix(epoch_key + step)
        # The pair of x and K - x, whose larger one decides for both: the swap is its own inverse.
        partner = (round_key % size + size - x) % size
        bit = _mix(xp.maximum(x, partner) ^ _mix(round_key ^ words[-1])) & 1
        return xp.where(bit == 1, partner, x)

    return loop(0, ROUNDS, swap, position % size).astype(np.int32)
