"""The checkpoint that a metric calls best is kept, however old it is, and after a restart too."""

import math

import jax
import pytest
from tiny import start, tiny_game

from ganlab.storage import Best, Checkpoints


@pytest.fixture(scope="module")
def state():
    return start(tiny_game(generator={"optimizer": "sgd"}, critic={"optimizer": "sgd"}))


def save(directory, state, best, values, keep=1):
    checkpoints = Checkpoints(directory, keep, best)
    for step, value in values.items():
        checkpoints.save(step, state, None if value is None else {"fid": value, "other": 0.0})
    checkpoints.close()
    return Checkpoints(directory).steps


@pytest.mark.parametrize(("lower", "kept"), [(True, [2, 5]), (False, [3, 5])])
def test_the_newest_and_the_best_are_kept(tmp_path, state, lower, kept):
    assert save(tmp_path, state, Best("fid", lower), {1: 5.0, 2: 1.0, 3: 9.0, 4: 2.0, 5: 3.0}) == kept


def test_the_best_is_known_after_a_restart(tmp_path, state):
    best = Best("fid", True)
    save(tmp_path, state, best, {1: 5.0, 2: 1.0, 3: 9.0})
    assert save(tmp_path, state, best, {4: 2.0, 5: 3.0}) == [2, 5]


def test_checkpoints_between_measurements_and_values_that_are_no_numbers_are_never_the_best(tmp_path, state):
    assert save(tmp_path, state, Best("fid", True), {1: 5.0, 2: None, 3: math.nan, 4: None}) == [1, 4]


def test_those_at_multiples_are_kept_beside_the_newest(tmp_path, state):
    checkpoints = Checkpoints(tmp_path, keep=1, keep_every=3)
    for step in range(1, 9):
        checkpoints.save(step, state)
    checkpoints.close()
    assert Checkpoints(tmp_path).steps == [3, 6, 8]


def test_a_kept_checkpoint_restores(tmp_path, state):
    save(tmp_path, state, Best("fid", False), {1: 5.0, 2: 1.0})
    restored = Checkpoints(tmp_path).restore(1, state)
    assert jax.tree.structure(restored) == jax.tree.structure(state)
