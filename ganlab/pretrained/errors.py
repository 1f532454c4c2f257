"""The exceptions of foreign weight files: one within readers, one for whoever named the file."""

from collections.abc import Iterable

from ganlab.config import ConfigError


class WeightsError(ConfigError, ValueError):
    """Foreign weights that cannot be used: a sentence on the file, what is wrong, what to do."""


class BadWeights(Exception):
    """What is wrong with a weight file: the end of a sentence that begins with the file's name."""


def shown(text: object, most: int = 80) -> str:
    """Returns a foreign text as a message may show it: a line of up to `most` plain characters."""
    text = str(text)
    plain = ascii(text[:most])[1:-1]
    return plain if len(text) <= most and len(plain) <= most else plain[:most] + "..."


MOST_LISTED = 5
"""Most names in a message."""


def listed(names: Iterable[str]) -> str:
    """Lists a few names, and the number of others."""
    names = list(names)
    more = f" and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else ""
    return ", ".join(shown(name, 160) for name in names[:MOST_LISTED]) + more


def damaged(what: str) -> BadWeights:
    """Makes the exception for a file that no program wrote like this, unless to do harm."""
    return BadWeights(f"is damaged: {what}; copy it again")
