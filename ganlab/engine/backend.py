"""Settings of the process that JAX should find when it starts."""

import contextlib
import ctypes
import os
import sys
from pathlib import Path

import jax
from absl import logging

# Parameters of glibc's mallopt, and what they are set to: take memory by growing one
# arena, in large steps, and never give it back. Fresh pages are zeroed by the kernel at
# first touch, which otherwise costs more than half of a training step on CPU.
_MALLOPT = {"M_MMAP_MAX": (-4, 0), "M_TRIM_THRESHOLD": (-1, 2**31 - 1), "M_TOP_PAD": (-2, 512 * 2**20),
            "M_ARENA_MAX": (-8, 1)}


def compilation_cache() -> Path:
    """Where compiled programs are kept for this user, so that a second run starts quickly."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganlab" / "compiled"


def split_cpu() -> None:
    """Makes each core of the CPU a device of its own, where JAX has not begun: the quicker way for programs that
    exchange nothing, as the trials of a stack. Accelerators are not touched by it."""
    with contextlib.suppress(RuntimeError):  # Devices that are in use stay as they are.
        jax.config.update("jax_num_cpu_devices", os.cpu_count())


def set_up_process() -> None:
    """Sets the memory allocator (glibc only), the compilation cache, and silence for Orbax's notes on its options and
    for the tracebacks of its threads, whose errors come back to whoever saves.

    Call it before JAX computes anything.
    """
    logging.set_verbosity(logging.FATAL)
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        for parameter, value in _MALLOPT.values():
            libc.mallopt(parameter, value)
    if not jax.config.jax_compilation_cache_dir:
        jax.config.update("jax_compilation_cache_dir", str(compilation_cache()))
    # Small programs are most of a first start on CPU.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
