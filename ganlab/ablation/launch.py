"""Where the stacks of an ablation are trained: here, in processes of this machine, or as
jobs of SLURM."""

import contextlib
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganlab.ablation.directory import AblationDirectory
from ganlab.ablation.plan import Plan
from ganlab.ablation.stacks import Program, Stack, compile_program
from ganlab.ablation.training import train_stack
from ganlab.config import ConfigError
from ganlab.engine import Interruption
from ganlab.storage import locked

LAUNCHERS = ("here", "local", "slurm")
SIZE_STACKS = "--size_stacks"
"""The flag of a job that cuts the trials into stacks."""
ERROR_LINES = 3
JOB_MINUTES = 4 * 60
"""Time limit of a job where the option `time` says nothing else: partitions take it, and a job that
reaches it is queued again and resumes."""
MOST_LIMITS = 1000  # Times that a job may reach it.
SAVING_SECONDS = 80  # Of the 90 between SLURM's signal and the end of a job.

Advance = Callable[[int], None]
Track = Callable[[Plan, Stack], Advance]
"""`track(plan, stack) -> advance`: begins a bar of a stack's rounds."""


def train_here(directory: AblationDirectory, programs: Mapping[int, Program],
               interruption: Interruption, track: Track, say: Callable[[str], None]) -> bool:
    """Trains all stacks that are not done, one after another; returns whether none was interrupted.

    A stack that fails is tried once more in a process of its own, which whatever the others left
    behind does not reach; when it fails there too, it is marked and the next one follows.

    Args:
      directory: of the ablation.
      programs: compiled already, by group; others are compiled when they are needed.
      interruption: asked at every call of a program.
      track: shows progress.
      say: called with what fails.
    """
    plan = directory.read_plan()
    for stack in directory.unfinished():
        try:
            if not train_one(directory, plan, stack, programs.get(stack.group), interruption,
                             track(plan, stack), say):
                return False
        # The user can mend these: another try would end in the same way.
        except (ConfigError, OSError):
            raise
        except Exception as error:
            # Memory that others left behind is a common cause, so a fresh process tries.
            text = "".join(traceback.format_exception_only(error)).strip()
            say(f"stack {stack.number} failed ({_brief(text)}); trying once more in a "
                "process of its own")
            retry_apart(directory, stack, text, say, interruption)
            if interruption.signal is not None:
                return False
    return True


def train_one(directory: AblationDirectory, plan: Plan, stack: Stack, program: Program | None,
              interruption: Interruption, advance: Advance = lambda number: None,
              say: Callable[[str], None] = print) -> bool:
    """Trains one stack, by a program that is compiled already if there is one; returns whether it
    came to its end."""
    with locked(directory.stack_folder(stack.number)):
        program = program or compile_program(plan, stack.group, len(stack.trials))
        return train_stack(plan, stack, program, directory, interruption, advance, say)


def retry_apart(directory: AblationDirectory, stack: Stack, text: str, say: Callable[[str], None],
                interruption: Interruption) -> None:
    """Trains a stack in a process of its own; where that fails too, writes why, or the `text` of
    the first failure.

    A process that ends because of the same signal as this one has not failed.
    """
    done = subprocess.run(job_command(directory.path, stack_flag(stack.number)),
                          capture_output=True, text=True)
    if done.returncode == 0 or interruption.signal is not None:
        return
    lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
    reason = "\n".join(lines[-ERROR_LINES:]) or f"status {done.returncode}; before: {text}"
    directory.write_error(stack.number, reason)
    say(f"stack {stack.number} failed again and is left out: "
        f"{_brief(lines[-1] if lines else reason)}")


def check_launcher(launcher: str) -> None:
    """Raises ConfigError where this machine cannot submit by a launcher; nothing is compiled or
    written for it."""
    if launcher == "slurm" and shutil.which("sbatch") is None:
        raise ConfigError("--launcher=slurm: SLURM was not found here (sbatch is not on the PATH); "
                          "run the command on a node that submits, or use --launcher=here or "
                          "--launcher=local")


def job_command(path: Path, *flags: str) -> list[str]:
    """Returns the command by which a job does its part of an ablation whose plan is written."""
    return [sys.executable, "-m", "ganlab", "ablate", f"--workdir={path}", *flags]


def stack_flag(number: int) -> str:
    """Returns the flag of a job that trains one stack."""
    return f"--stack={number}"


