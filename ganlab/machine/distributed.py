"""Several processes as one run, by JAX's distributed runtime: joining, agreeing, ending together.

Every process runs the same program on its share of each batch. Process 0 writes everything that is
written besides checkpoints.
"""

import contextlib
import hashlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from ganlab.config import ConfigError

Prepared = TypeVar("Prepared")
MESSAGE_BYTES = 2000
EXIT_FAILURE, EXIT_MISTAKE = 1, 2
# What JAX says when another process is gone, in its own words and in those of its transports.
LOST = ("gloo", "connection", "heartbeat", "coordination", "unavailable", "nccl", "socket")


def launcher(environment: Mapping[str, str]) -> str | None:
    """Returns JAX's name for what started this process as one of several; None for a single one.

    It reads the environment alone, so that a plain start never waits for others.

    Raises:
      ConfigError: for an Open MPI that does not say where its processes meet.
    """
    def number(name: str) -> int:
        return int(environment.get(name) or 1)

    # Within `salloc` or `sbatch`, but outside `srun`, there are tasks but no step.
    if number("SLURM_NTASKS") > 1 and {
            "SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_PROCID"} <= environment.keys():
        return "slurm"
    if number("OMPI_COMM_WORLD_SIZE") > 1:
        if "OMPI_MCA_orte_hnp_uri" not in environment:
            raise ConfigError("this Open MPI (5 or later) does not say where its processes meet; "
                              "give it, as in mpirun sh -c 'ganlab train --coordinator=HOST:PORT "
                              "--processes=$OMPI_COMM_WORLD_SIZE "
                              "--process=$OMPI_COMM_WORLD_RANK ...'")
        return "ompi"
    if any("," in environment.get(name, "")
           for name in ("TPU_WORKER_HOSTNAMES", "TPU_PROCESS_ADDRESSES")):
        return "tpu"
    return None


def join(coordinator: str | None, processes: int | None, process: int | None) -> None:
    """Joins the other processes of a run, by the flags, or by SLURM, Open MPI or a TPU pod.

    Call it before JAX computes anything. For a single process it returns at once.

    Args:
      coordinator: `HOST:PORT` of process 0; `auto` for what only JAX finds out; None to read the
        environment.
      processes: how many there are.
      process: which one this is, from 0.

    Raises:
      ConfigError: for flags that do not go together, or if the others do not come.
    """
    # Where the processes meet: what the environment says, or the three flags.
    given = {"--coordinator": coordinator, "--processes": processes, "--process": process}
    arguments = {"cluster_detection_method": None}
    if coordinator in (None, "auto"):
        if processes is not None or process is not None:
            raise ConfigError("--processes and --process need --coordinator=HOST:PORT, where "
                              "process 0 waits for the others")
        found = launcher(os.environ)
        if found is None and coordinator is None:
            return
        arguments["cluster_detection_method"] = found if found in ("slurm", "ompi") else None
    else:
        missing = [flag for flag, value in given.items() if value is None]
        host, _, port = coordinator.rpartition(":")
        if missing:
            raise ConfigError(f"{' and '.join(missing)} is missing beside "
                              f"--coordinator={coordinator}: all three go together, and every "
                              "process has another --process, from 0")
        if not (host and port.isdigit()):
            raise ConfigError(f"--coordinator={coordinator} is not HOST:PORT; name a port that is "
                              "free on the machine of process 0, as in --coordinator=node1:12345")
        if not 0 <= process < processes:
            raise ConfigError(f"--process={process} of --processes={processes}: processes are "
                              f"numbered from 0 to {processes - 1}")
        arguments = {"coordinator_address": coordinator, "num_processes": processes,
                     "process_id": process}
    # The meeting, which waits until all are there.
    try:
        jax.distributed.initialize(**arguments)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise ConfigError(f"the processes of this run did not find each other ({reason}); see what "
                          "the others say, and start all of them, with one --coordinator that each "
                          "can reach") from error


