"""The numbers of a study: summaries of each variant, its differences from the base, and the
variants to show."""

import functools
import math
from collections.abc import Sequence

import numpy as np

from ganlab.evaluation import FINISHED, Level, Study, Trial, Value, Variant
from ganlab.metrics import (
    Difference,
    Improvement,
    Summary,
    improvement,
    paired_difference,
    summarise,
)

BASE = "base"  # A name that needs no mark.


class Analysis:
    """Statistics of a study, computed when they are asked for and kept.

    Values that are not finite are left out of all of them.
    """

    def __init__(self, study: Study):
        """Takes the study."""
        self.study = study
        self.variants: dict[str, Variant] = {variant.name: variant for variant in study.variants}
        self.trials: dict[str, list[Trial]] = {name: [] for name in self.variants}
        for trial in study.trials:
            self.trials[trial.variant].append(trial)
        # Far cheaper than a summary, and all that a ranking takes.
        self.mean = functools.cache(self._mean)
        self.summary = functools.cache(self._summary)
        self.difference = functools.cache(self._difference)
        self.improvement = functools.cache(self._improvement)

    def by_seed(self, variant: str, value: str) -> dict[int, float]:
        """Returns a value of the variant's finished trials."""
        return {trial.seed: trial.values[value] for trial in self.trials[variant]
                if trial.status == FINISHED and math.isfinite(trial.values.get(value, math.nan))}

    def count(self, status: str, variant: str | None = None) -> int:
        """Counts the trials of a status, of a variant or of all."""
        trials = self.study.trials if variant is None else self.trials[variant]
        return sum(trial.status == status for trial in trials)

    def label(self, variant: str) -> str:
        """Returns a variant's name, the base's marked where there are others."""
        marked = variant == self.study.base != BASE and len(self.variants) > 1
        return f"{variant} (base)" if marked else variant

    @property
    def base_words(self) -> str:
        """The base within a sentence, with its name."""
        return "the base" if self.study.base == BASE else f"the base ({self.study.base})"

    @property
    def seeds(self) -> list[int]:
        """Every seed."""
        return sorted({trial.seed for trial in self.study.trials})

    def _mean(self, variant: str, value: str) -> float:
        """Returns the mean over seeds; NaN where there is none."""
        values = list(self.by_seed(variant, value).values())
        return float(np.mean(values)) if values else math.nan

    def _summary(self, variant: str, value: str) -> Summary:
        return summarise(np.array(list(self.by_seed(variant, value).values())))

    def _difference(self, variant: str, value: str) -> Difference:
        """Returns the difference from the base, on the seeds that both have."""
        own, base = self.by_seed(variant, value), self.by_seed(self.study.base, value)
        shared = [seed for seed in own if seed in base]
        return paired_difference(np.array([own[seed] for seed in shared]),
                                 np.array([base[seed] for seed in shared]))

    def _improvement(self, variant: str, value: Value) -> Improvement | None:
        """Returns the improvement over the base; None where either has no value, or no way is
        better."""
        own, base = self.by_seed(variant, value.name), self.by_seed(self.study.base, value.name)
        if value.better == "neither" or not own or not base:
            return None
        return improvement(np.array(list(own.values())), np.array(list(base.values())),
                           value.better)

    def ranked(self, value: Value) -> list[str]:
        """Returns the variants with the value, the best mean first; in the plan's order where no
        way is better."""
        found = [name for name in self.variants if math.isfinite(self.mean(name, value.name))]
        if value.better == "neither":
            return found
        return sorted(found, key=lambda name: self.mean(name, value.name),
                      reverse=value.better == "higher")

    def told_apart(self, value: Value) -> tuple[list[str], list[str]]:
        """Returns the variants whose difference from the base has an interval that excludes 0: the
        better, and the worse."""
        sign = -1 if value.better == "lower" else 1
        apart = [name for name in self.ranked(value)
                 if name != self.study.base and self.difference(name, value.name).told_apart]
        better = [name for name in apart if sign * self.difference(name, value.name).mean > 0]
        return better, [name for name in apart if name not in better]

    @property
    def main_value(self) -> Value | None:
        """The first value that is better one way, or the first of all."""
        values = self.study.values
        return next((value for value in values if value.better != "neither"),
                    values[0] if values else None)

    def telling(self, most: int, value: Value | None = None,
                among: Sequence[str] | None = None) -> list[str]:
        """Returns at most `most` variants: all in their order, or the base, the best and a quarter
        of the worst.

        Args:
          most: how many.
          value: by which they are ranked; the main one by default.
          among: variants that may be chosen; all by default.
        """
        names = list(self.variants if among is None else among)
        if len(names) <= most:
            return names
        value = value or self.main_value
        order = [name for name in (self.ranked(value) if value else []) if name in set(names)]
        order += sorted(set(names) - set(order), key=names.index)
        base = [self.study.base] if self.study.base in names else []
        others = [name for name in order if name != self.study.base]
        worst = (most - len(base)) // 4
        best = most - len(base) - worst
        chosen = {*base, *others[:best], *(others[-worst:] if worst else [])}
        return [name for name in order if name in chosen]


def is_numeric(levels: Sequence[Level]) -> bool:
    """Returns whether every level is a number."""
    return all(isinstance(level, int | float) and not isinstance(level, bool) for level in levels)


def decimals_for(values: Sequence[float]) -> int | None:
    """Returns the digits after the point that give the middle one of `values` four significant
    ones; None where these are too many.

    All of a table have as many, so that its columns line up.
    """
    sizes = [abs(value) for value in values if value and math.isfinite(value)]
    if not sizes:
        return 2
    digits = 3 - math.floor(math.log10(np.median(sizes)))
    return None if not -3 <= digits <= 6 else max(0, digits)


def fixed(value: float, decimals: int | None, sign: bool = False) -> str:
    """Returns a number with this many digits after the point, or four significant ones for None; a
    dash for what is not finite."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:{'+' if sign else ''}{'.4g' if decimals is None else f',.{decimals}f'}}"
    return text.replace("-", "−")


def count_words(analysis: Analysis, status_words: dict[str, str]) -> str:
    """Returns how many trials ended how: `55 finished, 3 diverged`."""
    counts = {words: analysis.count(status) for status, words in status_words.items()}
    return ", ".join(f"{number:,} {words}" for words, number in counts.items() if number)
