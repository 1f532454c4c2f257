"""From a config or a run's directory to the objects that commands work with."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from flax.errors import FlaxError

from ganlab.config import SAMPLING_OPTIONS, ConfigError
from ganlab.config.key import Key
from ganlab.data import Dataset, to_float
from ganlab.data.classes import find_class, is_whole_number
from ganlab.engine import Programs, make_mesh, make_programs, read_metrics
from ganlab.game import Game, Options, Weights, image_keys, stage_before
from ganlab.report.pictures import columns_for, save_animation, save_png
from ganlab.report.plots import plot_losses
from ganlab.storage import Checkpoints, RunDirectory, choose_step, sample_keys
from ganlab.systems import build
from ganlab.types import Array


def grid_columns(config: Mapping[str, Any], dataset: Dataset, number: int) -> int:
    """Returns the columns of a grid of samples: one for each class where samples have classes."""
    return columns_for(number, dataset.num_classes if config["system"].get("conditional") else 1)


def draw_run(directory: RunDirectory, title: str) -> None:
    """Draws the plot and the animation of a run from what it has written."""
    if directory.metrics_file.exists() and (metrics := read_metrics(directory.metrics_file)):
        save_png(directory.losses_plot, plot_losses(metrics, title))
    save_animation(directory.animation, sorted(directory.samples.glob("*.png")))


@dataclasses.dataclass(frozen=True)
class TrainedRun:
    """A checkpoint of a run, ready to draw samples from, and to encode or to translate where
    the game does."""

    config: ml_collections.ConfigDict
    game: Game
    dataset: Dataset
    step: int
    networks: Weights
    """Of the networks that sample, encode and translate."""
    programs: Programs
    stage: str = ""
    """Of a training in stages, the name of that which made the checkpoint."""
    _prepared: dict[tuple, Weights] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False)

    def latents(self, number: int | np.ndarray, seed: int, options: Options = {}) -> Array:
        """Draws latents [number, z] of a seed, by the options of the sampler; or those of the
        samples with these numbers [n].

        The first k are the same for every number.
        """
        sampler = self.game.sampler
        numbers = jnp.arange(number) if isinstance(number, int) else jnp.asarray(number)
        return sampler.latents(sample_keys(seed, numbers), sampler.with_options(options))

    def images(self, latents: Array, labels: np.ndarray, batch_size: int = 500,
               options: Options = {}, seed: int = 0,
               numbers: np.ndarray | None = None) -> np.ndarray:
        """Computes samples [n, ...] of latents [n, z] and labels [n]: floats in [-1, 1], or points.

        Args:
          latents: of `latents`, or one's own.
          labels: classes by number, or weights of all classes [n, classes] (`check_mixing`).
          batch_size: samples at once.
          options: of the sampler.
          seed: of what is drawn beside the latents; sample i depends on it and i alone.
          numbers: of which sample [n] each has these draws; None for its own.
        """
        weights = self.prepared(options)
        numbers = jnp.arange(len(latents)) if numbers is None else jnp.asarray(numbers)
        keys = image_keys(sample_keys(seed, numbers))
        return _in_batches(
            lambda latents, labels, keys: self.programs.sample(
                weights, latents, labels, keys, options),
            batch_size, latents, labels, keys)

    def check_mixing(self) -> None:
        """Raises ConfigError for a generator that takes labels and no weights of the classes in
        their place, by a trace of it."""
        latents = jax.eval_shape(lambda: self.latents(1, 0))
        labels = (jax.ShapeDtypeStruct((1,), jnp.int32),
                  jax.ShapeDtypeStruct((1, self.dataset.num_classes), latents.dtype))
        weights = self.weights(self.game.sampler.networks)
        options = self.game.sampler.with_options({})

        def made(labels: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
            return jax.eval_shape(lambda latents, labels: self.game.sampler.images(
                weights, latents, labels, None, options), latents, labels)

        with contextlib.suppress(TypeError, ValueError, IndexError, FlaxError):
            if made(labels[0]) == made(labels[1]):
                return
        networks = " and ".join(self.config.networks[name].network
                                for name in self.game.sampler.networks)
        raise ConfigError(f"{networks} takes labels, and no weights of the classes [b, classes] "
                          "by which it could mix them (ganlab/networks/__init__.py); keep the "
                          "class of each sample (--moves=latent of `ganlab latent`)")

    def prepared(self, options: Options = {}) -> Weights:
        """Returns the weights of the sampler's networks as its options prepare them, once for a
        set of options; they are the same for every seed."""
        options = self.game.sampler.with_options(options)
        known = tuple(options.items())
        if known not in self._prepared:
            self._prepared[known] = self.programs.prepare(
                self.weights(self.game.sampler.networks), jax.random.key(0), options)
        return self._prepared[known]

    def options(self, given: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
        """Returns options as the run's sampler takes them; those that are not given do nothing.

        Args:
          given: values by name.
          prefix: before a name in messages, such as `--`.

        Raises:
          ConfigError: for an option that the sampler does not have, or a value that is not allowed.
        """
        known = self.game.sampler.options if self.game.sampler else {}
        for name, value in given.items():
            if name not in known:
                has = ", ".join(prefix + other for other in known) or "none"
                raise ConfigError(f"{prefix}{name} is not an option of what system "
                                  f"{self.config.system.name} makes; its options: {has}")
            allowed, words = (SAMPLING_OPTIONS[name] if name in SAMPLING_OPTIONS
                              else Key(0.0, "")).allowed
            if not allowed(value):
                raise ConfigError(f"{prefix}{name}={value} is not allowed; it takes {words}")
        return {name: float(value) if isinstance(known[name], float) else value
                for name, value in given.items()}

    def weights(self, networks: Iterable[str]) -> Weights:
        """Returns the weights of some networks."""
        return {name: self.networks[name] for name in networks}

    def translate(self, pictures: np.ndarray, direction: str = "AB",
                  batch_size: int = 8) -> np.ndarray:
        """Returns translations [n, ...] in [-1, 1] of pictures [n, h, w, c] as the data set holds
        them.

        For games that translate.
        """
        weights = self.weights(self.game.translators[direction].networks)
        translate = self.programs.translate[direction]
        return _in_batches(lambda part: translate(weights, to_float(part)), batch_size, pictures)

    def encode(self, images: np.ndarray, labels: np.ndarray, batch_size: int = 500) -> np.ndarray:
        """Returns latents [n, z] of images [n, ...] as the data set holds them, with labels [n].

        For games with an encoder.
        """
        weights = self.weights(self.game.encoder.networks)
        return _in_batches(lambda part, of: self.programs.encode(weights, to_float(part), of),
                           batch_size, images, labels)


CLASSES_SHOWN = 20
"""In a sentence; of more, their number."""
_LACKS = {"sampler": "draws no samples", "translators": "translates no pictures"}


def _in_batches(function: Callable[..., Array], batch_size: int,
                *arrays: Array | np.ndarray) -> np.ndarray:
    """Returns the results of `function(*arrays)`, computed a batch at a time, which bounds the
    memory."""
    parts = [function(*(jnp.asarray(array[i:i + batch_size]) for array in arrays))
             for i in range(0, len(arrays[0]), batch_size)]
    return np.concatenate([np.asarray(part) for part in parts])


def class_number(flag: str, text: str, names: Sequence[str]) -> int:
    """Returns the class that a flag names, by its name or else by its number (see `find_class`).

    Raises:
      ConfigError: for a class that the data does not have.
    """
    label = find_class(text, names)
    if label is not None:
        return label
    raise ConfigError(f"--{flag}={text}: {classes_text(names)}")


def is_conditional(trained: TrainedRun) -> bool:
    """Returns whether the samples of a run are of classes."""
    return bool(trained.config.system.get("conditional"))


def parse_labels(texts: Sequence[str], trained: TrainedRun, number: int) -> np.ndarray:
    """Returns labels [number]: the classes named (by number or by name) in turn, or all of them.

    Raises:
      ConfigError: for a class that the data does not have, or labels of an unconditional run.
    """
    names = trained.dataset.class_names
    if texts and not is_conditional(trained):
        raise ConfigError(f"--labels={','.join(texts)}: the run is unconditional; "
                          "leave --labels out")
    chosen = [class_number("labels", text, names) for text in texts] or range(len(names))
    return np.resize(np.array(chosen, np.int32), number)


def title_of(trained: TrainedRun) -> str:
    """Returns the run's name and its round, with its stage if it is of several."""
    stage = f", {trained.stage}" if trained.stage else ""
    return f"{trained.config.name}, round {trained.step:,}{stage}"


