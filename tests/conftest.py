"""Shared set-up: four virtual CPU devices, a compiler that is quick rather than good, its cache, which makes a second
run quick, prepared data, the longest files first, and the slowest ones named at the end."""

import collections
import gc
import os
from pathlib import Path

import jax
import pytest
from processes import SOONER

from ganlab.machine import backend
from ganlab.machine.backend import compilation_cache, set_xla_flags

# Tests beside each other have caches of their own: JAX's is not safe for two that write the same program at once.
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ["XDG_CACHE_HOME"] = str(compilation_cache().parent / worker)

os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *SOONER])

jax.config.update("jax_platforms", "cpu")
set_xla_flags()  # As commands do.
# JAX's loop of the cipher compiles in less time than straight code, which draws the same bits: test_random_bits shows it.
backend.straighten_random_bits = lambda: None
jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_compilation_cache_dir", str(compilation_cache()))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
# Compiling is most of what tests take, and laws hold whatever the compiler makes of a program.
jax.config.update("jax_disable_most_optimizations", True)
# They exist from now on: a command that the first test runs would make as many as there are cores.
jax.devices()

jax.config.update("jax_traceback_in_locations_limit", 0)  # As commands do.
# Tracing makes many objects that stay; looking through them for garbage took a tenth of it.
gc.set_threshold(50_000, 20, 100)

SLOWEST = 10
"""Files that the summary names."""
LONG = ("test_experiments.py", "ablation/test_stacks.py", "cli/test_processes.py", "game/test_modes.py",
        "python/test_notebook.py", "engine/test_scale.py", "systems/test_stylegan2.py", "networks/test_biggan.py",
        "systems/test_translation_parity.py", "systems/test_every_system.py")
"""Files that are begun first: one that was begun last would leave the other processes without work."""


def pytest_collection_modifyitems(items):
    """Begins with the files that take longest, if xdist leaves the order as it is (`--no-loadscope-reorder`)."""
    first = {Path(__file__).parent / file for file in LONG}
    items.sort(key=lambda item: item.path not in first)


@pytest.fixture
def float64():
    """Runs a test in double precision, where laws hold to rounding and finite differences mean something."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(autouse=True)
def compiler(request):
    """Compiles the programs of tests marked `optimized` as commands do: their subject is the compiler."""
    optimized = request.node.get_closest_marker("optimized") is not None
    jax.config.update("jax_disable_most_optimizations", not optimized)
    yield
    jax.config.update("jax_disable_most_optimizations", True)
# They exist from now on: a command that the first test runs would make as many as there are cores.
jax.devices()


@pytest.fixture(scope="session")
def prepared_data(tmp_path_factory):
    """A folder where TFDS has prepared a tiny CIFAR-10 (see `prepared`), and the one that is read from here on."""
    from prepared import prepare_cifar10  # Imported here: TFDS takes half a second.

    folder = tmp_path_factory.mktemp("prepared")
    prepare_cifar10(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", str(folder))
        yield folder


def pytest_terminal_summary(terminalreporter):
    """Prints the files that took longest, of all processes together."""
    seconds = collections.Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if hasattr(report, "duration"):
                seconds[report.nodeid.partition("::")[0]] += report.duration
    terminalreporter.write_sep("=", f"slowest {SLOWEST} files of {len(seconds)}")
    for file, spent in seconds.most_common(SLOWEST):
        terminalreporter.write_line(f"{spent:7.1f} s  {file}")
