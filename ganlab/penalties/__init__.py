"""Penalties of the critic and regularizers of weights, by name."""

from collections.abc import Callable

from ganlab.penalties.gradient import (
    dragan,
    gradient_penalty,
    maximum_gradient_penalty,
    one_sided_gradient_penalty,
    r1,
    r2,
)
from ganlab.penalties.weights import l2, orthogonal
from ganlab.types import Array, Penalty, Tree

PENALTIES: dict[str, Penalty] = {
    "gradient_penalty": gradient_penalty,
    "one_sided_gradient_penalty": one_sided_gradient_penalty,
    "maximum_gradient_penalty": maximum_gradient_penalty,
    "dragan": dragan,
    "r1": r1,
    "r2": r2,
}
REGULARIZERS: dict[str, Callable[[Tree], Array]] = {"orthogonal": orthogonal, "l2": l2}
