"""Stacks train each trial as if it were alone, come back from interruptions, and outlive trials that diverge."""

import json
import signal
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_ablation import ablation

from ganlab.ablation import training
from ganlab.ablation import (
    AblationDirectory,
    Stack,
    compile_program,
    cut,
    fit_program,
    group_trials,
    largest_stack,
    launch,
    make_plan,
    numbers,
    read_study,
    stacks,
)
from ganlab.cli.main import main
from ganlab.config import ConfigError
from ganlab.data import device_data
from ganlab.engine import make_mesh, make_programs, make_trial_mesh, make_trial_programs, replicated
from ganlab.ablation.directory import StackRecord, TrialEntry
from ganlab.evaluation import DIVERGED, FAILED, FINISHED, MISSING, Protocol, Result
from ganlab.systems import build

CHANGED = {"base": {}, "rates": {"config.hyper.critic_lr": 0.03, "config.hyper.generator_lr": 0.02},
           "noise": {"config.hyper.label_noise": 0.4}, "average": {"config.hyper.ema_half_life_kimg": 0.02}}


class Calls:
    """An interruption that comes after n questions."""

    def __init__(self, number=10**9):
        self.left = number

    @property
    def signal(self):
        self.left -= 1
        return signal.SIGINT if self.left < 0 else None


def track(plan, stack):
    return lambda number: None


@pytest.fixture(scope="module")
def plan(experiment_file):
    return make_plan(ablation(experiment_file))


@pytest.fixture(scope="module")
def compiled(plan):
    """The programs of a plan's groups, compiled once for all tests that train them here."""
    return {group: compile_program(plan, group, len(group_trials(plan, group))) for group in range(len(plan.groups))}


def begin(plan, folder):
    """The directory of a plan, with a stack a group."""
    directory, found = AblationDirectory(folder), []
    for group in range(len(plan.groups)):
        found += cut(group_trials(plan, group), group, len(group_trials(plan, group)), len(found))
    directory.write_plan(plan, found, ["ganlab", "ablate"])
    return directory


@pytest.fixture(scope="module")
def whole(plan, compiled, tmp_path_factory):
    """An ablation that was never interrupted."""
    directory = begin(plan, tmp_path_factory.mktemp("whole") / "study")
    assert launch.train_here(directory, compiled, Calls(), track, print)
    return directory


def found(directory):
    """What all stacks have found but their cost."""
    return [(record.finished, record.step, record.trials, record.values) for record in (
        directory.read_stack(stack.number) for stack in directory.read_stacks()) if record is not None]


def test_each_trial_of_a_stack_is_judged_with_its_own_critic(plan, compiled):
    program, trials = compiled[0], group_trials(plan, 0)
    states = program.start(plan, Stack(0, 0, trials))
    points = np.float32(np.random.default_rng(0).normal(size=(4, 2)))

    def judging(makers):
        logit = float(makers.logits(points, np.zeros(4, np.int32), None)[0])
        return [Result("logit", logit, "neither", Protocol("logit", {}, {}, {}, {"weights": "", "seeds": [0]}), ())]

    entries = [TrialEntry("", seed, FINISHED, []) for _, seed in trials]
    found = training._measured(StackRecord(0, 0, False, None, [], entries), 2, 0.1, program, states,
                               np.ones(len(trials), bool), judging, training._makings(program.game))
    critic = jax.jit(jax.vmap(lambda params, variables: program.game.networks["critic"].evaluate(
        params, variables, points)[0]))
    expected = critic(states.params["critic"], states.variables["critic"])[:len(trials)]
    np.testing.assert_allclose([trial.curve[0][2]["logit"] for trial in found.trials], expected, rtol=1e-4, atol=1e-6)
    assert len({round(float(value), 6) for value in expected}) > 1


