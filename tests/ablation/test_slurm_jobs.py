"""A job that reaches its time limit saves its stack and is queued again; stacks are sized on the node of a job."""

import json
import pickle
import sys
import threading
import time
import types

import pytest
from tiny_ablation import ablation

from ganlab.ablation import AblationDirectory, launch, make_plan, read_study, stacks
from ganlab.cli import ablate_command
from ganlab.cli.main import main
from ganlab.config import ConfigError
from ganlab.engine import feed

# Says that it is there, and saves at the signal, which comes twice, as from SLURM and from the one who waits.
STACK = """
import pathlib, sys, time
from ganlab.engine import Interruption
place = pathlib.Path(sys.argv[1])
with Interruption() as interruption:
    (place / "begun").touch()
    while interruption.signal is None:
        time.sleep(0.01)
    time.sleep(0.2)
    (place / "saved").touch()
sys.exit(140)
"""


def test_a_stack_is_saved_before_its_job_is_queued_again(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "job_command", lambda path, *flags: [sys.executable, "-c", STACK, str(path)])
    job, failures = launch.Job(), []

    def train():
        with pytest.raises(RuntimeError) as caught:
            job(str(tmp_path), "--stack=3")
        failures.append(caught)

    waiting = threading.Thread(target=train)
    waiting.start()
    while not (tmp_path / "begun").exists():
        time.sleep(0.05)
    job._process.send_signal(launch.signal.SIGUSR2)
    again = job.checkpoint(str(tmp_path), "--stack=3")
    waiting.join()
    assert (tmp_path / "saved").exists() and failures
    assert isinstance(again.function, launch.Job) and again.args == (str(tmp_path), "--stack=3")
    pickle.dumps(again.function)


def test_a_job_that_fails_raises_what_its_process_said(monkeypatch, tmp_path):
    monkeypatch.setattr(launch, "job_command",
                        lambda path, *flags: [sys.executable, "-c", "import sys; sys.exit('no memory')"])
    with pytest.raises(RuntimeError, match="no memory"):
        launch.Job()(str(tmp_path), "--stack=0")


# The node that submits has memory for no stack and no data, that of a job for three trials of six.
SMALL, NODE_TRIALS = 1.0, 3


@pytest.fixture
def study(experiment_file, tmp_path, monkeypatch):
    """`ganlab ablate` on a node that submits, its directory, and what it asked of whom, in order."""
    asked, directory = [], AblationDirectory(tmp_path / "study")
    variants = ablation(experiment_file)

    def job(given, launcher, limit, options, say):
        asked.append(("size", launcher, limit, dict(options)))
        with pytest.MonkeyPatch.context() as node:
            node.setattr(feed, "allowed_memory", lambda: 2**40)
            node.setattr(ablate_command, "fit_programs", lambda plan, limit, beside: {
                group: types.SimpleNamespace(size=NODE_TRIALS) for group in range(len(plan.groups))})
            assert main(["ablate", f"--workdir={given.path}", "--size_stacks", f"--trials_per_stack={limit}"]) == 0

    def submit(given, launcher, workers, options, say):
        asked.append(("train", launcher, [len(stack.trials) for stack in given.read_stacks()]))

    monkeypatch.setattr(ablate_command, "load_ablation", lambda text: variants)
    monkeypatch.setattr(ablate_command, "check_launcher", lambda launcher: None)
    monkeypatch.setattr(ablate_command, "size_by_job", job)
    monkeypatch.setattr(ablate_command, "submit", submit)
    monkeypatch.setattr(ablate_command, "print_report", lambda directory, console: None)
    monkeypatch.setattr(ablate_command, "fit_programs", lambda *arguments: pytest.fail("compiled where it submits"))
    monkeypatch.setattr(feed, "allowed_memory", lambda: SMALL)

    def run(*flags):
        return main(["ablate", "--ablation=tiny.py", f"--workdir={directory.path}", "--launcher=slurm", *flags])

    return types.SimpleNamespace(run=run, directory=directory, asked=asked)


