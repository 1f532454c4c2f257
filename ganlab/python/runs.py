"""A trained run in Python: what it was, what it measured, and what it makes."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ml_collections
import numpy as np
from PIL import Image

from ganlab.cli.runs import (
    TrainedRun,
    classes_text,
    grid_columns,
    open_run,
    parse_labels,
)
from ganlab.cli.train_command import train_run
from ganlab.config import ConfigError, complete, validate
from ganlab.data import to_uint8
from ganlab.engine import read_metrics
from ganlab.evaluation import Record, read_results
from ganlab.machine.backend import set_up_process
from ganlab.output import counted
from ganlab.report.pictures import draw_samples
from ganlab.storage import Checkpoints, RunDirectory


Labels = Sequence[int | str] | np.ndarray
"""Classes [n] by name or number, or weights of the classes [n, classes]."""


@dataclasses.dataclass(frozen=True)
class Run:
    """A run's directory at one of its checkpoints.

    Attributes:
      path: the directory.
      step: rounds after which the checkpoint was saved.
      config: the run's config.
    """

    path: Path
    step: int
    config: ml_collections.ConfigDict
    _trained: TrainedRun = dataclasses.field(repr=False)

    @property
    def metrics(self) -> dict[str, np.ndarray]:
        """Logged numbers of training: `step`, `kimg` and metrics, each [logged rounds], or NaN."""
        file = RunDirectory(self.path).metrics_file
        return read_metrics(file) if file.exists() else {}

    @property
    def results(self) -> list[Record]:
        """What `ganlab evaluate` and training have measured, each with its protocol."""
        file = RunDirectory(self.path).results_file
        return read_results(file) if file.exists() else []

    @property
    def checkpoints(self) -> list[int]:
        """Rounds after which a checkpoint is kept; `ganlab.load(path, step=...)` opens one."""
        checkpoints = Checkpoints(RunDirectory(self.path).checkpoints)
        checkpoints.close()
        return list(checkpoints.steps)

    def latents(self, number: int, seed: int = 0, **options: Any) -> np.ndarray:
        """Draws latents [number, ...] of a seed, those of `sample`.

        The first k are the same for every number. Options are the sampler's, such as `truncation`
        and `temperature`.
        """
        return np.asarray(self._trained.latents(number, seed, self._known(options)))

    def images(self, latents: np.ndarray, labels: Labels | None = None, seed: int = 0,
               **options: Any) -> np.ndarray:
        """Computes images [n, h, w, c] of latents, float32 in [-1, 1], or points [n, d].

        Args:
          latents: [n, ...].
          labels: of a conditional run, classes [n]: a text is a name, as `--labels` takes it, a
            whole number a label, as `class_names` counts them; or weights of all classes [n,
            classes], of which a label is the one-hot row. None for all classes in turn.
          seed: of what is drawn beside the latents.
          **options: of the sampler.

        Raises:
          ConfigError: for a class or an option that does not exist, or labels of an unconditional
            run.
        """
        numbers = self._labels(labels, len(latents))
        return self._trained.images(latents, numbers, options=self._known(options), seed=seed)

    def sample(self, number: int, labels: Labels | None = None, seed: int = 0,
               **options: Any) -> np.ndarray:
        """Draws samples, uint8 [number, h, w, c] (points: float32), as `ganlab sample` does.

        The same seed gives the same samples. Arguments and errors are those of `images`.
        """
        made = self.images(self.latents(number, seed, **options), labels, seed, **options)
        return to_uint8(made) if made.ndim == 4 else made

    def translate(self, pictures: np.ndarray, direction: str = "AB") -> np.ndarray:
        """Computes translations uint8 [n, h, w, c] of pictures uint8 [n, h, w, c].

        Raises:
          ConfigError: for a direction that the run does not have, or a run that does not translate.
        """
        if direction not in self._trained.game.translators:
            found = ", ".join(self._trained.game.translators) or "none"
            raise ConfigError(f"direction {direction!r} is not one of the run's: {found}")
        return to_uint8(self._trained.translate(pictures, direction))

    def show(self, number: int = 25, labels: Labels | None = None, seed: int = 0,
             **options: Any) -> Image.Image:
        """Draws samples as one picture, which a notebook shows inline.

        Arguments and errors are those of `sample`.
        """
        images = self.images(self.latents(number, seed, **options), labels, seed, **options)
        columns = grid_columns(self.config, self._trained.dataset, number)
        return Image.fromarray(
            draw_samples(images, self._trained.dataset, columns, self.config.name))

    def _known(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options as the run's sampler takes them, of a run that has one."""
        if self._trained.game.sampler is None:
            raise ConfigError(f"{self.path} holds a run of system {self.config.system.name}, which "
                              "draws no samples; use translate")
        return self._trained.options(options)

    def _labels(self, labels: Labels | None, number: int) -> np.ndarray:
        """Labels [number] of classes by name or number; weights of classes stay as they are."""
        names = self._trained.dataset.class_names
        if labels is not None and len(labels) != number:
            raise ConfigError(f"{counted(len(labels), 'label')} for {counted(number, 'image')}; "
                              f"give one for each; {classes_text(names)}")
        # Whole numbers stand for the names that they count, and texts for themselves.
        if labels is None or np.ndim(labels) < 2:
            return parse_labels([self._class_name(label) for label in
                                 (() if labels is None else labels)], self._trained, number)
        # Weights need a generator that takes them.
        parse_labels(names[:1], self._trained, 1)
        weights = np.asarray(labels, np.float32)
        if weights.shape != (number, len(names)):
            raise ConfigError(f"weights of classes are of shape {list(weights.shape)}; give one "
                              f"for each image and class, {[number, len(names)]}")
        self._trained.check_mixing()
        return weights

    def _class_name(self, label: int | str) -> str:
        """The name of the class that a label stands for; a text is one itself, or names none."""
        names = self._trained.dataset.class_names
        if isinstance(label, str):
            return label
        if isinstance(label, (int, np.integer)) and not isinstance(label, bool):
            if 0 <= label < len(names):
                return names[label]
        raise ConfigError(f"label {label!r} is not a whole number from 0 to {len(names) - 1}; "
                          f"{classes_text(names)}")


def load(workdir: str | Path, step: int | None = None, ema: bool = True) -> Run:
    """Opens a trained run: its newest checkpoint, or that after `step` rounds.

    Args:
      workdir: the run's directory.
      step: rounds; None for the newest.
      ema: True for averaged weights, False for those that were last trained.

    Raises:
      ConfigError: for a directory without a run, or a checkpoint that does not exist or read.
    """
    set_up_process()
    trained = open_run(str(workdir), step, ema, ("sampler", "translators"))
    return Run(Path(workdir), trained.step, trained.config, trained)


def train(config: ml_collections.ConfigDict, workdir: str | Path) -> Run:
    """Trains a config in a new directory, or resumes the run there, and opens it.

    It does what `ganlab train` does.

    Raises:
      ConfigError: for any mistake, before anything is written.
      RuntimeError: if training did not come to its end: it was interrupted, or stopped by itself.
    """
    set_up_process()
    complete(config)
    validate(config)
    status = train_run(config, RunDirectory(workdir), command=["ganlab.train"])
    if status:
        raise RuntimeError(f"training in {workdir} ended with status {status}; what was printed "
                           "says why, and the same call resumes it")
    return load(workdir)
