"""Lazy updates: their metrics are held between their rounds, and a stack of trials leaves them out."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from tiny import start

from ganlab.game import HELD, Aux, Game, Network, Update, empty_metrics, play_round
from ganlab.penalties import REGULARIZERS

EVERY, BATCH = 3, 4
BATCH_SHAPES = {"image": jax.ShapeDtypeStruct((2,), jnp.float32), "label": jax.ShapeDtypeStruct((), jnp.int32)}


class Point(nn.Module):
    """Two weights."""

    @nn.compact
    def __call__(self, x, keys=None, train=False):
        return x - self.param("weights", nn.initializers.normal(), (2,))


def loss(scene):
    """The squared distance to the batch, and a metric that no two rounds share."""
    distance = jnp.mean((scene.params["a"]["weights"] - jnp.mean(scene.batch["image"])) ** 2)
    return distance, Aux({"a": {}}, scene.memory, {"drawn": jax.random.uniform(scene.key)})


def lazy_game(axis_name=None):
    game = Game(
        networks={"a": Network(Point(), (jax.ShapeDtypeStruct((1, 2), jnp.float32),))},
        round=(Update("eager", ("a",), loss), Update("lazy", ("a",), loss, every=EVERY)), axis_name=axis_name,
        optimizers={"a": lambda hyper: optax.sgd(hyper["lr"])}, hyper={"lr": 0.1, "a_l2_weight": 0.1},
        regularizers={"a": {"l2": REGULARIZERS["l2"]}}, batch_size=BATCH)
    return dataclasses.replace(game, memory=empty_metrics(game, BATCH_SHAPES))


def batches(number, trials=()):
    image = np.random.default_rng(number).normal(size=(*trials, 2, BATCH, 2)).astype(np.float32)
    return {"image": image, "label": np.zeros(image.shape[:-1], np.int32)}


def test_metrics_are_held_from_the_round_in_which_the_update_was_played():
    game = lazy_game()
    play, state, found = jax.jit(functools.partial(play_round, game)), start(game), []
    for number in range(2 * EVERY):
        state, metrics = play(state, batches(number))
        found.append({name: float(value) for name, value in metrics.items()})
    for name in ("lazy/loss", "lazy/drawn"):
        values = [metrics[name] for metrics in found]
        assert values == [values[0]] * EVERY + [values[EVERY]] * EVERY and values[0] != values[EVERY]
    assert len({metrics["eager/drawn"] for metrics in found}) == 2 * EVERY


def test_what_is_held_has_a_place_for_every_metric_under_both_engines():
    for axis_name in (None, "data"):
        assert {name: set(metrics) for name, metrics in lazy_game(axis_name).memory[HELD].items()} == {
            "lazy": {"loss", "drawn", "a_l2"}}


def conditionals(play, *arguments):
    return jax.jit(play).lower(*arguments).as_text().count("stablehlo.case")


def test_a_stack_of_trials_leaves_a_lazy_update_out_by_its_own_turn():
    game = lazy_game()
    states = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), start(game))
    one_turn = jax.vmap(lambda state, batch, turn: play_round(game, state, batch, turn=turn), (0, 0, None))
    own_turns = jax.vmap(functools.partial(play_round, game))
    given = batches(0, trials=(2,))
    # Of a condition that differs from trial to trial, both branches are computed and one is selected.
    assert conditionals(own_turns, states, given) == 0
    assert conditionals(one_turn, states, given, jnp.int32(0)) == 1
    for turn in (0, 1):
        at = states.replace(step=jnp.full(2, turn))
        one, other = jax.jit(one_turn)(at, given, turn), jax.jit(own_turns)(at, given)
        for a, b in zip(jax.tree.leaves(one[0].params), jax.tree.leaves(other[0].params), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
