"""The one exception that a user's mistake raises, and the suggestions in its text."""

import difflib
from collections.abc import Iterable


class ConfigError(Exception):
    """A mistake in a config, a flag or a file; says what was given, what is allowed, what to do."""


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """Returns ` (did you mean X?)` for a near name among `allowed`, else an empty string."""
    close = difflib.get_close_matches(str(given), list(allowed), n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""


def unknown(what: str, given: str, allowed: Iterable[str]) -> ConfigError:
    """Returns the error for a name that is not one of `allowed`."""
    names = sorted(allowed)
    return ConfigError(f"{what} {given!r} is unknown{did_you_mean(given, names)}; "
                       f"allowed: {', '.join(names) or 'none'}")
