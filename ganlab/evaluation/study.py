"""The outcome of an ablation as plain values: what was varied, all trials, each variant's cost."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

FINISHED, DIVERGED, FAILED, MISSING = "finished", "diverged", "failed", "missing"
"""How a trial ended: its budget spent; a round not finite; its program failed; or not yet."""

Level = str | float
"""A place on an axis: a name, or a number on an axis of numbers."""


def level_text(level: object) -> str:
    """Returns a level as names, tables and plots show it."""
    return f"{level:g}" if isinstance(level, float) else str(level)


@dataclasses.dataclass(frozen=True)
class Trial:
    """One variant trained from one seed.

    Attributes:
      variant: the variant's name.
      seed: that of the run.
      status: one of the above.
      values: what was measured when the budget was spent, by the value's name; empty unless it
        finished, and if a finished trial was not measured.
      curve: `(kimg, values)` during training in rising order; the last entry of a finished trial
        holds `values`.
      rounds: for how many a diverged trial stayed finite; None if that is unknown, and for all
        others.
      why: for a diverged trial, the round, the update and the array that was not finite; empty if
        unknown.
      cost: that of the stack in which it was trained; None if nothing was measured.
      kimg: thousands of real images that those rounds showed; None if that is unknown.
    """

    variant: str
    seed: int
    status: str
    values: Mapping[str, float] = dataclasses.field(default_factory=dict)
    curve: Sequence[tuple[float, Mapping[str, float]]] = ()
    rounds: int | None = None
    why: str = ""
    cost: "Cost | None" = None
    kimg: float | None = None


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a variant's trials took on the machine of the study.

    Attributes:
      images_per_second: real images shown per second, of all trials of its stack together.
      seconds: training time of the whole stack, without compilation and evaluation.
      trials: how many trained side by side in it, of this variant and of others.
      memory: bytes at their most for the whole stack; None where it was not measured.
      parameters: numbers that are trained, of all networks.
      load: how busy the machine was meanwhile, by whoever used it: its load average divided by its
        cores; None where that is not known.
    """

    images_per_second: float
    seconds: float
    trials: int
    memory: int | None
    parameters: int
    load: float | None = None


@dataclasses.dataclass(frozen=True)
class Variant:
    """A setting that was trained from every seed.

    Attributes:
      name: its levels in words; unique.
      levels: by axis.
      changes: config keys that differ from the base, with their values.
      kimg: its budget, in thousands of real images.
      rounds: the same in rounds.
      cost: None before it was trained.
      samples: those of its first seed, from the same latents for every variant: uint8 [n, h, w, c],
        or points [n, 2]; None if there are none.
      error: why its program failed, or empty.
    """

    name: str
    levels: Mapping[str, Level]
    changes: Mapping[str, object]
    kimg: float
    rounds: int
    cost: Cost | None = None
    samples: np.ndarray | None = None
    error: str = ""


@dataclasses.dataclass(frozen=True)
class Value:
    """A value that was measured of every trial.

    Attributes:
      name: what it is called.
      better: which way it is better: `lower`, `higher` or `neither`.
      protocol: its protocol in a line; empty before it was measured.
      details: the whole protocol, as `Protocol.as_dict` returns it; empty if only the line is
        known.
    """

    name: str
    better: str
    protocol: str
    details: Mapping[str, object] = dataclasses.field(default_factory=dict, compare=False)


@dataclasses.dataclass(frozen=True)
class Study:
    """A whole ablation.

    Attributes:
      title: a few words.
      question: what it asks, in a sentence.
      design: how its variants were chosen, in a sentence.
      base: name of the variant that others are compared with.
      axes: by axis, its levels in their order; numbers on an axis of numbers.
      variants: in the order of the plan.
      trials: every planned one.
      values: in the order in which they are shown.
      command: what started it.
      config: the base's config by path.
      versions: of packages, and the commit.
    """

    title: str
    question: str
    design: str
    base: str
    axes: Mapping[str, Sequence[Level]]
    variants: Sequence[Variant]
    trials: Sequence[Trial]
    values: Sequence[Value]
    command: str
    config: Mapping[str, object]
    versions: Mapping[str, str]
