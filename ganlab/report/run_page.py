"""The page of runs: what differs between them, training, values with their
protocols, samples, versions."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np

import ganlab
from ganlab.evaluation import Record
from ganlab.output import counted
from ganlab.report.inline_svg import plot_of
from ganlab.report.page import (
    WARNING,
    Cell,
    Code,
    Folded,
    Gallery,
    Heading,
    Part,
    Plot,
    Section,
    Table,
    Words,
    png_picture,
    render,
)
from ganlab.report.plot_style import COLOURS, INK, SIZE, STYLE, keys_of, panel
from ganlab.report.plots import SINGULAR_VALUES
from ganlab.report.results import bounds_text, interval_words, number_text
from ganlab.report.run_study import Run, differing_keys, group_runs, study_of_runs
from ganlab.report.singular_value_plots import singular_value_parts
from ganlab.report.study_analysis import Analysis
from ganlab.report.study_page import (
    curves_parts,
    differences_parts,
    findings_parts,
    interaction_parts,
    protocol_parts,
    results_parts,
    sensitivity_parts,
)
from ganlab.report.study_tables import MOST_ROWS, number_cell, pairs_table
from ganlab.report.sweep_plots import sweep_parts

MOST_RUNS = 12  # With a sample picture each.
MOST_GROUPS = 8  # With a curve each.
MOST_METRICS = 24  # With a plot each.
BINS = 150  # Points of a curve at most.


def run_page(runs: Sequence[Run]) -> str:
    """Returns the whole page of one run or several, as HTML that needs nothing but itself."""
    study = study_of_runs(runs)
    analysis = Analysis(study)
    several = len(runs) > 1
    # Of several runs, statistics come first and single numbers later.
    results = results_parts(analysis) if several and study.values else []
    measured = Section("Measured values", _values_parts(runs, folded=several))
    sections = [
        Section("Findings", findings_parts(analysis) if several and study.values else []),
        Section("Runs", _runs_parts(runs)),
        *([] if results else [measured]),
        Section("Results", [*mixing_warnings(runs), *results] if results else []),
        Section("Differences from the base", differences_parts(analysis)),
        Section("Values over training", curves_parts(analysis)),
        Section("Sensitivity", sensitivity_parts(analysis)),
        Section("Interactions", interaction_parts(analysis)),
        Section("Along options of the sampler", sweep_parts(runs)),
        Section("Samples", _samples_parts(runs)),
        Section("Training", _training_parts(runs)),
        Section("Singular values", singular_value_parts(runs)),
        Section("Alarms", _alarm_parts(runs)),
        *([measured] if results else []),
        Section("Protocols", protocol_parts(study.values)),
        Section("Configuration", _config_parts(runs)),
        Section("Command and versions", _version_parts(runs)),
    ]
    # What stands out at the top: how many runs, and how long they trained.
    facts = [(f"{max(run.rounds for run in runs):,}", "rounds"),
             (f"{max(run.kimg for run in runs):,.4g}", "kimg")]
    if several:
        facts = [(f"{len(runs):,}", "runs"), (f"{len(study.variants):,}", "configs, seeds aside"),
                 *facts]
    return render(study.title, study.question, facts, sections, ganlab.__version__)


def _runs_parts(runs: Sequence[Run]) -> list[Part]:
    keys = differing_keys(runs)
    rows = []
    for run in runs:
        wanted = run.config.get("train.total_rounds")
        status = ("diverged" if run.diverged else
                  "finished" if wanted and run.rounds >= wanted else "not finished")
        rows.append([Cell(run.name),
                     number_cell(str(run.config.get("seed", "–")), run.config.get("seed")),
                     number_cell(f"{run.rounds:,}", run.rounds),
                     number_cell(f"{run.kimg:,.4g}", run.kimg), Cell(status, kind="name"),
                     *(_config_cell(run.config.get(key, "–")) for key in keys)])
    words = []
    if len(runs) > 1:
        words = [Words("Columns after the status are config keys that differ between the runs."
                       if keys else
                       "The runs have the same config but for their seeds.")]
    return [*words, Table(["run", "seed", "rounds", "kimg", "status", *keys], rows)]


def _config_cell(value: Any) -> Cell:
    """Returns a value of a config, which sorts as a number where it is one."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(value if isinstance(value, str) else repr(value), order=value if number else None,
                kind="code")


