"""ganlab: a functional GAN laboratory on JAX and Flax.

Usage: ganlab COMMAND [flags]

"""

import importlib
import os
import sys
from collections.abc import Sequence

from absl import flags

# Modules by command. They are imported when called: `ganlab --help` should not wait for JAX.
COMMANDS = {
    "train": "trains the experiment of a config file, or goes on where its run stopped",
    "sample": "draws samples of a trained run, or walks between them",
    "latent": "shows the latent space of a run with an encoder: reconstructions, the space, arithmetic on classes",
    "describe": "shows what a config means, without training: keys, networks, round, memory",
    "list": "names every network, loss, penalty, trick, optimizer, data source and experiment",
}

EXIT_MISTAKE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0, 1 for a run that diverged, 2 for a mistake of the user's."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    if not argv or argv[0] in ("help", "-h", "--help", "-help"):
        width = max(map(len, COMMANDS))
        print(__doc__ + "\n".join(f"  {name:{width}}  {meaning}" for name, meaning in COMMANDS.items())
              + "\n\nganlab COMMAND --help shows its flags and examples.")
        return 0
    # Experiments may name code beside them (package.module:function).
    sys.path.insert(0, os.getcwd())
    from ganlab.config import ConfigError, unknown

    try:
        if argv[0] not in COMMANDS:
            raise unknown("command", argv[0], COMMANDS)
        return _run(argv)
    except (ConfigError, flags.Error) as error:
        print(f"ganlab: {error}", file=sys.stderr)
        return EXIT_MISTAKE
    except OSError as error:
        if error.filename is None:
            raise
        # A place that cannot be read or written is the user's to mend, and the sentence names it.
        print(f"ganlab: {error.filename}: {error.strerror}", file=sys.stderr)
        return EXIT_MISTAKE


def _run(argv: list[str]) -> int:
    from ganlab.cli.config_flag import config_first, parse

    command = importlib.import_module(f"ganlab.cli.{argv[0]}_command")
    values = flags.FlagValues()
    argv = config_first(argv)
    command.define_flags(values, argv)
    if any(argument in ("-h", "-help", "--help") for argument in argv[1:]):
        print(f"{command.__doc__.strip()}\n\nFlags:\n{values.get_help(prefix='  ', include_special_flags=False)}")
        return 0
    rest = parse(values, argv)
    if rest:
        raise flags.Error(f"{rest[0]!r} is no flag of `ganlab {argv[0]}`; flags are written --name=value "
                          f"(ganlab {argv[0]} --help)")
    return command.run(values)
