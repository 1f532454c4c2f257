"""For which platform a program is made, which need not be the one that makes it: a CPU exports for all."""

import contextlib

import jax

# A context that JAX knows of: a function that was traced for one platform is traced again for another.
_platform = jax.make_user_context(default_value=None)


def made_for(platform: str) -> contextlib.AbstractContextManager[None]:
    """Makes what is traced inside for a platform as JAX names them, `cpu`, `cuda` or `tpu`.

    It chooses how things are computed, and lowers nothing: that is what
    `jax.jit(f).trace(...).lower(lowering_platforms=(platform,))` and `jax.export` do.
    """
    return _platform(platform)


def for_cpu() -> bool:
    """Returns whether what is being traced will run on a CPU: by `made_for`, or else by this process's backend."""
    return (_platform.value or jax.default_backend()) == "cpu"
