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
    read_study,
    stacks,
    training,
)
from ganlab.ablation.directory import TrialEntry
from ganlab.ablation.plan import evaluation_rounds, rounds_showing
from ganlab.ablation.staged_rounds import StagedRounds, played_stages
from ganlab.config import ConfigError
from ganlab.data import reduced
from ganlab.engine import feed, make_mesh, make_programs, placed_data, replicated
from ganlab.evaluation import DIVERGED, FINISHED, Protocol, Result
from ganlab.game import FAULT, stages_of
from ganlab.storage import Checkpoints

BOUNDARY, TOTAL = growing.ROUNDS, 10
SAMPLES = 3


@pytest.fixture(scope="module", autouse=True)
def double_precision():
    """All of them, because a trial and its stack agree to rounding, which Adam amplifies."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def plan(growing_file):
    return make_plan(growing_ablation(growing_file))


@pytest.fixture(scope="module")
def program(plan):
    return compile_program(plan, 0, 4)


class Judging:
    """Measures the sum of a few samples, which no two states share."""

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

        return training.train_stack(self.plan, self.stack, self._program, self.directory, Interruption(), advance,
                                    print)

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


def counts(states):
    """How many steps each trial's optimizers have counted since they began."""
    return [leaf.tolist() for leaf in jax.tree.leaves(states.opt_state) if leaf.ndim == 1]


def test_a_checkpoint_between_two_stages_is_of_before_the_second_is_entered(plan, program, whole, tmp_path,
                                                                            monkeypatch):
    monkeypatch.setattr(training, "make_judging", lambda *arguments: Judging())
    trained = Training(plan, program, tmp_path / "study")
    assert not trained.go(BOUNDARY)
    checkpoints = Checkpoints(trained.directory.checkpoints(0))
    kept = checkpoints.restore(BOUNDARY, training._kept(program.start(plan, trained.stack), trained.stack))
    checkpoints.close()
    assert all(count == [BOUNDARY] * 4 for count in counts(kept))
    assert all(count == [TOTAL - BOUNDARY] * 4 for count in counts(whole.states))


def test_each_trial_of_a_staged_stack_is_the_trial_alone(plan, program, whole):
    mesh = make_mesh(4, devices=1)
    # By the programs of `ganlab train`, round by round, on data of the stage's size.
    games = [stage.game for stage in stages_of(program.game)]
    programs = [make_programs(game, mesh, initial=program.game) for game in games]
    data = [placed_data(reduced(program.dataset, game.reduction), mesh) for game in games]
    for place, (number, seed) in enumerate(whole.stack.trials):
        hyper = {name: jnp.asarray(value, float) for name, value in plan.variants[number].config.hyper.items()}
        state = programs[0].init(seed)
        state = state.replace(hyper=state.hyper | jax.device_put(hyper, replicated(mesh)))
        for step in range(TOTAL):
            state = jax.jit(stages_of(program.game)[1].enter)(state) if step == BOUNDARY else state
            state, _ = programs[step >= BOUNDARY].play(state, data[step >= BOUNDARY])
        for part in ("params", "opt_state", "ema", "hyper"):
            jax.tree.map(lambda one, many, place=place: np.testing.assert_allclose(many[place], one, 1e-9, 1e-12),
                         getattr(state, part), getattr(whole.states, part))
    assert state.params["critic"]["large"]["kernel"].dtype == np.float64


class Poisoned(Training):
    """A bias of the last trial's critic is not a number after two rounds."""

    def __call__(self, states, data, step):
        if step == 2:
            bias = states.params["critic"]["small"]["bias"]
            broken = np.array(bias)
            broken[3] = np.nan
            bias = jax.device_put(broken, bias.sharding)
            critic = states.params["critic"]
            states = states.replace(params={**states.params,
                                            "critic": {**critic, "small": {**critic["small"], "bias": bias}}})
        return super().__call__(states, data, step)