@pytest.mark.usefixtures("float64")
def test_a_trial_in_a_stack_is_the_trial_alone(experiment_file):
    plan = make_plan(ablation(experiment_file, axes={"change": CHANGED}))
    trials, variant = group_trials(plan, 0), plan.variants[0]
    game, dataset = build(variant.config)
    mesh, alone_mesh = make_trial_mesh(len(trials)), make_mesh(8, devices=1)
    programs, alone = make_trial_programs(game, mesh, 2), make_programs(game, alone_mesh, 2)
    data, alone_data = (device_data(dataset.streams(), replicated(each)) for each in (mesh, alone_mesh))
    program = stacks.Program(game, dataset, variant, len(trials), programs, programs.play, data, 0)

    def double(state):
        return jax.tree.map(
            lambda leaf: leaf.astype(float) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, state)

    states = double(program.start(plan, Stack(0, 0, trials)))
    for call in range(10):
        states, finite = programs.play(states, data, 2 * call)
    assert np.all(finite)
    for place, (number, seed) in enumerate(trials):
        hyper = {name: jnp.asarray(value, float) for name, value in plan.variants[number].config.hyper.items()}
        state = double(alone.init(seed)).replace(hyper=jax.device_put(hyper, replicated(alone_mesh)))
        for _ in range(10):
            state, _ = alone.play(state, alone_data)
        for part in ("params", "ema", "hyper"):
            jax.tree.map(lambda one, many, place=place: np.testing.assert_allclose(many[place], one, 1e-9, 1e-12),
                         getattr(state, part), getattr(states, part))


def test_the_study_has_every_trial_with_its_values_and_what_it_cost(plan, whole):
    study = read_study(whole.path)
    assert study.base == "loss plain, rate 0.01" and len(study.trials) == plan.trials == 12
    assert {trial.status for trial in study.trials if "rate 1e+38" not in trial.variant} == {FINISHED}
    for trial in study.trials:
        if trial.status == FINISHED:
            assert [kimg for kimg, _ in trial.curve] == [0.032, 0.064] and trial.values == trial.curve[-1][1]
            assert set(trial.values) == {"modes", "modes/high_quality", "modes/reverse_kl"}
    assert {value.name: value.better for value in study.values} == {
        "modes": "higher", "modes/high_quality": "higher", "modes/reverse_kl": "lower"}
    assert all("modes[" in value.protocol for value in study.values)
    cost = study.variants[0].cost
    assert cost.trials == 6 and cost.images_per_second > 0 and cost.memory > 0 and cost.parameters > 0
    assert study.variants[0].samples.shape == (64, 2)
    assert not whole.checkpoints(0).exists()


def test_a_trial_that_diverges_is_marked_and_the_others_finish(whole):
    diverged = [trial for trial in read_study(whole.path).trials if trial.status == DIVERGED]
    assert {trial.variant for trial in diverged} == {"loss plain, rate 1e+38", "loss squares, rate 1e+38"}
    for trial in diverged:
        assert 0 <= trial.rounds < 8 and trial.why.startswith(f"round {trial.rounds + 1:,}, update ")
        assert trial.why.endswith("is not finite, or too large to square")
    assert all(not trial.values for trial in read_study(whole.path).trials if trial.status == DIVERGED)


def test_a_stack_of_which_no_trial_is_left_stops(experiment_file, tmp_path):
    plan = make_plan(ablation(experiment_file, axes={"rate": numbers("config.hyper.critic_lr", 1e38)}, kimg=6.4))
    directory = begin(plan, tmp_path / "study")
    assert launch.train_here(directory, {}, Calls(), track, print)
    assert directory.read_stack(0).step == 400 < plan.variants[0].config.train.total_rounds
    assert {trial.status for trial in read_study(directory.path).trials} == {DIVERGED}


@pytest.mark.parametrize("calls", [1, 3, 5])
def test_an_ablation_that_was_interrupted_ends_in_the_same_numbers(plan, whole, compiled, tmp_path, calls):
    directory = begin(plan, tmp_path / "study")
    assert not launch.train_here(directory, compiled, Calls(calls), track, print)
    assert MISSING in {trial.status for trial in read_study(directory.path).trials}
    assert launch.train_here(directory, compiled, Calls(), track, print)
    assert found(directory) == found(whole)


def test_a_stack_resumes_on_another_number_of_devices(plan, whole, compiled, tmp_path, monkeypatch):
    directory = begin(plan, tmp_path / "study")
    assert not launch.train_here(directory, compiled, Calls(1), track, print)
    monkeypatch.setattr(launch, "compile_program", lambda plan, group, trials: compile_program(plan, group, 5 * trials))
    assert launch.train_here(directory, {}, Calls(), track, print)
    for (_, step, trials, _), (_, other_step, others, _) in zip(found(directory), found(whole), strict=True):
        assert step == other_step and [trial.status for trial in trials] == [trial.status for trial in others]


