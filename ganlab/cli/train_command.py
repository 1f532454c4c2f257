"""ganlab train --config=FILE[:CHOICES] --workdir=DIR [--config.path=value ...]

Trains an experiment. The same command again goes on where the run stopped, to the same
numbers as if it had never stopped. Ctrl-C (or SIGTERM) saves a checkpoint after the
round; a second Ctrl-C leaves at once.

Examples:
  ganlab train --config=experiments/digits.py --workdir=runs/digits
  ganlab train --config=experiments/digits.py:loss=hinge,penalty=r1 --workdir=runs/hinge
  ganlab train --config=experiments/mixtures.py --workdir=runs/grid25 --config.seed=1 --config.hyper.critic_lr=1e-3
  ganlab train --config=experiments/digits.py --workdir=runs/tuned --config.init.source=runs/digits

The last starts anew from the weights of another run (init_from): params, batch statistics
and averages, while optimizers, rounds and the order of data begin at their beginning.
--config.init.step=500 names its checkpoint, --config.init.weights=averaged takes the averages,
--config.init.networks=generator one network, --config.init.partial=True only what fits.
A file of `ganlab checkpoints --export` does as well as a run's directory.

The directory gets:
  config.json, versions.json   what was run, by which packages and which commit
  metrics.jsonl, losses.png    the numbers of every logged round, and their plot
  samples/, samples.gif        the same latents over training
  results.json, metrics.png    metrics of the samples, where --config.train.evaluate_every_rounds asks for them
  tensorboard/                 event files
  checkpoints/                 the state, and the averaged generator on its own
"""

import sys

import numpy as np
from absl import flags

from ganlab.cli.config_flag import define_config
from ganlab.cli.judging import judge_for
from ganlab.cli.runs import build, draw_run, grid_columns
from ganlab.config import ConfigError
from ganlab.engine import Diverged, RunDirectory, check_init, make_mesh, rounds_saved, set_up_process, train
from ganlab.report import draw_samples, save_png

EXIT_DIVERGED = 1
EXIT_SIGNAL = 128


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    define_config(values, argv)
    flags.DEFINE_string("workdir", None, "the run's directory, new or to be resumed", flag_values=values, required=True)


def run(values: flags.FlagValues) -> int:
    """Trains; everything that can be wrong is checked before the directory is touched."""
    set_up_process()
    config, directory = values.config, RunDirectory(values.workdir)
    game, dataset = build(config)
    make_mesh(game.batch_size)
    judge, best = judge_for(config, game, dataset, directory)
    saved = rounds_saved(directory.checkpoints) if directory.check(config) else 0
    if saved % config.train.rounds_per_call:
        raise ConfigError(f"config.train.rounds_per_call is {config.train.rounds_per_call}, but {directory.path} "
                          f"stopped after {saved:,} rounds, no multiple of it; use 1 or a divisor of {saved}")
    if saved >= config.train.total_rounds:
        if not (directory.losses_plot.exists() and directory.animation.exists()):
            draw_run(directory, config.name)
        print(f"{directory.path} has its {config.train.total_rounds:,} rounds; --config.train.total_rounds "
              "asks for more")
        return 0
    if not saved:
        check_init(config.init, game)
    directory.write(config, sys.argv)

    def draw(step: int, samples: np.ndarray) -> np.ndarray:
        picture = draw_samples(samples, dataset, grid_columns(config, dataset, len(samples)),
                               f"{config.name}, round {step:,}")
        save_png(directory.samples / f"{step:08}.png", picture)
        return picture

    try:
        outcome = train(game, dataset, config, directory, draw, judge, best)
    except Diverged as error:
        print(f"ganlab: {error}", file=sys.stderr)
        return EXIT_DIVERGED
    finally:
        draw_run(directory, config.name)
    if outcome.stopped_by is not None:
        print(f"stopped by {outcome.stopped_by.name} after round {outcome.step:,}, saved; the same command goes on")
        return EXIT_SIGNAL + outcome.stopped_by
    latest = max(directory.samples.glob("*.png"), default=directory.samples)
    print(f"trained {outcome.step:,} rounds; samples {latest}, animation {directory.animation}, "
          f"losses {directory.losses_plot}, everything in {directory.path}")
    return 0
