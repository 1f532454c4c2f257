"""Numbers that XLA:CPU computes once."""

from collections.abc import Callable

import jax
from jax.experimental.xla_metadata import set_xla_metadata

from ganlab.types import Tree


def apart(function: Callable[[], Tree]) -> Tree:
    """What a function makes, in memory once and for all.

    XLA:CPU computes numbers anew in each loop that reads them, and its optimization barriers are gone before it does
    so; a call that is not to be inlined stays.
    """
    return set_xla_metadata(jax.jit(function)(), inlineable="false")
