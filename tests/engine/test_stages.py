"""A training in stages: the same bits wherever it is stopped, one state, and places that count what was shown."""

import dataclasses
import functools

import jax
import numpy as np
import pytest
from growing import LARGE, ROUNDS, SMALL, growing
from short_runs import PICTURE, assert_same_bits
from tiny import IMAGES

from ganlab.config import ConfigError, experiment
from ganlab.engine import Diverged, make_mesh, make_programs, train
from ganlab.engine.loop import is_due
from ganlab.storage import Checkpoints, RunDirectory
from ganlab.game import Start, joined_stages, rounds_for, stage_after, stage_before, stages_of
from ganlab.systems import build_game

TOTAL = 8


def config_of(total=TOTAL, **changes):
    sections = {"networks": {player: {"optimizer": "adam"} for player in ("generator", "critic")},
                "system": {"name": f"{growing.__module__}:growing", "rounds": ROUNDS}, "batch_size": 4,
                "sample": {"number": 2}, "data": {"source": "digits"}}
    rounds = {"total_rounds": total, "log_every_rounds": 1, "sample_every_rounds": 4, "checkpoint_every_rounds": 1,
              "keep_checkpoints": 20}
    return experiment(**sections, train=rounds | changes)


@functools.cache
def game():
    return build_game(config_of(), IMAGES)


def go(path, total=TOTAL, devices=4, pictures=None):
    run, config = RunDirectory(path), config_of(total)
    run.write(config, [])

    def draw(step, samples):
        if pictures is not None:
            pictures[step] = samples.shape[1:3]
        return PICTURE

    return train(game(), IMAGES, config, run, draw, mesh=make_mesh(4, devices))


def end_of(path, step=TOTAL):
    programs = make_programs(game(), make_mesh(8, 1))
    checkpoints = Checkpoints(RunDirectory(path).checkpoints)
    state = checkpoints.restore(step, programs.init(0))
    checkpoints.close()
    return jax.device_get(state.replace(key=jax.random.key_data(state.key)))


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize("kimg", [0.001, 0.007, 0.02])
def test_an_interval_in_kimg_is_due_where_a_multiple_is_reached_in_every_stage(kimg, call):
    schedule = {"log_every_rounds": 10**6, "log_every_kimg": kimg}
    found, reached = [], []
    for step in range(call, 41, call):
        played = stage_before(game(), step).game
        found.append(is_due(schedule, "log", played, step - call, step))
        images = [round(1000 * played.kimg(rounds)) for rounds in (step - call, step)]
        reached.append(any(number % round(1000 * kimg) == 0 for number in range(images[0] + 1, images[1] + 1)))
    assert found == reached and any(found)


def test_without_kimg_an_interval_is_in_rounds_and_none_of_them_is_never_due():
    schedule = {"log_every_rounds": 3, "log_every_kimg": 0.0, "evaluate_every_rounds": 0, "evaluate_every_kimg": 0.0}
    assert [step for step in range(1, 10) if is_due(schedule, "log", game(), step - 1, step)] == [3, 6, 9]
    assert not any(is_due(schedule, "evaluate", game(), step - 1, step) for step in range(1, 10))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path, pictures = tmp_path_factory.mktemp("stages") / "run", {}
    go(path, pictures=pictures)
    return path, pictures


@pytest.mark.parametrize("stops", [[2], [ROUNDS], [6], [1, ROUNDS, 5]])
def test_a_run_that_is_stopped_in_a_stage_or_between_two_ends_in_the_bits_of_the_whole(whole, stops, tmp_path):
    for total in (*stops, TOTAL):
        go(tmp_path / "run", total)
    assert_same_bits(end_of(tmp_path / "run"), end_of(whole[0]))
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == (whole[0] / "metrics.jsonl").read_bytes()


