"""One round is one function: every way of running it gives the same state and the same metrics.

Everything is compared in double precision, where devices may only differ in rounding.
Two cases train by plain gradient descent, because Adam hides a wrong scale of the
gradient.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from tiny import IMAGES, POINTS, TINTED, assert_close, changing_parts, real_batches, scan_in_python, start, tiny_game

from ganlab.game import play_round

DEVICES = 4
ROUNDS = 3
SGD = {"optimizer": "sgd"}
CASES = {
    "adam on points": (POINTS, {
        "generator": {"kwargs": {"normalization": "batch"}}, "system": {"penalty": "gradient_penalty+dragan"}}),
    "gradient descent on images": (IMAGES, {
        "generator": {"network": "dcgan", **SGD}, "critic": {"network": "dcgan", **SGD}}),
    "gradient descent with a batch-normalized critic": (POINTS, {
        "generator": SGD, "critic": {"kwargs": {"normalization": "batch"}, **SGD}, "system": {"penalty": "none"}}),
    "packs, augmentations, features and history": (POINTS, {
        "generator": SGD, "critic": {"kwargs": {"spectral_normalization": True}, **SGD},
        "system": {"packing": 2, "generator_batches": 2, "conditional": False, "critic_step": "one_pass",
                   "loss": "relativistic",
                   "tricks": "feature_matching+historical_averaging+instance_noise+top_k", **TINTED["system"]},
        "hyper": {"feature_matching": 0.5, **TINTED["hyper"]}}),
    "a step each with an auxiliary classifier and dropout": (POINTS, {
        "generator": {"kwargs": {"label_input": "embedding"}, **SGD},
        "critic": {"kwargs": {"conditioning": "auxiliary", "dropout": 0.3}, **SGD},
        "system": {"critic_step": "two_steps", "critic_updates": 1, "penalty": "none", "loss": "non_saturating",
                   "tricks": "label_noise"}}),
}


class Case:
    """A game, its batches, and the expected result: each round by `jit` on one device."""

    def __init__(self, name):
        dataset, changes = CASES[name]
        self.build = functools.partial(tiny_game, dataset, **changes)
        self.game = self.build()
        self.play = jax.jit(functools.partial(play_round, self.game))
        self.start = start(self.game)
        self.batches = [real_batches(self.game, dataset, number) for number in range(ROUNDS)]
        self.expected = rounds(self.play, self.start, self.batches)


def rounds(play, state, batches):
    """What each round leaves, in the memory of the host."""
    results = []
    for batch in batches:
        # Awaited, because the collectives of several virtual devices can deadlock when they queue.
        state, metrics = jax.block_until_ready(play(state, batch))
        results.append(jax.device_get((changing_parts(state), metrics)))
    return results


def stack(trees):
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


def pick(tree, number):
    return jax.tree.map(lambda leaf: leaf[number], tree)


def stack_states(states):
    """As `stack`, for states: NumPy cannot stack their keys."""
    return stack([state.replace(key=0) for state in states]).replace(key=jnp.stack([state.key for state in states]))


make_case = functools.cache(Case)


@pytest.fixture(scope="module", params=CASES)
def case(request):
    with jax.enable_x64(True):
        yield make_case(request.param)


@pytest.fixture(scope="module")
def points():
    """The case for what does not depend on the networks."""
    with jax.enable_x64(True):
        yield make_case("adam on points")


def test_a_round_changes_params_by_far_more_than_the_tolerance(case):
    before, after = (jax.tree.leaves(tree) for tree in (case.start.params, case.expected[0][0]["params"]))
    assert max(np.max(np.abs(one - other)) for one, other in zip(before, after, strict=True)) > 1e-4


def test_a_mesh_of_devices_plays_the_same_round(case):
    mesh = jax.make_mesh((DEVICES,), ("data",), axis_types=(AxisType.Auto,))
    state = jax.device_put(case.start, NamedSharding(mesh, PartitionSpec()))
    split = NamedSharding(mesh, PartitionSpec(None, "data"))
    assert_close(rounds(case.play, state, jax.device_put(case.batches, split)), case.expected)


def test_pmap_plays_the_same_round_on_every_device(case):
    play = jax.pmap(functools.partial(play_round, case.build(axis_name="batch")), axis_name="batch")

    def split(array):
        return np.moveaxis(array.reshape(array.shape[0], DEVICES, -1, *array.shape[2:]), 1, 0)

    results = rounds(play, stack_states([case.start] * DEVICES), jax.tree.map(split, case.batches))
    for device in range(DEVICES):
        assert_close(pick(results, device), case.expected)


def test_vmap_plays_each_trial_as_if_alone(points):
    trials = []
    for seed in range(4):
        rates = {"generator_lr": np.float64(1e-3 * (seed + 1)), "critic_lr": np.float64(0.1**seed)}
        trials.append(start(points.game, seed).replace(hyper=points.start.hyper | rates))
    together = rounds(jax.jit(jax.vmap(points.play, in_axes=(0, None))), stack_states(trials), points.batches[:1])
    for number, trial in enumerate(trials):
        assert_close(pick(together, number), rounds(points.play, trial, points.batches[:1]))


def test_scan_over_rounds_equals_as_many_calls(points):
    state, metrics = jax.jit(functools.partial(jax.lax.scan, points.play))(points.start, stack(points.batches))
    assert_close(changing_parts(state), points.expected[-1][0])
    assert_close(metrics, stack([found for _, found in points.expected]))


def test_repeats_in_a_row_equal_the_scan(points, monkeypatch):
    monkeypatch.setattr(jax.lax, "scan", scan_in_python)
    state, metrics = jax.jit(functools.partial(play_round, points.game))(points.start, points.batches[0])
    assert_close(changing_parts(state), points.expected[0][0])
    assert_close(metrics, points.expected[0][1])
