"""What a TensorFlow pickle says of one network that grows: its tensors, and the arguments that it was
made with."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from ganlab.pretrained.errors import WeightsError, shown
from ganlab.pretrained.growing import BASE, stored_lod, without_growth
from ganlab.pretrained.renaming import shape_of

MOST_LEVELS = 12
"""Levels of images of 8192 pixels, more than any published file has."""
STRUCTURES: dict[str, tuple[str | None, ...]] = {
    "paper": (None, "linear", "recursive"), "style": ("auto", "linear", "recursive", "fixed")}
"""How the official networks may be built, by the code; a fixed one does not grow."""


class Found(NamedTuple):
    """The tensors and arguments of a network, refused where they are not what they have to be."""

    tensors: Mapping[str, np.ndarray]
    arguments: Mapping[str, Any]
    source: str

    def shape(self, name: str, axes: int) -> tuple[int, ...]:
        """Returns the shape of a tensor with this number of axes, as `shape_of`."""
        return shape_of(self.tensors, name, axes, self.source)

    def number(self, start: str, end: str, most: int) -> int:
        """Returns how many tensors are numbered through from 0 on."""
        count = next(number for number in range(most + 2)
                     if number > most or f"{start}{number}{end}" not in self.tensors)
        if count > most:
            raise WeightsError(f"{self.source} has {start}{most}{end}, and no published network "
                               "has as many layers; name a file of the official code")
        return count

    def flag(self, name: str, default: bool = True) -> bool:
        """Returns an argument that is True or False."""
        return self.one_of(name, default, (True, False))

    def one_of(self, name: str, default: Any, allowed: tuple[Any, ...]) -> Any:
        """Returns an argument that is one of a few values."""
        value = self.arguments.get(name, default)
        if type(value) not in map(type, allowed) or value not in allowed:
            raise WeightsError(f"{self.source} says {name}={shown(value)}, and networks of ganlab "
                               f"have {' or '.join(map(str, allowed))}; name a file without that")
        return value

    def whole(self, name: str, default: int) -> int:
        """Returns an argument that is a whole number, not negative."""
        value = self.arguments.get(name, default)
        if type(value) is not int or not 0 <= value < 2**31:
            raise WeightsError(f"{self.source} says {name}={shown(value)}, where the official code "
                               "has a whole number; name a file of that code")
        return value

    def fraction(self, name: str, default: float | None) -> float | None:
        """Returns an argument that is a finite number, or None."""
        value = self.arguments.get(name, default)
        if value is not None and (type(value) not in (int, float) or not abs(value) < 1e9):
            raise WeightsError(f"{self.source} says {name}={shown(value)}, where the official code "
                               "has a number or None; name a file of that code")
        return value

    def left(self, known: Collection[str]) -> dict[str, Any]:
        """Returns the arguments besides `known` ones that ask for something."""
        idle = {"dtype": "float32"}
        return {name: value for name, value in self.arguments.items()
                if name not in known and value is not None and value != idle.get(name)}

    def lod(self) -> float:
        """Returns how many levels the training had yet to grow."""
        return stored_lod(self.tensors)

    def completed(self, layer: str, prefix: str, kernel: str, axis: int) -> tuple["Found", bool]:
        """Returns what was found, by `without_growth` if it was built so, and whether it grows.

        Args:
          layer: start of the name of layers to or from images.
          prefix: of the names of all levels' layers.
          kernel: name of a layer of each level but the smallest, whose outputs are its channels.
          axis: along which these are, of the kernels of images.
        """
        if self.one_of("structure", "auto", STRUCTURES["style"]) != "fixed":
            return self, True
        sides = (BASE * 2**level for level in range(1, MOST_LEVELS + 1))
        names = [f"{prefix}4x4/Conv/weight", *(f"{prefix}{side}x{side}/{kernel}/weight"
                                               for side in sides)]
        channels = [self.shape(name, 4)[3] for name in names
                    if name in self.tensors or name == names[0]]
        self.shape(f"{layer}0/weight", 4)
        return self._replace(tensors=without_growth(self.tensors, layer, channels, axis)), False
