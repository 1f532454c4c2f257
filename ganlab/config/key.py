"""What a configuration key is, and the tests that its values pass."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Key:
    """One configuration key.

    `allowed` is a pair of a test and the words that describe what passes it. A key with `live=True`
    may differ when a run is resumed, because it changes no number that the run computes (except by
    rounding, if its meaning says so, as another number of devices does). `known_as` has the names
    of the same thing in published tools, by which their users look for it.
    """

    default: Any
    meaning: str
    unit: str = ""
    allowed: tuple[Callable[[Any], bool], str] = (lambda value: True, "any value")
    live: bool = False
    known_as: str = ""


POSITIVE = (lambda value: 0 < value < math.inf, "a number above 0")
FINITE = (lambda value: -math.inf < value < math.inf, "a finite number")
AT_LEAST_ZERO = (lambda value: 0 <= value < math.inf, "a number of at least 0")
FRACTION = (lambda value: 0 <= value <= 1, "a number from 0 to 1")
BELOW_ONE = (lambda value: 0 <= value < 1, "a number from 0 to below 1")
NOT_EMPTY = (lambda value: bool(value), "a name")


def one_of(*values: str) -> tuple[Callable[[Any], bool], str]:
    """Returns a test that allows the given words alone, and its description."""
    return (lambda value: value in values, "one of " + ", ".join(values))
