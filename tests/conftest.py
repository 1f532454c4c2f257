"""Shared set-up: four virtual CPU devices, and the compilation cache that makes a second run quick."""

import jax
import pytest

from ganlab.engine.backend import compilation_cache

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_compilation_cache_dir", str(compilation_cache()))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


@pytest.fixture
def float64():
    """Runs a test in double precision, where laws hold to rounding and finite differences mean something."""
    with jax.enable_x64(True):
        yield