def classes_text(names: Sequence[str]) -> str:
    """Returns how flags name the classes: also by their numbers, unless other classes are called by
    numbers."""
    more = f", and {len(names) - CLASSES_SHOWN:,} more" if len(names) > CLASSES_SHOWN else ""
    shown = ", ".join(names[:CLASSES_SHOWN]) + more
    if any(map(is_whole_number, names)) and tuple(names) != tuple(map(str, range(len(names)))):
        return f"the classes are called {shown}"
    return f"the classes are 0 to {len(names) - 1} ({shown})"


def steps_of(workdir: str, wanted: str | None) -> list[int | None]:
    """Returns the checkpoints that are meant: the newest (None), the one after n rounds, or `all`.

    Raises:
      ConfigError: for what is neither, and for a run that holds none.
    """
    if wanted is None or wanted.isdigit():
        return [None if wanted is None else int(wanted)]
    if wanted != "all":
        raise ConfigError(f"--step={wanted} is not a number of rounds; name a checkpoint, as in "
                          "--step=500, or --step=all")
    directory = RunDirectory(workdir).checkpoints
    if not directory.is_dir():
        raise ConfigError(f"{workdir} holds no checkpoint yet; train there first")
    checkpoints = Checkpoints(directory)
    checkpoints.close()
    return checkpoints.steps


