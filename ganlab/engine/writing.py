"""What a failed write says: the place, the system's word for it, and what to do."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

REMEDY = "make room or permit writing there; then the same command goes on from the newest complete checkpoint"


@contextlib.contextmanager
def writing(place: Path) -> Iterator[None]:
    """Gives an error of the system that comes up inside the name of the place that was written, and the remedy.

    Raises:
      OSError: with `filename` set, which the command line answers in a sentence.
    """
    try:
        yield
    except OSError as error:
        raise OSError(error.errno or errno.EIO, f"{error.strerror or error}; {REMEDY}", str(place)) from error
