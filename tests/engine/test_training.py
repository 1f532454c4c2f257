"""The host loop: resuming is exact, divergence is named, and what is saved is what is sampled."""

import json
import os
import shutil
import signal

import jax
import numpy as np
import pytest
from short_runs import PICTURE, assert_same_bits, config_of, game_of, go, programs_of, state_at
from tiny import BATCH, POINTS, assert_close

from ganlab.config import ConfigError
from ganlab.engine import DeviceFeed, compiled_ahead, make_mesh, make_programs
from ganlab.storage import Checkpoints, RunDirectory, choose_step


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "run"
    pictures = {}
    outcome = go(path, config_of(6), lambda step, samples: pictures.update({step: samples}) or PICTURE)
    return path, outcome, pictures


def test_training_ends_after_its_rounds(whole):
    path, outcome, _ = whole
    assert outcome.step == 6 and outcome.stopped_by is None
    assert len((path / "metrics.jsonl").read_text().splitlines()) == 6


def test_rounds_that_are_compiled_ahead_are_not_compiled_again(caplog):
    game, mesh = game_of(config_of(6)), make_mesh(BATCH)
    with jax.log_compiles():  # In this thread; the one that compiles ahead says nothing.
        programs = compiled_ahead(make_programs(game, mesh), game, POINTS, mesh, 1)
        state, _ = programs.play(programs.init(0), DeviceFeed(POINTS, mesh).next())
    assert int(state.step) == 1
    compiled = [message for message in caplog.messages if message.startswith("Finished XLA compilation")]
    assert any("jit(init)" in message for message in compiled)
    assert not any("jit(play)" in message for message in compiled)


def test_samples_are_drawn_before_at_intervals_and_at_the_end(whole):
    assert sorted(whole[2]) == [0, 4, 6]
    assert whole[2][0].shape == (6, 2) and not np.array_equal(whole[2][0], whole[2][6])


def test_training_pictures_are_of_latents_within_their_truncation_times_their_temperature(whole, tmp_path):
    pictures = {}
    for name, changes in {"centre": {"temperature": 0.0}, "near": {"truncation": 1e-4}, "both": {
            "truncation": 1e-4, "temperature": 1e4}}.items():
        config = config_of(1)
        config.sample.update(changes)
        drawn = pictures[name] = {}
        go(tmp_path / name, config, lambda step, samples, drawn=drawn: drawn.update({step: samples}) or PICTURE)
    centre, near, both = (pictures[name][0] for name in ("centre", "near", "both"))
    np.testing.assert_allclose(near, centre, atol=1e-3)
    assert all(np.abs(other - centre).max() > 1e-2 for other in (both, whole[2][0]))


def test_a_run_in_parts_ends_in_the_bits_of_the_whole(whole, tmp_path):
    for rounds in (3, 4, 6):  # After three, between two moves of the chance of augmentations.
        go(tmp_path / "run", config_of(rounds))
    assert_same_bits(state_at(tmp_path / "run", config_of(6), 6), state_at(whole[0], config_of(6), 6))
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == (whole[0] / "metrics.jsonl").read_bytes()
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert len({json.loads(line)["critic/augment_p"] for line in lines}) > 1


def test_singular_values_are_logged_at_their_interval_however_often_a_run_stops_and_change_no_bits(whole, tmp_path):
    values = []
    for name, parts in (("once", [6]), ("twice", [3, 6])):
        for rounds in parts:
            config = config_of(rounds)
            config.train.singular_values_every_rounds = 2
            config.train.log_every_rounds = 3
            go(tmp_path / name, config)
        assert_same_bits(state_at(tmp_path / name, config_of(6), 6), state_at(whole[0], config_of(6), 6))
        lines = (tmp_path / name / "metrics.jsonl").read_text()
        values.append({line["step"]: line for line in map(json.loads, lines.splitlines())})
    assert values[0] == values[1] and list(values[0]) == [2, 3, 4, 6]
    kernel = state_at(whole[0], config_of(6), 6).params["critic"]["dense_0"]["kernel"]
    found = values[0][6]["singular_values/critic/dense_0/kernel"]
    assert found == pytest.approx(np.linalg.svd(kernel, compute_uv=False)[0], rel=0.02)
    assert values[0][6]["singular_values/critic"] == max(
        value for name, value in values[0][6].items() if name.startswith("singular_values/critic/"))
    assert not any(name.startswith("singular_values") for name in values[0][3])


def test_a_run_that_is_done_trains_no_further(whole):
    before = (whole[0] / "metrics.jsonl").read_bytes()
    assert go(whole[0], config_of(6)).step == 6
    assert (whole[0] / "metrics.jsonl").read_bytes() == before


