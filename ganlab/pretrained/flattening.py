"""Flattens nested dicts and lists of a foreign file to arrays and plain values, by dotted names."""

import dataclasses
from typing import Any

import numpy as np

from ganlab.pretrained.errors import BadWeights, shown
from ganlab.pretrained.pickle_machine import Global, Record

Plain = None | bool | int | float | complex | str | bytes | frozenset | dict | list
"""Values that are not arrays; dicts and lists are empty."""

ALONE = "array"
"""The name of an array, or another value, that is a whole file."""
MOST_NESTING = 64
"""Most levels of dicts and lists within each other."""
MOST_VALUES = 2**18
"""Most values of one file; what has two names counts twice."""
MOST_LETTERS = 2**26
"""Most letters of all names together."""
MOST_UNFOLDING, FREE_BYTES = 8, 2**26
"""Bytes that all arrays may have together: this many times the file's size, plus the second."""


@dataclasses.dataclass
class _Flat:
    """What has been gathered, how much more is allowed, and what joins the parts of names."""

    nbytes_left: int
    values_left: int
    letters_left: int
    joint: str = "."
    tensors: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    rest: dict[str, Plain] = dataclasses.field(default_factory=dict)

    def visit(self, name: str, value: Any, depth: int) -> None:
        """Gathers a value and all that is in it."""
        # Limits first: a small file may hold itself, or one value under a million names.
        self.values_left -= 1
        self.letters_left -= len(name)
        if self.values_left < 0 or self.letters_left < 0:
            raise BadWeights(f"holds more than {MOST_VALUES:,} values, or names of more than "
                             f"{MOST_LETTERS:,} letters together, the most that are read; save its "
                             "state_dict() alone")
        if depth > MOST_NESTING:
            raise BadWeights(f"holds dicts and lists nested more than {MOST_NESTING} deep, or "
                             "within themselves; save its state_dict() alone")
        # An array may appear under many names, each of which counts: what it unfolds to is limited.
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
                self.visit(self._joined(name, key), inner, depth + 1)
        else:
            self._keep(name or ALONE, value)

    def _check_bytes(self) -> None:
        if self.nbytes_left < 0:
            raise BadWeights(f"holds arrays that unfold to more than {MOST_UNFOLDING} times its "
                             "size; save them as copies, not as expanded views")

    def _keep(self, name: str, value: Any) -> None:
        if name in self.tensors or name in self.rest:
            raise BadWeights(f"holds two values that are both called {shown(name)}; rename one of "
                             "them")
        if isinstance(value, np.ndarray):
            self.tensors[name] = value
        elif isinstance(value, Global):
            self.rest[name] = value.name.replace(" ", ".")
        else:
            self.rest[name] = (frozenset(value) if type(value) is set else [] if value == ()
                               else value)


    def _joined(self, name: str, key: Any) -> str:
        text = key.decode("latin-1") if type(key) is bytes else str(key)
        return f"{name}{self.joint}{text}" if name else text


def flatten(tree: Any, nbytes: int,
            joint: str = ".") -> tuple[dict[str, np.ndarray], dict[str, Plain]]:
    """Flattens nested dicts, lists and tuples to arrays and other values, by dotted names.

    Args:
      tree: as `read_pickle` returns it; may share parts, or even hold itself.
      nbytes: bytes of all that the arrays are made of, which limit how much they may unfold to.
      joint: what joins the parts of a name.

    Raises:
      BadWeights: if a limit is passed or two values get one name.
    """
    flat = _Flat(MOST_UNFOLDING * nbytes + FREE_BYTES, MOST_VALUES, MOST_LETTERS, joint)
    flat.visit("", tree, 0)
    return flat.tensors, flat.rest
