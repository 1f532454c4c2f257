"""Numbers that XLA:CPU computes once."""

from collections.abc import Callable

import jax
from jax.experimental.xla_metadata import set_xla_metadata

from ganlab.machine.made_for import for_cpu
from ganlab.types import Tree


def apart(function: Callable[[], Tree]) -> Tree:
    """Computes what a function makes, on a CPU once and for all; on other platforms this is a call like any other.

    XLA:CPU computes numbers again in each loop that reads them, and its optimization barriers are gone before it does
    so; a call that is not to be inlined stays.
    """
    if not for_cpu():
        return function()
    return set_xla_metadata(jax.jit(function)(), inlineable="false")