def size_by_job(directory: AblationDirectory, launcher: str, limit: int, options: Mapping[str, Any],
                say: Callable[[str], None]) -> None:
    """Cuts an ablation's trials into stacks by a job, on the kind of node that trains them, and
    waits for it.

    Only there are the devices whose memory the stacks have to fit; a node that submits
    often has none.

    Args:
      directory: of the ablation, whose plan is written.
      launcher: see `submit`.
      limit: trials of a stack at most; 0 for as many as fit and pay.
      options: of SLURM, those of the jobs that train.
      say: called with where the job's logs are.

    Raises:
      ConfigError: as `submit`, and where the job fails.
    """
    job = _executor(directory, launcher, 1, options).submit(Job(), str(directory.path), SIZE_STACKS,
                                                            f"--trials_per_stack={limit}")
    say(f"job {job.job_id}: sizes the stacks on the node where it runs; logs in {directory.jobs}")
    error = job.exception()
    if error is not None:
        raise ConfigError(f"--launcher={launcher}: the job that sizes the stacks failed: "
                          f"{_last_lines(error)}\nlogs in {directory.jobs}; the same "
                          "command tries again")


def submit(directory: AblationDirectory, launcher: str, workers: int, options: Mapping[str, Any],
           say: Callable[[str], None]) -> None:
    """Trains all stacks that are not done as jobs, at most `workers` at a time, and waits for them.

    Args:
      directory: of the ablation.
      launcher: `local`, for processes of this machine, or `slurm`, for one array of jobs.
      workers: jobs at a time.
      options: of SLURM, without their prefix: `partition`, `time`, `gpus_per_node`.
      say: called with how each job ended.

    Raises:
      ConfigError: where there is no SLURM, or an option that it does not know.
    """
    stacks, executor = directory.unfinished(), _executor(directory, launcher, workers, options)
    # SLURM itself keeps to the number of workers; processes of this machine are started in turn.
    for batch in ([stacks] if launcher == "slurm"
                  else [stacks[i:i + workers] for i in range(0, len(stacks), workers)]):
        jobs = executor.map_array(Job(), [str(directory.path)] * len(batch),
                                  [stack_flag(stack.number) for stack in batch])
        say(f"jobs {', '.join(str(job.job_id) for job in jobs)}: stacks "
            f"{', '.join(str(stack.number) for stack in batch)}; logs in {directory.jobs}")
        for job, stack in zip(jobs, batch, strict=True):
            _await(job, stack, directory, say)


def _executor(directory: AblationDirectory, launcher: str, workers: int,
              options: Mapping[str, Any]) -> Any:
    """Returns what submits jobs with these options."""
    import submitit  # Imported here: it is for those who submit.

    try:
        executor = submitit.AutoExecutor(folder=directory.jobs, cluster=launcher)
        executor.update_parameters(name="ganlab", timeout_min=JOB_MINUTES,
                                   **{f"slurm_{name}": value for name, value in options.items()})
        if launcher == "slurm":
            executor.update_parameters(slurm_array_parallelism=workers,
                                       slurm_max_num_timeout=MOST_LIMITS)
    except (RuntimeError, NameError, AssertionError) as error:
        raise ConfigError(f"--launcher={launcher}: {error}") from error
    return executor


class Job:
    """Does a part of an ablation in a process of its own, for submitit: at SLURM's time limit a
    stack is saved and queued again."""

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None

    def __call__(self, path: str, *flags: str) -> None:
        """Runs the command for an ablation's directory with these flags; raises RuntimeError
        where it fails."""
        self._process = subprocess.Popen(job_command(Path(path), *flags), stdout=subprocess.DEVNULL,
                                         stderr=subprocess.PIPE, text=True)
        _, errors = self._process.communicate()
        if self._process.returncode:
            raise RuntimeError(errors.strip() or f"status {self._process.returncode}")

    def checkpoint(self, path: str, *flags: str) -> object:
        """Waits until a stack is saved, and returns what resumes the job: submitit asks for it at
        the time limit."""
        from submitit.helpers import DelayedSubmission

        if self._process is not None and self._process.poll() is None:
            # SLURM signals every process of a job, or the first alone: once more has no effect.
            self._process.send_signal(signal.SIGUSR2)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(SAVING_SECONDS)
        return DelayedSubmission(Job(), path, *flags)


def _await(job: Any, stack: Stack, directory: AblationDirectory,
           say: Callable[[str], None]) -> None:
    """Waits for a job, and writes why it failed."""
    error = job.exception()
    if error is not None:
        text = _last_lines(error)
        directory.write_error(stack.number, text)
        say(f"stack {stack.number} failed: {_brief(text.splitlines()[-1])}")


def _last_lines(error: Exception) -> str:
    """Returns the end of an error's text, where its reason is, or what kind it is."""
    return "\n".join(str(error).strip().splitlines()[-ERROR_LINES:]) or type(error).__name__


def _brief(text: str) -> str:
    return text.strip().partition("\n")[0][:160]


def chosen(stacks: Sequence[Stack], number: int) -> Stack:
    """Returns the stack of a number.

    Raises:
      ConfigError: where the plan does not have it.
    """
    for stack in stacks:
        if stack.number == number:
            return stack
    raise ConfigError(f"--stack={number}: the plan has stacks 0 to {len(stacks) - 1}")
