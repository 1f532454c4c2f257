"""Processes of their own for tests: other devices, and several that are one run."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import jax

TESTS = Path(__file__).parent
# Half the time to compile; the numbers are compared in double precision.
QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
# XLA:CPU has two makers of fused loops; the older one takes less than half the time to compile. With jaxlib 0.12 it ends
# the process in some programs.
OLDER_LOOPS = ["--xla_cpu_use_fusion_emitters=false"] if jax.__version_info__ < (0, 11) else []


def free_address():
    """An address of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def begin(arguments, **environment):
    """A Python process that finds ganlab and the tests' own modules."""
    path = os.pathsep.join(map(str, (TESTS.parent, TESTS, TESTS / "engine")))
    home = {name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME") if name in os.environ}
    return subprocess.Popen([sys.executable, *map(str, arguments)], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, cwd=TESTS.parent, env={
                                "PYTHONPATH": path, "PATH": "/usr/bin:/bin", "JAX_PLATFORMS": "cpu",
                                "XLA_FLAGS": " ".join([QUICK, *OLDER_LOOPS]), **home, **environment})


def end(processes, seconds=300):
    """Status, output and errors of each."""
    found = [(process, *process.communicate(timeout=seconds)) for process in processes]
    return [(process.returncode, output, errors) for process, output, errors in found]
