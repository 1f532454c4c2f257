"""Nested dicts and lists of a foreign file to one dict of arrays and one of plain values, by names with dots."""

import dataclasses
from typing import Any

import numpy as np

from ganlab.pretrained.errors import BadWeights, shown
from ganlab.pretrained.pickle_machine import Global, Record

Plain = None | bool | int | float | complex | str | bytes | frozenset | dict | list
"""What is no array; dicts and lists are empty ones."""

ALONE = "array"
"""The name of an array, or other value, that is a whole file."""
MOST_NESTING = 64
"""Of dicts and lists in each other."""
MOST_VALUES = 2**18
"""Of one file, counted by name: what has two names counts twice."""
MOST_LETTERS = 2**26
"""Of all names together."""
MOST_UNFOLDING, FREE_BYTES = 8, 2**26
"""How many times the file's size all arrays may have in bytes, one that has two names counted twice, and what they may
in any case."""


@dataclasses.dataclass
class _Flat:
    """What was gathered, and what may still be."""

    nbytes_left: int
    values_left: int
    letters_left: int
    tensors: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    rest: dict[str, Plain] = dataclasses.field(default_factory=dict)

    def visit(self, name: str, value: Any, depth: int) -> None:
        """Gathers a value and all that is in it."""
        self.values_left -= 1
        self.letters_left -= len(name)
        if self.values_left < 0 or self.letters_left < 0:
            raise BadWeights(f"holds more than {MOST_VALUES:,} values, or names of more than {MOST_LETTERS:,} letters "
                             "together, the most that are read; save its state_dict() alone")
        if depth > MOST_NESTING:
            raise BadWeights(f"holds dicts and lists nested more than {MOST_NESTING} deep, or within themselves; save "
                             "its state_dict() alone")
        if isinstance(value, Record):
            self.nbytes_left -= value.nbytes
            self._check_bytes()
            value = value.content()
        elif isinstance(value, np.ndarray):
            self.nbytes_left -= value.nbytes
            self._check_bytes()
        if type(value) in (dict, list, tuple) and value:
            pairs = value.items() if type(value) is dict else enumerate(value)
            for key, inner in pairs:
                self.visit(_joined(name, key), inner, depth + 1)
        else:
            self._keep(name or ALONE, value)

    def _check_bytes(self) -> None:
        if self.nbytes_left < 0:
            raise BadWeights(f"holds arrays that unfold to more than {MOST_UNFOLDING} times its size; save them as "
                             "copies, not as expanded views")

    def _keep(self, name: str, value: Any) -> None:
        if name in self.tensors or name in self.rest:
            raise BadWeights(f"holds two values that are both called {shown(name)}; rename one of them")
        if isinstance(value, np.ndarray):
            self.tensors[name] = value
        elif isinstance(value, Global):
            self.rest[name] = value.name.replace(" ", ".")
        else:
            self.rest[name] = frozenset(value) if type(value) is set else [] if value == () else value


def _joined(name: str, key: Any) -> str:
    text = key.decode("latin-1") if type(key) is bytes else str(key)
    return f"{name}.{text}" if name else text


def flatten(tree: Any, nbytes: int) -> tuple[dict[str, np.ndarray], dict[str, Plain]]:
    """The arrays and the other values of nested dicts, lists and tuples, by names such as `model.0.weight`.

    Args:
      tree: as `read_pickle` returns it; may share parts, or even hold itself.
      nbytes: of all that the arrays are made of; bounds how much they may unfold to.

    Raises:
      BadWeights: where a limit is passed or two values get one name.
    """
    flat = _Flat(MOST_UNFOLDING * nbytes + FREE_BYTES, MOST_VALUES, MOST_LETTERS)
    flat.visit("", tree, 0)
    return flat.tensors, flat.rest
