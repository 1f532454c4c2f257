"""What the reading of a pickle may take: bytes, and steps that several pickles may share."""

import dataclasses
from typing import BinaryIO, NamedTuple

from ganlab.pretrained.errors import BadWeights


@dataclasses.dataclass
class Steps:
    """Counts the steps of one or several pickles.

    Attributes:
      most: opcodes, and elements that are copied, that may be read.
      taken: how many of them have been.
    """

    most: int
    taken: int = 0

    def spend(self, steps: int) -> None:
        """Counts steps, and ends the reading if they are too many."""
        self.taken += steps
        if self.taken > self.most:
            raise BadWeights(f"takes more than {self.most:,} steps to read, the most that are "
                             "taken; save its state_dict() alone")


class Limits(NamedTuple):
    """Bounds what the reading of a pickle may take.

    Attributes:
      nbytes: most bytes of the pickle.
      steps: the steps that are left to it; pickles that get the same object share them.
      beyond: what is wrong with a pickle of more bytes, as the end of a sentence; empty for the
        usual one.
    """

    nbytes: int
    steps: Steps
    beyond: str = ""


class Bounded:
    """A file for `pickletools.genops` that refuses to be read beyond the limit of bytes."""

    def __init__(self, file: BinaryIO, limits: Limits):
        self._file, self._limits, self._left = file, limits, limits.nbytes

    def read(self, size: int) -> bytes:
        """Reads up to `size` bytes, or refuses if more than all may be read."""
        if size > self._left:
            self._refuse()
        self._left -= size
        return self._file.read(size)

    def readline(self) -> bytes:
        """Reads to the end of a line, or refuses if that is further than may be read."""
        line = self._file.readline(self._left + 1)
        if len(line) > self._left:
            self._refuse()
        self._left -= len(line)
        return line

    def _refuse(self) -> None:
        raise BadWeights(self._limits.beyond or
                         f"has a pickle of more than {self._limits.nbytes:,} bytes, the most that "
                         "is read; save its state_dict() alone")
