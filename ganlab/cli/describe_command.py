"""ganlab describe --config=FILE[:CHOICES] [--config.path=value ...] [--compile]

Shows what a config means and trains nothing: every key with its value, unit and meaning,
the networks layer by layer, the round as a table of updates, and memory.

Examples:
  ganlab describe --config=experiments/digits.py
  ganlab describe --config=experiments/digits.py:network=dcgan --config.batch_size=128 --compile
"""

from collections.abc import Mapping
from typing import Any

import jax
from absl import flags
from rich.console import Console

from ganlab.cli.config_flag import define_config
from ganlab.data import Dataset, Jitter, reduced
from ganlab.engine import data_shapes, make_mesh, make_programs, stays_on_device
from ganlab.game import Game, stages_of
from ganlab.machine.backend import set_up_process
from ganlab.output import counted
from ganlab.report import tables
from ganlab.systems import build


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    define_config(values, argv)
    flags.DEFINE_bool("compile", False, "compiles the round, to measure the memory of its "
                      "temporary arrays", flag_values=values)


def temporary_bytes(game: Game, stage: Game, dataset: Dataset,
                    config: Mapping[str, Any]) -> int:
    """Compiles the rounds of a stage; returns the bytes of their temporary arrays on a device."""
    data = reduced(dataset, stage.reduction)
    mesh = make_mesh(stage.batch_size, slices=stage.accumulate)
    programs = make_programs(stage, mesh, config["train"]["rounds_per_call"],
                             Jitter.of(config["data"]), shard_state=config["train"]["shard_state"],
                             initial=game)
    raw = data_shapes(data, stage, config["train"]["rounds_per_call"], streamed=True)
    compiled = programs.rounds.lower(jax.eval_shape(programs.init, 0), raw).compile()
    return compiled.memory_analysis().temp_size_in_bytes


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
    sizes = [temporary_bytes(game, stage.game, dataset, config)
             for stage in stages_of(game)] if values.compile else []
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
             *([tables.stage_table(game, config.train.total_rounds, sizes)] if game.stages else []),
             tables.round_table(game),
             tables.memory_table(game, state, arrays, streamed, sizes[-1] if sizes else None)]
    for part in parts:
        console.print(part, "")
    if not sizes:
        console.print("--compile adds the temporary arrays of the compiled round.")
    return 0
