"""What a program is traced for: a platform, and a place within or outside of its branches.

The platform may be another than this one: a CPU exports.
"""

import contextlib

import jax

# JAX knows these contexts: a function that was traced in one of them is traced again in another.
_platform = jax.make_user_context(default_value=None)
_branch = jax.make_user_context(default_value=False)


def made_for(platform: str) -> contextlib.AbstractContextManager[None]:
    """Traces what is inside for a platform, as JAX names them: `cpu`, `cuda` or `tpu`.

    This chooses how things are computed, and does not lower anything: that is what
    `jax.jit(f).trace(...).lower(lowering_platforms=(platform,))` and `jax.export` do.
    """
    return _platform(platform)


def within_branch() -> contextlib.AbstractContextManager[None]:
    """Traces what is inside as a branch of a program, which some rounds leave out.

    XLA:CPU computes a convolution of `lax` there a hundred times as slowly as outside, and products
    as quickly.
    """
    return _branch(True)


def in_branch() -> bool:
    """Returns whether what is traced will be a branch of its program."""
    return _branch.value


def for_cpu() -> bool:
    """Returns whether what is traced will run on a CPU: by `made_for`, else by the backend."""
    return (_platform.value or jax.default_backend()) == "cpu"
