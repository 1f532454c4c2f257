"""Laws of the round, on a game of three toy networks whose losses write down what they were given."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from tiny import assert_close, changing_parts, scan_in_python, start

from ganlab.game import Aux, Game, Network, Update, averages, play_round

BATCH = 4
ROUNDS = 7
REPEATS = 3
EVERY = 3
UPDATES = {"first": 0, "rare": REPEATS, "last": REPEATS + 1}  # The first slot of each.
HYPER = {"a_lr": 0.1, "b_lr": 0.2, "c_lr": 0.3, "ema_half_life_kimg": 0.02, "ema_warmup": 0.5}


class Point(nn.Module):
    """Two weights, and a count of the times that they were played."""

    @nn.compact
    def __call__(self, x, keys=None, train=False):
        self.variable("tally", "played", lambda: jnp.zeros((), jnp.int32))
        return x - self.param("weights", nn.initializers.normal(), (2,))


def recording_loss(name):
    """A loss on all networks that offers new variables for all of them, and writes down images and draws."""

    def loss(scene):
        image, drawn = jnp.mean(scene.batch["image"]), jax.random.uniform(scene.key)
        log = scene.memory[name]
        seen = {"image": log["image"].at[log["count"]].set(image), "drawn": log["drawn"].at[log["count"]].set(drawn),
                "count": log["count"] + 1}
        total = sum(jnp.sum((tree["weights"] - image) ** 2) for tree in scene.params.values())
        played = jax.tree.map(lambda count: count + 1, dict(scene.variables))
        return total, Aux(played, {**scene.memory, name: seen}, {"drawn": drawn})

    return loss


def toy_game():
    log = {"image": np.zeros(ROUNDS * REPEATS), "drawn": np.zeros(ROUNDS * REPEATS), "count": 0}
    network = Network(Point(), (jax.ShapeDtypeStruct((1, 2), jnp.float32),))
    return Game(
        networks=dict.fromkeys("abc", network),
        round=(Update("first", ("a", "b"), recording_loss("first"), repeats=REPEATS),
               Update("rare", ("c",), recording_loss("rare"), every=EVERY),
               Update("last", ("b",), recording_loss("last"))),
        optimizers={name: lambda hyper, name=name: optax.adam(hyper[f"{name}_lr"]) for name in "abc"},
        hyper=HYPER, ema=averages("a"), memory={name: dict(log) for name in UPDATES}, batch_size=BATCH)


def toy_batches(number):
    """Images that show their round and slot: 10 * round + slot in every number."""
    slots = 10.0 * number + np.arange(REPEATS + 2)
    return {"image": np.broadcast_to(slots[:, None, None], (REPEATS + 2, BATCH, 2))}


class Played:
    """The states and metrics of seven rounds; `states[0]` is the start."""

    def __init__(self):
        self.game = toy_game()
        self.play = jax.jit(functools.partial(play_round, self.game))
        self.states, self.metrics = self.rounds(start(self.game))

    def rounds(self, state):
        states, metrics = [state], []
        for number in range(ROUNDS):
            state, found = self.play(state, toy_batches(number))
            states.append(state)
            metrics.append(jax.device_get(found))
        return [jax.device_get(state.replace(key=jax.random.key_data(state.key))) for state in states], metrics


@pytest.fixture(scope="module")
def played():
    with jax.enable_x64(True):
        yield Played()


def same(tree, other):
    return all(np.array_equal(*pair) for pair in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True))


@pytest.mark.parametrize("number", range(3))
def test_an_update_changes_only_the_networks_it_trains(played, float64, number):
    update = played.game.round[number]
    alone = dataclasses.replace(played.game, round=(dataclasses.replace(update, every=1),), ema={})
    before = start(alone)
    after, _ = jax.jit(functools.partial(play_round, alone))(before, toy_batches(1))
    for name in played.game.networks:
        for part in ("params", "variables", "opt_state"):
            unchanged = same(getattr(before, part)[name], getattr(after, part)[name])
            assert unchanged == (name not in update.trains), (part, name)


def test_each_network_moves_by_its_own_optimizer(played):
    before, after = played.states[0], played.states[1]
    # A first step of Adam has the length of the learning rate; `a` took three towards much the same place.
    moved = {name: np.abs(after.params[name]["weights"] - before.params[name]["weights"]) for name in "ac"}
    np.testing.assert_allclose(moved["c"], HYPER["c_lr"], rtol=1e-6)
    assert np.all(moved["a"] <= REPEATS * HYPER["a_lr"] * (1 + 1e-6))


def test_networks_of_one_update_step_at_the_same_point(played):
    """The gradient for `b` must not see that the same update has already moved `a`."""
    def coupled(scene):
        product = scene.params["a"]["weights"] * scene.params["b"]["weights"]
        return jnp.sum(product), Aux(scene.variables, scene.memory, {})

    game = dataclasses.replace(
        played.game, round=(Update("both", ("a", "b"), coupled),), ema={},
        optimizers={name: lambda hyper, name=name: optax.sgd(hyper[f"{name}_lr"]) for name in "abc"})
    before = start(game)
    after, _ = jax.jit(functools.partial(play_round, game))(before, toy_batches(0))
    a, b = (np.asarray(before.params[name]["weights"]) for name in "ab")
    np.testing.assert_allclose(after.params["a"]["weights"], a - HYPER["a_lr"] * b, rtol=1e-6)
    np.testing.assert_allclose(after.params["b"]["weights"], b - HYPER["b_lr"] * a, rtol=1e-6)


def test_every_repeat_of_every_update_sees_its_own_slot_of_images(played):
    seen = played.states[-1].memory
    rounds = 10.0 * np.arange(ROUNDS)
    repeated = rounds[:, None] + UPDATES["first"] + np.arange(REPEATS)
    np.testing.assert_array_equal(seen["first"]["image"], repeated.ravel())
    np.testing.assert_array_equal(seen["last"]["image"][:ROUNDS], rounds + UPDATES["last"])
    rare = rounds[::EVERY] + UPDATES["rare"]
    np.testing.assert_array_equal(seen["rare"]["image"][:len(rare)], rare)


def test_no_two_repeats_updates_or_rounds_share_a_draw(played):
    memory = played.states[-1].memory
    draws = np.concatenate([log["drawn"][:log["count"]] for log in memory.values()])
    assert len(draws) == ROUNDS * (REPEATS + 1) + -(-ROUNDS // EVERY)
    assert len(set(draws.tolist())) == len(draws)


def test_another_run_key_gives_other_draws(played):
    _, metrics = played.rounds(start(played.game, seed=1))
    assert metrics[0]["first/drawn"] != played.metrics[0]["first/drawn"]


def test_an_update_of_every_third_round_is_played_in_rounds_0_3_6_and_leaves_its_state_alone_between(played):
    counts = [int(state.memory["rare"]["count"]) for state in played.states]
    assert counts == [0, 1, 1, 1, 2, 2, 2, 3]
    for number in range(ROUNDS):
        before, after = played.states[number], played.states[number + 1]
        for part in ("params", "variables", "opt_state"):
            unchanged = same(getattr(before, part)["c"], getattr(after, part)["c"])
            assert unchanged == (number % EVERY > 0), (part, number)
        assert (played.metrics[number]["rare/loss"] == 0) == (number % EVERY > 0)


def test_variables_count_every_play_of_the_networks_that_an_update_trains(played):
    tally = {name: int(tree["tally"]["played"]) for name, tree in played.states[-1].variables.items()}
    assert tally == {"a": ROUNDS * REPEATS, "b": ROUNDS * (REPEATS + 1), "c": 3}


def test_memory_is_carried_from_repeat_to_repeat_and_round_to_round(played):
    assert [int(state.memory["first"]["count"]) for state in played.states] == [
        REPEATS * number for number in range(ROUNDS + 1)]


def test_metrics_are_those_of_the_last_repeat(played):
    drawn = played.states[-1].memory["first"]["drawn"]
    assert [found["first/drawn"] for found in played.metrics] == drawn[REPEATS - 1::REPEATS].tolist()


def test_a_round_counts_itself_and_leaves_key_and_numbers_alone(played):
    assert [int(state.step) for state in played.states] == list(range(ROUNDS + 1))
    for state in played.states:
        assert same(state.key, played.states[0].key)
        assert state.hyper == played.states[0].hyper


def test_repeats_in_a_row_equal_the_scan(played, float64, monkeypatch):
    before = start(played.game)
    monkeypatch.setattr(jax.lax, "scan", scan_in_python)
    state, metrics = jax.jit(functools.partial(play_round, played.game))(before, toy_batches(0))
    assert_close(changing_parts(state), changing_parts(played.states[1]))
    assert_close(metrics, played.metrics[0])


def test_a_round_has_one_slot_for_each_repeat_and_counts_the_images_of_its_most_repeated_update(played):
    assert played.game.slots == REPEATS + 2
    assert played.game.images_per_round == REPEATS * BATCH


@pytest.mark.parametrize(("half_life", "warmup"), [(0.02, 0.5), (0.02, 0.0), (0.02, 100.0), (0.0, 0.5), (0.0, 0.0)])
def test_the_average_follows_its_law_by_hand(played, float64, half_life, warmup):
    state = start(played.game)
    numbers = {"ema_half_life_kimg": jnp.asarray(half_life), "ema_warmup": jnp.asarray(warmup)}
    states, _ = played.rounds(state.replace(hyper=state.hyper | numbers))
    images = REPEATS * BATCH
    average = states[0].params["a"]["weights"]
    for number, state in enumerate(states[1:]):
        # Warm-up: no half-life is longer than `warmup` times the images shown before this round.
        bounded = min(half_life, warmup * number * images / 1000) if warmup else half_life
        keep = 0.5 ** (images / 1000 / bounded) if bounded else 0.0
        average = keep * average + (1 - keep) * state.params["a"]["weights"]
        np.testing.assert_allclose(state.ema["a"]["weights"], average, rtol=1e-9)
        if half_life == 0:
            np.testing.assert_array_equal(state.ema["a"]["weights"], state.params["a"]["weights"])
