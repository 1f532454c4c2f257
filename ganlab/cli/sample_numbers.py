"""Which samples a command draws: numbers and ranges of them, as `0,1,4-6`."""

import re

import numpy as np

from ganlab.config import ConfigError
from ganlab.output import counted

MOST = 10_000_000
"""Most samples at once, so that a slip of the pen does not fill the memory."""
LARGEST = 2**31 - 1


def parse_numbers(text: str, flag: str) -> np.ndarray:
    """Reads numbers [n] of samples, joined by commas, and ranges of them: `0,1,4-6`.

    Args:
      text: what was given.
      flag: by which, for messages.

    Raises:
      ConfigError: for anything else, numbers beyond 2^31 - 1, and a range that ends before it
        begins.
    """
    found: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part, re.ASCII)
        if ends is None:
            raise ConfigError(f"{flag}={text}: {part.strip()!r} is not the number of a sample, from 0 "
                              "on, or a range of them; write numbers and ranges, as in "
                              f"{flag}=0,1,4-6")
        first = int(ends[1])
        last = first if ends[2] is None else int(ends[2])
        if last < first or last > LARGEST:
            raise ConfigError(f"{flag}={text}: {part.strip()} "
                              + ("ends before it begins" if last < first else
                                 f"is beyond the last sample, {LARGEST:,}")
                              + f"; write the smaller number first, of at most {LARGEST:,}")
        if len(found) + last - first >= MOST:
            raise ConfigError(f"{flag}={text} names more than {counted(MOST, 'sample')}; draw "
                              "them in parts")
        found.extend(range(first, last + 1))
    if len(set(found)) < len(found):
        raise ConfigError(f"{flag}={text} names a sample twice; name each once")
    return np.array(found)
