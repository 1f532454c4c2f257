"""How much of the machine this process may use: a part of it in a job of SLURM or a container."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
MEBIBYTE = 2**20


def allowed_memory(groups: Path = GROUPS, own_groups: Path = OWN_GROUPS,
                   environment: Mapping[str, str] = os.environ) -> int:
    """Returns the bytes of memory that this process may fill.

    They are the least of what the machine has, what the process's control groups allow, and what
    SLURM gave its job.

    Args:
      groups: where the system mounts control groups, of either version.
      own_groups: the file that names those of this process.
      environment: where SLURM says what it gave.
    """
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *_group_limits(groups, own_groups), *_slurm_limits(environment)])


def allowed_cores(environment: Mapping[str, str] = os.environ) -> int:
    """Returns how many cores this process is bound to, at most what SLURM gave its job."""
    bound = (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
             else os.cpu_count() or 1)
    return min(bound, _number(environment.get("SLURM_CPUS_ON_NODE")) or bound)


def load_per_core() -> float | None:
    """Returns the machine's load average over the last minute divided by its cores.

    It counts all processes; above 1, work waited for a core. None if the system keeps no load
    average.
    """
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except (AttributeError, OSError):
        return None


def _group_limits(groups: Path, own_groups: Path) -> Iterator[int]:
    """Yields the limits of the process's groups and of those around them, all of which apply."""
    try:
        lines = own_groups.read_text().splitlines()
    except OSError:  # Linux alone has them.
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds not in ("", "memory"):
            continue
        # Version 2 has one tree for all kinds, version 1 a tree for memory.
        top, file = ((groups / "memory", "memory.limit_in_bytes") if kinds
                     else (groups, "memory.max"))
        own = top / path.lstrip("/")
        for folder in (own, *own.parents):
            if not folder.is_relative_to(top):
                break
            try:
                limit = _number((folder / file).read_text().strip())
            except OSError:
                # The top has no limit, and a container does not see what is around its own groups.
                continue
            if limit:
                yield limit


def _slurm_limits(environment: Mapping[str, str]) -> Iterator[int]:
    """Yields the bytes that `--mem` and `--mem-per-cpu` of a job allow; 0 means the whole node."""
    if whole := _number(environment.get("SLURM_MEM_PER_NODE")):
        yield whole * MEBIBYTE
    of_one, cores = (_number(environment.get(name))
                     for name in ("SLURM_MEM_PER_CPU", "SLURM_CPUS_ON_NODE"))
    if of_one and cores:
        yield of_one * cores * MEBIBYTE


def _number(text: str | None) -> int | None:
    """Reads a whole number; None for anything else, such as `max` of a group without limit."""
    return int(text) if text and text.isdecimal() else None
