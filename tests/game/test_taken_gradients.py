"""What a step takes: gradients made finite and counted once, finite ones to the bit, and none of frozen layers."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from tiny import start

from ganlab.game import REPLACED, Aux, Game, Network, Update, count_replaced, play_round
from ganlab.game.finite import make_finite

NAN, INF, BATCH, RATE = np.nan, np.inf, 8, 2.0**-3
LARGEST, LEAST = np.finfo(np.float32).max, np.finfo(np.float32).smallest_subnormal


@jax.custom_vjp
def sloped(weights, slopes):
    """A finite sum of weights, whose gradient by them is `slopes`."""
    del slopes
    return jnp.sum(weights)


sloped.defvjp(lambda weights, slopes: (jnp.sum(weights), slopes), lambda slopes, cotangent: (cotangent * slopes, None))


class Weights(nn.Module):
    """Six weights."""

    batch_group, tracks_batch = 1, False

    @nn.compact
    def __call__(self, x, keys=None, train=False):
        return x * self.param("weights", nn.initializers.normal(), (6,))


class Layers(nn.Module):
    """Three layers of six weights."""

    @nn.compact
    def __call__(self, x, keys=None, train=False):
        return sum(Weights(name=f"layer_{number}")(x) for number in (0, 1, 10))


def loss(scene):
    """A loss whose gradient by each layer is the mean image of the batch."""
    slopes = jnp.mean(scene.batch["image"], axis=0)
    total = sum(sloped(weights, slopes) for weights in jax.tree.leaves(scene.params["a"]))
    return total, Aux({"a": {}}, scene.memory, {})


def game_of(**changes):
    updates = Update("own", ("a",), loss), Update("other", ("a",), loss, images="same")
    game = Game(networks={"a": Network(Weights(), (jax.ShapeDtypeStruct((1, 6), jnp.float32),))}, round=updates,
                optimizers={"a": lambda hyper: optax.sgd(hyper["lr"])}, hyper={"lr": RATE}, batch_size=BATCH,
                memory=count_replaced(updates))
    return dataclasses.replace(game, **changes)


def test_entries_become_the_official_values_and_are_counted():
    update = Update("own", ("a", "b"), loss)
    gradients = {"a": {"kernel": np.float32([[NAN, INF], [-INF, 2.5]])}, "b": {"bias": np.float32([-NAN, 0.0, 1e30])}}
    memory = {"more": np.float32(7), REPLACED: {"own": np.int32(2), "other": np.int32(5)}}
    replaced, after = make_finite(update, gradients, memory)
    np.testing.assert_array_equal(replaced["a"]["kernel"], np.float32([[0, 1e5], [-1e5, 2.5]]))
    np.testing.assert_array_equal(replaced["b"]["bias"], np.float32([0, 0, 1e30]))
    assert after == {"more": 7, REPLACED: {"own": 2 + 4, "other": 5}}
    # A count that would leave its type stays.
    memory[REPLACED]["own"] = np.int32(2**31 - 3)
    assert make_finite(update, gradients, memory)[1][REPLACED]["own"] == 2**31 - 3


def test_finite_gradients_keep_their_bits():
    update = Update("own", ("a",), loss)
    drawn = np.random.default_rng(0).normal(size=100).astype(np.float32)
    given = np.concatenate([drawn, np.float32([0.0, -0.0, LARGEST, -LARGEST, LEAST, -LEAST])])
    replaced, after = make_finite(update, {"a": given}, count_replaced([update]))
    np.testing.assert_array_equal(np.asarray(replaced["a"]).view(np.int32), given.view(np.int32))
    assert after == count_replaced([update])
    assert make_finite(update, {"a": given}, {}) == ({"a": given}, {})


@pytest.fixture(scope="module")
def played():
    """Rounds of one batch as a whole, in slices, over devices (mapped, and of a mesh) and as one of a stack.

    Returns the batch, the state before and by name the state after.
    """
    batch = np.random.default_rng(0).integers(-8, 8, (1, BATCH, 6)).astype(np.float32)
    # One example with an entry of each kind: the means over the batch are not finite either.
    batch[0, 3, :3] = NAN, INF, -INF
    state = start(game_of())

    def mapped(state, images):
        return play_round(game_of(axis_name="data"), state, {"image": images})[0]

    @jax.jit
    def play(state, batch):
        stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), state)
        both = jnp.stack([batch, jnp.zeros_like(batch)])
        stack = jax.vmap(lambda state, batch: play_round(game_of(), state, {"image": batch}, turn=0)[0])(stacked, both)
        return {"whole": play_round(game_of(), state, {"image": batch})[0],
                "slices": play_round(game_of(accumulate=4), state, {"image": batch})[0],
                "devices": jax.vmap(mapped, (None, 1), None, axis_name="data")(state, batch.reshape(1, 4, 2, 6)),
                "trial": jax.tree.map(lambda leaf: leaf[0], stack),
                "other trial": jax.tree.map(lambda leaf: leaf[1], stack)}

    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    split = jax.device_put(batch, jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(None, "data")))
    of_mesh = jax.jit(lambda state, batch: play_round(game_of(), state, {"image": batch})[0])(state, split)
    return batch, state, {**play(state, batch), "mesh": of_mesh}


@pytest.mark.parametrize("way", ["whole", "slices", "devices", "mesh", "trial"])
def test_a_step_takes_replaced_gradients_of_the_global_batch_and_counts_them_once(played, way):
    batch, before, after = played
    with np.errstate(invalid="ignore"):
        slopes = np.mean(batch[0], axis=0)
    slopes[:3] = 0.0, 1e5, -1e5
    # Two updates, with the same gradient.
    expected = np.asarray(before.params["a"]["weights"]) - 2 * np.float32(RATE) * slopes
    np.testing.assert_allclose(after[way].params["a"]["weights"], expected, rtol=1e-6)
    assert jax.device_get(after[way].memory) == {REPLACED: {"own": 3, "other": 3}}


def test_another_trial_of_the_stack_counts_nothing(played):
    _, before, after = played
    assert jax.device_get(after["other trial"].memory) == {REPLACED: {"own": 0, "other": 0}}
    np.testing.assert_array_equal(after["other trial"].params["a"]["weights"], before.params["a"]["weights"])


def test_a_game_of_finite_gradients_plays_the_same_with_and_without():
    batch = {"image": np.random.default_rng(1).normal(size=(1, BATCH, 6)).astype(np.float32)}
    own, plain = (jax.jit(functools.partial(play_round, game))(start(game), batch)[0]
                  for game in (game_of(), game_of(memory={})))
    np.testing.assert_array_equal(own.params["a"]["weights"], plain.params["a"]["weights"])
    assert jax.device_get(own.memory) == {REPLACED: {"own": 0, "other": 0}}


def test_params_of_frozen_layers_keep_their_bits_whatever_moves_params():
    updates = (Update("own", ("a",), loss),)
    game = game_of(
        networks={"a": Network(Layers(), (jax.ShapeDtypeStruct((1, 6), jnp.float32),))},
        round=updates, memory=count_replaced(updates), hyper={"lr": RATE, "a_l2_weight": 1.0},
        optimizers={"a": lambda hyper: optax.adamw(hyper["lr"], weight_decay=0.5)},
        regularizers={"a": {"l2": lambda params: sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params))}},
        projections={"a": lambda params, hyper: jax.tree.map(lambda leaf: leaf / 2, params)})
    frozen = dataclasses.replace(game, frozen={"a": ("layer_1",)})
    # What is not finite there is neither counted nor replaced.
    batch = {"image": np.full((1, BATCH, 6), INF, np.float32)}
    before = start(frozen)
    after, plain = (jax.jit(functools.partial(play_round, game))(before, batch)[0] for game in (frozen, game))
    np.testing.assert_array_equal(after.params["a"]["layer_1"]["weights"], before.params["a"]["layer_1"]["weights"])
    # A layer whose name begins alike moves, as without.
    for name in ("layer_0", "layer_10"):
        moved = after.params["a"][name]["weights"]
        assert np.all(moved != before.params["a"][name]["weights"])
        np.testing.assert_array_equal(moved, plain.params["a"][name]["weights"])
    moments = after.opt_state["a"][0]
    assert not np.any(moments.mu["layer_1"]["weights"]) and not np.any(moments.nu["layer_1"]["weights"])
    assert np.all(moments.mu["layer_0"]["weights"]) and np.all(moments.nu["layer_0"]["weights"])
    assert (after.memory[REPLACED]["own"], plain.memory[REPLACED]["own"]) == (12, 18)
