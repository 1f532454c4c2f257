"""ganlab profile --config=FILE[:CHOICES] [--config.path=value ...] [--trace=FOLDER] [--calls=N]

Shows where the time of a round goes, and writes a trace of some rounds for TensorBoard or
Perfetto. Updates, networks and layers are compiled and timed each by itself, on one device:
together they are not the round, which the compiler makes as one. Operations are those of the
compiled program by the compiler's count.

Examples:
  ganlab profile --config=experiments/digits.py:network=dcgan
  ganlab profile --config=experiments/dcgan32.py:data=glyphs,thin=4 --trace=profiles/dcgan32 --calls=10
"""

from pathlib import Path

from absl import flags
from rich.console import Console
from rich.table import Table

from ganlab.cli.config_flag import define_config
from ganlab.config import ConfigError
from ganlab.data import Jitter
from ganlab.engine.profiling import (
    Piece,
    matrix_rate,
    profile_networks,
    profile_round,
    profile_updates,
)
from ganlab.machine.backend import set_up_process
from ganlab.output import counted, writing
from ganlab.systems import build


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    define_config(values, argv)
    flags.DEFINE_string("trace", "", "folder of the trace; empty for none", flag_values=values)
    flags.DEFINE_integer("calls", 5, "calls of each piece, of which the median counts",
                         flag_values=values)


def run(values: flags.FlagValues) -> int:
    """Prints the pieces."""
    if values.calls < 1:
        raise ConfigError(f"--calls={values.calls}: it is the number of timed calls of each "
                          "piece; use 1 or more")
    set_up_process()
    if values.trace:
        with writing(folder := Path(values.trace)):
            folder.mkdir(parents=True, exist_ok=True)
    config, calls = values.config, values.calls
    game, dataset = build(config)
    rate = matrix_rate(calls)
    whole = profile_round(game, dataset, Jitter.of(config.data), calls, values.trace or None)
    updates = list(profile_updates(game, dataset, Jitter.of(config.data), calls))
    networks = list(profile_networks(game, calls))
    console = Console(highlight=False, markup=False, width=120)
    console.print(f"a product of large matrices: {rate / 1e9:,.0f} GFLOP/s")
    console.print(f"a round: {whole.seconds * 1e3:.4g} ms\n")
    console.print(_table("updates, each by itself", updates, rate, whole.seconds), "")
    console.print(_table(f"networks and layers on a batch of {game.batch_size}, each by itself",
                         networks, rate))
    if values.trace:
        console.print(f"\ntrace of {counted(calls, 'round')}: {values.trace}")
    return 0


def _table(title: str, pieces: list[Piece], rate: float, whole: float | None = None) -> Table:
    """Returns a table of milliseconds, operations and their share of the matrix rate; with a
    round's seconds, of the share of it too."""
    table = Table(title=title, title_justify="left", box=None)
    for heading in ("piece", "ms", "GFLOP", "of the matrix rate",
                    *(["of the round"] if whole else [])):
        table.add_column(heading, justify="left" if heading == "piece" else "right")
    for piece in pieces:
        share = piece.share_of(rate)
        row = [piece.name, f"{piece.seconds * 1e3:.4g}",
               "" if piece.flops is None else f"{piece.flops / 1e9:.3g}",
               "" if share is None else f"{share:.0%}"]
        table.add_row(*row, *([f"{piece.seconds / piece.every / whole:.0%}"] if whole else []))
    return table
