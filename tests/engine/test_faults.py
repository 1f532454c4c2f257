"""Faults from outside: after each the run resumes to the same bits; the long form is scripts/fault_injection.py."""

import errno
import gc
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import jax
import pytest
from short_runs import assert_same_bits, config_of, go, programs_of, state_at

from ganlab.config import ConfigError
from ganlab.storage import Checkpoints, RunDirectory, locked, small_arrays
from ganlab.engine.tensorboard import TensorBoard

TESTS = Path(__file__).parent.parent
KILLS = 5

@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "run"
    go(path, config_of(6))
    return path


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run of four rounds, with checkpoints after 2 and 4 that have small arrays and large ones."""
    path = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_arrays, "LARGEST", 100)
        go(path, config_of(4))
    return path


def assert_resumes_to_the_same(path, whole):
    assert go(path, config_of(6)).step == 6
    assert_same_bits(state_at(path, config_of(6), 6), state_at(whole, config_of(6), 6))
    assert (path / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_whatever_happens_to_a_file_of_the_newest_checkpoint_the_state_is_right_or_that_of_the_one_before(
        stopped, tmp_path):
    like = programs_of(config_of(6)).init(0)
    good = {step: state_at(stopped, config_of(6), step) for step in (2, 4)}
    changes = {"cut": lambda file: file.write_bytes(file.read_bytes()[:file.stat().st_size // 2]),
               "emptied": lambda file: file.write_bytes(b""), "deleted": Path.unlink}
    folder = stopped / "checkpoints/4"
    told, names = 0, sorted(path.relative_to(folder) for path in folder.rglob("*"))
    cases = []
    for number, name in enumerate(names):
        # Orbax's own files are many, and several of a kind: one change each.
        some = list(changes) if name.parts[0] not in ("state", "ema") else list(changes)[number % 3:][:1]
        cases += [(name, change) for change in (some if (folder / name).is_file() else ["deleted"])]
    assert (folder / "state").is_dir() and (folder / "small").is_dir()
    for number, (name, change) in enumerate(cases):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(stopped / "checkpoints", copy / "checkpoints")
        file = copy / "checkpoints/4" / name
        shutil.rmtree(file) if file.is_dir() else changes[change](file)
        said = []
        checkpoints = Checkpoints(copy / "checkpoints", keep=9)
        step, state = checkpoints.restore_newest(like, said.append)
        checkpoints.close()
        assert_same_bits(state.replace(key=jax.random.key_data(state.key)), good[step])
        told += step == 2
        assert (step == 2) == any("checkpoint 4" in words for words in said), (name, change, step, said)
    gc.collect()  # What Orbax leaves behind is complained of here, and not in whatever test comes next.
    assert told >= 6


@pytest.mark.parametrize("where", ["metrics.jsonl", "tensorboard", "checkpoints"])
def test_a_full_disk_is_told_with_its_place_and_the_run_resumes_to_the_same_bits(where, whole, tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fails(*arguments, **keywords):
        raise full

    run = tmp_path / "run"
    go(run, config_of(2))
    with monkeypatch.context() as patch, pytest.raises(OSError, match="make room") as caught:
        if where == "metrics.jsonl":
            patch.setattr("ganlab.engine.logs.json", types.SimpleNamespace(dumps=fails, loads=json.loads))
        elif where == "tensorboard":
            patch.setattr("ganlab.engine.tensorboard.masked_crc32c", fails)
        else:
            patch.setattr("orbax.checkpoint.CheckpointManager.save", fails)
        go(run, config_of(6))
    assert where in caught.value.filename and caught.value.errno == errno.ENOSPC
    assert_resumes_to_the_same(run, whole)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_checkpoint_that_does_not_fit_on_the_disk_does_not_count(whole, tmp_path):
    run = tmp_path / "run"
    go(run, config_of(2))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores SIGXFSZ; writing beyond the limit is an error then, as it is on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        checkpoints = Checkpoints(run / "checkpoints", keep=9)
        with pytest.raises(OSError, match="make room") as caught:
            checkpoints.save(3, programs_of(config_of(2)).init(0))
            checkpoints.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.filename.endswith("checkpoints")
    gc.collect()
    found = Checkpoints(run / "checkpoints")
    assert found.steps == [2]
    found.close()
    assert_resumes_to_the_same(run, whole)


def test_a_clock_that_runs_backwards_changes_nothing(whole, tmp_path, monkeypatch):
    now = iter(range(2_000_000_000, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    monkeypatch.setattr(time, "time_ns", lambda: next(now) * 10**9)
    run = tmp_path / "run"
    for total in (2, 4):
        go(run, config_of(total))
    assert_resumes_to_the_same(run, whole)
    # TensorBoard reads files in the order of their names, and each says from where on the ones before are void.
    names = sorted(path.name for path in (run / "tensorboard").iterdir())
    assert names == sorted(names, key=lambda name: int(name.split(".")[3])) and len(names) == 3


def test_every_start_of_tensorboard_voids_what_came_after_the_round_from_which_it_resumes(tmp_path):
    from tensorboardX.proto.event_pb2 import Event

    def events(path):
        content, place = path.read_bytes(), 0
        while place < len(content):
            size = int.from_bytes(content[place:place + 8], "little")
            yield Event.FromString(content[place + 12:place + 12 + size])
            place += 16 + size

    for resumed in (0, 7, 0):
        board = TensorBoard(tmp_path, resumed)
        board.scalars(resumed + 1, {"loss": 1.0})
        board.close()
    found = [[event.step for event in events(path) if event.HasField("session_log")]
             for path in sorted(tmp_path.iterdir())]
    assert found == [[], [8], [1]]


def test_a_directory_is_locked_once_and_free_again_when_its_holder_ends(tmp_path):
    run = tmp_path / "run"
    with locked(run):
        with pytest.raises(ConfigError, match=rf"is being trained by process {os.getpid()} on \S+"), locked(run):
            pass
        RunDirectory(run).check(config_of(2))
    with locked(run):
        pass
    held = "from pathlib import Path\nfrom ganlab.storage.lock import locked\nimport sys, time\n" \
           "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", held, str(run)], stdout=subprocess.PIPE,
                          env={**os.environ, "PYTHONPATH": str(TESTS.parent)}) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ConfigError, match=f"process {holder.pid} on"), locked(run):
            pass
        holder.kill()
    with locked(run):
        pass


SIGNALLED = """
import signal, sys, time
from ganlab.engine.interruption import Interruption
with Interruption() as interruption:
    print("ready", flush=True)
    while not interruption.signal: time.sleep(0.01)
    print("saving", flush=True)
    # As a save or a compilation that does not come back to Python.
    import ctypes; ctypes.CDLL(None).pause(); ctypes.CDLL(None).sleep(60)
