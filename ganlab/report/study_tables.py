"""The tables of a study on its page: results, differences from the base, cost, and trials
that ended early."""

import math
from collections.abc import Sequence

from ganlab.evaluation import DIVERGED, FAILED, MISSING, Value, level_text
from ganlab.metrics import Interval
from ganlab.report.page import BETTER, WORSE, Cell, Span, Table
from ganlab.report.study_analysis import Analysis, decimals_for, fixed
from ganlab.report.tables import byte_text

MOST_ROWS = 100
NOTES = {
    "mean": "over the seeds that finished",
    "95% interval": "percentile bootstrap interval of the mean over seeds",
    "IQM": "interquartile mean: without the lowest and the highest quarter of the seeds",
    "seeds": "trials that finished and are in these numbers",
    "diverged": "trials that were not finite at some round; they are in no mean",
    "difference": "mean of the variant less the base, seed by seed",
    "P(better)": "probability that a run of the variant is better than a run of the "
                 "base; ties count half",
}


def name_cell(analysis: Analysis, name: str, strong: bool = False) -> Cell:
    """Returns a cell with a variant's name, the base's marked."""
    return Cell(analysis.label(name), strong=strong)


def number_cell(text: str, order: float | None) -> Cell:
    """Returns a cell with a number; a missing one comes last in every order."""
    return Cell(text, order=math.nan if order is None else order, kind="number")


def results_table(analysis: Analysis, value: Value, names: Sequence[str]) -> Table:
    """Returns a row for each variant: mean, interval, median, interquartile mean, seeds, and the
    trials that ended early."""
    ranked = analysis.ranked(value)
    best = (ranked[0] if ranked and value.better != "neither" and len(analysis.variants) > 1
            else None)
    summaries = {name: analysis.summary(name, value.name) for name in names}
    # All numbers of a column have the same decimals, and lie on the same line.
    decimals = decimals_for([summary.mean for summary in summaries.values()])
    base = analysis.summary(analysis.study.base, value.name)
    spans = _spans({name: (summary.mean, summary.interval) for name, summary in summaries.items()},
                   base.mean if len(analysis.variants) > 1 else math.nan)
    # A column for each way to end early that occurs.
    endings = [(status, head)
               for status, head in ((DIVERGED, "diverged"), (FAILED, "failed"),
                                    (MISSING, "missing"))
               if status == DIVERGED or analysis.count(status)]
    rows = []
    for name, summary in summaries.items():
        rows.append([
            name_cell(analysis, name, name == best),
            Cell(fixed(summary.mean, decimals), order=summary.mean, strong=name == best,
                 kind="number"),
            interval_cell(summary.interval, decimals),
            _span_cell(spans[name], summary.interval, decimals),
            number_cell(fixed(summary.median, decimals), summary.median),
            number_cell(fixed(summary.interquartile_mean, decimals), summary.interquartile_mean),
            number_cell(f"{summary.number:,}", summary.number),
            *(number_cell(f"{analysis.count(status, name):,}", analysis.count(status, name))
              for status, _ in endings)])
    heads = ["variant", "mean", "95% interval", "on a line", "median", "IQM", "seeds",
             *(head for _, head in endings)]
    better = "" if value.better == "neither" else f", {value.better} is better"
    return Table(heads, rows, f"{value.name}{better}", NOTES)


def differences_table(analysis: Analysis, value: Value, names: Sequence[str]) -> Table:
    """Returns a row for each variant that is not the base: paired difference with its interval, and
    probability of improvement."""
    # All on one line with zero, so that intervals can be compared by eye.
    found = {name: analysis.difference(name, value.name)
             for name in names if name != analysis.study.base}
    decimals = decimals_for([difference.mean for difference in found.values()])
    spans = _spans({name: (difference.mean, difference.interval)
                    for name, difference in found.items()}, 0.0)
    directed = value.better != "neither"
    rows = []
    for name, difference in found.items():
        # Only an interval that excludes 0 tells a variant from the base.
        falls = difference.mean < 0
        verdict = ("too few" if difference.interval is None else
                   "not told apart" if not difference.told_apart else
                   "differs" if not directed else
                   BETTER if falls == (value.better == "lower") else WORSE)
        row = [name_cell(analysis, name),
               number_cell(fixed(difference.mean, decimals, sign=True), difference.mean),
               interval_cell(difference.interval, decimals, sign=True),
               _span_cell(spans[name], difference.interval, decimals),
               number_cell(f"{difference.pairs:,}", difference.pairs)]
        if directed:
            improved = analysis.improvement(name, value)
            row += [number_cell(f"{improved.probability:.0%}" if improved else "–",
                                improved.probability if improved else None),
                    _share_interval(improved.interval if improved else None)]
        rows.append([*row, Cell(verdict, kind="name",
                                tone=verdict if verdict in (BETTER, WORSE) else "")])
    heads = ["variant", "difference", "95% interval", "on a line", "pairs",
             *(["P(better)", "its 95% interval"] if directed else []), "verdict"]
    words = "" if not directed else f", {value.better} is better"
    return Table(heads, rows, f"{value.name} less that of {analysis.base_words}{words}", NOTES)


