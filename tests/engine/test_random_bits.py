"""Random bits by straight code are those of the cipher, and JAX draws with them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry_2x32

ANSWERS = [  # Key, counts and answer, of the cipher's own implementation (Random123, known answers of 20 rounds).
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0))]


@pytest.mark.parametrize(("key", "counts", "answer"), ANSWERS)
def test_jax_draws_the_known_answers_of_the_cipher(key, counts, answer):
    words = jax.jit(threefry_2x32)(jnp.array(key, jnp.uint32), jnp.array(counts, jnp.uint32))
    np.testing.assert_array_equal(words, np.array(answer, np.uint32))


def test_draws_for_many_keys_equal_those_for_each():
    keys = jax.random.split(jax.random.key(0), 5)
    together = jax.jit(jax.vmap(lambda key: jax.random.normal(key, (3,))))(keys)
    np.testing.assert_array_equal(together, [jax.random.normal(key, (3,)) for key in keys])


def test_a_large_draw_begins_with_a_small_one():
    small, large = (jax.jit(lambda key, size=size: jax.random.bits(key, (size,)))(jax.random.key(3))
                    for size in (100, 2**17))
    np.testing.assert_array_equal(large[:100], small)


def test_random_bits_are_drawn_without_a_loop():
    text = jax.jit(lambda key: jax.random.bits(key, (8,))).lower(jax.random.key(0)).as_text()
    assert "xor" in text and "while" not in text


@pytest.mark.parametrize(("entries", "calls"), [(4096, True), (8, False)])
def test_only_large_draws_of_many_keys_are_a_call_of_their_own(entries, calls):
    def draw(keys):
        return jax.vmap(lambda key: jax.random.bernoulli(jax.random.fold_in(key, 1), 0.5, (entries,)))(keys)

    text = jax.jit(draw).lower(jax.random.split(jax.random.key(0), 32)).compile().as_text()
    assert (" call(" in text) == calls