"""


@pytest.mark.parametrize("numbers", [(signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGTERM)])
def test_a_second_signal_ends_the_process_at_once_even_outside_of_python(numbers):
    process = subprocess.Popen([sys.executable, "-c", SIGNALLED], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env={**os.environ, "PYTHONPATH": str(TESTS.parent)})
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(numbers[0])
    assert process.stdout.readline() == b"saving\n"
    process.send_signal(numbers[1])
    _, errors = process.communicate(timeout=20)
    assert process.returncode == -numbers[1]
    assert f"{numbers[0].name}: saving after this round; once more leaves at once" in errors.decode()


# Imports JAX once and forks before JAX starts: a child for each line, which trains in the directory that it names, by
# the programs that tests of this process have compiled.
TRAINS = """
import os, sys
from pathlib import Path
import jax
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 4)
from ganlab.machine.backend import compilation_cache, straighten_random_bits
straighten_random_bits()
jax.config.update("jax_compilation_cache_dir", str(compilation_cache()))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_disable_most_optimizations", True)
from short_runs import config_of, go
for line in sys.stdin:
    child = os.fork()
    if not child:
        sys.stdout = open(os.devnull, "w")
        go(Path(line.strip()), config_of(20))
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_killed_at_random_moments_a_run_ends_in_the_bits_of_the_run_that_was_not(tmp_path):
    rng = random.Random(0)
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", TRAINS], cwd=TESTS / "engine", text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env={**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}:{TESTS / 'engine'}"}) as trainer:

        def begin(path):
            print(path, file=trainer.stdin, flush=True)
            return int(trainer.stdout.readline())

        def end():
            return int(trainer.stdout.readline())

        whole, broken = tmp_path / "whole", tmp_path / "broken"
        go(whole, config_of(20))
        lines = broken / "metrics.jsonl"
        for number in range(KILLS):
            child = begin(broken)
            # Each time a little further, so that rounds, saves and pictures are met.
            deadline = time.monotonic() + 60
            while not (lines.exists() and lines.read_bytes().count(b"\n") >= 3 * number + 1):
                assert time.monotonic() < deadline
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.08))
            os.kill(child, signal.SIGKILL)
            assert end() == -signal.SIGKILL
        begin(broken)
        assert end() == 0
    assert_same_bits(*(state_at(path, config_of(20), 20) for path in (whole, broken)))
    assert lines.read_bytes() == (whole / "metrics.jsonl").read_bytes()