def cost_table(analysis: Analysis, names: Sequence[str]) -> Table:
    """Returns what each variant took; variants without a cost are left out."""
    rows = []
    # What failed or is missing has cost nothing that could be compared.
    costs = {name: analysis.variants[name].cost for name in names if analysis.variants[name].cost}
    for name, cost in costs.items():
        variant = analysis.variants[name]
        rows.append([
            name_cell(analysis, name),
            number_cell(f"{cost.images_per_second:,.0f}", cost.images_per_second),
            number_cell("–" if cost.load is None else f"{cost.load:.2f}", cost.load),
            number_cell(f"{cost.trials:,}", cost.trials),
            number_cell(f"{cost.seconds:,.1f}", cost.seconds),
            number_cell("not measured" if cost.memory is None else byte_text(cost.memory),
                        cost.memory),
            number_cell(f"{cost.parameters:,}", cost.parameters),
            number_cell(f"{variant.kimg:,.4g}", variant.kimg),
            number_cell(f"{variant.rounds:,}", variant.rounds)])
    heads = ["variant", "images/s", "load", "side by side", "seconds", "memory", "parameters",
             "kimg", "rounds"]
    # What the numbers are of is not obvious: a stack has several variants.
    notes = {"images/s": "real images shown a second, by all trials of the stack together",
             "load": "load average of the machine divided by its cores, while the stack trained",
             "side by side": "trials of the stack, of this variant and of others",
             "seconds": "that the whole stack trained, without compilation and evaluation",
             "memory": "of the whole stack at its most",
             "kimg": "thousands of real images that each trial saw"}
    return Table(heads, rows, notes=notes)


def early_table(analysis: Analysis) -> Table:
    """Returns the trials that diverged and the variants whose program failed; the first hundred."""
    rows = []
    for name, trials in analysis.trials.items():
        for trial in trials:
            if trial.status == DIVERGED:
                reached = trial.curve[-1][0] if trial.curve else None
                rows.append([name_cell(analysis, name), Cell(str(trial.seed), order=trial.seed),
                             Cell(DIVERGED),
                             number_cell("–" if reached is None else f"{reached:,.4g}", reached),
                             Cell(trial.why, kind="words")])
        failed = [trial.seed for trial in trials if trial.status == FAILED]
        if failed:
            rows.append([name_cell(analysis, name),
                         Cell(", ".join(map(str, failed)), order=failed[0]), Cell(FAILED),
                         number_cell("–", None),
                         Cell(analysis.variants[name].error, kind="words")])
    caption = (f"The first {MOST_ROWS} of {len(rows):,}; all are in results.csv."
               if len(rows) > MOST_ROWS else "")
    return Table(["variant", "seed", "ended as", "last measured at kimg", "why"], rows[:MOST_ROWS],
                 caption)


def axes_table(analysis: Analysis) -> Table:
    """Returns the axes with their levels, the base's marked."""
    base = analysis.variants[analysis.study.base].levels
    rows = []
    for axis, levels in analysis.study.axes.items():
        shown = [f"{level_text(level)}{' (base)' if level == base.get(axis) else ''}"
                 for level in levels]
        rows.append([Cell(axis), number_cell(f"{len(levels):,}", len(levels)),
                     Cell(", ".join(shown) if len(shown) <= 12 else f"{shown[0]} to {shown[-1]}, "
                          f"the base at {level_text(base.get(axis, '–'))}")])
    return Table(["axis", "levels", "which"], rows)


def changes_table(analysis: Analysis, names: Sequence[str]) -> Table:
    """Returns a row for each variant and a column for each config key that differs somewhere: the
    base's value, and what a variant has."""
    study = analysis.study
    keys = list(dict.fromkeys(key for name in names for key in analysis.variants[name].changes))
    rows = []
    for name in names:
        changes = analysis.variants[name].changes
        rows.append([name_cell(analysis, name), *(
            Cell(repr(changes[key]) if key in changes else repr(study.config[key])
                 if name == study.base
                 and key in study.config else "", kind="code") for key in keys)])
    return Table(["variant", *keys], rows, "Keys that differ from the base's config; an empty cell "
                 "has the base's value.")


def pairs_table(heads: tuple[str, str], pairs: dict[str, object]) -> Table:
    """Returns names and what they are, in two columns."""
    return Table(heads, [[Cell(name, kind="code"), Cell(str(value), kind="code")]
                         for name, value in pairs.items()])


def interval_cell(interval: Interval | None, decimals: int | None, sign: bool = False) -> Cell:
    """Returns a cell with the bounds of an interval; sorted by the lower one."""
    if interval is None:
        return number_cell("–", None)
    return number_cell(f"{fixed(interval.low, decimals, sign)} to "
                       f"{fixed(interval.high, decimals, sign)}", interval.low)


def _share_interval(interval: Interval | None) -> Cell:
    if interval is None:
        return number_cell("–", None)
    return number_cell(f"{interval.low:.0%} to {interval.high:.0%}", interval.low)


def _span_cell(span: Span | None, interval: Interval | None, decimals: int | None) -> Cell:
    if span is None:
        return Cell("–", order=math.nan)
    text = ("no interval" if interval is None else
            f"{fixed(interval.low, decimals)} to {fixed(interval.high, decimals)}")
    return Cell(text, order=span.middle, span=span)


def _spans(found: dict[str, tuple[float, Interval | None]],
           reference: float) -> dict[str, Span | None]:
    """Returns where each mean and its interval lie on one line, on which the
    reference is marked."""
    ends = [end for mean, interval in found.values() if math.isfinite(mean)
            for end in ((mean,) if interval is None else interval[:2])]
    ends += [reference] if math.isfinite(reference) else []
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    width = high - low

    def share(value: float) -> float:
        return (value - low) / width if width else 0.5

    return {name: None if not math.isfinite(mean) else Span(
        share(mean if interval is None else interval.low), share(mean),
        share(mean if interval is None else
              interval.high),
        share(reference) if math.isfinite(reference) else None)
            for name, (mean, interval) in found.items()}
