"""Optimizers of traced numbers are optax's of plain numbers; tables of functions and tables of keys agree."""

import inspect
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny import assert_close

from ganlab.config import keys
from ganlab.config.systems import SYSTEMS as SYSTEM_KEYS
from ganlab.config.systems.class_conditional import CONDITIONING_HYPER, REGULARIZATION_HYPER
from ganlab.game import CLIPS, OPTIMIZERS, SCHEDULES, make_optimizer, make_weight_clip
from ganlab.losses import LABEL_LOSSES, REGULARIZATIONS
from ganlab.penalties import PENALTIES, REGULARIZERS
from ganlab.systems import SYSTEMS, TRICKS

NUMBERS = {
    "adam": {"lr": 0.1, "beta1": 0.5, "beta2": 0.9, "eps": 1e-3},
    "adamw": {"lr": 0.1, "beta1": 0.5, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.3},
    "rmsprop": {"lr": 0.1, "decay": 0.7, "eps": 1e-3},
    "sgd": {"lr": 0.1, "momentum": 0.6},
}
EXPECTED = {
    "adam": optax.adam(0.1, b1=0.5, b2=0.9, eps=1e-3),
    "adamw": optax.adamw(0.1, b1=0.5, b2=0.9, eps=1e-3, weight_decay=0.3),
    "rmsprop": optax.rmsprop(0.1, decay=0.7, eps=1e-3, eps_in_sqrt=False),
    "sgd": optax.sgd(0.1, momentum=0.6),
}
LIMIT = 0.5
EXPECTED_CLIPS = {"none": optax.identity(), "value": optax.clip(LIMIT),
                  "global_norm": optax.clip_by_global_norm(LIMIT)}
PARAMS = {"kernel": np.linspace(-2.0, 1.0, 6).reshape(2, 3), "bias": np.ones(3)}


def three_steps(build):
    """Params after each of three steps on a bowl, the optimizer built again for each, as the round does."""
    params = jax.tree.map(jnp.asarray, PARAMS)
    state, path = build().init(params), []
    for _ in range(3):
        changes, state = build().update(jax.tree.map(lambda weight: weight - 0.3, params), state, params)
        params = optax.apply_updates(params, changes)
        path.append(params)
    return path


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_traced_numbers_give_the_steps_of_optax_with_plain_numbers(float64, name):
    def ours(hyper):
        return {clip: three_steps(lambda: make_optimizer("critic", OPTIMIZERS[name], clip)(hyper)) for clip in CLIPS}

    def theirs():
        return {clip: three_steps(lambda: optax.chain(EXPECTED_CLIPS[clip], EXPECTED[name])) for clip in CLIPS}

    hyper = {f"critic_{argument}": value for argument, value in NUMBERS[name].items()}
    given, expected = jax.jit(ours)({**hyper, "critic_clip_gradients": LIMIT}), jax.jit(theirs)()
    assert_close(given, expected)
    # A limit that binds: without this the two clips would be compared doing nothing.
    last = [given[clip][-1]["kernel"] for clip in CLIPS]
    assert all(np.max(np.abs(one - other)) > 1e-6 for one, other in itertools.combinations(last, 2))


def test_an_optimizer_reads_the_numbers_of_its_own_network():
    build = make_optimizer("critic", OPTIMIZERS["sgd"], "none")
    gradients = {"w": jnp.ones(2)}
    transform = build({"critic_lr": 0.25, "critic_momentum": 0.0, "generator_lr": 9.0, "generator_momentum": 0.9})
    changes, _ = transform.update(gradients, transform.init(gradients))
    np.testing.assert_array_equal(changes["w"], -0.25)


def test_weight_clip_puts_every_weight_in_its_box_and_leaves_those_inside():
    project = make_weight_clip("critic")
    clipped = project({"w": jnp.asarray([-3.0, -0.1, 0.0, 0.2, 7.0])}, {"critic_weight_clip": jnp.asarray(0.5)})
    np.testing.assert_allclose(clipped["w"], [-0.5, -0.1, 0.0, 0.2, 0.5], rtol=1e-6)


# What is left of a learning rate at the start, half way and at the end of its decay to a tenth.
FALLING = [name for name, numbers in keys.SCHEDULE_HYPER.items() if "decay_end_kimg" in numbers]
REMAINS = {"linear": (1.0, 0.55, 0.1), "cosine": (1.0, 0.55, 0.1)}
QUARTER = {"linear": 0.775, "cosine": 0.1 + 0.9 * (0.5 + 0.5 * 0.5**0.5)}


@pytest.mark.parametrize("name", FALLING)
def test_a_schedule_moves_learning_rates_from_its_start_to_its_end_and_nothing_else(float64, name):
    hyper = {"critic_lr": 2.0, "generator_lr": 4.0, "critic_beta1": 0.5, "r1_weight": 10.0, "decay_start_kimg": 100.0,
             "decay_end_kimg": 300.0, "decay_final": 0.1}
    start, middle, end = REMAINS[name]
    for kimg, left in [(0, start), (100, start), (150, QUARTER[name]), (200, middle), (300, end), (1000, end)]:
        scaled = {**hyper, "critic_lr": 2.0 * left, "generator_lr": 4.0 * left}
        found = SCHEDULES[name](jax.tree.map(jnp.asarray, hyper), jnp.asarray(float(kimg)))
        assert {key: float(value) for key, value in found.items()} == pytest.approx(scaled, rel=1e-12)


@pytest.mark.parametrize(("name", "left"), [("constant", (1, 1, 1)), ("inverse_time", (1, 1 / 2, 1 / 5))])
def test_a_schedule_without_an_end_scales_learning_rates_and_nothing_else(name, left):
    hyper = {"critic_lr": 2.0, "critic_beta1": 0.5, "decay_per_kimg": 0.01}
    found = [SCHEDULES[name](hyper, jnp.asarray(kimg)) for kimg in (0.0, 100.0, 400.0)]
    np.testing.assert_allclose([entry["critic_lr"] for entry in found], 2.0 * np.array(left), rtol=1e-6)
    assert all({**entry, "critic_lr": 2.0} == hyper for entry in found)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_takes_the_numbers_that_the_config_knows(name):
    assert list(inspect.signature(OPTIMIZERS[name]).parameters) == list(keys.OPTIMIZER_HYPER[name])


@pytest.mark.parametrize(("functions", "known"), [
    (OPTIMIZERS, keys.OPTIMIZER_HYPER), (CLIPS, keys.CLIP_HYPER), (SCHEDULES, keys.SCHEDULE_HYPER),
    (PENALTIES, keys.PENALTY_WEIGHTS), (REGULARIZERS, keys.REGULARIZER_HYPER), (SYSTEMS, SYSTEM_KEYS),
    (TRICKS, keys.TRICK_HYPER), (LABEL_LOSSES, CONDITIONING_HYPER), (REGULARIZATIONS, REGULARIZATION_HYPER)],
    ids=["optimizers", "clips", "schedules", "penalties", "regularizers", "systems", "tricks", "conditionings",
         "regularizations"])
def test_what_can_be_chosen_and_what_the_config_knows_are_the_same(functions, known):
    assert set(functions) == set(known)