def test_values_that_were_measured_after_the_last_checkpoint_are_measured_again(plan, whole, compiled, tmp_path,
                                                                                monkeypatch):
    directory = begin(plan, tmp_path / "study")
    write = directory.write_stack

    def killed_after_writing(record):
        write(record)
        if record.step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(directory, "write_stack", killed_after_writing)
    with pytest.raises(KeyboardInterrupt):
        launch.train_here(directory, compiled, Calls(), track, print)
    assert directory.read_stack(0).step == 4
    assert launch.train_here(AblationDirectory(directory.path), compiled, Calls(), track, print)
    assert found(directory) == found(whole)


def test_a_stack_that_fails_twice_is_left_out_and_the_others_are_trained(plan, whole, compiled, tmp_path, monkeypatch):
    directory, train_stack, said = begin(plan, tmp_path / "study"), launch.train_stack, []

    def train(plan, stack, *arguments):
        if stack.number == 0:
            raise RuntimeError("the program is too large")
        return train_stack(plan, stack, *arguments)

    monkeypatch.setattr(launch, "train_stack", train)
    monkeypatch.setattr(launch, "job_command", lambda path, *flags: [sys.executable, "-c", "exit('no memory')"])
    assert launch.train_here(directory, compiled, Calls(), track, said.append)
    assert "the program is too large" in said[0] and "no memory" in said[1]
    study = read_study(directory.path)
    assert {trial.status for trial in study.trials if "plain" in trial.variant} == {FAILED}
    assert study.variants[0].error == "no memory"
    assert found(directory) == found(whole)[1:]


def test_a_stack_that_is_interrupted_while_it_is_tried_again_has_not_failed(plan, compiled, tmp_path, monkeypatch):
    directory, interruption = begin(plan, tmp_path / "study"), Calls()

    def fail(*arguments):
        interruption.left = 0  # The signal reaches this process and the one that tries again.
        raise RuntimeError("the program is too large")

    monkeypatch.setattr(launch, "train_stack", fail)
    monkeypatch.setattr(launch, "job_command", lambda path, *flags: [sys.executable, "-c", "exit(130)"])
    assert not launch.train_here(directory, compiled, interruption, track, print)
    assert not directory.error(0)
    assert {trial.status for trial in read_study(directory.path).trials} == {MISSING}


