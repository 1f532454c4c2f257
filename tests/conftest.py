"""Shared set-up: four virtual CPU devices, the compiler as commands have it, its cache, which makes a second run
quick, and prepared data."""

import os

import jax
import pytest

from ganlab.engine.backend import compilation_cache, set_xla_flags
from ganlab.engine.random_bits import straighten_random_bits

# Tests beside each other have caches of their own: JAX's is not safe for two that write the same program at once.
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ["XDG_CACHE_HOME"] = str(compilation_cache().parent / worker)

jax.config.update("jax_platforms", "cpu")
set_xla_flags()  # As commands do.
straighten_random_bits()
jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_compilation_cache_dir", str(compilation_cache()))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


@pytest.fixture
def float64():
    """Runs a test in double precision, where laws hold to rounding and finite differences mean something."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def compiled_quickly():
    """Compiles a test's programs in half the time, to slower ones: for tests that play a round or two, or compare small
    numbers in double precision."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="session")
def prepared_data(tmp_path_factory):
    """A folder where TFDS has prepared a tiny CIFAR-10 (see `prepared`), and the one that is read from here on."""
    from prepared import prepare_cifar10  # Imported here: TFDS takes half a second.

    folder = tmp_path_factory.mktemp("prepared")
    prepare_cifar10(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", str(folder))
        yield folder