def _values_parts(runs: Sequence[Run], folded: bool) -> list[Part]:
    """Returns the newest number of each value and run, with its own interval and protocol."""
    newest = [(run, record) for run in runs for record in newest_records(run.records)]
    if not newest:
        return [Words("Nothing was measured yet: `ganlab evaluate --workdir=DIR` measures "
                      "samples of a run.")]
    several = len(runs) > 1
    # Columns that would be the same in every row are left out.
    subjects = any(record.subject for _, record in newest)
    intervals = any(record.result.intervals for _, record in newest)
    rows = []
    for run, record in newest:
        result = record.result
        words = "; ".join(f"{bounds_text(each)} ({interval_words(each)})"
                          for each in result.intervals)
        rows.append([
            Cell(result.name), *([Cell(run.name)] if several else []),
            number_cell(number_text(result.value), result.value),
            *([Cell(words or "–")] if intervals else []),
            Cell("–" if result.better == "neither" else result.better, kind="name"),
            number_cell("–" if record.step is None else f"{record.step:,}", record.step),
            *([Cell(record.subject or "samples")] if subjects else []),
            Cell(f"#{result.protocol.hash}", kind="code")])
    heads = ["value", *(["run"] if several else []), "number", *(["interval"] if intervals else []),
             "better", "round", *(["of"] if subjects else []), "protocol"]
    table = Table(heads, rows)
    # A warning that several numbers share is given once.
    warnings = dict.fromkeys(record.result.warning for _, record in newest if record.result.warning)
    return [*(Words(text, WARNING) for text in warnings),
            Folded(f"The newest of each run ({counted(len(rows), 'number')})", [table]) if folded
            else table, *_classes_parts(newest, several)]


def _classes_parts(newest: Sequence[tuple[Run, Record]], several: bool) -> list[Part]:
    """Returns a table of the values that have classes: a row for each class."""
    shown = [(run, record.result) for run, record in newest if record.result.by_class]
    if not shown:
        return []
    names = dict.fromkeys(name for _, result in shown for name in result.by_class)
    # Several protocols of one value are told apart by their hashes.
    heads = [result.name + (f", {run.name}" if several else "") for run, result in shown]
    heads = [head if heads.count(head) == 1 else f"{head} #{result.protocol.hash}"
             for head, (_, result) in zip(heads, shown, strict=True)]
    rows = [[Cell(name), *(number_cell(number_text(result.by_class[name]), result.by_class[name])
                           if name in result.by_class else Cell("–") for _, result in shown)]
            for name in names]
    return [Folded(f"By class ({counted(len(rows), 'class', 'classes')})",
                   [Table(["class", *heads], rows)])]


def mixing_warnings(runs: Sequence[Run]) -> list[Part]:
    """Warns of what must not be compared: values of several protocols, or of different rounds."""
    found = []
    protocols: dict[str, dict[str, None]] = {}
    rounds: dict[tuple[str, str], set[int]] = {}
    for record in (record for run in runs for record in newest_records(run.own_records)):
        protocols.setdefault(record.result.name, {})[record.result.protocol.hash] = None
        rounds.setdefault((record.result.name, record.result.protocol.hash), set()).add(record.step)
    for name, hashes in protocols.items():
        if len(hashes) > 1:
            found.append(f"{name} was measured by {len(hashes)} protocols "
                         f"({', '.join(f'#{each}' for each in hashes)}); numbers of different "
                         "protocols are not comparable, so each is a value of its own below.")
    apart = dict.fromkeys(name for (name, _), steps in rounds.items() if len(steps) > 1)
    if apart:
        found.append(f"The newest numbers of {', '.join(apart)} are of different rounds; measure "
                     "all runs after as many rounds before comparing them.")
    return [Words(text, WARNING) for text in found]


def newest_records(records: Sequence[Record]) -> list[Record]:
    """Returns the record of the latest round for each name, subject and protocol."""
    found: dict[tuple, Record] = {}
    for record in records:
        key = record.result.name, record.subject, record.result.protocol.hash
        if key not in found or (record.step or 0) >= (found[key].step or 0):
            found[key] = record
    return list(found.values())


def _samples_parts(runs: Sequence[Run]) -> list[Part]:
    drawn = [run for run in runs if run.samples is not None]
    pictures = [png_picture(run.samples, f"samples of {run.name}", f"{run.name}, round "
                            f"{run.samples_round:,}")
                for run in drawn[:MOST_RUNS]]
    if not pictures:
        return []
    cut = ([Words(f"The first {MOST_RUNS} of {len(drawn):,} runs.")] if len(drawn) > MOST_RUNS
           else [])
    return [*cut, Gallery(pictures, small=len(pictures) > 2)]


def _training_parts(runs: Sequence[Run]) -> list[Part]:
    """Returns a plot for each logged number: a line for each config, its range over seeds as a
    band."""
    groups = {name: [run for run in group if run.rounds]
              for name, group in group_runs(runs).items()}
    groups = {name: group for name, group in groups.items() if group}
    shown = dict(list(groups.items())[:MOST_GROUPS])
    metrics = list(dict.fromkeys(name for group in shown.values() for run in group
                                 for name in run.metrics
                                 if name not in ("step", "kimg")
                                 and not name.startswith(SINGULAR_VALUES)))
    if not metrics:
        return [Words("Nothing was logged yet.")]
    words = ("What the runs logged; a point is the mean of neighbouring rounds where these are "
             f"more than {BINS}.")
    if any(len(group) > 1 for group in shown.values()):
        words += " Lines are means over seeds, bands reach from the least to the largest seed."
    if len(shown) < len(groups):
        words += f" Drawn are the first {len(shown)} of {len(groups)} configs."
    if len(metrics) > MOST_METRICS:
        words += (f" Drawn are the first {MOST_METRICS} of {len(metrics)} numbers; all are in "
                  "metrics.jsonl.")
    return [Words(words), Gallery([_metric_plot(name, shown) for name in metrics[:MOST_METRICS]])]


