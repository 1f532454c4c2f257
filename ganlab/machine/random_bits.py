"""Random bits of JAX on XLA:CPU: the same bits, as straight code instead of a loop."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.random import threefry2x32_p
from jax.interpreters import mlir

from ganlab.machine.kept_calls import apart
from ganlab.types import Array

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
_CUTS = (1, 3) if jax.__version_info__ >= (0, 11) else ()
"""Groups of four rounds after which `_unseen_zero` is used. The LLVM of older versions needs none,
and there they would cost 5 to 10% of a round of small networks."""


def threefry(key: tuple[Array, Array], counts: tuple[Array, Array],
             cuts: tuple[int, ...] = _CUTS) -> tuple[Array, Array]:
    """Computes Threefry-2x32 of 20 rounds on two words, uint32.

    By Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3.

    Args:
      key: its two words, uint32, of the shape of the counts or broadcast to it.
      counts: the two words that are encrypted.
      cuts: groups of four rounds, from 0, after which the vectorizer's search is ended; no bit
        depends on them.
    """
    # The key's third word is made of the other two.
    words = (*key, key[0] ^ key[1] ^ _PARITY)
    zero = _unseen_zero(key[0])
    first, second = counts[0] + words[0], counts[1] + words[1]
    for group in range(5):
        # Four rounds of adding, rotating and mixing.
        for rotation in _ROTATIONS[group % 2]:
            first = first + second
            left = jax.lax.shift_left(second, jax.lax.full_like(second, rotation))
            second = first ^ (left | jax.lax.shift_right_logical(
                second, jax.lax.full_like(second, 32 - rotation)))
        # The next words of the key, with the number of the group.
        first = first + words[(group + 1) % 3]
        second = second + words[(group + 2) % 3] + np.uint32(group + 1)
        if group in cuts:
            # Changes nothing, and ends the search of the vectorizer here (see `_unseen_zero`).
            first, second = jnp.maximum(first, zero), jnp.maximum(second, zero)
    return first, second


def _unseen_zero(word: Array) -> Array:
    """Computes 0 from a word, uint32, in a way that no compiler folds: n (n + 1) is even.

    LLVM's vectorizer asks for each number whether everything that reads it uses one lane alone. It
    follows every path through sums, shifts and exclusive ors, of which a cipher has 2.6^20, and a
    chain of ciphers that number to the power of its length: if the answer is yes, as for a label
    that becomes an address, it never ends (jaxlib 0.12). A maximum ends each path.
    """
    one = np.uint32(1)
    return (word * (word + one)) & one


def _of_words(*words: Array) -> tuple[Array, Array]:
    return threefry(words[:2], words[2:])


def straighten_random_bits() -> None:
    """Makes programs for the CPU compute random bits as straight code; JAX has a loop of five
    steps.

    The loop compiles sooner, but each of its steps is several programs of its own, and a round of
    small networks, with a dozen such loops in a row, would have hundreds.
    """
    def draw(*words: Array) -> tuple[Array, Array]:
        # Each is computed once: XLA would compute it again, with the keys that it stands on, in
        # every loop that reads it.
        return apart(_of_words, *words)

    mlir.register_lowering(threefry2x32_p, mlir.lower_fun(draw, multiple_results=True),
                           platform="cpu")
