"""Breaks training runs in every way that it knows, resumes them, and compares the ends bit by bit.

    python scripts/fault_injection.py --kills=50 --output=/tmp/faults
    python scripts/fault_injection.py --experiment=stylegan2 --faults=killed --kills=10 --output=/tmp/killed

It trains a tiny experiment once without a fault (`digits`, or `stylegan2` with all four updates and adaptive
augmentation), and then many times with one: killed at random moments (in rounds, in saves, in writes of
samples and metrics), stopped by signals, on a full disk, with files of its newest checkpoint damaged, started
twice, after a clock was set back, and in two processes of which one is killed. The same command resumes each
broken run until it is done. Params, optimizers, averages and keys, `metrics.jsonl` and the pictures of
samples have to be those of the run without a fault. Prints a table; the exit status is 1 where something
differs.
"""

import dataclasses
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import rich.console
import rich.table
from absl import app, flags

ROOT = Path(__file__).parent.parent
KILLS = flags.DEFINE_integer("kills", 50, "random moments at which a run is killed")
OTHERS = flags.DEFINE_integer("others", 1, "times for each fault besides")
SEED = flags.DEFINE_integer("seed", 0, "chooses the moments")
OUTPUT = flags.DEFINE_string("output", None, "an empty or new folder for the runs", required=True)
FAULTS = flags.DEFINE_list("faults", [], "of which faults alone; empty for all")

ROUNDS = 400
EXPERIMENTS = {
    "digits": ("--config=experiments/digits.py", "--config.batch_size=16",
               "--config.networks.generator.kwargs.width=16", "--config.networks.critic.kwargs.width=16"),
    "stylegan2": ("--config=experiments/stylegan2.py:resolution=16,batch=8,augment=ada:bgc",
                  "--config.data.kwargs.size=500", "--config.hyper.augment_speed_kimg=1",
                  "--config.system.path_interval=4", "--config.hyper.style_mixing=0.9",
                  "--config.networks.generator.kwargs.channel_max=8", "--config.networks.critic.kwargs.channel_max=8"),
}
NAME = flags.DEFINE_enum("experiment", "digits", EXPERIMENTS, "which game is trained")
COMMON = ("--config.sample.number=20", f"--config.train.total_rounds={ROUNDS}", "--config.train.log_every_rounds=5",
          "--config.train.sample_every_rounds=20", "--config.train.checkpoint_every_rounds=20",
          "--config.train.keep_checkpoints=2")
NEVER_STOPPED = "never stopped"
WORKER_KILLED = "a worker killed"
IN_TWO = {WORKER_KILLED}
"""Faults of runs in two processes, whose numbers round otherwise than those of one."""

# A run with one CPU device. Faults of the surroundings come from here and not from the package.
WORKER = """
import os, resource, subprocess, sys
fault, file_bytes, *arguments = sys.argv[1:]
if int(file_bytes):
    # Python ignores the signal that comes with it; what is left is an error when writing. What is printed goes through
    # a process without the limit.
    cat = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    os.dup2(cat.stdin.fileno(), 1), os.dup2(cat.stdin.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(file_bytes), int(file_bytes)))
import jax
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 1)
if fault == "clock set back":
    import time
    real, started = time.time, time.time()
    time.time = lambda: started - 1e6 - 50 * (real() - started)
    time.time_ns = lambda: int(time.time() * 1e9)
from ganlab.cli.main import main
sys.exit(main(["train", *arguments]))
"""


@dataclasses.dataclass
class Outcome:
    """How one run with a fault came out: whether its end is that of the run without, and what was said of the fault."""

    same: bool
    lost: str
    message: str


def start(path: Path, fault: str = "", file_bytes: int = 0, flags: Sequence[str] = ()) -> subprocess.Popen:
    """Starts training in a directory; with `file_bytes`, no file can grow beyond them, as if the disk were full."""
    log = (path.parent / f"{path.name}.log").open("ab")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen([sys.executable, "-c", WORKER, fault, str(file_bytes),
                             *EXPERIMENTS[NAME.value], *COMMON, *flags, f"--workdir={path}"], cwd=ROOT, env=environment,
                            stdout=log, stderr=log)


