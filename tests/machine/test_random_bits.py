"""Random bits by straight code are those of the cipher, and JAX draws with them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry_2x32
from processes import SOONER
from tiny import real_batches, tiny_game

from ganlab.machine.random_bits import _unseen_zero, straighten_random_bits, threefry
from ganlab.game import init_state, play_round

ANSWERS = [  # Key, counts and answer, of the cipher's own implementation (Random123, known answers of 20 rounds).
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0))]


@pytest.fixture(autouse=True, scope="module")
def straight():
    """Makes the lowering rule that commands have; other tests draw by JAX's loop, which compiles sooner."""
    loop = jax.jit(lambda key: jax.random.bits(key, (7,)))(jax.random.key(4))
    straighten_random_bits()
    yield loop


def test_straight_code_draws_the_bits_of_the_loop(straight):
    np.testing.assert_array_equal(jax.jit(lambda key: jax.random.bits(key, (7,)))(jax.random.key(4)), straight)


@pytest.mark.parametrize(("key", "counts", "answer"), ANSWERS)
def test_jax_draws_the_known_answers_of_the_cipher(key, counts, answer):
    words = jax.jit(threefry_2x32)(jnp.array(key, jnp.uint32), jnp.array(counts, jnp.uint32))
    np.testing.assert_array_equal(words, np.array(answer, np.uint32))


@pytest.mark.parametrize("cuts", [(), (1, 3)])
@pytest.mark.parametrize(("key", "counts", "answer"), ANSWERS)
def test_the_cipher_has_its_known_answers_wherever_the_vectorizers_search_is_ended(key, counts, answer, cuts):
    key, counts = (tuple(np.full(1, word, np.uint32) for word in words) for words in (key, counts))
    assert tuple(int(word[0]) for word in threefry(key, counts, cuts)) == answer


def test_draws_for_many_keys_equal_those_for_each():
    # Bits alone: what is made of them, such as normal numbers, two programs may round otherwise.
    draw, keys = jax.jit(lambda key: jax.random.bits(key, (3,))), jax.random.split(jax.random.key(0), 5)
    together = jax.jit(jax.vmap(draw))(keys)
    np.testing.assert_array_equal(together, [draw(key) for key in keys])


def test_a_large_draw_begins_with_a_small_one():
    small, large = (jax.jit(lambda key, size=size: jax.random.bits(key, (size,)))(jax.random.key(3))
                    for size in (100, 2**17))
    np.testing.assert_array_equal(large[:100], small)


def test_random_bits_are_drawn_without_a_loop():
    text = jax.jit(lambda key: jax.random.bits(key, (8,))).lower(jax.random.key(0)).as_text()
    assert "xor" in text and "while" not in text


@pytest.mark.optimized
@pytest.mark.parametrize("entries", [8, 4096])
def test_a_program_draws_once_however_many_loops_read_it(entries):
    def draw(keys, readers):
        drawn = jax.vmap(lambda key: jax.random.uniform(jax.random.fold_in(key, 1), (entries,)))(keys)
        return [jnp.sum(drawn * weight, axis=number % 2) for number, weight in enumerate(range(2, 2 + readers))]

    keys = jax.random.split(jax.random.key(0), 32)
    one, four = (jax.jit(draw, static_argnums=1).lower(keys, readers).compile().as_text().count(" xor(")
                 for readers in (1, 4))
    # A cipher has more than twenty of them; three readers may each join two of its words again.
    assert 40 < one <= four <= one + 3


def test_no_word_of_the_cipher_is_changed_by_what_ends_the_vectorizers_search():
    words = np.random.default_rng(0).integers(2**32, size=1000, dtype=np.uint32)
    np.testing.assert_array_equal(jax.jit(_unseen_zero)(np.append(words, [0, 1, 2**31, 2**32 - 1]).astype(np.uint32)), 0)


@pytest.mark.optimized
def test_a_round_that_draws_labels_compiles_as_commands_compile_it():
    # On jaxlib 0.12 the vectorizer followed each way through the ciphers of this round, for hours.
    game = tiny_game()
    state = jax.eval_shape(functools.partial(init_state, game), jax.random.key(0))
    lowered = jax.jit(functools.partial(play_round, game)).lower(state, real_batches(game))
    assert lowered.compile({"xla_cpu_use_fusion_emitters": True} if SOONER else {}).cost_analysis()
