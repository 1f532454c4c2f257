"""The page of an ablation: question, plan, findings, results, pictures, cost, and how to
do it again."""

import itertools
from collections.abc import Sequence

import ganlab
from ganlab.evaluation import DIVERGED, FAILED, FINISHED, Study, Value
from ganlab.output import agreeing, counted
from ganlab.report.page import FINDING as FOUND
from ganlab.report.page import (
    WARNING,
    Bullets,
    Code,
    Folded,
    Gallery,
    Heading,
    Part,
    Section,
    Words,
    render,
)
from ganlab.report.study_analysis import Analysis, is_numeric
from ganlab.report.study_findings import (
    ENDINGS,
    cautions,
    explanation,
    few_seeds,
    findings,
)
from ganlab.report.study_maps import map_plots
from ganlab.report.study_plots import curve_plots, sample_pictures, sensitivity_plots
from ganlab.report.study_tables import (
    MOST_ROWS,
    axes_table,
    changes_table,
    cost_table,
    differences_table,
    early_table,
    pairs_table,
    results_table,
)

MOST_CURVES = 8
MOST_SAMPLES = 12
MOST_VALUES = 8  # With plots over axes of their own.
MOST_PAIRS = 6


def ablation_page(study: Study) -> str:
    """Returns the whole page of a study, finished or not, as HTML that needs nothing but itself.

    Of many variants the tables show a hundred and the pictures fewer, and say so.
    """
    analysis = Analysis(study)
    # Answers first, then the evidence, and at the end what it takes to do it again.
    sections = [
        Section("Findings", findings_parts(analysis)),
        Section("Plan", _plan_parts(analysis)),
        Section("Results", results_parts(analysis)),
        Section("Differences from the base", differences_parts(analysis)),
        Section("Learning curves", curves_parts(analysis)),
        Section("Sensitivity", sensitivity_parts(analysis)),
        Section("Interactions", interaction_parts(analysis)),
        Section("Samples", _samples_parts(analysis)),
        Section("Cost", _cost_parts(analysis)),
        Section("Trials that ended early", _early_parts(analysis)),
        Section("Protocols", protocol_parts(study.values)),
        Section("Configuration", _config_parts(analysis)),
        Section("Command and versions",
                [Code(study.command), pairs_table(("what", "version"), dict(study.versions))]),
    ]
    # What stands out at the top: its size, and how much of it is done.
    finished = f"{analysis.count(FINISHED):,} of {len(study.trials):,}"
    facts = [(f"{len(study.variants):,}", "variants"), (f"{len(analysis.seeds):,}", "seeds"),
             (finished, "trials finished"), *((f"{analysis.count(status):,}", ENDINGS[status])
                                              for status in (DIVERGED, FAILED)
                                              if analysis.count(status))]
    return render(study.title, study.question, facts, sections, ganlab.__version__)


def findings_parts(analysis: Analysis) -> list[Part]:
    """Returns the findings, and the cautions."""
    found = findings(analysis)
    warnings = [Words(text, WARNING) for text in cautions(analysis)]
    if not found:
        return [Words("No trial has finished with a value that is better one way, so there is "
                      "nothing to find yet."),
                *warnings]
    return [Words(explanation(analysis)), *(Words(text, FOUND, head) for head, text in found),
            *warnings]


def _plan_parts(analysis: Analysis) -> list[Part]:
    study = analysis.study
    budgets = sorted({(variant.kimg, variant.rounds) for variant in study.variants})
    budget = " to ".join(dict.fromkeys(f"{kimg:,.4g}" for kimg, _ in (budgets[0], budgets[-1])))
    rounds = sorted({variant.rounds for variant in study.variants})
    seeds = analysis.seeds
    listed = ", ".join(map(str, seeds)) if len(seeds) <= 12 else f"{seeds[0]} to {seeds[-1]}"
    measured = ", ".join(value.name for value in study.values) or "nothing yet"
    texts = [
        f"Design: {study.design.rstrip('.')}.",
        f"{counted(len(study.variants), 'variant')}, each from {counted(len(seeds), 'seed')} "
        f"({listed}): {counted(len(study.trials), 'trial')}.",
        f"Budget of a trial: {budget} kimg (thousands of real images), which is "
        f"{' to '.join(dict.fromkeys(f'{number:,}' for number in (rounds[0], rounds[-1])))} "
        f"{agreeing(rounds[-1], 'round', 'rounds')}.",
        f"Base, which the others are compared with: {study.base}.",
        f"Measured: {measured}.",
    ]
    return [Bullets(texts), *([axes_table(analysis)] if study.axes else [])]


def _cut_words(analysis: Analysis, shown: Sequence[str], number: int) -> list[Part]:
    if len(shown) == number:
        return []
    by = f" by {analysis.main_value.name}" if analysis.main_value else ""
    return [Words(f"{len(shown):,} of {number:,} variants are shown: the base, the best and some "
                  f"of the worst{by}. All are in results.csv.")]


def results_parts(analysis: Analysis) -> list[Part]:
    """Returns a table for each value, and how to read its numbers."""
    if not analysis.study.values:
        return [Words("Nothing was measured yet.")]
    shown = analysis.telling(MOST_ROWS)
    several = max(len(trials) for trials in analysis.trials.values()) > 1
    words = [Words("Means are over seeds; intervals are 95% percentile bootstrap intervals of the "
                   "mean; IQM is the interquartile mean. The drawing shows mean and interval on "
                   "one line for all variants, dashed at the base's mean. The best mean is bold. A "
                   "click on a head sorts.")] if several else []
    tables = [results_table(analysis, value, shown) for value in analysis.study.values]
    return [*words, *([Words(few, WARNING)] if several and (few := few_seeds(analysis)) else []),
            *_cut_words(analysis, shown, len(analysis.variants)), *tables]


