"""Settings of the process that JAX should find when it starts."""

import contextlib
import ctypes
import importlib.metadata
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
from absl import logging

from ganlab.machine import allowed_cores, fix_numbers
from ganlab.machine.random_bits import straighten_random_bits

# Parameters of glibc's mallopt, and what they are set to: take memory by growing one
# arena, in large steps, and never give it back. Fresh pages are zeroed by the kernel at
# first touch, which otherwise costs more than half of a training step on CPU.
_MALLOPT = {"M_MMAP_MAX": (-4, 0), "M_TRIM_THRESHOLD": (-1, -1),
            "M_TOP_PAD": (-2, 512 * 2**20), "M_ARENA_MAX": (-8, 1)}
# XLA:CPU has two libraries for convolutions; the one that it prefers runs many of them on one core,
# and computes gradients of kernels at a third of the speed.
_CONVOLUTIONS = "--xla_cpu_experimental_ynn_fusion_type=-individual_convolution"
# A round's time is spent in libraries: LLVM's costlier passes make the rest no quicker, and took a
# quarter of the time that a DCGAN takes to compile. XLA uses the same flag for kernels on a GPU,
# where it matters.
_LESS_OPTIMIZATION = "--xla_backend_optimization_level=1"
# Vector units by the kernel's flag for them, widest first.
_VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX", "asimd": "NEON"}
_HUGE_PAGE, _MADV_HUGEPAGE = 2 * 2**20, 14


def compilation_cache() -> Path:
    """Returns the folder where compiled programs are kept, so that a second run starts quickly."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganlab" / "compiled"


def split_cpu() -> None:
    """Makes each core of the CPU that this process may use a device, if JAX has not started yet.

    This is quicker for programs that exchange nothing, such as the trials of a stack. Accelerators
    stay as they are.
    """
    with contextlib.suppress(RuntimeError):  # Devices that are in use stay as they are.
        jax.config.update("jax_num_cpu_devices", allowed_cores())


def _libc() -> ctypes.CDLL | None:
    """Opens the C library, if it is glibc."""
    return (libc if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt")
            else None)


def _room() -> int:
    """Returns the bytes by which the arena may grow: half of the memory, not touched at first."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _ask_for_huge_pages(libc: ctypes.CDLL) -> None:
    """Lets the arena grow, and asks for huge pages: 512 times fewer to zero and to look up."""
    libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = (
        ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p])
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    size = _room()
    if start := libc.malloc(size):
        first = -(-start // _HUGE_PAGE) * _HUGE_PAGE
        libc.madvise(first, (start + size - first) // _HUGE_PAGE * _HUGE_PAGE, _MADV_HUGEPAGE)
        libc.free(start)


def give_back_memory() -> None:
    """Gives free memory below the end of the arena back to the system (glibc only).

    Compiling takes it and leaves it in pieces, into which the arrays of a round do not fit.
    """
    if libc := _libc():
        libc.malloc_trim.argtypes = [ctypes.c_size_t]
        libc.malloc_trim(_room())


def processor() -> str:
    """Returns the processor's name, with its vector units and the cores that ganlab may use."""
    name, vectors = platform.machine(), ""
    # Linux alone has this file.
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf8") as file:
        lines = dict(line.split(":", 1)
                     for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
        entries = {key.strip(): value.strip() for key, value in lines.items()}
        name = entries.get("model name", name)
        known = set(entries.get("flags", entries.get("Features", "")).split())
        vectors = next((text for flag, text in _VECTORS.items() if flag in known), "")
    cores = allowed_cores()
    return ", ".join(filter(None, (name, vectors, f"{cores} cores" if cores > 1 else "1 core")))


def devices_text(devices: Sequence[jax.Device]) -> str:
    """Returns words such as `4 x NVIDIA H200 (gpu)` or `1 x cpu (AMD EPYC, AVX2, 2 cores)`."""
    first = devices[0]
    kind = processor() if first.platform == "cpu" else first.platform
    return f"{len(devices)} x {first.device_kind} ({kind})"


def _only_cpu() -> bool:
    """Returns whether JAX has no GPU here, for which it needs a plugin."""
    platforms = jax.config.jax_platforms
    return (platforms == "cpu" if platforms
            else not importlib.metadata.entry_points(group="jax_plugins"))


def set_xla_flags() -> None:
    """Sets how XLA:CPU compiles, before JAX computes anything; flags that the user has set stay."""
    flags = os.environ.get("XLA_FLAGS", "")
    wanted = [_CONVOLUTIONS, *([_LESS_OPTIMIZATION] if _only_cpu() else [])]
    os.environ["XLA_FLAGS"] = " ".join(
        [*flags.split(), *(flag for flag in wanted if flag.split("=")[0] not in flags)])


def set_up_process() -> None:
    """Sets memory allocation, numbers, XLA's flags, random bits and the compilation cache.

    Call it before JAX computes anything.
    """
    # Orbax's notes on its options, and tracebacks of its threads: whoever saves gets their errors.
    logging.set_verbosity(logging.FATAL)
    if libc := _libc():
        for parameter, value in _MALLOPT.values():
            libc.mallopt(parameter, value)
        _ask_for_huge_pages(libc)
    fix_numbers()
    set_xla_flags()
    if not jax.config.jax_compilation_cache_dir:
        jax.config.update("jax_compilation_cache_dir", str(compilation_cache()))
    straighten_random_bits()
    # A program that starts on a CPU while another one runs, or still frees its memory, takes memory
    # of its own.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    # The line of each operation in the source takes a twentieth of a small program's memory; its
    # name is enough.
    jax.config.update("jax_traceback_in_locations_limit", 0)
    # Small programs are most of a first start on CPU.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
