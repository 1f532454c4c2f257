"""Intervals of a metric's values, from examples that are drawn again with replacement."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from ganlab.evaluation.extraction import SeenSet
from ganlab.evaluation.measures import Compared, Measure, Settings, Values
from ganlab.metrics import bootstrap

LEVEL = 0.95


@dataclasses.dataclass(frozen=True)
class Uncertainty:
    """An interval of a value, its level, and what it comes from: `seeds` or `bootstrap`."""

    kind: str
    low: float
    high: float
    level: float
    draws: int


def resample(measure: Measure, compared: Compared, settings: Settings, seed: int, draws: int,
             values: Values, shares: Mapping[str, np.ndarray] | None) -> dict[str, Uncertainty]:
    """Computes bootstrap intervals of a metric's values; none for no draws, and for a
    metric that cannot be redrawn.

    A value that is a mean over examples is resampled over them (`shares`), with neighbourhoods as
    they are: copies would be each other's neighbours. Any other is estimated again from sets drawn
    with replacement, and its interval is that of the draws' deviations from their mean, around the
    value: the bias that a smaller set of distinct examples gives a Fréchet distance is not part of
    its uncertainty.
    """
    if not draws or not measure.redrawn:
        return {}
    # A mean: only the examples are drawn again.
    if shares is not None:
        found = {name: bootstrap(
            lambda index, each=each: measure.of_mean(float(np.mean(each[index]))), len(each),
            draws, seed) for name, each in shares.items()}
        return {name: Uncertainty("bootstrap", each.low, each.high, each.level, draws)
                for name, each in found.items()}
    # Any other value: whole sets are drawn with replacement, and the metric is estimated on each.
    generator = np.random.default_rng(seed)
    redrawn = []
    for _ in range(draws):
        sets = [None if part is None
                else part.take(_redrawn(part, generator, bool(measure.by_class)))
                for part in compared]
        redrawn.append(measure.estimate(Compared(*sets), settings, seed))
    # The spread of the draws around their mean, put around the value itself.
    intervals = {}
    for name, value in values.items():
        column = np.array([each[name] for each in redrawn])
        low, high = value + np.quantile(column - column.mean(), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        intervals[name] = Uncertainty("bootstrap", float(low), float(high), LEVEL, draws)
    return intervals


def _redrawn(part: SeenSet, generator: np.random.Generator, within: bool) -> np.ndarray:
    """Draws as many examples as a set has, with repetitions; `within` classes, as many of each."""
    if not within:
        return generator.integers(part.number, size=part.number)
    index = np.empty(part.number, int)
    for label in np.unique(part.labels):
        places = np.flatnonzero(part.labels == label)
        index[places] = generator.choice(places, len(places))
    return index
