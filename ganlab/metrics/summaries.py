"""Summaries of values over seeds: their middle, how sure it is, whether one setting beats another.

Intervals are percentile bootstrap intervals, as Agarwal et al. 2021 ("Deep Reinforcement Learning
at the Edge of the Statistical Precipice") report runs: they are defined for two values already,
where the bias-corrected ones (BCa) are not for values that tie. With few values every bootstrap
interval is too narrow; `coverage` says by how much, and `small_sample_warning` says so in words.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ganlab.metrics.bootstrap import Interval
from ganlab.output import counted

LEVEL = 0.95
# SciPy's: the ends of an interval move by a hundredth of its width from one seed to another.
DRAWS = 9999
TRIMMED = 0.25  # Left out on either side by the interquartile mean.
FEW = 5  # Number of values below which an interval means little.
MOST_COMPARED = 10**6  # Pairs that are compared at a time, which limits the memory.


class Summary(NamedTuple):
    """Values over seeds; NaN for no values, and no interval for fewer than two."""

    number: int
    mean: float
    median: float
    interquartile_mean: float
    interval: Interval | None
    """That of the mean."""


class Difference(NamedTuple):
    """How much larger values are than those of the base from the same seeds."""

    pairs: int
    mean: float
    interval: Interval | None
    """That of the mean; None for fewer than two pairs."""

    @property
    def told_apart(self) -> bool:
        """Whether the interval excludes 0; False for fewer than two pairs."""
        return self.interval is not None and not self.interval.low <= 0 <= self.interval.high


class Improvement(NamedTuple):
    """How probably a run is better than a run of the base."""

    probability: float
    interval: Interval | None
    """None if either has fewer than two runs."""


def summarise(values: np.ndarray, seed: int = 0, level: float = LEVEL,
              draws: int = DRAWS) -> Summary:
    """Summarises values [n] of independent runs: mean with interval, median, interquartile mean.

    The interval is a bootstrap interval. The interquartile mean (Agarwal et al. 2021, section 4.3)
    is the mean without the lowest and the highest quarter, each rounded down to whole values: for
    fewer than four it is the mean. The interval of equal values is a point.

    Raises:
      ValueError: for values that are not finite: runs that diverged are counted, not averaged.
    """
    values = _checked(values)
    if not len(values):
        return Summary(0, math.nan, math.nan, math.nan, None)
    return Summary(len(values), float(np.mean(values)), float(np.median(values)),
                   _interquartile_mean(values), _mean_interval(values, seed, level, draws))


def paired_difference(values: np.ndarray, base: np.ndarray, seed: int = 0, level: float = LEVEL,
                      draws: int = DRAWS) -> Difference:
    """Computes the mean of `values - base`, both [n] and from the same seeds, and its interval.

    Seeds are in the same order. Pairs are resampled, so what a seed does to both cancels.

    Raises:
      ValueError: for different lengths, or values that are not finite.
    """
    values, base = _checked(values), _checked(base)
    if len(values) != len(base):
        raise ValueError(f"{counted(len(values), 'value')} and {len(base)} of the base are given, "
                         "and pairs need the same number of both: leave out seeds that only one of "
                         "them has.")
    if not len(values):
        return Difference(0, math.nan, None)
    # What a seed does to both sides cancels in each pair.
    differences = values - base
    return Difference(len(values), float(np.mean(differences)),
                      _mean_interval(differences, seed, level, draws))


def improvement(values: np.ndarray, base: np.ndarray, better: str, seed: int = 0,
                level: float = LEVEL, draws: int = DRAWS) -> Improvement:
    """Estimates the probability that a run of `values` [n] is better than one of `base` [m].

    It is the Mann-Whitney statistic over n m (Agarwal et al. 2021, section 4.3): runs need not be
    paired, and ties count half. For the interval both sides are resampled.

    Args:
      values: of the runs that may be better.
      base: of those that they are compared with.
      better: `lower` or `higher`.
      seed: of the resampling.
      level: of the interval.
      draws: resamplings.

    Raises:
      ValueError: for another `better`, no values, or values that are not finite.
    """
    if better not in ("lower", "higher"):
        raise ValueError(f"better={better!r} is given, and must be lower or higher: else nothing "
                         "is an improvement.")
    values, base = _checked(values), _checked(base)
    if not len(values) or not len(base):
        raise ValueError(f"{counted(len(values), 'value')} and {len(base)} of the base are given, "
                         "and each needs at least 1.")
    # P(X > Y): all pairs are compared, and a tie is half a win.
    sign = 1 if better == "higher" else -1

    def probability(one: np.ndarray, other: np.ndarray, axis: int = -1) -> np.ndarray:
        gaps = sign * (np.moveaxis(one, axis, -1)[..., :, None]
                       - np.moveaxis(other, axis, -1)[..., None, :])
        return np.mean((np.sign(gaps) + 1) / 2, axis=(-2, -1))

    interval = None
    # One run on either side shows no spread.
    if len(values) > 1 and len(base) > 1:
        interval = _bootstrap((values, base), probability, seed, level, draws)
    return Improvement(float(probability(values, base)), interval)


def coverage(number: int, level: float = LEVEL) -> float:
    """Computes how often a percentile bootstrap interval of a mean of n values holds the true mean.

    For 2 or 3 values the interval reaches from the least to the largest (at levels of 93% or more),
    which holds the middle of a symmetric distribution with probability 1 - 2^(1 - n). For more it
    is about the mean +- z s / sqrt(n), s with the divisor n, which for normal values is Student's
    interval of a lower level.
    """
    from scipy import special  # Imported here, because a training begins without it.

    if number < 2:
        return 0.0
    if number <= 3:
        return 1 - 2.0**(1 - number)
    reach = special.ndtri((1 + level) / 2) * math.sqrt((number - 1) / number)
    return float(2 * special.stdtr(number - 1, reach) - 1)


def small_sample_warning(number: int, level: float = LEVEL) -> str:
    """Warns of intervals of few values, in words; empty from five values on."""
    if number < 1 or number >= FEW:
        return ""
    if number == 1:
        return "1 seed: nothing shows how far another seed would have been from it"
    return (f"{counted(number, 'seed')}: an interval called {level:.0%} holds the true mean in "
            f"only about {coverage(number, level):.0%} of such studies; take 5 seeds or more")


def _checked(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not np.all(np.isfinite(values)):
        raise ValueError(f"values of shape {list(values.shape)} are given, and must be finite "
                         "numbers in a row: count runs that diverged, and leave them out.")
    return values


def _mean_interval(values: np.ndarray, seed: int, level: float, draws: int) -> Interval | None:
    if len(values) < 2:
        return None
    if np.all(values == values[0]):  # Means of equal values differ by rounding alone.
        return Interval(float(values[0]), float(values[0]), level, draws)
    return _bootstrap((values,), np.mean, seed, level, draws)


def _interquartile_mean(values: np.ndarray) -> float:
    left_out = int(TRIMMED * len(values))
    return float(np.mean(np.sort(values)[left_out:len(values) - left_out]))


def _bootstrap(samples: tuple[np.ndarray, ...], statistic: Callable, seed: int, level: float,
               draws: int) -> Interval:
    # Imported here: it takes half a second, for which the start of a training need not wait.
    from scipy import stats

    found = stats.bootstrap(samples, statistic, vectorized=True, method="percentile",
                            n_resamples=draws, confidence_level=level,
                            batch=max(1, MOST_COMPARED // math.prod(map(len, samples))),
                            rng=np.random.default_rng(seed)).confidence_interval
    return Interval(float(found.low), float(found.high), level, draws)
