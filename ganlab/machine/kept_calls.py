"""A way to have XLA:CPU compute numbers once."""

from collections.abc import Callable

import jax
from jax.experimental.xla_metadata import set_xla_metadata

from ganlab.machine.made_for import for_cpu
from ganlab.types import Array, Tree


def apart(function: Callable[..., Tree], *arguments: Array) -> Tree:
    """Calls a function whose results a CPU computes only once; elsewhere it is an ordinary call.

    It is traced once for the shapes of its arguments, if it is the same function each time.

    XLA:CPU computes numbers again in each loop that reads them, and removes its optimization
    barriers before it does so; a call that must not be inlined stays.
    """
    if not for_cpu():
        return function(*arguments)
    return set_xla_metadata(jax.jit(function)(*arguments), inlineable="false")
