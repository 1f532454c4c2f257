"""A terminal that hangs up stops a run as SIGTERM does, and no second hangup is in the way of saving."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
# `interruption` by its file alone: the package would import JAX.
SAVES = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("interruption", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
with module.Interruption() as interruption:
    print("ready", flush=True)
    deadline = time.monotonic() + float(sys.argv[2])
    while not interruption.signal and time.monotonic() < deadline: time.sleep(0.01)
    print("saving", flush=True)
    sys.stdin.readline()
print(interruption.signal and interruption.signal.name, flush=True)
"""


def start(wait=60, before=()):
    process = subprocess.Popen([*before, sys.executable, "-c", SAVES, ROOT / "ganlab/engine/interruption.py", str(wait)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("first", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGUSR2])
def test_hangups_leave_time_to_save(first):
    process = start()
    process.send_signal(first)
    assert process.stdout.readline() == "saving\n"
    # The kernel sends one and the shell another.
    process.send_signal(signal.SIGHUP)
    output, errors = process.communicate("\n", timeout=20)
    assert (process.returncode, output) == (0, f"{first.name}\n")
    assert f"{first.name}: saving after this round" in errors


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_after_a_hangup_another_signal_ends_the_process_at_once(second):
    process = start()
    process.send_signal(signal.SIGHUP)
    assert process.stdout.readline() == "saving\n"
    process.send_signal(second)
    assert process.wait(timeout=20) == -second
    process.communicate()


def test_under_nohup_a_hangup_is_ignored():
    process = start(wait=1, before=["env", "--ignore-signal=HUP"])
    process.send_signal(signal.SIGHUP)
    output, _ = process.communicate("\n", timeout=20)
    assert (process.returncode, output) == (0, "saving\nNone\n")


def test_a_signal_is_received_where_standard_error_is_gone():
    with start() as process:
        process.stderr.close()
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "saving\n"
        process.stdin.close()
        assert process.stdout.readline() == "SIGHUP\n"
    assert process.returncode == 0