def test_a_trial_that_diverges_in_a_stage_is_not_entered_into_the_next(growing_file, program, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "make_judging", lambda *arguments: Judging())
    # Nobody looks before the end.
    trained = Poisoned(make_plan(growing_ablation(growing_file, evaluations=1)), program, tmp_path / "study")
    assert trained.go()
    *healthy, diverged = trained.directory.read_stack(0).trials
    assert [trial.status for trial in healthy] == [FINISHED] * 3
    assert (diverged.status, diverged.rounds, diverged.kimg) == (DIVERGED, 2, 0.008)
    assert diverged.why.startswith("round 3, update critic: loss is not finite")
    # Its optimizers have the counts of its last finite state, and those of the others began again.
    assert trained.states.step.tolist() == [TOTAL] * 3 + [2]
    assert all(count == [TOTAL - BOUNDARY] * 3 + [2] for count in counts(trained.states))
    rows = {trial.seed: trial.kimg for trial in read_study(trained.directory.path).trials if trial.status == DIVERGED}
    assert rows == {1: 0.008}


def test_a_fault_is_named_by_the_stage_in_which_it_was(plan, program):
    first, second = stages_of(program.game)
    turned = dataclasses.replace(second, game=dataclasses.replace(second.game, round=second.game.round[::-1]))
    other = dataclasses.replace(program, game=dataclasses.replace(turned.game, stages=(first, turned)))
    states = program.start(plan, Stack(0, 0, group_trials(plan, 0)))

    def why(number):
        fault = {"round": np.full(4, number, np.int32), "place": np.zeros(4, np.int32)}
        found = states.replace(memory={**states.memory, FAULT: fault})
        return training._diverged(TrialEntry("", 0, FINISHED, []), other, found, 0)

    assert why(BOUNDARY).why.startswith("round 4, update critic: loss") and why(BOUNDARY).kimg == 0.012
    assert why(BOUNDARY + 2).why.startswith("round 6, update generator: loss") and why(BOUNDARY + 2).kimg == 0.024


def test_rounds_are_the_fewest_calls_that_show_as_many_images_in_whatever_stages(program):
    game, shown = program.game, [0]
    for step in range(30):
        shown.append(shown[-1] + (4 if step < BOUNDARY else 8))
    for images in range(1, 100):
        assert rounds_showing(game, images, 2) == min(step for step in range(0, 30, 2) if shown[step] >= images)
    # Measurements come evenly over the images, at the ends of calls.
    for rounds, evaluations in ((4, 2), (10, 4), (10, 3), (20, 7)):
        ends = {min(step for step in range(0, 30, 2) if shown[step] * evaluations >= shown[rounds] * share)
                for share in range(1, evaluations + 1)}
        assert evaluation_rounds(game, rounds, evaluations, 2) == sorted(ends)


def test_a_stage_that_the_budget_does_not_reach_is_not_compiled(growing_file, monkeypatch):
    plan, compiled = make_plan(growing_ablation(growing_file, kimg=0.016)), []
    monkeypatch.setattr(StagedRounds, "with_stage", lambda self, number, *rest: compiled.append(number) or (
        dataclasses.replace(self, memory={number: 1})))
    game = compile_program(plan, 0, 4).game
    fit_program(plan, 0)
    assert compiled == [0, 0]
    assert [list(played_stages(game, rounds)) for rounds in (2, 4, 6)] == [[0], [0], [0, 1]]


def test_data_has_to_fit_at_the_largest_size_that_is_shown(growing_file, monkeypatch):
    def plan(kimg):
        return make_plan(growing_ablation(growing_file, kimg=kimg))

    images, labels = (1797 * size for size in (8 * 8, 4))
    share = plan(0.016).variants[0].config.data.device_share
    monkeypatch.setattr(feed, "allowed_memory", lambda: (images / 2 + labels) / share * jax.local_device_count())
    compile_program(plan(0.016), 0, 4, stages=[])
    with pytest.raises(ConfigError, match="more than config.data.device_share"):
        plan(0.017)


