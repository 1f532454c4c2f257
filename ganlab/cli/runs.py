"""From a config or a run's directory to the objects that commands work with."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from ganlab.config import ConfigError
from ganlab.data import Dataset
from ganlab.engine import Checkpoints, Programs, RunDirectory, choose_step, make_mesh, make_programs, read_metrics
from ganlab.game import Game
from ganlab.report import columns_for, plot_losses, save_animation, save_png
from ganlab.systems import build_game, load_data
from ganlab.types import Array, Tree


def build(config: Mapping[str, Any]) -> tuple[Game, Dataset]:
    """The game and the data of a config, for this process's backend.

    Raises:
      ConfigError: for any mistake in the config; nothing was compiled or written.
    """
    dataset = load_data(config)
    # Convolutions inside a scan are several times slower on CPU than the same in a row.
    return build_game(config, dataset, unroll=jax.default_backend() == "cpu"), dataset


def grid_columns(config: Mapping[str, Any], dataset: Dataset, number: int) -> int:
    """Columns of a grid of samples: one a class where samples have classes."""
    return columns_for(number, dataset.num_classes if config["system"].get("conditional") else 1)


def draw_run(directory: RunDirectory, title: str) -> None:
    """Draws the plot and the animation of a run from what it has written."""
    if directory.metrics_file.exists() and (metrics := read_metrics(directory.metrics_file)):
        save_png(directory.losses_plot, plot_losses(metrics, title))
    save_animation(directory.animation, sorted(directory.samples.glob("*.png")))


@dataclasses.dataclass(frozen=True)
class TrainedRun:
    """A checkpoint of a run, ready to draw samples from."""

    config: ml_collections.ConfigDict
    game: Game
    dataset: Dataset
    step: int
    params: Tree
    variables: Tree
    programs: Programs

    def latents(self, number: int, seed: int, temperature: float = 1.0, truncation: float = 0.0) -> Array:
        """Latents [number, z] of a seed, `temperature` times draws within [-truncation, truncation] (0: all draws).

        The first k are the same for every number.
        """
        keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.key(seed), i))(jnp.arange(number))
        return self.game.sampler.latents(keys, truncation) * temperature

    def images(self, latents: Array, labels: np.ndarray, batch_size: int = 500) -> np.ndarray:
        """Samples [n, ...] for latents [n, z] and labels [n]: floats in [-1, 1], or points."""
        parts = [self.programs.sample(self.params, self.variables, latents[i:i + batch_size],
                                      jnp.asarray(labels[i:i + batch_size], jnp.int32))
                 for i in range(0, len(latents), batch_size)]
        return np.concatenate([np.asarray(part) for part in parts])


def open_run(workdir: str, step: int | None = None, ema: bool = True) -> TrainedRun:
    """Reads a run's checkpoint: the newest, or that after `step` rounds; averaged weights unless told otherwise.

    Raises:
      ConfigError: if there is no such run, checkpoint or average.
    """
    directory = RunDirectory(workdir)
    config = directory.read_config()
    game, dataset = build(config)
    if game.sampler is None:
        raise ConfigError(f"{workdir} holds a run of system {config.system.name}, which draws no samples")
    if not directory.checkpoints.is_dir():
        raise ConfigError(f"{workdir} holds no checkpoint yet; train there first")
    programs = make_programs(game, make_mesh(game.batch_size, devices=1))
    like = jax.eval_shape(programs.init, 0)
    checkpoints = Checkpoints(directory.checkpoints)
    try:
        step = choose_step(checkpoints, step, directory.path)
        params, variables = checkpoints.restore_network(game.sampler.network, step, like, ema)
    finally:
        checkpoints.close()
    return TrainedRun(config, game, dataset, step, params, variables, programs)
