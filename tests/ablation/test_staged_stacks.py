"""A stack plays the stages of its game one after another: to the same bits wherever it stops, as each trial alone."""

import dataclasses
import signal
import types

import growing
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from growing_ablation import growing_ablation
from short_runs import assert_same_bits

from ganlab.ablation import (
    AblationDirectory,
    Stack,
    call_seconds,
    compile_program,
    fit_program,
    fit_programs,
    group_trials,
    make_plan,
    numbers,
    stacks,
    training,
)
from ganlab.ablation.directory import TrialEntry
from ganlab.ablation.plan import evaluation_rounds, rounds_showing
from ganlab.ablation.staged_rounds import StagedRounds, played_stages
from ganlab.config import ConfigError
from ganlab.data import device_data
from ganlab.engine import make_mesh, make_programs, make_trial_mesh, make_trial_programs, replicated
from ganlab.evaluation import DIVERGED, FINISHED, Protocol, Result
from ganlab.game import FAULT, stages_of
from ganlab.storage import Checkpoints
from ganlab.systems import build

BOUNDARY, TOTAL = growing.ROUNDS, 10
SAMPLES = 3


@pytest.fixture(scope="module")
def plan(growing_file):
    return make_plan(growing_ablation(growing_file))


@pytest.fixture(scope="module")
def program(plan):
    return compile_program(plan, 0, 4)


class Judging:
    """Measures sums of a few samples, which no two states share, and tells when."""

    values = {"sum": "neither"}

    def __call__(self, makers):
        sampler, zeros = makers.sample, np.zeros(SAMPLES, np.int32)
        images = sampler(np.ones((SAMPLES, growing.LATENTS), np.float32), zeros, None)
        protocol = Protocol("sum", {}, {}, {}, {"weights": "", "seeds": [0]})
        return [Result("sum", float(np.sum(np.abs(images), dtype=np.float64)), "neither", protocol, ())]


class Training:
    """Trains the one stack of a plan; `stop` is the round after which a signal comes."""

    def __init__(self, plan, program, folder):
        self.plan, self.directory, self.states = plan, AblationDirectory(folder), None
        self.stack = Stack(0, 0, group_trials(plan, 0))
        self.directory.write_plan(plan, [self.stack], ["ganlab", "ablate"])
        self._play, self._program = program.play, dataclasses.replace(program, play=self)

    def __call__(self, states, data, step):
        self.states, finite = self._play(states, data, step)
        return self.states, finite

    def go(self, stop=None):
        done = 0

        def advance(rounds):
            nonlocal done
            done += rounds

        class Interruption:
            @property
            def signal(self):
                return signal.SIGINT if stop is not None and done >= stop else None

        return training.train_stack(self.plan, self.stack, self._program, self.directory, Interruption(), advance, print)

    def end(self):
        record = self.directory.read_stack(0)
        states = jax.device_get(self.states.replace(key=jax.random.key_data(self.states.key)))
        with np.load(self.directory.stack_folder(0) / "samples.npz") as samples:
            return (record.finished, record.step, record.trials), (states, dict(samples))


@pytest.fixture(scope="module")
def whole(plan, program, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "make_judging", lambda *arguments: Judging())
        trained = Training(plan, program, tmp_path_factory.mktemp("whole") / "study")
        assert trained.go()
    return trained


def test_the_budget_and_the_evaluations_are_counted_over_the_stages(plan, whole):
    assert [variant.config.train.total_rounds for variant in plan.variants] == [TOTAL, TOTAL]
    for trial in whole.directory.read_stack(0).trials:
        assert trial.status == FINISHED
        assert [(step, kimg) for step, kimg, _ in trial.curve] == [(4, 0.016), (6, 0.032), (8, 0.048), (10, 0.064)]
        assert len({values["sum"] for _, _, values in trial.curve}) == 4
    cost = whole.directory.read_stack(0).cost
    assert cost.images_per_second * cost.seconds == pytest.approx(4 * 64)


@pytest.mark.parametrize("stops", [[2], [BOUNDARY], [6], [2, BOUNDARY, 8]])
def test_a_stack_that_is_stopped_in_a_stage_or_between_two_ends_in_the_bits_of_the_whole(
        plan, program, whole, stops, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "make_judging", lambda *arguments: Judging())
    trained = Training(plan, program, tmp_path / "study")
    for stop in stops:
        assert not trained.go(stop)
    assert trained.go()
    (told, bits), (expected, expected_bits) = trained.end(), whole.end()
    assert told == expected
    assert_same_bits(bits, expected_bits)
