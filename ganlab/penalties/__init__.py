"""Penalties of the critic, by name."""

from ganlab.penalties.gradient import dragan, gradient_penalty, one_sided_gradient_penalty, r1, r2
from ganlab.types import Penalty

PENALTIES: dict[str, Penalty] = {
    "gradient_penalty": gradient_penalty,
    "one_sided_gradient_penalty": one_sided_gradient_penalty,
    "dragan": dragan,
    "r1": r1,
    "r2": r2,
}
