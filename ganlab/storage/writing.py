"""What a failed write of a run says: the place, the system's word for it, and what to do."""

import contextlib
from pathlib import Path

from ganlab import output

REMEDY = "make room or permit writing there; then the same command resumes from the newest complete checkpoint"


def writing(place: Path) -> contextlib.AbstractContextManager[None]:
    """Gives an error of the system that comes up inside the name of the place that was written, and the remedy.

    Raises:
      OSError: with `filename` set, which the command line answers in a sentence.
    """
    return output.writing(place, REMEDY)
