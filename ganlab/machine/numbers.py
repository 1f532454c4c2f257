"""JAX's settings that change draws or precision: ganlab sets them, not the shell.

JAX reads its settings from the environment. Those of FIXED would change the samples of a run, and
the values of a metric, under the same config and the same protocol. So they are fixed when a
process starts, and recorded.
"""

from collections.abc import MutableMapping
from typing import Any

FIXED: dict[str, Any] = {
    "jax_default_prng_impl": "threefry2x32",
    "jax_threefry_partitionable": True,
    "jax_random_seed_offset": 0,
    "jax_enable_x64": False,
    "jax_default_matmul_precision": None,
    "jax_numpy_dtype_promotion": "standard",
}
"""The value of each setting, by its name in JAX; the environment has it in capitals."""


def drop_from_shell(environment: MutableMapping[str, str]) -> list[str]:
    """Removes the settings of FIXED from an environment; returns those removed, as `NAME=value`.

    Call it before JAX is imported, which does not start with a value that it does not know.
    """
    names = [name.upper() for name in FIXED if name.upper() in environment]
    return [f"{name}={environment.pop(name)}" for name in names]


def fix_numbers() -> None:
    """Sets JAX to FIXED, whatever it has read from the environment.

    Call it before JAX computes anything.
    """
    import jax  # Here, because `drop_from_shell` comes before JAX is imported.

    for name, value in FIXED.items():
        if getattr(jax.config, name) != value:
            jax.config.update(name, value)


def numbers_in_force() -> dict[str, Any]:
    """Returns JAX's current settings of FIXED by names without `jax_`, in JSON's types."""
    import jax

    return {name.removeprefix("jax_"): getattr(jax.config, name) for name in FIXED}
