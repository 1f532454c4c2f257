"""What a failed write of a run says: the place, the system's reason, and what to do."""

import contextlib
from pathlib import Path

from ganlab import output

REMEDY = ("make room or permit writing there; then the same command resumes from the newest "
          "complete checkpoint")


def writing(place: Path) -> contextlib.AbstractContextManager[None]:
    """Adds the place that was written, and what to do, to an OSError that is raised inside.

    Raises:
      OSError: with `filename` set, which the command line prints as one sentence.
    """
    return output.writing(place, REMEDY)
