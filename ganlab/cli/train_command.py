"""ganlab train --config=FILE[:CHOICES] --workdir=DIR [--config.path=value ...]

Trains an experiment. The same command again goes on where the run stopped, to the same
numbers as if it had never stopped. Ctrl-C (or SIGTERM) saves a checkpoint after the
round and exits with 128 + the signal's number; a second one leaves at once. Exit status 1
is a run that stopped itself: it diverged, or raised an alarm that stops (config.alarms).

Examples:
  ganlab train --config=experiments/digits.py --workdir=runs/digits
  ganlab train --config=experiments/digits.py:loss=hinge,penalty=r1 --workdir=runs/hinge
  ganlab train --config=experiments/mixtures.py --workdir=runs/grid25 --config.seed=1 --config.hyper.critic_lr=1e-3

The directory gets:
  config.json, versions.json   what was run, by which packages and which commit
  metrics.jsonl, losses.png    the numbers of every logged round, and their plot
  alarms.jsonl                 what it warned of: signs of collapse, retries; diverged_batch.png where it diverged
  samples/, samples.gif        the same latents over training
  results.json, metrics.png    metrics of the samples, where --config.train.evaluate_every_rounds asks for them
  tensorboard/                 event files
  checkpoints/                 the state, and the averaged generator on its own
"""

import sys

import ml_collections
import numpy as np
from absl import flags

from ganlab.cli.config_flag import define_config
from ganlab.cli.judging import judge_for
from ganlab.cli.runs import build, draw_run, grid_columns
from ganlab.config import ConfigError
from ganlab.data import Dataset
from ganlab.engine import (
    Best,
    Diverged,
    Judge,
    Outcome,
    RunDirectory,
    Stopped,
    locked,
    make_mesh,
    rounds_saved,
    set_up_process,
    train,
    writing,
)
from ganlab.game import Game
from ganlab.report import draw_samples, save_png

EXIT_DIVERGED = 1
EXIT_SIGNAL = 128
MOST_PICTURES = 400


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
    with locked(directory.path):
        directory.write(config, sys.argv)
        try:
            outcome = _train(game, dataset, config, directory, judge, best)
        except Stopped as error:
            print(f"ganlab: {error}", file=sys.stderr)
            draw_run(directory, config.name)
            return EXIT_DIVERGED
        draw_run(directory, config.name)
    if outcome.stopped_by is not None:
        print(f"stopped by {outcome.stopped_by.name} after round {outcome.step:,}, saved; the same command goes on")
        return EXIT_SIGNAL + outcome.stopped_by
    latest = max(directory.samples.glob("*.png"), default=directory.samples)
    print(f"trained {outcome.step:,} rounds; samples {latest}, animation {directory.animation}, "
          f"losses {directory.losses_plot}, everything in {directory.path}")
    return 0


def _train(game: Game, dataset: Dataset, config: ml_collections.ConfigDict, directory: RunDirectory,
           judge: Judge | None, best: Best | None) -> Outcome:
    """Trains with pictures of samples, and of a batch at which training diverged."""
    def picture(images: np.ndarray, title: str) -> np.ndarray:
        return draw_samples(images, dataset, grid_columns(config, dataset, len(images)), f"{config.name}, {title}")

    def draw(step: int, samples: np.ndarray) -> np.ndarray:
        drawn = picture(samples, f"round {step:,}")
        with writing(directory.samples):
            save_png(directory.samples / f"{step:08}.png", drawn)
        return drawn

    try:
        return train(game, dataset, config, directory, draw, judge, best)
    except Diverged as error:
        save_png(directory.diverged_picture, picture(error.images[:MOST_PICTURES], "the batch at which it diverged"))
        raise
