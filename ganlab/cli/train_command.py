"""ganlab train --config=FILE[:CHOICES] --workdir=DIR [--config.path=value ...]

Trains an experiment. The same command again resumes where the run stopped, to the same
numbers as if it had never stopped. Ctrl-C (or SIGTERM, SIGHUP of a terminal that is gone, or
SIGUSR2, by which SLURM announces a time limit) saves a checkpoint after the round and exits with
128 + the signal's number; a second Ctrl-C or SIGTERM leaves at once. Output that cannot be printed
ends nothing. Exit status 1 is a run that stopped itself: it diverged, or raised an alarm that stops
(config.alarms).

Examples:
  ganlab train --config=experiments/digits.py --workdir=runs/digits
  ganlab train --config=experiments/digits.py:loss=hinge,penalty=r1 --workdir=runs/hinge
  ganlab train --config=experiments/mixtures.py --workdir=runs/grid25 --config.seed=1 --config.hyper.critic_lr=1e-3
  ganlab train --config=experiments/digits.py --workdir=runs/tuned --config.init.source=runs/digits
  ganlab train --config=experiments/digits.py --workdir=runs/eight --mesh.data=8 --config.train.shard_state=True
  srun ganlab train --config=experiments/digits.py --workdir=/shared/runs/many   # mpirun, or on each worker of a pod
  ganlab train ... --coordinator=node1:12345 --processes=4 --process=0   # and 1, 2, 3 elsewhere

--config.init.source starts a new run from the weights of another (init_from): params, batch
statistics and averages, while optimizers, rounds and the order of data begin at their beginning.
--config.init.step=500 names its checkpoint, --config.init.weights=averaged takes the averages,
--config.init.networks=generator one network, --config.init.partial=True only what fits. A file of
`ganlab checkpoints --export` does as well as a run's directory.

The directory gets:
  config.json, versions.json   what was run, by which packages and which commit
  metrics.jsonl, losses.png    the numbers of every logged round, and their plot
  alarms.jsonl                 what it warned of: signs of collapse, retries; diverged_batch.png
                               where it diverged
  samples/, samples.gif        the same latents, or the same pictures translated, over training
  results.json, metrics.png    metrics of the samples, where --config.train.evaluate_every_rounds
                               (or _kimg) asks for them
  tensorboard/                 event files
  checkpoints/                 the state, and the averaged generator on its own
  train.lock                   held while training, so that no second run gets into the directory
Several processes share it; process 0 writes all but checkpoints.
"""

import contextlib
import json
import os
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import ml_collections
import numpy as np
from absl import flags

from ganlab.cli.config_flag import define_config
from ganlab.cli.judging import judge_for
from ganlab.cli.runs import draw_run, grid_columns
from ganlab.config import ConfigError, known_elsewhere
from ganlab.data import Dataset
from ganlab.engine import (
    DATA_AXIS,
    ENGINES,
    Diverged,
    Judge,
    Outcome,
    Stopped,
    check_shares,
    check_stages,
    make_mesh,
    stays_on_device,
    train,
)
from ganlab.game import Game, stages_of
from ganlab.machine import distributed
from ganlab.machine.backend import devices_text, set_up_process
from ganlab.output import counted
from ganlab.report.pictures import draw_samples, save_png, striped
from ganlab.storage import (
    Best,
    RunDirectory,
    check_init,
    locked,
    plain,
    rounds_saved,
    writing,
)
from ganlab.systems import build

EXIT_DIVERGED = 1
EXIT_SIGNAL = 128
MOST_PICTURES = 400
HELP_WIDTH = 110


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    _define_processes(values)
    define_config(values, argv)
    flags.DEFINE_string("workdir", None, "the run's directory, new or to be resumed",
                        flag_values=values, required=True)
    flags.DEFINE_integer("mesh.data", None, "devices that share each batch; all if left out",
                         flag_values=values)
    flags.DEFINE_enum("engine", "jit", ENGINES, "what compiles a round for several devices: jit "
                      "over the mesh, or pmap; the same numbers but for rounding",
                      flag_values=values)


def more_help() -> str:
    """Returns which key here is which option of published tools, so that a search for their names
    finds it."""
    names = {"--config": "--cfg of StyleGAN: base settings",
             "--workdir": "--outdir of StyleGAN, --checkpoints_dir and --name of pix2pix and "
                          "CycleGAN"}
    names |= {f"--config.{path}": known_as for path, known_as in known_elsewhere().items()}
    width = max(map(len, names))
    lines = (textwrap.fill(known_as, HELP_WIDTH, initial_indent=f"  {name:{width}}  ",
                           subsequent_indent=" " * (width + 4), break_on_hyphens=False)
             for name, known_as in names.items())
    return ("\nFlags and keys that published tools call otherwise (NETWORK is generator or critic, "
            "as `ganlab describe` names them):\n" + "\n".join(lines) + "\n")


def _define_processes(values: flags.FlagValues) -> None:
    flags.DEFINE_string("coordinator", None, "HOST:PORT where process 0 waits for the others, "
                        "where neither SLURM, Open MPI nor a TPU pod starts them; auto for "
                        "what JAX finds out", flag_values=values)
    flags.DEFINE_integer("processes", None, "how many processes there are, beside --coordinator",
                         flag_values=values)
    flags.DEFINE_integer("process", None, "which one this is, from 0, beside --coordinator",
                         flag_values=values)


def mistaken(argv: list[str], error: Exception) -> None:
    """Answers a mistake in the flags: the other processes of a run hear of it too, and do not wait
    for this one."""
    values = flags.FlagValues()
    _define_processes(values)
    try:
        values(argv, known_only=True)
    except flags.Error:
        return
    distributed.tell_mistake(error, values.coordinator, values.processes, values.process)


