"""What an ablation's file says: a base experiment, what is varied, how often, and by what
it is judged."""

import dataclasses
import importlib.util
import inspect
from collections.abc import Mapping, Sequence

import ml_collections

from ganlab.config import ConfigError, find_file
from ganlab.evaluation import Level

Changes = Mapping[str, object]
"""Choices of the experiment by their names, `{"loss": "hinge"}`, and keys by their paths as on the
command line, `{"config.hyper.critic_lr": 1e-3}`."""
Levels = Mapping[str, Level]
"""By axis, one of its levels."""


@dataclasses.dataclass(frozen=True)
class Range:
    """An axis of all numbers from `low` to `high`, for a search; its base level is what
    the experiment has.

    Attributes:
      path: the key, as `config.hyper.critic_lr`.
      low: the smallest.
      high: the largest.
      log: whether equal ratios are equally likely, rather than equal differences.
    """

    path: str
    low: float
    high: float
    log: bool = False

    def at(self, share: float) -> float:
        """Returns the number at a share of the way, from 0 to 1."""
        if self.log:
            return self.low * (self.high / self.low) ** share
        return self.low + (self.high - self.low) * share


Axis = Mapping[Level, Changes] | Range
"""Its levels with the changes that make each; or a range of numbers."""


def numbers(path: str, *levels: float) -> dict[float, Changes]:
    """Returns an axis of chosen numbers of one key, as in `numbers("config.hyper.label_noise", 0.0,
    0.1)`."""
    return {level: {path: level} for level in levels}


@dataclasses.dataclass(frozen=True)
class Search:
    """A design of a number of points, on all axes at once, besides the base.

    Attributes:
      points: how many.
      kind: `random`, or `sobol`: points of low discrepancy (Sobol 1967, scrambled
        by Owen's method).
      seed: of the points.
    """

    points: int
    kind: str = "sobol"
    seed: int = 0


Design = str | Search | Sequence[Levels]


@dataclasses.dataclass(frozen=True)
class Ablation:
    """An ablation study. Variants are trained from the same seeds, for the same number
    of real images.

    Attributes:
      title: a few words.
      question: what it asks, in a sentence.
      experiment: the base experiment's file with its choices, as after `--config=`; also one
        that ganlab ships.
      axes: what is varied, by name.
      kimg: thousands of real images shown to each trial.
      metrics: joined by +, those of `ganlab evaluate`.
      design: `grid` (every combination), `one_at_a_time` (the base, and every other level alone), a
        `Search`, or a list of levels by axis, `[{"loss": "hinge"}, ...]`, where an axis that is not
        named stays at its base.
      base: by axis, the level that others are compared with; the first, where an axis is not named.
      seeds: how many.
      first_seed: the first of them; they are consecutive.
      changes: of every trial, to the experiment.
      evaluations: how often each trial is measured, the last time at its end.
      number: samples that are measured; 0 for as many as there are real images.
      features: of the metrics; empty for those of the data.
      weights: file of the features' weights, where they need one.
    """

    title: str
    question: str
    experiment: str
    axes: Mapping[str, Axis]
    kimg: float
    metrics: str
    design: Design = "grid"
    base: Levels = dataclasses.field(default_factory=dict)
    seeds: int = 10
    first_seed: int = 0
    changes: Changes = dataclasses.field(default_factory=dict)
    evaluations: int = 10
    number: int = 0
    features: str = ""
    weights: str = ""


def load_ablation(text: str) -> Ablation:
    """Returns the ablation that a file's `get_ablation()` returns, or `get_ablation(argument)`
    where the file is named with choices, as in `FILE.py:data=ring8`.

    Raises:
      ConfigError: where the file does not exist, returns something else, or does not
        offer these choices.
    """
    file, _, argument = text.partition(":")
    found = getattr(_load_module(file, "--ablation"), "get_ablation", None)
    if found is None:
        raise ConfigError(f"--ablation={file} defines no get_ablation(); see "
                          "experiments/ablations/")
    if argument and not inspect.signature(found).parameters:
        raise ConfigError(f"get_ablation of --ablation={file} takes no choices, but {argument!r} "
                          "is given; leave it away, or write get_ablation(argument=None)")
    ablation = found(argument) if argument else found()
    if not isinstance(ablation, Ablation):
        raise ConfigError(f"get_ablation of --ablation={file} returned a "
                          f"{type(ablation).__name__}; it must return a ganlab.ablation.Ablation")
    return ablation


def load_experiment(file: str) -> object:
    """Returns the module of an experiment's file.

    Raises:
      ConfigError: where the file does not exist, or defines no config.
    """
    module = _load_module(file, "experiment")
    if not hasattr(module, "get_config"):
        raise ConfigError(f"experiment {file} defines no get_config(argument=None)")
    return module


def experiment_config(text: str) -> ml_collections.ConfigDict:
    """Returns the config of an experiment with its choices, written as after `--config=`:
    `FILE.py:loss=hinge`.

    Raises:
      ConfigError: as `load_experiment`, and for choices that it does not offer.
    """
    file, _, argument = text.partition(":")
    return load_experiment(file).get_config(argument or None)


def _load_module(file: str, what: str) -> object:
    path = find_file(file)
    if path.suffix != ".py" or not path.is_file():
        raise ConfigError(f"{what}={file}: this Python file does not exist; name one by its path "
                          "from the folder in which the command is run, or one of "
                          "`ganlab list --only=experiments,ablations`")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