def test_slurm_trains_stacks_of_the_size_that_fits_the_node_of_a_job(study):
    assert study.run("--slurm=partition=gpu,time=9", "--trials_per_stack=5") == 1  # Nothing was trained.
    options = {"partition": "gpu", "time": 9}
    assert study.asked == [("size", "slurm", 5, options), ("train", "slurm", [3, 3, 3, 3])]
    # Once is enough: stacks that are cut stay as they are.
    study.run()
    assert [kind for kind, *_ in study.asked] == ["size", "train", "train"]


def test_a_plan_whose_stacks_are_not_cut_yet_is_whole(study):
    def fails(*arguments):
        raise ConfigError("no node")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ablate_command, "size_by_job", fails)
        assert study.run() == 2
    assert not study.directory.is_cut and len(read_study(study.directory.path).trials) == 12
    with pytest.raises(ConfigError, match="not cut into stacks yet; `ganlab ablate --workdir="):
        study.directory.unfinished()
    study.run()
    assert study.asked[-1] == ("train", "slurm", [3, 3, 3, 3])


def test_a_dry_run_for_slurm_says_who_sizes_the_stacks_and_compiles_nothing(study, capsys):
    assert study.run("--dry_run") == 0
    text = capsys.readouterr().out
    assert "a first job cuts the trials into stacks" in text and "memory each" not in text
    assert not study.asked and not study.directory.path.exists()


def test_data_has_to_fit_where_it_is_trained(experiment_file, monkeypatch):
    monkeypatch.setattr(feed, "allowed_memory", lambda: SMALL)
    with pytest.raises(ConfigError, match="more than config.data.device_share"):
        make_plan(ablation(experiment_file))
    found = make_plan(ablation(experiment_file), trained_here=False)
    with pytest.raises(ConfigError, match="more than config.data.device_share"):
        stacks.compile_program(found, 0, 2)


def test_versions_are_those_of_the_machine_that_trains(experiment_file, tmp_path, monkeypatch):
    directory = AblationDirectory(tmp_path / "study")
    directory.write_plan(make_plan(ablation(experiment_file)), None, ["ganlab", "ablate", "--launcher=slurm"])
    monkeypatch.setattr("ganlab.storage.run_directory.devices_text", lambda devices: "8 x accelerator")
    directory.note_machine()
    found = json.loads(directory.versions_file.read_text())
    assert found["devices"] == "8 x accelerator" and found["command"][-1] == "--launcher=slurm"


def test_stacks_that_train_at_once_share_the_memory(experiment_file, monkeypatch):
    found = make_plan(ablation(experiment_file))
    made = types.SimpleNamespace(memory=0)
    monkeypatch.setattr(stacks, "device_memory", lambda device: 100)
    monkeypatch.setattr(stacks, "compile_program", lambda plan, group, size, built, stages: types.SimpleNamespace(
        size=size, memory=made.memory * size))
    monkeypatch.setattr(stacks, "_convolves", lambda program: False)
    room = stacks.MEMORY_SHARE * 100 * stacks.jax.local_device_count()
    made.memory = room / 6.5
    assert [stacks.fit_program(found, 0, beside=beside).size for beside in (1, 2)] == [6, 3]


class Failed:
    """A job that ended by itself, as submitit has it."""

    job_id = "7"

    def result(self):
        raise self.exception()

    def exception(self):
        return RuntimeError("Job (task=0) failed during processing with trace:\nTraceback ...\nRuntimeError: no memory")


def test_a_sizing_job_that_fails_is_answered_by_what_it_said(monkeypatch, tmp_path):
    submitted = []

    def submit(*arguments):
        submitted.append(arguments[1:])
        return Failed()

    monkeypatch.setattr(launch, "_executor", lambda *arguments: types.SimpleNamespace(submit=submit))
    with pytest.raises(ConfigError, match="(?s)the job that sizes the stacks failed: .*no memory.*tries again"):
        launch.size_by_job(AblationDirectory(tmp_path), "slurm", 4, {}, print)
    assert submitted == [(str(tmp_path), "--size_stacks", "--trials_per_stack=4")]
