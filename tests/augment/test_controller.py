"""The chance of augmentations follows the sign of the critic's logits, by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.augment import adapt, adapted_chance, start_adaptation

SURE, UNSURE = np.array([2.0, 1.0, 0.1, 3.0]), np.array([1.0, -1.0, 0.5, -2.0])
STEP = 4 * 4 / 2000  # Four rounds of 4 images, at 2 thousand images.

step = jax.jit(lambda state, logits: adapt(
    state, jnp.mean(jnp.sign(logits)), 4, target=0.6, speed_kimg=2.0, interval=4))


def chances(state, rounds):
    found = []
    for logits in rounds:
        state = step(state, logits)
        found.append(float(state.p))
    return found


def test_a_sure_critic_raises_the_chance_every_fourth_round():
    assert np.allclose(chances(start_adaptation(), [SURE] * 8), [0] * 3 + [STEP] * 4 + [2 * STEP])


def test_an_unsure_critic_lowers_it_and_zero_is_its_floor():
    assert np.allclose(chances(start_adaptation(1.5 * STEP), [UNSURE] * 12),
                       [1.5 * STEP] * 3 + [0.5 * STEP] * 4 + [0] * 5)


def test_there_is_no_ceiling():
    assert np.allclose(chances(start_adaptation(1.0), [SURE] * 4)[-1], 1 + STEP)


def test_the_mean_of_all_rounds_counts():
    # Three rounds of mean 1 and one of mean 0: 0.75 is above the target; two of each is below it.
    assert np.isclose(chances(start_adaptation(0.5), [SURE, UNSURE, SURE, SURE])[-1], 0.5 + STEP)
    assert np.isclose(chances(start_adaptation(0.5), [SURE, UNSURE, UNSURE, SURE])[-1], 0.5 - STEP)


def test_the_target_itself_moves_nothing():
    assert float(adapted_chance(0.3, 0.6, 64, 0.6, 500.0)) == np.float32(0.3)
    assert np.isclose(float(adapted_chance(0.3, 0.7, 64, 0.6, 500.0)), 0.3 + 64 / 500_000)


def test_without_a_target_the_chance_stays():
    state = adapt(start_adaptation(0.5), np.float32(1.0), 8, target=0.0, interval=1)
    assert float(state.p) == 0.5
