"""The flag `--config=FILE[:CHOICES]` with its overrides, and its errors in plain words."""

import traceback

import ml_collections
from absl import flags
from ml_collections import config_flags

from ganlab.config import ConfigError, complete, find_file

HELP = ("the experiment's file, its choices after a colon (FILE.py:loss=hinge,penalty=r1; a value "
        "with a comma in quotation marks, 'FILE.py:data=\"./a,b\"'); any key is overridden by "
        "--config.path=value after it")


def define_config(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines `--config`. Unknown keys pass here, because validation answers them better."""
    config_flags.DEFINE_config_file("config", None, HELP, flag_values=values, sys_argv=argv,
                                    lock_config=False, accept_new_attributes=True)
    flags.mark_flag_as_required("config", flag_values=values)


def config_first(argv: list[str]) -> list[str]:
    """Returns arguments with `--config` before its overrides, which ml_collections wants, so that
    users may write flags in any order; a shipped experiment is named by where its file lies."""
    first, rest, words = [], [], iter(argv[1:])
    for word in words:
        if word in ("-config", "--config"):
            first += [word, *([_found(next(words))] if len(first + rest) + 2 < len(argv) else [])]
        elif word.lstrip("-").startswith("config="):
            flag, _, text = word.partition("=")
            first.append(f"{flag}={_found(text)}")
        else:
            rest.append(word)
    return [argv[0], *first, *rest]


def _found(text: str) -> str:
    """Returns an experiment's file and its choices, with the path of the file."""
    name, colon, choices = text.partition(":")
    return f"{find_file(name)}{colon}{choices}" if name else text


def parse(values: flags.FlagValues, argv: list[str]) -> list[str]:
    """Parses all flags and returns what is left over.

    Raises:
      ConfigError: for what `--config` raises when its file is missing or defines no config.
      flags.Error: for other flags.
    """
    try:
        # The file of --config is run here, and its overrides are set.
        rest = values(argv)[1:]
        if "config" in values and not isinstance(values.config, ml_collections.ConfigDict):
            # What stands in for a file that did not load raises here.
            getattr(values.config, "name", None)
            raise ConfigError(f"get_config of --config returned a {type(values.config).__name__}; "
                              "it must return a ConfigDict, as ganlab.config.experiment makes")
        if "config" in values:
            complete(values.config)
        return rest
    except (KeyError, OSError, AttributeError) as error:
        # What the user's own file raises keeps its traceback, which leads to the line.
        if {"get_config", "<module>"} & {frame.name
                                         for frame in traceback.extract_tb(error.__traceback__)}:
            raise
        if isinstance(error, KeyError):
            raise ConfigError("an override of --config names a section that the config does not "
                              f"have: {error.args[0]}") from error
        # What remains is a file that does not exist, or that defines no config.
        reason = [line.strip() for line in str(error).splitlines() if line.strip()][-1]
        raise ConfigError(f"--config does not load: {reason}; name a file such as "
                          "experiments/digits.py, which defines get_config(argument=None), or one "
                          "of `ganlab list --only=experiments`") from error
    except flags.IllegalFlagValueError as error:
        if "value other than None" in str(error):
            name = str(error).split("=")[0].removeprefix("flag ")
            raise ConfigError(f"{name} is missing; `ganlab {argv[0]} --help` shows "
                              "examples") from error
        raise
