"""The exceptions of foreign weight files: one within the readers, one for whoever named the file."""

from collections.abc import Iterable

from ganlab.config import ConfigError


class WeightsError(ConfigError, ValueError):
    """Foreign weights that cannot be used: one sentence with the file, what is wrong, and what to do."""


class BadWeights(Exception):
    """What is wrong with a weight file, as the end of a sentence that begins with the file's name."""


def shown(text: object, most: int = 80) -> str:
    """A text of a foreign file as it may stand in a message: one line of plain characters, not longer than `most`."""
    text = str(text)
    plain = ascii(text[:most])[1:-1]
    return plain if len(text) <= most and len(plain) <= most else plain[:most] + "..."


MOST_LISTED = 5
"""Names in a message."""


def listed(names: Iterable[str]) -> str:
    """A few names as words, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else ""
    return ", ".join(shown(name, 160) for name in names[:MOST_LISTED]) + more


def damaged(what: str) -> BadWeights:
    """The exception for a file that nobody can have written so on purpose, or only in order to harm."""
    return BadWeights(f"is damaged: {what}; copy it anew")