def start_two(path: Path) -> list[subprocess.Popen]:
    """Starts training in a directory as two processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    return [start(path, flags=(f"--coordinator={address}", "--processes=2", f"--process={process}"))
            for process in range(2)]


def finish(path: Path, fault: str = "", in_two: bool = False) -> int:
    """Trains to the end; returns the exit status, of two processes the one that is not 0."""
    processes = start_two(path) if in_two else [start(path, fault)]
    return max((process.wait(timeout=600) for process in processes), key=abs)


def said(path: Path, words: Sequence[str] = ("ganlab:",)) -> str:
    """The last line of a run's output that has one of the words, without the run's path."""
    lines = [line for line in (path.parent / f"{path.name}.log").read_text(errors="replace").splitlines()
             if any(word in line for word in words)]
    return lines[-1].replace(f"{path}/", "").replace(str(path), path.name) if lines else ""


def steps_saved(path: Path) -> list[int]:
    """Rounds of a run's complete checkpoints."""
    return sorted(int(each.name) for each in (path / "checkpoints").glob("*") if each.name.isdigit())


def compare(path: Path, whole: Path) -> str:
    """What of a finished run differs from the run without a fault; empty where nothing does."""
    different = []
    for name in ("metrics.jsonl", *sorted(f"samples/{each.name}" for each in (whole / "samples").iterdir())):
        if not (path / name).exists() or (path / name).read_bytes() != (whole / name).read_bytes():
            different.append(name)
    if {each.name for each in (path / "samples").iterdir()} != {each.name for each in (whole / "samples").iterdir()}:
        different.append("the list of samples")
    import jax
    import numpy as np
    ours, theirs = (_state(each) for each in (path, whole))
    pairs = zip(jax.tree_util.tree_leaves_with_path(ours), jax.tree.leaves(theirs), strict=True)
    different += [jax.tree_util.keystr(place) for (place, one), other in pairs if not np.array_equal(one, other)]
    return ", ".join(different[:4])


def _state(path: Path) -> object:
    import jax

    from ganlab.engine import make_mesh, make_programs
    from ganlab.storage import Checkpoints, RunDirectory
    from ganlab.systems import build
    game, _ = build(RunDirectory(path).read_config())
    programs = make_programs(game, make_mesh(game.batch_size))
    checkpoints = Checkpoints(path / "checkpoints")
    state = checkpoints.restore(ROUNDS, programs.init(0))
    checkpoints.close()
    return state.replace(key=jax.random.key_data(state.key))


def _wait_for(condition: Callable[[], bool], process: subprocess.Popen, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.001)


def _files(path: Path) -> set[str]:
    """The files of a run's directory that come and go, half-written ones too."""
    return {str(each) for folder in (path, path / "samples", path / "checkpoints") if folder.is_dir()
            for each in folder.iterdir()}


