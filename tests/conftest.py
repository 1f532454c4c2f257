"""Shared set-up: four virtual CPU devices, and the compilation cache that makes a second run quick."""

import os
from pathlib import Path

import jax
import pytest

# Tests compile much and compute little: compiling without optimization takes a quarter of the time.
os.environ["XLA_FLAGS"] = (os.environ.get("XLA_FLAGS", "")
                           + " --xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ganlab" / "compiled"
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_compilation_cache_dir", str(CACHE))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


@pytest.fixture
def float64():
    """Runs a test in double precision, where laws hold to rounding and finite differences mean something."""
    with jax.enable_x64(True):
        yield
