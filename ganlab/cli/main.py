"""ganlab: a functional GAN laboratory on JAX and Flax.

Usage: ganlab COMMAND [flags]

"""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

from absl import flags

from ganlab.machine import drop_from_shell, missing_platform
from ganlab.output import FULL, GONE, open_descriptors, steady_output

# Modules by command. They are imported when called: `ganlab --help` should not wait for JAX.
COMMANDS = {
    "train": "trains the experiment of a config file, or resumes its run",
    "sample": "draws samples of a trained run, or walks between them",
    "translate": "translates pictures by a trained run of pix2pix or CycleGAN",
    "import": "makes a run of published weights, to translate, to measure and to start from",
    "latent": "shows classes, walks and the nearest training images of a run, and the latent "
              "space of one that encodes",
    "ablate": "trains all variants and seeds of an ablation, many in one program, or what "
              "is missing of them",
    "profile": "shows where the time of a round goes: updates, networks, layers, and a trace",
    "describe": "shows what a config means, without training: keys, networks, round, memory",
    "evaluate": "measures samples of a run, or anyone's images, by metrics with their protocol",
    "checkpoints": "lists and verifies the checkpoints of a run, exports its "
                   "weights and its sampler",
    "compare": "puts the metrics of several runs side by side, where they are of one protocol",
    "report": "writes a page on one run, several runs or an ablation, and its numbers as CSV, "
              "Parquet and LaTeX",
    "data": "makes data sets of folders, zip files and TFDS",
    "list": "names every network, loss, penalty, trick, optimizer, source, experiment and ablation",
}

EXIT_MISTAKE = 2
EXIT_INTERRUPTED = 130
TRAINING = ("train", "ablate")
"""Commands that print only progress: what they make is in files."""
HELP = ("help", "-h", "--help", "-help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0, 1 where a run diverged or files are damaged, 2
    for a mistake."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    open_descriptors()
    with steady_output() as printed:
        status = _answered(argv)
        printed.flush()
        lost = printed.failure
        # Of what is printed for a reader who left, nothing is missed; a file that it should have
        # filled is cut short.
        if lost is not None and lost.errno not in GONE:
            print(f"ganlab: what was printed is not whole: {lost.strerror}", file=sys.stderr)
            return status if argv[:1] and argv[0] in TRAINING else status or EXIT_MISTAKE
        return status


def _answered(argv: list[str]) -> int:
    """Runs one command, and answers in a sentence what the user can mend; returns
    the exit status."""
    if not argv or argv[0] in HELP:
        _show_commands(__doc__, "ganlab", COMMANDS)
        return 0
    # Experiments may name code beside them (package.module:function).
    sys.path.insert(0, os.getcwd())
    # Before JAX is imported, which reads these settings once.
    for setting in drop_from_shell(os.environ):
        print(f"ganlab: {setting} of the environment is left out: it would change numbers "
              "under the same config", file=sys.stderr)
    from ganlab.config import ConfigError, unknown

    try:
        # Each mistake ends in one sentence; a fault of ganlab keeps its traceback.
        if argv[0] not in COMMANDS:
            raise unknown("command", argv[0], COMMANDS)
        return _run(argv)
    except (ConfigError, flags.Error) as error:
        print(f"ganlab: {error}", file=sys.stderr)
        return EXIT_MISTAKE
    except OSError as error:
        if error.filename is None and error.errno not in FULL:
            raise
        # A place that cannot be read or written is the user's to mend, and the sentence names it.
        place = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
        print(f"ganlab: {place}{error.strerror}", file=sys.stderr)
        return EXIT_MISTAKE
    except UnicodeEncodeError as error:
        # Python keeps the bytes of a name that it cannot decode as surrogates, which no library
        # takes for text.
        if not any("\ud800" <= letter <= "\udfff"
                   for letter in error.object[error.start:error.end]):
            raise
        print(f"ganlab: {error.object[:200]!r} is not text in the encoding of this shell "
              f"({sys.getfilesystemencoding()}); set PYTHONUTF8=1, or rename it", file=sys.stderr)
        return EXIT_MISTAKE
    except KeyboardInterrupt:
        print("ganlab: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except (AssertionError, RuntimeError):
        if (sentence := missing_platform()) is None:
            raise
        print(f"ganlab: {sentence}", file=sys.stderr)
        return EXIT_MISTAKE


def _show_commands(text: str, name: str, commands: Mapping[str, str]) -> None:
    width = max(map(len, commands))
    print(text.strip() + "\n\n" + "\n".join(f"  {command:{width}}  {meaning}"
                                            for command, meaning in commands.items())
          + f"\n\n{name} COMMAND --help shows its flags and examples.")


def _run(argv: list[str]) -> int:
    from ganlab.cli.config_flag import config_first
    from ganlab.config import ConfigError, unknown

    command = importlib.import_module(f"ganlab.cli.{argv[0]}_command")
    # Commands of two words have a module for each second word.
    subcommands = getattr(command, "SUBCOMMANDS", None)
    if subcommands:
        if not argv[1:] or argv[1] in HELP:
            _show_commands(command.__doc__, f"ganlab {argv[0]}", subcommands)
            return 0
        if argv[1] not in subcommands:
            raise unknown(f"command of ganlab {argv[0]}", argv[1], subcommands)
        command = importlib.import_module(f"ganlab.cli.{argv[0]}_{argv[1]}_command")
        argv = [f"{argv[0]} {argv[1]}", *argv[2:]]
    # Each command has flags of its own; --help shows them without running it.
    values = flags.FlagValues()
    values.set_gnu_getopt(True)  # Flags may stand before, after and between arguments.
    argv = config_first(argv)
    command.define_flags(values, argv)
    if any(argument in HELP[1:] for argument in argv[1:]):
        more = getattr(command, "more_help", lambda: "")()
        shown = values.get_help(prefix="  ", include_special_flags=False)
        print(f"{command.__doc__.strip()}\n{more}\nFlags:\n{shown}")
        return 0
    try:
        rest = _parsed(command, values, argv)
    except (ConfigError, flags.Error) as error:
        getattr(command, "mistaken", lambda argv, error: None)(argv, error)
        raise
    return command.run(values, *rest)


def _parsed(command: ModuleType, values: flags.FlagValues, argv: list[str]) -> list[str]:
    """Parses all flags of a command; returns its arguments."""
    from ganlab.cli.config_flag import parse

    rest = parse(values, argv)
    wanted = getattr(command, "ARGUMENTS", ())
    if rest and not wanted:
        raise flags.Error(f"{rest[0]!r} is not a flag of `ganlab {argv[0]}`; flags are written "
                          f"--name=value (ganlab {argv[0]} --help)")
    # A command whose last argument is written `[NAME ...]` takes any number of those.
    open_ended = bool(wanted) and wanted[-1].endswith("...]")
    if len(rest) < len(wanted) - open_ended or len(rest) > len(wanted) and not open_ended:
        raise flags.Error(f"`ganlab {argv[0]}` takes {' '.join(wanted)} and was given "
                          f"{' '.join(rest) or 'none'} (ganlab {argv[0]} --help)")
    return rest
