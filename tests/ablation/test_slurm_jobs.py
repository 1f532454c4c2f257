"""A job that reaches its time limit saves its stack and is queued again."""

import pickle
import sys
import threading
import time

import pytest

from ganlab.ablation import launch

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
    monkeypatch.setattr(launch, "stack_command", lambda path, number: [sys.executable, "-c", STACK, str(path)])
    job, failures = launch.Job(), []

    def train():
        with pytest.raises(RuntimeError) as caught:
            job(str(tmp_path), 3)
        failures.append(caught)

    waiting = threading.Thread(target=train)
    waiting.start()
    while not (tmp_path / "begun").exists():
        time.sleep(0.05)
    job._process.send_signal(launch.signal.SIGUSR2)
    again = job.checkpoint(str(tmp_path), 3)
    waiting.join()
    assert (tmp_path / "saved").exists() and failures
    assert isinstance(again.function, launch.Job) and again.args == (str(tmp_path), 3)
    pickle.dumps(again.function)


def test_a_job_that_fails_raises_what_its_process_said(monkeypatch, tmp_path):
    monkeypatch.setattr(launch, "stack_command",
                        lambda path, number: [sys.executable, "-c", "import sys; sys.exit('no memory')"])
    with pytest.raises(RuntimeError, match="no memory"):
        launch.Job()(str(tmp_path), 0)