class Fitting:
    """Stands for the compiler: bytes of a trial by stage, seconds by the size of a stack; notes what is compiled."""

    def __init__(self, monkeypatch, room, *memory):
        self.compiled = []

        def with_stage(rounds, number, mesh, states, *rest):
            size = len(states.step)
            self.compiled.append((number, size))
            return dataclasses.replace(rounds, memory={**rounds.memory, number: memory[number] * size})

        monkeypatch.setattr(StagedRounds, "with_stage", with_stage)
        monkeypatch.setattr(stacks, "device_memory",
                            lambda device: room / stacks.MEMORY_SHARE / jax.local_device_count())


@pytest.fixture(scope="module")
def large_plan(growing_file):
    """Twelve trials on four devices."""
    return make_plan(growing_ablation(growing_file, seeds=6))


@pytest.mark.parametrize("memory, compiled", [
    ((1, 2), [(1, 12), (0, 12)]),
    ((1, 3), [(1, 12), (1, 8), (0, 8)]),
    ((3, 2), [(1, 12), (0, 12), (1, 8), (0, 8)]),
    ((5, 4), [(1, 12), (1, 8), (1, 4), (0, 4)]),
])
def test_the_stage_that_takes_most_memory_sizes_the_stacks_and_each_is_compiled_for_that_size(
        large_plan, memory, compiled, monkeypatch):
    fitting = Fitting(monkeypatch, 25, *memory)  # Bytes of room.
    program = fit_program(large_plan, 0)
    assert fitting.compiled == compiled and program.size == compiled[-1][1]
    assert program.memory == max(memory) * program.size


@pytest.mark.parametrize("small", [True, False])
def test_a_staged_game_that_convolves_is_timed_in_its_last_stage(large_plan, small, monkeypatch):
    fitting = Fitting(monkeypatch, 10**6, 1, 1)
    monkeypatch.setattr(stacks, "_convolves", lambda program: True)
    monkeypatch.setattr(stacks, "call_seconds", lambda program, plan: program.size * (
        0.5 if (program.size == 4) == small else 1.0))
    program = fit_programs(large_plan)[0]
    size = 4 if small else 12
    assert fitting.compiled == [(1, 12), (1, 4), (0, size)] and program.size == size
    # The time that is told is that of all stages, which is not known yet.
    assert program.small_pays == small and program.seconds is None


def test_the_time_of_a_call_is_the_mean_over_the_rounds_of_all_stages(plan, program, monkeypatch):
    clock, seen = types.SimpleNamespace(now=0.0), []

    def taking(seconds, number):
        def play(states, data, step):
            clock.now += seconds
            seen.append((number, int(step), states.step.tolist()))
            return states, None

        return play

    monkeypatch.setattr(stacks.time, "perf_counter", lambda: clock.now)
    fake = StagedRounds(program.game, {0: taking(1.0, 0), 1: taking(3.0, 1)})
    seconds = call_seconds(dataclasses.replace(program, play=fake), plan, calls=1)
    # Two calls of the first stage and three of the second.
    assert seconds * TOTAL / 2 == pytest.approx(2 * 1 + 3 * 3)
    assert seen == [(0, 0, [0] * 4), (0, 2, [0] * 4), (1, 4, [4] * 4), (1, 6, [4] * 4)]


def test_variants_whose_stages_differ_in_length_are_groups_of_their_own(growing_file):
    axes = {"first": numbers("config.hyper.first_rounds", 4.0, 6.0, 4.5),
            "rate": numbers("config.hyper.critic_lr", 0.001, 0.01)}
    plan = make_plan(growing_ablation(f"{growing_file}:numbers=first_rounds", axes=axes))
    found = [[variant.levels["first"] for variant in group] for group in plan.groups]
    assert found == [[4.0, 4.0, 4.5, 4.5], [6.0, 6.0]]
    # The 64 images are 16 and 48, or 24 and 40.
    assert [group[0].config.train.total_rounds for group in plan.groups] == [10, 12]


def test_a_stage_of_no_whole_number_of_calls_is_refused_by_the_plan(growing_file):
    with pytest.raises(ConfigError, match="rounds_per_call is 5, but stage 1 of 2 has 4 rounds"):
        make_plan(growing_ablation(f"{growing_file}:calls=5"))