def differences_parts(analysis: Analysis) -> list[Part]:
    """Returns a table for each value of what differs from the base on the same seeds."""
    base = analysis.study.base
    values = [value for value in analysis.study.values if analysis.by_seed(base, value.name)]
    if len(analysis.variants) < 2 or not analysis.study.values:
        return []
    if not values:
        return [Words(f"No trial of {analysis.base_words} has finished, so nothing can be "
                      "compared with it.", WARNING)]
    shown = analysis.telling(MOST_ROWS)
    words = ("Each seed of a variant is compared with the same seed of the base, so what a seed "
             "does to both cancels; the interval is a bootstrap over these pairs. A verdict says "
             "whether it excludes 0. P(better) is the probability that a run of the variant beats "
             "a run of the base, whatever their seeds; an interval of 0% to 0% or of 100% to 100% "
             "says no more than that all runs so far agree.")
    return [Words(words), *_cut_words(analysis, shown, len(analysis.variants)),
            *(differences_table(analysis, value, shown) for value in values)]


def curves_parts(analysis: Analysis) -> list[Part]:
    """Returns a plot for each value of the most telling variants over training."""
    measured = [name for name in analysis.variants
                if any(trial.curve for trial in analysis.trials[name])]
    names = analysis.telling(MOST_CURVES, among=measured)
    plots = curve_plots(analysis, names)
    if not plots:
        return []
    words = "The mean over seeds with its 95% bootstrap band."
    if analysis.count(DIVERGED):
        words += (" Trials that diverged are in no mean; each is dotted up to its last number, "
                  "which a cross marks.")
    return [Words(words), *_cut_words(analysis, names, len(analysis.variants)), Gallery(plots)]


def sensitivity_parts(analysis: Analysis) -> list[Part]:
    """Returns plots of each value over each axis of numbers."""
    parts: list[Part] = []
    for axis, levels in analysis.study.axes.items():
        if is_numeric(levels) and len(levels) > 1:
            plots = sensitivity_plots(analysis, axis, analysis.study.values[:MOST_VALUES])
            parts += [Heading(axis), Gallery(plots)] if plots else []
    words = Words("How much each axis of numbers matters: means with their 95% intervals. A "
                  "line joins variants that differ on this axis alone; the base's has the "
                  "colour of the text.")
    return [words, *parts] if parts else []


def interaction_parts(analysis: Analysis) -> list[Part]:
    """Returns maps of each value over pairs of axes."""
    pairs = list(itertools.combinations(analysis.study.axes, 2))
    parts: list[Part] = []
    for first, second in pairs[:MOST_PAIRS]:
        plots = map_plots(analysis, first, second, analysis.study.values[:MOST_VALUES])
        parts += [Heading(f"{first} by {second}"), Gallery(plots)] if plots else []
    if not parts:
        return []
    words = ("Whether the axes act together. Bright is better, or larger where no way is better; "
             "the base is framed, and a cell without a number has no finished trial.")
    if len(analysis.study.axes) > 2:
        words += " A cell holds the mean over all levels of the other axes."
    if len(pairs) > MOST_PAIRS:
        words += f" Shown are the first {MOST_PAIRS} of {len(pairs)} pairs of axes."
    return [Words(words), *parts]


def _samples_parts(analysis: Analysis) -> list[Part]:
    drawn = [variant.name for variant in analysis.study.variants if variant.samples is not None]
    names = analysis.telling(MOST_SAMPLES, among=drawn)
    pictures = sample_pictures(analysis, names)
    if not pictures:
        return []
    return [Words("Of each variant's first seed, drawn from the same latents: equal places "
                  "have equal latents."),
            *_cut_words(analysis, names, len(drawn)), Gallery(pictures, small=True)]


def _cost_parts(analysis: Analysis) -> list[Part]:
    table = cost_table(analysis, analysis.telling(MOST_ROWS))
    if not table.rows:
        return []
    words = ("Trials train side by side in stacks. Speed, seconds and memory are of a whole stack "
             "on the machine of the study: divide by the trials side by side for the share of one. "
             "The load says how busy the machine was meanwhile, with whatever ran there: the "
             "machine's load average divided by its cores. Speeds at different loads are not "
             "comparable, and above 1 a quieter machine would be faster.")
    return [Words(words), table]


def _early_parts(analysis: Analysis) -> list[Part]:
    table = early_table(analysis)
    return [table] if table.rows else []


def protocol_parts(values: Sequence[Value]) -> list[Part]:
    """Returns the protocol by which each value was measured."""
    return [pairs_table(("value", "protocol"),
                        {value.name: value.protocol or "not known yet" for value in values})] \
        if values else []


def _config_parts(analysis: Analysis) -> list[Part]:
    shown = analysis.telling(MOST_ROWS)
    changed = changes_table(analysis, shown)
    whole = Folded(f"The whole config of the base ({counted(len(analysis.study.config), 'key')})",
                   [pairs_table(("key", "value"), {
                       key: repr(value) for key, value in analysis.study.config.items()})])
    return [*_cut_words(analysis, shown, len(analysis.variants)),
            *([changed] if len(changed.heads) > 1 else []), whole]
