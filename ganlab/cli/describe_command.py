"""ganlab describe --config=FILE[:CHOICES] [--config.path=value ...] [--compile]

Shows what a config means and trains nothing: every key with its value, unit and meaning,
the networks layer by layer, the round as a table of updates, and memory.

Examples:
  ganlab describe --config=experiments/digits.py
  ganlab describe --config=experiments/digits.py:network=dcgan --config.batch_size=128 --compile
"""

import jax
from absl import flags
from rich.console import Console

from ganlab.cli.config_flag import define_config
from ganlab.data import Jitter
from ganlab.engine import data_shapes, make_mesh, make_programs, stays_on_device
from ganlab.machine.backend import set_up_process
from ganlab.output import counted
from ganlab.report import tables
from ganlab.systems import build


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    define_config(values, argv)
    flags.DEFINE_bool("compile", False, "compiles the round, to measure the memory of its "
                      "temporary arrays", flag_values=values)


def run(values: flags.FlagValues) -> int:
    """Prints the tables."""
    set_up_process()
    config = values.config
    game, dataset = build(config)
    # The programs and arrays that training would have, by their shapes alone.
    streamed = not stays_on_device(dataset, config)
    mesh = make_mesh(game.batch_size, slices=game.accumulate)
    programs = make_programs(game, mesh, config.train.rounds_per_call, Jitter.of(config.data),
                             streamed, config.train.shard_state)
    state = jax.eval_shape(programs.init, 0)
    arrays = data_shapes(dataset, game, config.train.rounds_per_call, streamed)
    # Only a compiled round has temporary arrays, and compiling may take minutes.
    temporary = None
    if values.compile:
        raw = data_shapes(dataset, game, config.train.rounds_per_call, streamed=True)
        analysis = programs.rounds.lower(state, raw).compile().memory_analysis()
        temporary = analysis.temp_size_in_bytes
    # From the whole to the parts: keys, data, devices, networks, the round, memory.
    console = Console(highlight=False, markup=False)
    shape = "x".join(map(str, dataset.image_shape))
    parts = [tables.config_table(config),
             f"data {dataset.name}: {counted(len(dataset), 'example')} of {shape}, "
             f"{counted(dataset.num_classes, 'class', 'classes')}",
             f"devices: {mesh.size}, each with {game.batch_size // mesh.size} of a batch's "
             f"{counted(game.batch_size, 'image')}"
             f"{f' in {game.accumulate} slices' if game.accumulate > 1 else ''}, computing in "
             f"{config.train.precision}",
             *(tables.network_table(name, network, game.batch_size)
               for name, network in game.networks.items()),
             *([tables.stage_table(game, config.train.total_rounds)] if game.stages else []),
             tables.round_table(game),
             tables.memory_table(game, state, arrays, streamed, temporary)]
    for part in parts:
        console.print(part, "")
    if temporary is None:
        console.print("--compile adds the temporary arrays of the compiled round.")
    return 0