@matplotlib.rc_context(STYLE)
def _metric_plot(metric: str, groups: Mapping[str, Sequence[Run]]) -> Plot:
    figure, axes = panel(metric, "kimg (thousands of real images)", (SIZE[0], SIZE[1] - 0.4))
    colours = dict(zip(groups, (INK, *COLOURS), strict=False))
    for name, group in groups.items():
        by_kimg: dict[float, list[float]] = {}
        for run in group:
            for kimg, value in zip(*binned(run.metrics["kimg"], run.metrics.get(metric)),
                                   strict=True):
                by_kimg.setdefault(round(float(kimg), 6), []).append(value)
        kimg = sorted(by_kimg)
        axes.plot(kimg, [np.mean(by_kimg[at]) for at in kimg], color=colours[name], linewidth=1.4,
                  marker="o" if len(kimg) == 1 else "")
        if len(group) > 1:
            axes.fill_between(kimg, [min(by_kimg[at]) for at in kimg],
                              [max(by_kimg[at]) for at in kimg],
                              color=colours[name], alpha=0.15, linewidth=0)
    return plot_of(figure, f"{metric} over training", keys=keys_of(colours))


def binned(kimg: np.ndarray, values: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns at most `BINS` points of a curve [n]: means of neighbours; numbers that are not
    finite are left out."""
    if values is None:
        return np.empty(0), np.empty(0)
    parts = np.array_split(np.arange(len(kimg)), min(BINS, len(kimg)))
    finite = [part[np.isfinite(values[part])] for part in parts]
    kept = [(kimg[part[-1]], np.mean(values[some]))
            for part, some in zip(parts, finite, strict=True) if len(some)]
    return np.array([at for at, _ in kept]), np.array([mean for _, mean in kept])


def _alarm_parts(runs: Sequence[Run]) -> list[Part]:
    rows = [[Cell(run.name), number_cell(f"{alarm.get('step', 0):,}", alarm.get("step")),
             Cell(str(alarm.get("alarm", "")), kind="name"),
             Cell(", ".join(f"{name} {value}"
                            for name, value in alarm.items() if name not in ("step", "alarm")))]
            for run in runs for alarm in run.alarms]
    caption = f"The first {MOST_ROWS} of {len(rows):,}." if len(rows) > MOST_ROWS else ""
    return [Table(["run", "round", "alarm", "details"], rows[:MOST_ROWS], caption)] if rows else []


def _config_parts(runs: Sequence[Run]) -> list[Part]:
    first = runs[0]
    keys = pairs_table(("key", "value"), {key: repr(value) for key, value in first.config.items()})
    whole = "The whole config" + (f" of {first.name}; the table of runs has what differs"
                                  if len(runs) > 1 else "")
    return [Folded(f"{whole} ({counted(len(first.config), 'key')})", [keys])]


def _version_parts(runs: Sequence[Run]) -> list[Part]:
    parts: list[Part] = [Code("\n".join(dict.fromkeys(run.command for run in runs[:MOST_ROWS])))]
    if len(runs) > MOST_ROWS:
        parts.append(Words(f"Commands of the first {MOST_ROWS} of {len(runs):,} runs."))
    kinds: dict[str, tuple[dict[str, str], list[str]]] = {}
    for run in runs:
        flat = _flat_versions(run.versions)
        kinds.setdefault(repr(sorted(flat.items())), (flat, []))[1].append(run.name)
    if len(kinds) > 1:
        every = [flat for flat, _ in kinds.values()]
        differing = [name for name in every[0] if len({flat.get(name) for flat in every}) > 1]
        parts.append(Words("The runs are of different versions or machines "
                           f"({', '.join(differing)}): equal seeds then need not "
                           "give equal numbers.", WARNING))
    for flat, names in kinds.values():
        if len(kinds) > 1:
            parts.append(Heading(names[0] + (f" and {len(names) - 1} more" if len(names) > 1
                                             else "")))
        parts.append(pairs_table(("what", "version"), flat))
    return parts


def _flat_versions(versions: Mapping[str, Any]) -> dict[str, str]:
    """Returns packages among the rest, without the command."""
    rest = {name: str(value)
            for name, value in versions.items() if name not in ("packages", "command")}
    return {**rest, **{name: str(value) for name, value in versions.get("packages", {}).items()}}
