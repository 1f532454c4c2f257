"""What all rivals share: which game they are asked to play, and how they answer the benchmark."""

import sys
import time
from typing import Any

from style_workloads import PGGAN_WORKLOADS, STYLE_WORKLOADS, STYLEGAN3_WORKLOADS
from workloads import BIGGAN_WORKLOADS, WORKLOADS, of_batch, thinned

ALL_WORKLOADS = WORKLOADS | STYLE_WORKLOADS | STYLEGAN3_WORKLOADS | BIGGAN_WORKLOADS | PGGAN_WORKLOADS
EXAMPLES = 512
"""Examples of the random data, which every rival holds in memory and draws its batches from."""


def asked() -> tuple[Any, str, str, int]:
    """The workload, variant, precision and divisor of filters of a rival's command line.

    It is `name variant`, and where they are not the workload's own `batch precision divisor`.
    """
    name, variant, *rest = sys.argv[1:]
    if not rest:
        return ALL_WORKLOADS[name], variant, "float32", 1
    batch, precision, thin = rest
    return thinned(of_batch(WORKLOADS[name], int(batch)), int(thin)), variant, precision, int(thin)


def serve(parameters: int, play, memory=None) -> None:
    """Answers the benchmark: after a first round, for each line `n` the seconds of a round of n,
    of the clock and of all its threads, and the peak memory.

    Args:
      parameters: of both networks.
      play: plays n rounds and returns when they are finished.
      memory: gives the peak memory in MB; by default that of this process.
    """
    play(1)
    print("ready", parameters, flush=True)
    for line in sys.stdin:
        start, used = time.perf_counter(), time.process_time()
        play(int(line))
        print("took", *((end - begin) / int(line) for begin, end in (
            (start, time.perf_counter()), (used, time.process_time()))), (memory or peak_memory)(), flush=True)


def peak_memory() -> float:
    """The largest memory of this process so far, in MB."""
    # Not of getrusage, which starts from the memory of the process that started this one.
    with open("/proc/self/status", encoding="utf8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