def test_one_device_trains_what_four_do(whole, tmp_path):
    go(tmp_path / "run", devices=1)
    alone, together = end_of(tmp_path / "run"), end_of(whole[0])
    for one, other in zip(jax.tree.leaves(alone.params), jax.tree.leaves(together.params), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_checkpoint_at_the_boundary_is_of_before_the_next_stage_is_entered(whole):
    moments = jax.tree.leaves(end_of(whole[0], ROUNDS).opt_state["critic"])
    assert any(np.any(leaf) for leaf in moments)
    # In the first round of the second stage, Adam counts from one again.
    counts = {int(leaf) for leaf in jax.tree.leaves(end_of(whole[0], ROUNDS + 1).opt_state) if leaf.ndim == 0}
    assert counts == {1}


def test_what_belongs_to_a_later_stage_waits_as_it_was_initialised(whole):
    first = jax.device_get(make_programs(game(), make_mesh(8, 1)).init(0).params)
    boundary, end = end_of(whole[0], ROUNDS).params, end_of(whole[0]).params
    for network in ("generator", "critic"):
        assert_same_bits(boundary[network]["large"], first[network]["large"])
        for part in ("small", "large"):
            assert not np.array_equal(end[network][part]["kernel"], first[network][part]["kernel"])


def test_training_pictures_are_of_the_full_resolution_in_every_stage(whole):
    assert whole[1] == dict.fromkeys((0, 4, 8), (LARGE, LARGE))


def test_each_stage_begins_where_the_one_before_ends():
    first, second = (stage.game for stage in stages_of(game()))
    assert (first.networks["critic"].module.side, second.networks["critic"].module.side) == (SMALL, LARGE)
    assert first.start == Start() and second.start == Start(ROUNDS, 4 * ROUNDS, 4 * ROUNDS)
    assert second.kimg(ROUNDS) == first.kimg(ROUNDS) == 4 * ROUNDS / 1000
    assert second.position(np.int32(ROUNDS + 2)) == 4 * ROUNDS + 2 * 8
    found = [stage_after(game(), step)[0] for step in range(TOTAL)]
    assert found == [0] * ROUNDS + [1] * (TOTAL - ROUNDS)
    assert stage_before(game(), ROUNDS) == stages_of(game())[0]
    assert rounds_for(second, 0.017) == 3


def test_stages_that_cannot_share_a_state_are_refused():
    first, second = stages_of(game())
    other = dataclasses.replace(first.game, hyper={**first.game.hyper, "beta": 1.0})
    with pytest.raises(ValueError, match="stage 1 and the last stage differ in their numbers: beta"):
        joined_stages([dataclasses.replace(first, game=other), second])
    with pytest.raises(ValueError, match="stage 2 of 2 has rounds=3"):
        joined_stages([first, dataclasses.replace(second, rounds=3)])


def test_a_stage_of_no_whole_number_of_calls_is_refused(tmp_path):
    config = config_of(rounds_per_call=1)
    config.train.update(rounds_per_call=3, total_rounds=9, log_every_rounds=3, sample_every_rounds=3,
                        checkpoint_every_rounds=3)
    with pytest.raises(ConfigError, match="stage 1 of 2 has 4 rounds"):
        train(game(), IMAGES, config, RunDirectory(tmp_path), lambda step, samples: PICTURE)


def test_a_fault_at_the_end_of_a_stage_is_answered_there(tmp_path):
    """Nobody looked before: the interval of every look is beyond the stage."""
    images = np.array(IMAGES.images, np.float32)
    images[:] = np.nan
    config = config_of(total=2 * TOTAL, log_every_rounds=2 * TOTAL, sample_every_rounds=2 * TOTAL,
                       checkpoint_every_rounds=2 * TOTAL)
    run = RunDirectory(tmp_path / "run")
    run.write(config, [])
    with pytest.raises(Diverged) as error:
        train(game(), dataclasses.replace(IMAGES, images=images), config, run, lambda step, samples: PICTURE,
              mesh=make_mesh(4, 1))
    assert "round 1" in str(error.value) and not list((tmp_path / "run/checkpoints").glob("[0-9]*"))
