"""Which rounds are compiled for less memory on a CPU.

XLA:CPU has two orders for the parts of a program. The one that it prefers lets as many as possible
run side by side, and each convolution packs its images again: with large arrays that costs more
memory and cache than it gains time.
"""

import math

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr

THRIFTY = {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"}
"""Options of the compiler for the other order, which takes less memory."""
LARGE = 3 * 2**24
"""Bytes of an array on one device, from which on a program is better compiled in that order."""


def is_large(program: ClosedJaxpr, mesh: jax.sharding.Mesh) -> bool:
    """Returns whether a program over these devices is for CPUs and makes a large array."""
    return jax.default_backend() == "cpu" and largest_array(program) >= LARGE * mesh.size


def largest_array(program: ClosedJaxpr) -> int:
    """Computes the bytes of the largest array that a program makes, in its loops and calls too."""
    def within(jaxpr: Jaxpr) -> int:
        made = (value.aval for equation in jaxpr.eqns for value in equation.outvars)
        inner = (part for equation in jaxpr.eqns
                 for part in jax.tree.leaves(list(equation.params.values()), is_leaf=is_program)
                 if is_program(part))
        return max((*map(_bytes, made),
                    *(within(getattr(part, "jaxpr", part)) for part in inner)), default=0)

    def is_program(part: object) -> bool:
        return isinstance(part, (Jaxpr, ClosedJaxpr))

    return within(program.jaxpr)


def _bytes(aval: jax.core.ShapedArray) -> int:
    return math.prod(aval.shape) * getattr(aval.dtype, "itemsize", 0)