def test_jobs_of_a_launcher_cut_the_stacks_and_train_them(experiment_file, tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # The job compiles quickly, as tests do.
    plan, said = make_plan(ablation(experiment_file, axes={}, seeds=1)), []
    directory = AblationDirectory(tmp_path / "study")
    directory.write_plan(plan, None, ["ganlab", "ablate"])
    launch.size_by_job(directory, "local", 0, {}, said.append)
    launch.submit(directory, "local", 2, {}, said.append)
    assert not directory.unfinished(), said
    assert [trial.status for trial in read_study(directory.path).trials] == [FINISHED]
    assert launch.train_here(directory, {}, Calls(), track, print)


def test_a_launcher_that_is_not_there_is_told(plan, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match="--launcher=slurm: Could not detect"):
        launch.submit(begin(plan, tmp_path / "study"), "slurm", 2, {}, print)


def test_a_stack_is_cut_where_memory_is_short(plan, compiled, monkeypatch):
    whole = compiled[0]
    monkeypatch.setattr(stacks, "device_memory", lambda device: whole.memory / 4 / stacks.MEMORY_SHARE * 0.8)
    program = fit_program(plan, 0)
    assert program.size < whole.size and program.memory < whole.memory


def test_a_stack_on_cpu_has_few_trials_a_device_and_all_on_an_accelerator_unless_it_is_said(plan, monkeypatch):
    most = stacks.TRIALS_PER_CPU_DEVICE * jax.device_count()
    assert [largest_stack(trials) for trials in (3, most, most + 2)] == [3, most, most // 2 + 1]
    assert largest_stack(1000, limit=500) == 500
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert largest_stack(1000) == 1000 and largest_stack(1000, limit=500) == 500
    monkeypatch.undo()
    monkeypatch.setattr(stacks, "TRIALS_PER_CPU_DEVICE", 1)
    # Six trials on four devices: two stacks of three, rather than of four and two.
    assert fit_program(plan, 0).size == 3


@pytest.mark.parametrize("small", [True, False])
def test_groups_of_equal_networks_and_batch_are_timed_once_and_cut_alike(experiment_file, small, monkeypatch):
    # Two losses and two batches make four groups of six trials on four devices.
    plan = make_plan(ablation(experiment_file, axes={
        "batch": {8: {"config.batch_size": 8}, 16: {"config.batch_size": 16}},
        "loss": {"plain": {"loss": "non_saturating"}, "squares": {"loss": "least_squares"}},
        "rate": numbers("config.hyper.critic_lr", 0.01, 0.02, 0.03)}))
    compiled, asked = [], []

    def compile_some(plan, group, size, built, stages):
        compiled.append((group, size))
        return stacks.Program(*built, plan.groups[group][0], size, None, None, None, memory=0)

    def seconds(program, plan):
        # The second pair that is timed comes out the other way, as noise may have it.
        asked.append(program.size)
        small_is_fast = small == (len(asked) <= 2)
        return program.size * (0.5 if (program.size == 4) == small_is_fast else 1.0)

    monkeypatch.setattr(stacks, "compile_program", compile_some)
    monkeypatch.setattr(stacks, "call_seconds", seconds)
    monkeypatch.setattr(stacks, "_convolves", lambda program: True)
    programs = stacks.fit_programs(plan)
    assert [(program.variant.config.batch_size, program.variant.levels["loss"]) for program in programs.values()] == [
        (8, "plain"), (8, "squares"), (16, "plain"), (16, "squares")]
    fast, slow = (4, 6) if small else (6, 4)
    assert [program.size for program in programs.values()] == [fast, fast, slow, slow]
    # The first of each kind compiles two stacks and times them, the second only what it trains.
    assert asked == [4, 6] * 2
    assert compiled == [(0, 6), (0, 4), (1, fast), (2, 6), (2, 4), (3, slow)]
    assert [program.seconds is None for program in programs.values()] == [False, True, False, True]


def test_memory_is_asked_for_in_every_group_that_is_not_timed(plan, monkeypatch):
    room = stacks.MEMORY_SHARE * 100 * jax.local_device_count()
    monkeypatch.setattr(stacks, "device_memory", lambda device: 100)
    monkeypatch.setattr(stacks, "compile_program", lambda plan, group, size, built, stages: stacks.Program(
        *built, plan.groups[group][0], size, None, None, None, memory=size * room / (7 if group == 0 else 5)))
    monkeypatch.setattr(stacks, "call_seconds", lambda program, plan: program.size)
    monkeypatch.setattr(stacks, "_convolves", lambda program: True)
    # All six trials of the first group fit, and five of the second, which are two stacks of three.
    assert [program.size for program in stacks.fit_programs(plan).values()] == [6, 3]


def test_the_command_prints_its_plan_and_writes_nothing_when_it_runs_dry(experiment_file, tmp_path, capsys):
    file = tmp_path / "some_ablation.py"
    file.write_text(
        "from ganlab.ablation import Ablation, numbers\n\n\ndef get_ablation():\n"
        f"    return Ablation('tiny', 'Does it?', {experiment_file!r},\n"
        "                    {'rate': numbers('config.hyper.critic_lr', 0.1, 0.2)}, kimg=0.032,\n"
        "                    metrics='modes', seeds=2, evaluations=1, number=40)\n")
    command = ["ablate", f"--ablation={file}", f"--workdir={tmp_path / 'study'}"]
    assert main([*command, "--dry_run"]) == 0
    printed = capsys.readouterr().out
    assert "4 trials of 0.032 kimg" in printed and "1 x 4" in printed and "MiB" in printed and "about" in printed
    assert not (tmp_path / "study").exists()
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "1 of 1 stack is done" in printed and ("has the best mean" in printed or "no variant" in printed)
    assert "Beware: Every number is of 2 seeds" in printed  # As the page warns.
    assert "Does it?" in (tmp_path / "study" / "report.html").read_text()
    assert main(["ablate", f"--workdir={tmp_path / 'study'}"]) == 0
    assert json.loads((tmp_path / "study" / "plan.json").read_text())["title"] == "tiny"
    assert main(["ablate", f"--workdir={tmp_path / 'nothing'}"]) == 2
    assert "holds no ablation" in capsys.readouterr().err


def test_an_axis_of_numbers_has_a_level_a_number():
    assert numbers("config.hyper.x", 0.0, 1.0) == {0.0: {"config.hyper.x": 0.0}, 1.0: {"config.hyper.x": 1.0}}