def test_a_signal_saves_the_round_and_the_resumed_run_ends_in_the_same_bits(whole, tmp_path):
    def interrupt(step, samples):
        if step == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return PICTURE

    outcome = go(tmp_path / "run", config_of(6), interrupt)
    assert outcome.stopped_by == signal.SIGTERM and outcome.step < 6
    go(tmp_path / "run", config_of(6))
    assert_same_bits(state_at(tmp_path / "run", config_of(6), 6), state_at(whole[0], config_of(6), 6))


def test_several_rounds_a_call_end_in_the_same_state(tmp_path):
    # By plain gradient descent, because Adam makes much of how sums are rounded.
    config = config_of(6, generator={"optimizer": "sgd"}, critic={"optimizer": "sgd"},
                       hyper={"critic_lr": 0.01, "generator_lr": 0.01}, system={"critic_updates": 1})
    states, lines = [], []
    for rounds in (1, 2):
        config.train.update(rounds_per_call=rounds, log_every_rounds=rounds)
        go(tmp_path / str(rounds), config)
        states.append(state_at(tmp_path / str(rounds), config, 6))
        text = (tmp_path / str(rounds) / "metrics.jsonl").read_text()
        lines.append({line["step"]: line for line in map(json.loads, text.splitlines())})
    assert_close(*states, rtol=1e-5, atol=1e-6)
    assert list(lines[1]) == [2, 4, 6]
    assert lines[1][2]["critic/loss"] == pytest.approx(lines[0][2]["critic/loss"], rel=1e-5)


def test_the_average_reads_by_itself_and_equals_that_of_the_state(whole, tmp_path):
    like = programs_of(config_of(6)).init.eval_shape(0)
    state = state_at(whole[0], config_of(6), 6)
    copied = shutil.copytree(RunDirectory(whole[0]).checkpoints, tmp_path / "checkpoints")
    (copied / "6/small/state.safetensors").unlink()
    (averaged, _), (trained, _) = (
        Checkpoints(folder).restore_network("generator", 6, like, ema=folder == copied)
        for folder in (copied, RunDirectory(whole[0]).checkpoints))
    assert_same_bits(averaged, state.ema["generator"])
    assert_same_bits(trained, state.params["generator"])


def test_a_checkpoint_that_is_not_there_is_answered_with_those_that_are(whole):
    checkpoints = Checkpoints(RunDirectory(whole[0]).checkpoints)
    with pytest.raises(ConfigError, match="no checkpoint after 5 rounds; it has 2, 4, 6"):
        choose_step(checkpoints.steps, 5, whole[0])
    checkpoints.close()


def test_a_batch_that_does_not_divide_over_the_devices_names_sizes_that_do():
    assert jax.device_count() == 4
    with pytest.raises(ConfigError, match="batch_size 6 does not divide over 4 devices; use 4 or 8"):
        make_mesh(6)


def damage(run, step):
    """Cuts both parts of a checkpoint short."""
    for part in ("state", "ema"):
        file = run / f"checkpoints/{step}/small/{part}.safetensors"
        file.write_bytes(file.read_bytes()[:100])


def test_a_damaged_checkpoint_is_set_aside_and_the_run_ends_in_the_same_bits(whole, tmp_path, capsys):
    go(tmp_path / "run", config_of(4))
    damage(tmp_path / "run", 4)
    assert go(tmp_path / "run", config_of(6)).step == 6
    said = capsys.readouterr().out
    assert "checkpoint 4 does not read" in said and "resuming" in said and "after round 2" in said
    assert (tmp_path / "run/damaged_checkpoint_4").is_dir()
    assert_same_bits(state_at(tmp_path / "run", config_of(6), 6), state_at(whole[0], config_of(6), 6))
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == (whole[0] / "metrics.jsonl").read_bytes()


def test_where_no_checkpoint_reads_training_does_not_start_over(tmp_path):
    go(tmp_path / "run", config_of(2))
    damage(tmp_path / "run", 2)
    lines = (tmp_path / "run/metrics.jsonl").read_bytes()
    with pytest.raises(ConfigError, match="no checkpoint in .* reads"):
        go(tmp_path / "run", config_of(6))
    assert (tmp_path / "run/checkpoints/2").is_dir() and (tmp_path / "run/metrics.jsonl").read_bytes() == lines


@pytest.mark.parametrize("ema", [True, False])
def test_sampling_from_a_damaged_checkpoint_names_the_others(tmp_path, ema):
    go(tmp_path / "run", config_of(4))
    damage(tmp_path / "run", 4)
    like = programs_of(config_of(4)).init.eval_shape(0)
    checkpoints = Checkpoints(RunDirectory(tmp_path / "run").checkpoints)
    with pytest.raises(ConfigError, match="checkpoint 4 .* does not read: .*name another by --step: 2"):
        checkpoints.restore_network("generator", 4, like, ema)
    checkpoints.close()
