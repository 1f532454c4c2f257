"""A round that is not finite is found where it happens, and each policy leaves what it promises."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from short_runs import PICTURE, assert_same_bits, config_of, game_of, go, programs_of, state_at
from tiny import BATCH, POINTS, poisoned_points

from ganlab.config import ConfigError
from ganlab.data import HostReader
from ganlab.engine import Collapsed, Diverged, make_mesh, make_programs, train
from ganlab.engine.divergence import retries_of, run_key
from ganlab.engine.feed import make_feed
from ganlab.game import FAULT, REPLACED, SKIPPED, count_replaced, order_key, watched_names
from ganlab.storage import Checkpoints, RunDirectory

ROUNDS, SLOTS = 6, 2


def rounds_of(example, key, data):
    """The rounds, of the first `ROUNDS`, whose batches for the critic hold an example, and the slots."""
    reader = HostReader.of(data.streams(), order_key(key), SLOTS, BATCH)
    return [(step + 1, int(slot)) for step in range(ROUNDS)
            for slot in np.argwhere((reader.read(step * SLOTS * BATCH)[0]["image"][:2] == data.images[example]).all(-1))[:, 0]]


def poisoned(wanted):
    """Points of which one is not a number, whose rounds in the first stream and after one retry are `wanted`."""
    data = poisoned_points([])
    return poisoned_points(next(
        number for number in range(len(data))
        if wanted(rounds_of(number, run_key(0, 0), data), rounds_of(number, run_key(0, 1), data))))


@pytest.fixture(scope="module")
def in_round_five():
    """Data that is not a number in the critic's second slot of round 5, and not at all after a retry."""
    return poisoned(lambda first, second: first == [(5, 1)] and not second)


def train_on(data, path, total=ROUNDS, share=0.5, **changes):
    config = config_of(total, data={"device_share": share})
    config.train.update(log_every_rounds=3, **changes)
    return go(path, config, data=data), config


def final(path, config):
    return state_at(path, config, ROUNDS)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_stop_names_what_was_first_and_saves_the_state_just_before(in_round_five, tmp_path, share):
    with pytest.raises(Diverged, match="round 5, update critic: loss is not finite") as caught:
        train_on(in_round_five, tmp_path / "run", share=share)
    # The images are those of the update at fault, the poisoned one among them.
    assert caught.value.images.shape == (2 * BATCH, 2) and np.isnan(caught.value.images[BATCH:]).any()
    checkpoints = Checkpoints(tmp_path / "run/checkpoints")
    assert checkpoints.steps == [2, 4]
    checkpoints.close()
    _, config = train_on(in_round_five, tmp_path / "short", total=4)
    assert_same_bits(state_at(tmp_path / "run", config, 4), state_at(tmp_path / "short", config, 4))
    assert [line["step"] for line in lines(tmp_path / "run/metrics.jsonl")] == [3]
    with pytest.raises(Diverged, match="round 5, update critic"):
        train_on(in_round_five, tmp_path / "run", share=share)


def test_a_stopped_state_stays_whatever_rounds_follow(in_round_five):
    config = config_of(ROUNDS)
    game, programs = game_of(config, in_round_five), programs_of(config, in_round_five)
    feed = make_feed(in_round_five, game, make_mesh(BATCH), config, 0)
    state, seen = programs.init(0), []
    for _ in range(7):
        state, _ = programs.play(state, feed.next())
        seen.append(jax.device_get((state.step, state.params, state.ema, state.memory[FAULT])))
    assert [int(each[0]) for each in seen] == [1, 2, 3, 4, 4, 4, 4]
    assert_same_bits(seen[3][1:3], seen[6][1:3])
    assert int(seen[6][3]["round"]) == 5
    assert watched_names(game, state)[int(seen[6][3]["place"])] == ("critic", "loss")


def test_a_gradient_or_a_step_that_leads_out_of_all_numbers_is_named_though_the_loss_is_finite():
    game = game_of(config_of(1, generator={"optimizer": "sgd"}, critic={"optimizer": "sgd"}))
    critic, generator = game.round
    rate = dict(game.hyper) | {"generator_lr": jnp.inf}

    def steep(scene):
        total, aux = generator.loss(scene)
        # The root has no slope at 0.
        return total + jnp.sqrt(0.0 * jax.tree.leaves(scene.params["generator"])[0].sum()), aux

    for changed, words in (
            ({"round": (critic, dataclasses.replace(generator, loss=steep))}, "gradient of generator"),
            ({"hyper": rate}, "params of generator")):
        changed = dataclasses.replace(game, **changed)
        programs = make_programs(changed, make_mesh(BATCH))
        feed = make_feed(POINTS, changed, make_mesh(BATCH), config_of(1), 0)
        state, metrics = programs.play(programs.init(0), feed.next())
        assert np.isfinite(metrics["generator/loss"])
        update, array = watched_names(changed, state)[int(state.memory[FAULT]["place"])]
        assert update == "generator" and array.startswith(words)