def tell_mistake(error: Exception, coordinator: str | None, processes: int | None,
                 process: int | None) -> None:
    """Joins the other processes of a run and ends them all with a mistake in this one's flags.

    Without it they would wait long. It returns at once for a single process, and for one that
    cannot find the others.
    """
    def fail() -> NoReturn:
        raise ConfigError(str(error)) from error

    try:
        if coordinator is None and launcher(os.environ) is None:
            return
        if process is not None:  # Started by hand, maybe before the others.
            print(f"process {process}: {error}; this process waits for the others, so that they "
                  "end too", file=sys.stderr, flush=True)
        join(coordinator, processes, process)
    except ConfigError:
        return
    with ending_all():
        together(fail)


def several() -> bool:
    """Returns whether this process is one of several."""
    return jax.process_count() > 1


def leads() -> bool:
    """Returns whether this is process 0, which writes and prints for all."""
    return jax.process_index() == 0


def together(prepare: Callable[[], tuple[Prepared, str]]) -> Prepared:
    """Returns the value of `prepare() -> (value, description)` if all processes agree on it.

    A mistake in one process is a mistake in all, so that none waits for a process that is gone.

    Raises:
      ConfigError: with the message of the first process that raised something, or if descriptions
        differ.
    """
    if not several():
        return prepare()[0]
    # This process's part: its value, or what went wrong.
    value, description, failure = None, "", None
    try:
        value, description = prepare()
    except Exception as error:
        failure = error
    # All exchange bytes of one length: a flag, a digest of the description, and a message.
    text = ((str(failure) or type(failure).__name__).encode()[:MESSAGE_BYTES] if failure else b"")
    mine = np.zeros(33 + MESSAGE_BYTES, np.uint8)
    mine[0] = failure is not None
    mine[1:33] = np.frombuffer(hashlib.sha256(description.encode()).digest(), np.uint8)
    mine[33:33 + len(text)] = np.frombuffer(text, np.uint8)
    all_of_them = np.asarray(multihost_utils.process_allgather(mine))
    mistake = failure or _mistake(all_of_them)
    if mistake is None:
        return value
    # All know it and part here: JAX aborts a process whose coordinator leaves before it.
    jax.distributed.shutdown()
    raise mistake


def _mistake(all_of_them: np.ndarray) -> ConfigError | None:
    """Returns what the first process that failed says, or which were started in another way."""
    for process, theirs in enumerate(all_of_them):
        if theirs[0]:
            message = bytes(theirs[33:]).rstrip(b"\0").decode(errors="replace")
            return ConfigError(f"process {process} of {len(all_of_them)}: {message}")
    others = [process for process, theirs in enumerate(all_of_them)
              if (theirs[1:33] != all_of_them[0][1:33]).any()]
    if others:
        return ConfigError(f"process {', '.join(map(str, others))} of {len(all_of_them)} has "
                           "another config, other flags or other data than process 0; start all "
                           "of them with one command line")
    return None


def wait_for_all(moment: str) -> None:
    """Waits until every process has called this with the same name of a moment."""
    if several():
        multihost_utils.sync_global_devices(moment)


def agreed_signal(received: signal.Signals | None) -> signal.Signals | None:
    """Returns the signal that any process has received; all call it after the same round."""
    if not several():
        return received
    number = int(np.max(multihost_utils.process_allgather(np.int32(received or 0))))
    return signal.Signals(number) if number else None


@contextlib.contextmanager
def ending_all() -> Iterator[None]:
    """Ends one of several processes at once if it fails inside, so that the others end too.

    An ordinary exit would wait for them, and they for it.
    """
    try:
        yield
    except BaseException as error:
        if several():
            _leave(error)
        raise


def _leave(error: BaseException) -> NoReturn:
    """Prints why, and ends this process at once; JAX notifies the others."""
    status = EXIT_FAILURE
    if isinstance(error, ConfigError):
        status = EXIT_MISTAKE
        if leads():
            print(f"ganlab: {error}", file=sys.stderr)
    elif isinstance(error, KeyboardInterrupt):
        status = 128 + signal.SIGINT
    elif not isinstance(error, OSError) and any(word in str(error).lower() for word in LOST):
        reason = str(error).strip().partition("\n")[0][:200]
        print(f"ganlab: process {jax.process_index()}: another process of this run is gone; start "
              f"all of them again, and they resume from the last checkpoint ({reason})",
              file=sys.stderr)
    else:
        print(f"ganlab: process {jax.process_index()} failed", file=sys.stderr)
        traceback.print_exception(error)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
