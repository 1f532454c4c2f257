"""What a study found, in plain sentences that are computed from its numbers, and what a reader
should beware of."""

from collections.abc import Sequence

from ganlab.evaluation import DIVERGED, FAILED, FINISHED, MISSING, Value
from ganlab.metrics import LEVEL, Interval, small_sample_warning
from ganlab.output import counted
from ganlab.report.study_analysis import (
    BASE,
    Analysis,
    count_words,
    decimals_for,
    fixed,
)

MOST_NAMED = 5
ENDINGS = {FINISHED: "finished", DIVERGED: "diverged", FAILED: "failed", MISSING: "missing"}


def findings(analysis: Analysis) -> list[tuple[str, str]]:
    """Returns a head and a few sentences on every value that is better one way, and on trials that
    diverged.

    They name the best variant, and say whether it is told apart from the base.
    """
    values = [value for value in analysis.study.values if value.better != "neither"]
    found = [(f"{value.name} ({value.better} is better):", _of_value(analysis, value))
             for value in values
             if analysis.ranked(value)]
    diverging = {name: analysis.count(DIVERGED, name) for name in analysis.variants}
    diverging = {name: number for name, number in diverging.items() if number}
    if diverging:
        worst = sorted(diverging, key=diverging.get, reverse=True)
        found.append(("Diverged:", f"{sum(diverging.values()):,} of "
                      f"{counted(len(analysis.study.trials), 'trial')}, of "
                      f"{counted(len(diverging), 'variant')}: " + named(
                          [f"{name} ({diverging[name]} of {len(analysis.trials[name])})"
                           for name in worst]) + "."))
    return found


def explanation(analysis: Analysis) -> str:
    """Explains how to read the findings, in a sentence or two."""
    seeds = analysis.seeds
    named_base = len(analysis.variants) > 1 and analysis.study.base != BASE
    base = f" The base is {analysis.study.base}." if named_base else ""
    if len(seeds) < 2:
        return f"Numbers are of {counted(len(seeds), 'seed')}.{base}"
    return (f"Means are over {len(seeds):,} seeds where nothing else is said; brackets hold 95% "
            f"bootstrap intervals.{base}")


def _of_value(analysis: Analysis, value: Value) -> str:
    base, ranked = analysis.study.base, analysis.ranked(value)
    best = ranked[0]
    decimals = decimals_for([analysis.mean(name, value.name) for name in ranked])

    def measured(name: str) -> str:
        summary = analysis.summary(name, value.name)
        fewer = ("" if summary.number == len(analysis.seeds)
                 else f" over {counted(summary.number, 'seed')}")
        return f"{fixed(summary.mean, decimals)}{_in_brackets(summary.interval, decimals)}{fewer}"

    if len(ranked) == 1:
        return f"{best} has {measured(best)}."
    if best == base:
        return (f"no variant has a better mean than the base, {measured(base)}."
                f"{_of_others(analysis, value)}")
    text = f"{best} has the best mean, {measured(best)}"
    if base not in ranked:
        return f"{text}; the base has no value."
    return (f"{text}; the base has {measured(base)}.{_of_difference(analysis, best, value)}"
            f"{_of_others(analysis, value)}")


def _of_difference(analysis: Analysis, name: str, value: Value) -> str:
    difference = analysis.difference(name, value.name)
    if not difference.pairs:
        return " They have no seed in common."
    decimals = decimals_for([difference.mean])
    beats = analysis.improvement(name, value).probability
    text = (f" Seed by seed it differs by {fixed(difference.mean, decimals, sign=True)}"
            f"{_in_brackets(difference.interval, decimals, sign=True)}")
    if difference.interval is None:
        text += ", and one pair says nothing about chance"
    elif difference.told_apart:
        text += ", which excludes 0"
    else:
        text += ", which contains 0: seeds alone may have made the difference"
    return text + f"; a run of it beats one of the base with probability {beats:.0%}."


def _of_others(analysis: Analysis, value: Value) -> str:
    """Counts the variants that are told apart from the base, where there are several."""
    better, worse = analysis.told_apart(value)
    compared = [name for name in analysis.ranked(value)
                if name != analysis.study.base
                and analysis.difference(name, value.name).interval is not None]
    if len(compared) < 2:
        return ""
    alike = len(compared) - len(better) - len(worse)
    if alike == len(compared):
        return f" None of {alike:,} variants is told apart from the base."
    counts = [f"{number:,} {'is' if number == 1 else 'are'} {word}"
              for number, word in ((len(better), "better"), (len(worse), "worse")) if number]
    rest = f"; {alike:,} {'is' if alike == 1 else 'are'} not told apart" if alike else ""
    return (f" Of {len(compared):,} variants compared with the base, {' and '.join(counts)} by "
            f"intervals that exclude 0{rest}.")


def cautions(analysis: Analysis) -> list[str]:
    """Warns of few seeds, many comparisons, trials that are left out, and budgets that differ."""
    study, found = analysis.study, []
    # Trials that are in no number.
    missing = analysis.count(MISSING)
    if missing:
        found.append(f"This study is unfinished: {missing:,} of "
                     f"{counted(len(study.trials), 'trial')} {'is' if missing == 1 else 'are'} "
                     f"missing ({count_words(analysis, ENDINGS)}). Numbers will change as they "
                     "come in.")
    unmeasured = sum(trial.status == FINISHED and not trial.values for trial in study.trials)
    if unmeasured:
        found.append(f"{counted(unmeasured, 'trial')} finished and "
                     f"{'was' if unmeasured == 1 else 'were'} not measured: "
                     "`ganlab evaluate --workdir=RUN --metrics=...` measures a run.")
    left_out = analysis.count(DIVERGED) + analysis.count(FAILED)
    if left_out:
        found.append(f"{counted(left_out, 'trial')} that diverged or failed "
                     f"{'is' if left_out == 1 else 'are'} counted, and left out of means, medians "
                     "and differences: a variant that diverges often is worse than its mean says.")
    # What chance does: few seeds, and many comparisons.
    if few := few_seeds(analysis):
        found.append(few)
    compared = len(study.variants) - 1
    by_chance = compared * (1 - LEVEL)
    if by_chance >= 0.25 and study.values:
        found.append(f"With {compared:,} variants compared with the base, about "
                     f"{by_chance:.{0 if by_chance >= 10 else 1}f} intervals for each value would "
                     "exclude 0 by chance alone if nothing mattered, more where seeds are few; and "
                     "the best of many looks better than it is. Confirm it on fresh seeds.")
    # What is not alike to begin with.
    budgets = sorted({variant.kimg for variant in study.variants})
    if len(budgets) > 1:
        found.append(f"Budgets differ between variants, from {budgets[0]:,.4g} to "
                     f"{budgets[-1]:,.4g} kimg.")
    return found


def few_seeds(analysis: Analysis) -> str:
    """Returns the warning of few seeds, for the fewest that any number is of; empty where there are
    enough."""
    numbers = {len(analysis.by_seed(name, value.name)) for name in analysis.variants
               for value in analysis.study.values} - {0}
    warning = small_sample_warning(min(numbers, default=0))
    return warning and (f"{'Some numbers are' if len(numbers) > 1 else 'Every number is'} of "
                        f"{warning}.")


def named(names: Sequence[str]) -> str:
    """Returns names joined by comma, of many only the first."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _in_brackets(interval: Interval | None, decimals: int | None, sign: bool = False) -> str:
    if interval is None:
        return ""
    return f" [{fixed(interval.low, decimals, sign)} to {fixed(interval.high, decimals, sign)}]"
