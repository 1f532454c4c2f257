"""What a process may use of its machine is the least that anyone allows it."""

import os

import pytest

from ganlab.machine import allowed_cores, allowed_memory, load_per_core

MIB = 2**20
PHYSICAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def memory(tmp_path, own="", limits=(), **environment):
    """The memory that is allowed where control groups have these limits, by the files that hold them."""
    (tmp_path / "own").write_text(own)
    for file, text in dict(limits).items():
        path = tmp_path / "groups" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return allowed_memory(tmp_path / "groups", tmp_path / "own", environment)


def test_without_limits_it_is_what_the_machine_has(tmp_path):
    assert memory(tmp_path) == PHYSICAL
    assert memory(tmp_path, "0::/job/step\n", {"job/memory.max": "max", "job/step/memory.max": "max"}) == PHYSICAL
    # The number by which version 1 says that there is no limit.
    assert memory(tmp_path, "9:memory:/job\n", {"memory/job/memory.limit_in_bytes": str(2**63 - 4096)}) == PHYSICAL


def test_a_limit_around_the_own_group_holds_too(tmp_path):
    limits = {"job/memory.max": str(64 * MIB), "job/step/memory.max": "max"}
    assert memory(tmp_path, "0::/job/step\n", limits) == 64 * MIB
    limits = {"memory/job/memory.limit_in_bytes": str(32 * MIB), "memory/job/step/memory.limit_in_bytes": str(48 * MIB)}
    assert memory(tmp_path, "4:cpu,cpuacct:/else\n9:memory:/job/step\n", limits) == 32 * MIB


@pytest.mark.parametrize(("environment", "allowed"), [
    ({"SLURM_MEM_PER_NODE": "100"}, 100 * MIB),
    ({"SLURM_MEM_PER_NODE": "0"}, PHYSICAL),
    ({"SLURM_MEM_PER_CPU": "30", "SLURM_CPUS_ON_NODE": "4"}, 120 * MIB),
    ({"SLURM_MEM_PER_CPU": "30"}, PHYSICAL),
])
def test_what_slurm_gave_a_job_is_its_limit(tmp_path, environment, allowed):
    assert memory(tmp_path, **environment) == allowed


def test_a_job_has_the_cores_that_slurm_gave_it():
    bound = allowed_cores({})
    assert 1 <= bound <= os.cpu_count()
    assert allowed_cores({"SLURM_CPUS_ON_NODE": "1"}) == 1
    assert allowed_cores({"SLURM_CPUS_ON_NODE": str(bound + 5)}) == bound


def test_the_load_is_a_share_of_the_machine(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (6.0, 0.0, 0.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert load_per_core() == 1.5

    def none():
        raise OSError

    monkeypatch.setattr(os, "getloadavg", none)
    assert load_per_core() is None