def open_run(workdir: str, step: int | None = None, ema: bool = True,
             does: tuple[str, ...] = ("sampler",), scores: bool = False) -> TrainedRun:
    """Reads a run's checkpoint: the newest, or the one after `step` rounds; averaged weights unless
    `ema` is False.

    `does` names what is wanted of its game, one of them: a `sampler`, `translators`. With `scores`
    the critic is read too, if it has one.

    Raises:
      ConfigError: if the run, the checkpoint or the average does not exist.
    """
    directory = RunDirectory(workdir)
    config = directory.read_config()
    game, dataset = build(config)
    # What the game does is known from the config, before a checkpoint is read.
    if not any(getattr(game, part) for part in does):
        other = "; `ganlab translate` shows what it does" if game.translators else ""
        raise ConfigError(f"{workdir} holds a run of system {config.system.name}, which "
                          f"{_LACKS[does[0]]}{other}")
    if not directory.checkpoints.is_dir():
        raise ConfigError(f"{workdir} holds no checkpoint yet; train there first")
    # Only the networks that make something are read, by the shapes of their state.
    mesh = make_mesh(game.batch_size, devices=1)
    like = jax.eval_shape(make_programs(game, mesh).init, 0)
    checkpoints = Checkpoints(directory.checkpoints)
    try:
        step = choose_step(checkpoints.steps, step, directory.path)
        parts = (game.sampler, game.encoder, *game.translators.values())
        players = {name for part in parts if part is not None for name in part.networks}
        networks = {name: checkpoints.restore_network(name, step, like, ema) for name in players}
        # A critic is as trained: it has no average.
        for name in game.scorer.networks if scores and game.scorer else ():
            networks[name] = checkpoints.restore_network(name, step, like, ema and name in game.ema)
    finally:
        checkpoints.close()
    # What the checkpoint's stage makes of them.
    stage = stage_before(game, step)
    return TrainedRun(config, stage.game, dataset, step, networks, make_programs(stage.game, mesh),
                      stage.name)
