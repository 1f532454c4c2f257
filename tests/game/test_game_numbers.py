"""Numbers over training, regularizers and averages, by hand."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from tiny import start

from ganlab.config import keys
from ganlab.game import RAMPS, Aux, Average, Game, Network, Update, make_ramp, play_round
from ganlab.penalties import REGULARIZERS

BATCH = 4
RAMP = {"weight": 4.0, "weight_ramp_final": 1.0, "weight_ramp_start_kimg": 1.0, "weight_ramp_end_kimg": 3.0}
MIDDLE = {"linear": 2.5, "cosine": 2.5, "geometric": 2.0}


def test_every_shape_of_a_ramp_is_a_choice_of_the_config():
    assert tuple(RAMPS) == keys.RAMP_SHAPES == tuple(MIDDLE)


@pytest.mark.parametrize("shape", RAMPS)
def test_a_ramp_goes_from_its_number_to_its_end_and_stays_there(shape):
    ramp = make_ramp("weight", shape)
    found = [float(ramp({name: jnp.float32(value) for name, value in RAMP.items()}, kimg))
             for kimg in (0.0, 1.0, 2.0, 3.0, 9.0)]
    np.testing.assert_allclose(found, [4.0, 4.0, MIDDLE[shape], 1.0, 1.0], rtol=1e-6)


def test_every_regularizer_has_a_weight_in_the_config():
    assert set(REGULARIZERS) == set(keys.REGULARIZER_HYPER)
    assert all(set(table) == {f"{name}_weight"} for name, table in keys.REGULARIZER_HYPER.items())


@pytest.mark.parametrize("name", REGULARIZERS)
def test_a_regularizer_has_the_gradient_of_its_formula(name, float64):
    kernel = np.random.default_rng(0).normal(size=(2, 3, 4))
    params = {"layer": {"kernel": kernel, "bias": np.ones(4)}, "embedding": {"embedding": kernel}}
    gradients = jax.grad(REGULARIZERS[name])(params)
    w = kernel.reshape(-1, 4).T
    expected = {"orthogonal": 2 * (w @ w.T * (1 - np.eye(4))) @ w, "l2": w}[name]
    np.testing.assert_allclose(gradients["layer"]["kernel"].reshape(-1, 4).T, expected, rtol=1e-12)
    assert not np.any(gradients["layer"]["bias"]) and not np.any(gradients["embedding"]["embedding"])


class Counter(nn.Module):
    """A kernel, and a statistic that rounds change."""

    @nn.compact
    def __call__(self, x, keys=None, train=False):
        self.variable("statistics", "mean", lambda: jnp.zeros(2))
        return x @ self.param("kernel", nn.initializers.ones, (2, 2))


def toy(**changes):
    def loss(scene):
        mean = {"mean": scene.variables["a"]["statistics"]["mean"] + 1.0}
        total = jnp.sum(scene.params["a"]["kernel"]) + 0 * jnp.sum(scene.batch["image"])
        return total, Aux({"a": {"statistics": mean}}, scene.memory, {})

    return Game(networks={"a": Network(Counter(), (jax.ShapeDtypeStruct((1, 2), jnp.float32),))},
                round=(Update("step", ("a",), loss),), optimizers={"a": lambda hyper: optax.sgd(0.5)},
                batch_size=BATCH, **changes)


BATCHES = {"image": np.zeros((1, BATCH, 2), np.float32)}


def test_a_regularizer_adds_its_weighted_gradient_to_a_step_and_its_value_to_the_metrics(float64):
    game = toy(hyper={"a_l2_weight": 0.25}, regularizers={"a": {"l2": REGULARIZERS["l2"]}})
    before = start(game)
    after, metrics = jax.jit(functools.partial(play_round, game))(before, BATCHES)
    np.testing.assert_allclose(after.params["a"]["kernel"], 1.0 - 0.5 * (1.0 + 0.25), rtol=1e-12)
    np.testing.assert_allclose(metrics["step/a_l2"], 0.5 * 4, rtol=1e-12)


EMA = {"ema_half_life_kimg": BATCH / 1000, "ema_warmup": 0.0, "ema_start_kimg": 0.0,
       "slow_half_life_kimg": 2 * BATCH / 1000, "slow_warmup": 0.0}
AVERAGES = {"a": Average("a", "average"), "copied": Average("a"), "slow": Average("a", numbers="slow")}


@pytest.mark.parametrize("start_kimg", [0.0, 1.5 * BATCH / 1000])
def test_averages_have_their_own_numbers_start_and_statistics(float64, start_kimg):
    game = toy(hyper=EMA, ema=AVERAGES)
    state = start(game)
    state = state.replace(hyper=state.hyper | {"ema_start_kimg": jnp.asarray(start_kimg)})
    play = jax.jit(functools.partial(play_round, game))
    fast, slow, mean = 1.0, 1.0, 0.0
    for number in range(4):
        state, _ = play(state, BATCHES)
        kernel, statistic = state.params["a"]["kernel"][0, 0], state.variables["a"]["statistics"]["mean"][0]
        keep = 0.0 if number * BATCH / 1000 < start_kimg else 0.5
        fast, mean = keep * fast + (1 - keep) * kernel, keep * mean + (1 - keep) * statistic
        slow = 0.5**0.5 * slow + (1 - 0.5**0.5) * kernel
        found = [state.ema[name]["kernel"][0, 0] for name in AVERAGES]
        np.testing.assert_allclose(found, [fast, fast, slow], rtol=1e-12)
        np.testing.assert_allclose(state.ema_variables["a"]["statistics"]["mean"], mean, rtol=1e-12)
    assert set(state.ema_variables) == {"a"}


def test_an_update_may_control_the_memory_by_its_metrics():
    def control(memory, metrics, hyper):
        return {**memory, "strength": memory["strength"] + hyper["speed"] * metrics["loss"]}

    game = toy(hyper={"speed": 2.0}, memory={"strength": np.float32(1.0)})
    game = dataclasses.replace(game, round=(dataclasses.replace(game.round[0], control=control),))
    after, metrics = jax.jit(functools.partial(play_round, game))(start(game), BATCHES)
    assert float(after.memory["strength"]) == 1.0 + 2.0 * float(metrics["step/loss"]) == 9.0
