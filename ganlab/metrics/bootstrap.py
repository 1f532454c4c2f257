"""Intervals: what a metric might have been with other examples or another seed."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ganlab.output import agreeing, counted


class Interval(NamedTuple):
    """A two-sided confidence interval."""

    low: float
    high: float
    level: float
    """Confidence, between 0 and 1."""
    draws: int
    """Bootstrap draws or, for a mean, the number of values."""


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level={level} is given, and must lie between 0 and 1: 0.95 is usual.")


def bootstrap(estimate: Callable[[np.ndarray], float], number: int, draws: int, seed: int,
              level: float = 0.95) -> Interval:
    """Computes the percentile bootstrap interval over examples (Efron and Tibshirani 1993, ch. 13).

    Each draw takes `number` examples with replacement and estimates again; the interval lies
    between the percentiles that leave half of 1 - level on either side. A repeated example is its
    own neighbour and lowers the rank of a covariance, so for precision, recall, memorization and
    Fréchet distances the interval may lie apart from the estimate: it shows the spread.

    Args:
      estimate: computes the metric of the examples at the indices [number] that it is given.
      number: examples, at least 2.
      draws: at least 2; a thousand for the tails of a 95% interval.
      seed: of the draws.
      level: between 0 and 1.

    Raises:
      ValueError: for numbers out of these bounds, or an estimate that is NaN.
    """
    _check_level(level)
    if number < 2 or draws < 2:
        raise ValueError(f"number={number} examples and draws={draws} are given, and both must be "
                         "at least 2: one says nothing about the spread.")
    # The metric of every resampled set of examples.
    draw = np.random.Generator(np.random.PCG64(seed))
    values = np.array([estimate(draw.integers(number, size=number)) for _ in range(draws)],
                      np.float64)
    if np.any(np.isnan(values)):
        bad = int(np.sum(np.isnan(values)))
        raise ValueError(f"{bad} of {counted(draws, 'draw')} {agreeing(bad, 'gives', 'give')} NaN, "
                         "and none may: the metric is not defined on every resampling, so take "
                         "more examples.")
    # The percentile interval: what a share `level` of the draws lies between.
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level, draws)


def mean_interval(values: np.ndarray, level: float = 0.95) -> Interval:
    """Computes Student's interval of the mean of independent values, such as of several seeds.

    It is mean +- t s / sqrt(n) with the t quantile of n - 1 degrees of freedom: exact for normal
    values, and meaningless for values that share what varies.

    Args:
      values: [n], n at least 2.
      level: between 0 and 1.

    Raises:
      ValueError: for fewer than 2 values, values that are not finite, or a level out of bounds.
    """
    from scipy import special  # Imported here, because a training begins without it.

    _check_level(level)
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.all(np.isfinite(values)):
        raise ValueError(f"values of shape {list(values.shape)} are given, and an interval of "
                         "their mean needs at least 2 finite numbers: evaluate at more seeds.")
    mean, quantile = np.mean(values), special.stdtrit(len(values) - 1, (1 + level) / 2)
    reach = quantile * np.std(values, ddof=1) / np.sqrt(len(values))
    return Interval(float(mean - reach), float(mean + reach), level, len(values))
