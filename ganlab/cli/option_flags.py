"""Flags of the options of samplers, one for each of `SAMPLING_OPTIONS`."""

from typing import Any

from absl import flags

from ganlab.config import SAMPLING_OPTIONS, ConfigError
from ganlab.game import Game

LARGEST = 1e3
"""Largest value of an option that is a number."""


def define_option_flags(values: flags.FlagValues) -> None:
    """Defines a flag for every option, with its meaning and the value that does nothing."""
    for name, key in SAMPLING_OPTIONS.items():
        meaning = f"{key.meaning} ({key.known_as})" if key.known_as else key.meaning
        flags.DEFINE_float(name, key.default, meaning, lower_bound=0.0, upper_bound=LARGEST, flag_values=values)


def given_options(values: flags.FlagValues, game: Game, system: str) -> dict[str, Any]:
    """Returns the options of a game's sampler as its flags say; {} for a game without one.

    Raises:
      ConfigError: for a flag that is not what does nothing, where the sampler has no such option.
    """
    known = game.sampler.options if game.sampler else {}
    for name in SAMPLING_OPTIONS:
        if name not in known and values[name].value != values[name].default:
            has = f"it has {', '.join(f'--{other}' for other in known)}" if known else "it has none"
            raise ConfigError(f"--{name} is not an option of what system {system} makes; {has}")
    return {name: values[name].value for name in known if name in SAMPLING_OPTIONS}