def run(values: flags.FlagValues) -> int:
    """Trains; checks everything before the directory is touched."""
    set_up_process()
    distributed.join(values.coordinator, values.processes, values.process)
    with distributed.ending_all(), _place(values.workdir) as directory:
        return train_run(values.config, directory, values.engine, values["mesh.data"].value,
                         sys.argv)


@contextlib.contextmanager
def _place(workdir: str) -> Iterator[RunDirectory]:
    """Returns the run's directory; of several processes, those after the first write elsewhere, and
    are silent."""
    if distributed.leads():
        yield RunDirectory(workdir)
        return
    with (tempfile.TemporaryDirectory() as apart, open(os.devnull, "w") as nowhere,
          contextlib.redirect_stdout(nowhere)):
        yield RunDirectory(workdir, apart)


def train_run(config: ml_collections.ConfigDict, directory: RunDirectory, engine: str = "jit",
              devices: int | None = None, command: Sequence[str] = ()) -> int:
    """Trains the run in a directory, or resumes it, and prints what becomes of it.

    Args:
      config: the experiment's config.
      directory: of the run.
      engine: one of `ENGINES`.
      devices: that share each batch; None for all.
      command: what was typed, for versions.json.

    Returns:
      The exit status: 0 for a run that has all its rounds.

    Raises:
      ConfigError: for any mistake, before the directory is touched.
    """
    # All processes build the same game, and compare what they have built.
    def prepare() -> tuple[tuple, str]:
        game, dataset = build(config, DATA_AXIS if engine == "pmap" else None)
        check_stages(game, config, devices or jax.device_count())
        mesh = make_mesh(game.batch_size, devices, game.accumulate)
        check_engine(engine, config)
        for stage in stages_of(game):
            check_shares(stage.game, mesh)
        found = game, dataset, mesh, *judge_for(config, game, dataset, directory)
        return found, json.dumps([plain(config), engine, stays_on_device(dataset, config),
                                  len(dataset)])

    game, dataset, mesh, judge, best = distributed.together(prepare)
    # Where the run stopped; a run that is done is only drawn.
    resumes = distributed.together(lambda: (directory.check(config), ""))
    saved = rounds_saved(directory.checkpoints) if resumes else 0
    if saved % config.train.rounds_per_call:
        raise ConfigError(f"config.train.rounds_per_call is {config.train.rounds_per_call}, but "
                          f"{directory.path} stopped after {counted(saved, 'round')}, no multiple "
                          f"of it; use 1 or a divisor of {saved}")
    if saved >= config.train.total_rounds:
        if not (directory.losses_plot.exists() and directory.animation.exists()):
            draw_run(directory, config.name)
        print(f"{directory.path} has its {counted(config.train.total_rounds, 'round')}; "
              "--config.train.total_rounds asks for more")
        return 0
    if not saved:
        check_init(config.init, game)
    # One process writes the directory and holds it until all have ended.
    with contextlib.ExitStack() as held:
        distributed.together(lambda: (
            held.enter_context(locked(directory.path)) if distributed.leads() else None, ""))
        distributed.together(lambda: (directory.write(config, list(command)), ""))
        distributed.together(lambda: (_check_shared(directory), ""))
        print(f"training on {devices_text(list(mesh.devices.flat))}", flush=True)
        try:
            outcome = _train(game, dataset, config, directory, judge, best, mesh)
        except Stopped as error:
            print(f"ganlab: {error}", file=sys.stderr)
            draw_run(directory, config.name)
            return EXIT_DIVERGED
        draw_run(directory, config.name)
    # How it ended, and what to do next.
    if outcome.stopped_by is not None:
        print(f"stopped by {outcome.stopped_by.name} after round {outcome.step:,}, saved; the "
              "same command resumes")
        return EXIT_SIGNAL + outcome.stopped_by
    latest = max(directory.samples.glob("*.png"), default=directory.samples)
    print(f"trained {counted(outcome.step, 'round')}; samples {latest}, animation "
          f"{directory.animation}, losses {directory.losses_plot}, everything in {directory.path}")
    return 0


def check_engine(engine: str, config: Mapping[str, Any]) -> None:
    """Raises ConfigError for what `pmap` cannot do."""
    if engine == "pmap" and config["train"]["shard_state"]:
        raise ConfigError("--engine=pmap holds the whole state on every device, but "
                          "config.train.shard_state is True; use --engine=jit, or set it to False")


def _check_shared(directory: RunDirectory) -> None:
    if not directory.config_file.exists():
        raise ConfigError(f"--workdir={directory.path} is not the directory that process 0 writes "
                          "to; name one on a disk that all machines share")


def _train(game: Game, dataset: Dataset, config: ml_collections.ConfigDict, directory: RunDirectory,
           judge: Judge | None, best: Best | None, mesh: jax.sharding.Mesh) -> Outcome:
    """Trains, and draws pictures of samples and of a batch at which training diverged."""
    def picture(images: np.ndarray, title: str) -> np.ndarray:
        # A picture that cannot be drawn ends no training: alarms and divergence are for that.
        columns = grid_columns(config, dataset, len(images))
        return draw_samples(striped(images), dataset, columns, f"{config.name}, {title}")

    def draw(step: int, samples: np.ndarray) -> np.ndarray:
        drawn = picture(samples, f"round {step:,}")
        with writing(directory.samples):
            save_png(directory.samples / f"{step:08}.png", drawn)
        return drawn

    try:
        return train(game, dataset, config, directory, draw, judge, best, mesh)
    except Diverged as error:
        save_png(directory.diverged_picture,
                 picture(error.images[:MOST_PICTURES], "the batch at which it diverged"))
        raise
