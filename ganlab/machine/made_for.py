"""The platform for which a program is traced, which may be another than this one: a CPU exports."""

import contextlib

import jax

# JAX knows this context: a function that was traced for one platform is traced again for another.
_platform = jax.make_user_context(default_value=None)


def made_for(platform: str) -> contextlib.AbstractContextManager[None]:
    """Traces what is inside for a platform, as JAX names them: `cpu`, `cuda` or `tpu`.

    This chooses how things are computed, and does not lower anything: that is what
    `jax.jit(f).trace(...).lower(lowering_platforms=(platform,))` and `jax.export` do.
    """
    return _platform(platform)


def for_cpu() -> bool:
    """Returns whether what is traced will run on a CPU: by `made_for`, else by the backend."""
    return (_platform.value or jax.default_backend()) == "cpu"