def test_skip_leaves_out_that_step_alone_and_counts_it(in_round_five, tmp_path):
    outcome, config = train_on(in_round_five, tmp_path / "whole", on_divergence="skip")
    assert outcome.step == ROUNDS
    assert [line[SKIPPED] for line in lines(tmp_path / "whole/metrics.jsonl")] == [0, 1]
    state = final(tmp_path / "whole", config)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state.params, state.ema, state.opt_state)))
    # Adam counts its steps: the critic misses one of two a round, the generator none.
    counts = {name: next(int(leaf) for leaf in jax.tree.leaves(tree) if leaf.dtype == jnp.int32)
              for name, tree in state.opt_state.items()}
    assert counts == {"critic": 2 * ROUNDS - 1, "generator": ROUNDS}
    # The count continues where it was.
    train_on(in_round_five, tmp_path / "parts", total=5, on_divergence="skip")
    train_on(in_round_five, tmp_path / "parts", on_divergence="skip")
    assert_same_bits(final(tmp_path / "parts", config), state)


def test_gradients_that_overflow_are_made_finite_and_told_and_the_run_continues(tmp_path, capsys):
    config = config_of(4)
    game = game_of(config)
    critic, generator = game.round

    def steep(scene):
        total, aux = generator.loss(scene)
        # The root has no slope at 0, where all biases of one layer are in round 1.
        bias, *_ = (leaf for leaf in jax.tree.leaves(scene.params["generator"]) if leaf.ndim == 1)
        return total + jnp.sum(jnp.sqrt(jnp.abs(bias))), aux

    game = dataclasses.replace(game, round=(critic, dataclasses.replace(generator, loss=steep)),
                               memory={**game.memory, **count_replaced(game.round)})
    run = RunDirectory(tmp_path / "run")
    run.write(config, [])
    assert train(game, POINTS, config, run, lambda step, samples: PICTURE).step == 4
    # Told from the first one on, and by updates in which there are any.
    width = 8
    found = lines(run.metrics_file)
    assert found[0]["generator/gradients_made_finite"] == width
    assert {name for line in found for name in line if REPLACED in name} == {"generator/gradients_made_finite"}
    told = capsys.readouterr().out
    assert f"{width} gradient entries of update generator up to round 1 were not finite and replaced" in told


def test_rolling_back_resumes_with_other_numbers_and_is_exact_after_a_stop(in_round_five, tmp_path, capsys):
    outcome, config = train_on(in_round_five, tmp_path / "whole", on_divergence="roll_back")
    assert outcome.step == ROUNDS and "back to round 4" in capsys.readouterr().out
    state = final(tmp_path / "whole", config)
    assert retries_of(state.replace(key=jax.random.wrap_key_data(state.key)), 0) == 1
    alarms = (tmp_path / "whole/alarms.jsonl").read_bytes()
    assert lines(tmp_path / "whole/alarms.jsonl") == [
        {"step": 4, "alarm": "rolled back", "retry": 1, "round": 5, "update": "critic", "array": "loss"}]
    assert [line["step"] for line in lines(tmp_path / "whole/metrics.jsonl")] == [3, 6]
    # Killed after it went back and before it saved: it comes to the same place and goes back again.
    run = tmp_path / "killed"
    train_on(in_round_five, run, total=4, on_divergence="roll_back")
    (run / "alarms.jsonl").write_bytes(alarms)
    train_on(in_round_five, run, on_divergence="roll_back", share=0.0)
    assert_same_bits(final(run, config), state)
    assert (run / "alarms.jsonl").read_bytes() == alarms
    assert lines(run / "metrics.jsonl")[-1] == lines(tmp_path / "whole/metrics.jsonl")[-1]


def test_retries_end(tmp_path):
    everywhere = poisoned(lambda first, second: first and second and second[-1][0] >= 5)
    with pytest.raises(Diverged, match="after 1 retry;"):
        train_on(everywhere, tmp_path / "run", on_divergence="roll_back", most_retries=1)


def test_alarms_warn_and_may_stop(tmp_path, capsys):
    config = config_of(4, alarms={"sample_diversity": 100.0, "logit_gap": 1e-9})
    go(tmp_path / "run", config)
    run = RunDirectory(tmp_path / "run")
    found = lines(run.alarms_file)
    assert [line["step"] for line in found if line["alarm"] == "samples collapsed"] == [4]
    gaps = {line["step"]: line["critic/real_logits"] - line["critic/fake_logits"]
            for line in lines(run.metrics_file)}
    assert [line["step"] for line in found if line["alarm"] == "critic saturated"] == [
        step for step, gap in gaps.items() if gap >= 1e-9]
    assert "samples collapsed" in capsys.readouterr().out
    config.alarms.stop = True
    config.train.total_rounds = 9
    with pytest.raises(Collapsed, match="the same command resumes"):
        go(run.path, config)


def test_another_policy_is_another_config(in_round_five, tmp_path):
    train_on(in_round_five, tmp_path / "run", total=2)
    with pytest.raises(ConfigError, match="config.train.on_divergence: 'stop' there, 'skip' now"):
        train_on(in_round_five, tmp_path / "run", on_divergence="skip")