def kill(path: Path, rng: random.Random) -> str:
    """SIGKILL a random time after a random one of the moments that can be seen from outside."""
    process = start(path)
    moment = rng.choice(("round", "save", "save", "sample", "start"))
    metrics = path / "metrics.jsonl"
    rounds = rng.randrange(5, ROUNDS - 20)
    if moment != "start":
        _wait_for(lambda: metrics.exists() and metrics.read_bytes().count(b"\n") >= rounds // 5, process)
    if moment in ("save", "sample"):
        folder = path / ("checkpoints" if moment == "save" else "samples")
        before = {each.name for each in folder.iterdir()} if folder.is_dir() else set()
        _wait_for(lambda: folder.is_dir() and bool({each.name for each in folder.iterdir()} - before), process)
    time.sleep(rng.uniform(0, 6) if moment == "start" else rng.uniform(0, 0.05))
    half = any("tmp" in Path(name).name or name.endswith(".partial") for name in _files(path))
    process.kill()
    process.wait()
    return f"at {moment}{', half a file there' if half else ''}"


def stopped_by(number: signal.Signals) -> Callable[[Path, random.Random], str]:
    """A signal at a random round; the status has to be 128 + its number."""
    def fault(path: Path, rng: random.Random) -> str:
        process = start(path)
        rounds = rng.randrange(5, ROUNDS // 2)
        _wait_for(lambda: (path / "metrics.jsonl").exists()
                  and (path / "metrics.jsonl").read_bytes().count(b"\n") >= rounds // 5, process)
        process.send_signal(number)
        status = process.wait(timeout=100)
        if status != 128 + number:
            raise AssertionError(f"status {status}")
        return f"status {status}: {said(path, ['stopped by'])}"

    return fault


def signalled_twice(path: Path, rng: random.Random) -> str:
    """A second signal while the first is answered: the process ends at once."""
    process = start(path)
    _wait_for(lambda: (path / "metrics.jsonl").exists() and bool((path / "metrics.jsonl").read_bytes()), process)
    process.send_signal(signal.SIGTERM)
    _wait_for(lambda: b"once more" in (path.parent / f"{path.name}.log").read_bytes(), process)
    time.sleep(rng.uniform(0, 0.03))
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    status = process.wait(timeout=100)
    if status not in (-signal.SIGTERM, 128 + signal.SIGTERM):
        raise AssertionError(f"status {status}")
    return f"status {status} after {time.monotonic() - started:.2f} s"


def full_disk(path: Path, rng: random.Random) -> str:
    """No file grows beyond a size that a checkpoint, the metrics or a picture needs."""
    size = rng.choice((3_000, 6_000, 12_000, 24_000))
    process = start(path, file_bytes=size)
    status = process.wait(timeout=300)
    if status != 2 or "Traceback" in (path.parent / f"{path.name}.log").read_text():
        raise AssertionError(f"status {status} at {size} bytes: {said(path, ['Error', 'ganlab:'])}")
    return f"status 2: {said(path)}"


def damaged(change: Callable[[Path], None]) -> Callable[[Path, random.Random], str]:
    """A file of the newest checkpoint is damaged after a stop."""
    def fault(path: Path, rng: random.Random) -> str:
        stopped_by(signal.SIGTERM)(path, rng)
        newest = path / f"checkpoints/{steps_saved(path)[-1]}"
        files = sorted(each for each in newest.rglob("*") if each.is_file())
        chosen = rng.choice(files)
        change(chosen)
        status = finish(path)
        words = said(path, ["does not read"]) or "its state reads all the same"
        return f"{chosen.relative_to(newest)}: status {status}, {words}"

    return fault


def truncate(file: Path) -> None:
    """Cuts a file in half."""
    file.write_bytes(file.read_bytes()[:file.stat().st_size // 2])


def started_twice(path: Path, rng: random.Random) -> str:
    """A second start on the same directory is refused, and the first continues."""
    first = start(path)
    _wait_for(lambda: (path / "metrics.jsonl").exists() and bool((path / "metrics.jsonl").read_bytes()), first)
    os.kill(first.pid, signal.SIGSTOP)  # So that it is not done before the second asks.
    status = start(path).wait(timeout=300)
    os.kill(first.pid, signal.SIGCONT)
    if status != 2 or first.wait(timeout=300) != 0:
        raise AssertionError(f"status {status}, then {first.returncode}")
    return f"status {status}: {said(path)}"


def worker_killed(path: Path, rng: random.Random) -> str:
    """SIGKILL to one of two processes at a random round; the other has to end, and not as if all were well."""
    processes = start_two(path)
    rounds, victim = rng.randrange(5, ROUNDS // 2), rng.randrange(2)
    metrics = path / "metrics.jsonl"
    _wait_for(lambda: metrics.exists() and metrics.read_bytes().count(b"\n") >= rounds // 5, processes[victim])
    time.sleep(rng.uniform(0, 0.05))
    processes[victim].kill()
    status = processes[1 - victim].wait(timeout=300)
    if status == 0 or processes[victim].wait() != -signal.SIGKILL:
        raise AssertionError(f"status {status}, and {processes[victim].returncode} of the one that was killed")
    return f"process {victim} killed; status {status}: {said(path, ['is gone', 'oordination', 'ganlab:'])[:120]}"


def clock_set_back(path: Path, rng: random.Random) -> str:
    """Resumes after a kill with a clock that is days behind and runs backwards."""
    words = kill(path, rng)
    return f"{words}; status {finish(path, 'clock set back')}"


FAULTS_BY_NAME: dict[str, Callable[[Path, random.Random], str]] = {
    "killed": kill,
    "SIGTERM": stopped_by(signal.SIGTERM),
    "SIGINT": stopped_by(signal.SIGINT),
    "a second signal": signalled_twice,
    "disk full": full_disk,
    "checkpoint truncated": damaged(truncate),
    "checkpoint emptied": damaged(lambda file: file.write_bytes(b"")),
    "checkpoint deleted": damaged(Path.unlink),
    "started twice": started_twice,
    "clock set back": clock_set_back,
    WORKER_KILLED: worker_killed,
}


def try_fault(name: str, path: Path, whole: Path, rng: random.Random) -> Outcome:
    """One run with a fault, to its end, compared with the run without."""
    lost = ""
    try:
        before: list[int] = []
        message = FAULTS_BY_NAME[name](path, rng)
        before = steps_saved(path)
        status = finish(path, in_two=name in IN_TWO)
        if status != 0:
            return Outcome(False, "", f"{message}; resumed: status {status}, {said(path)}")
        resumed = said(path, ["resuming"])
        if before and before[-1] < ROUNDS and str(before[-1]) not in resumed and "checkpoint" not in name:
            lost = f"resumed from {resumed or 'the start'} though {before[-1]} was saved"
    except (AssertionError, subprocess.TimeoutExpired) as error:
        return Outcome(False, "", str(error))
    different = compare(path, whole)
    return Outcome(not different, different or lost, message)


def main(argv: list[str]) -> int:
    """Tries every fault and prints the table."""
    del argv
    from ganlab.machine.backend import set_up_process
    set_up_process()
    folder = Path(OUTPUT.value).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    console = rich.console.Console(width=None if sys.stdout.isatty() else 150)
    rng = random.Random(SEED.value)
    names = FAULTS.value or list(FAULTS_BY_NAME)
    wholes = {in_two: folder / f"{NEVER_STOPPED} {'in two' if in_two else ''}".strip().replace(" ", "_")
              for in_two in sorted({name in IN_TWO for name in names})}
    for in_two, whole in wholes.items():
        if finish(whole, in_two=in_two) != 0:
            console.print(said(whole))
            return 1
    table = rich.table.Table("fault", "times", "same bits", "lost or different", "what it said, the last time")
    good = True
    for name in names:
        outcomes = []
        for number in range(KILLS.value if name == "killed" else OTHERS.value):
            path = folder / f"{name.replace(' ', '_')}_{number}"
            outcomes.append(try_fault(name, path, wholes[name in IN_TWO], rng))
            console.print(f"{name} {number}: {'same bits' if outcomes[-1].same else 'DIFFERENT'} {outcomes[-1].lost} "
                          f"{outcomes[-1].message}", markup=False, highlight=False)
            if outcomes[-1].same and not outcomes[-1].lost:
                shutil.rmtree(path, ignore_errors=True)
        same = sum(outcome.same for outcome in outcomes)
        lost = "; ".join(sorted({outcome.lost for outcome in outcomes if outcome.lost})) or "nothing"
        table.add_row(name, str(len(outcomes)), str(same), lost, outcomes[-1].message)
        good &= same == len(outcomes) and lost == "nothing"
    console.print(table)
    return 0 if good else 1


if __name__ == "__main__":
    app.run(main)
