"""Flags of the options of samplers, one for each of `SAMPLING_OPTIONS`."""

from absl import flags

from ganlab.config import SAMPLING_OPTIONS

LARGEST = 1e3
"""Largest value of an option that is a number."""


def define_option_flags(values: flags.FlagValues) -> None:
    """Defines a flag for every option, with its meaning and the value that does nothing."""
    for name, key in SAMPLING_OPTIONS.items():
        meaning = f"{key.meaning} ({key.known_as})" if key.known_as else key.meaning
        if isinstance(key.default, str):
            flags.DEFINE_string(name, key.default, meaning, flag_values=values)
        elif isinstance(key.default, int):
            flags.DEFINE_integer(name, key.default, meaning, lower_bound=0, flag_values=values)
        else:
            flags.DEFINE_float(name, key.default, meaning, lower_bound=-LARGEST,
                               upper_bound=LARGEST, flag_values=values)


def given_options(values: flags.FlagValues) -> dict[str, float | int | str]:
    """Returns the options whose flags are given, by name; `TrainedRun.options` checks them."""
    return {name: values[name].value for name in SAMPLING_OPTIONS
            if values[name].value != values[name].default}
