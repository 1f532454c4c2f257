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
# Flags of jaxlib 0.10 that make it compile sooner; others end the process on flags that they do not know. XLA:CPU has two
# makers of fused loops, of which the older one takes less than half the time. Parts of a program compiled side by side,
# wide vectors and a library that is asked about every product take a sixth of what is left.
SOONER = ["--xla_cpu_use_fusion_emitters=false", "--xla_cpu_parallel_codegen_split_count=1",
          "--xla_cpu_prefer_vector_width=128", "--xla_cpu_use_xnnpack=false"] if jax.__version_info__ < (0, 11) else []


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
                                "XLA_FLAGS": " ".join([QUICK, *SOONER]), **home, **environment})


def end(processes, seconds=300):
    """Status, output and errors of each."""
    found = [(process, *process.communicate(timeout=seconds)) for process in processes]
    return [(process.returncode, output, errors) for process, output, errors in found]
