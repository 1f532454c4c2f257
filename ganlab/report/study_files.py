"""A study as files for others: a table of its trials as CSV and Parquet, and a table of its
variants in LaTeX."""

import io
import json
import math
from collections.abc import Mapping, Sequence

import pyarrow
import pyarrow.csv
import pyarrow.parquet

from ganlab.config import ConfigError
from ganlab.evaluation import DIVERGED, Study, Value, level_text
from ganlab.report.latex_width import COLUMN_GAP, TEXT_WIDTH, cell_width
from ganlab.report.study_analysis import Analysis, decimals_for, is_numeric
from ganlab.report.study_tables import MOST_ROWS

# Points that the names of variants take in LaTeX; longer ones are broken into lines.
MOST_NAME = 100.0

COSTS = {"images_per_second": pyarrow.float64(), "load": pyarrow.float64(),
         "seconds": pyarrow.float64(),
         "trials": pyarrow.int64(), "memory": pyarrow.int64(), "parameters": pyarrow.int64()}
PROTOCOLS = "ganlab.protocols"
"""The key of a Parquet file's metadata under which the protocols of its values are."""

ARROWS = {"lower": r" $\downarrow$", "higher": r" $\uparrow$", "neither": ""}
ESCAPES = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
           "<": r"\textless{}",
           ">": r"\textgreater{}", "|": r"\textbar{}",
           **{letter: f"\\{letter}" for letter in "&%$#_{}"}}


def trials_table(study: Study) -> pyarrow.Table:
    """Returns a row for each trial.

    Columns: `variant`, `seed`, `status`, `kimg` and `rounds` that it was trained for, which is its
    budget unless it diverged; `axis/NAME` its level, a number on an axis of numbers; `value/NAME`,
    empty unless it finished, each with `protocol/NAME`, what it was measured by in a line that ends
    in the hash, empty where there is no value; `cost/NAME` of its stack (see `Cost`); `changes`,
    JSON of the config keys that differ from the base; `error`.

    The schema's metadata holds `ganlab.protocols`: by value, JSON of which way it is `better`, the
    line (`protocol`) and the whole protocol (`details`). Parquet keeps it.
    """
    variants = {variant.name: variant for variant in study.variants}
    rows = [(trial, variants[trial.variant]) for trial in study.trials]
    text, number, whole = pyarrow.string(), pyarrow.float64(), pyarrow.int64()
    # What each trial is, and how far it came.
    columns = {
        "variant": pyarrow.array([trial.variant for trial, _ in rows], text),
        "seed": pyarrow.array([trial.seed for trial, _ in rows], whole),
        "status": pyarrow.array([trial.status for trial, _ in rows], text),
        "kimg": pyarrow.array([trial.kimg if trial.kimg is not None
                               else variant.kimg if trial.rounds is None
                               else variant.kimg * trial.rounds / variant.rounds
                               for trial, variant in rows], number),
        "rounds": pyarrow.array([variant.rounds if trial.rounds is None else trial.rounds
                                 for trial, variant in rows],
                                whole),
    }
    # Its level on each axis, as a number where all levels are numbers.
    for axis, levels in study.axes.items():
        found = [variant.levels.get(axis) for _, variant in rows]
        numeric = is_numeric(levels)
        columns[f"axis/{axis}"] = pyarrow.array(
            [level if level is None else float(level) if numeric else level_text(level)
             for level in found],
            number if numeric else text)
    for value in study.values:
        found = [trial.values.get(value.name) for trial, _ in rows]
        # Each value has its protocol beside it, without which it means nothing.
        columns[f"value/{value.name}"] = pyarrow.array(found, number)
        columns[f"protocol/{value.name}"] = pyarrow.array(
            [None if number is None else value.protocol or None for number in found], text)
    for name, kind in COSTS.items():
        # The cost is that of its own stack, where a variant had several.
        found = [trial.cost or variant.cost for trial, variant in rows]
        columns[f"cost/{name}"] = pyarrow.array([cost and getattr(cost, name) for cost in found],
                                                kind)
    columns["changes"] = pyarrow.array([json.dumps(dict(variant.changes), default=str)
                                        for _, variant in rows], text)
    columns["error"] = pyarrow.array([trial.why or variant.error for trial, variant in rows], text)
    # CSV has the columns alone; Parquet keeps the whole protocols too.
    protocols = {value.name: {"better": value.better, "protocol": value.protocol,
                              "details": dict(value.details)}
                 for value in study.values}
    metadata = {PROTOCOLS: json.dumps(protocols, default=str)}
    return pyarrow.table(columns).replace_schema_metadata(metadata)


def csv_content(table: pyarrow.Table) -> bytes:
    """Returns a table as CSV with a head."""
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(table, buffer)
    return buffer.getvalue()


def parquet_content(table: pyarrow.Table) -> bytes:
    """Returns a table as Parquet."""
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer)
    return buffer.getvalue()


def latex_table(study: Study, columns: Sequence[str] | None = None) -> str:
    """Returns LaTeX with a row for each variant: each value's mean and half of the width of its 95%
    interval, the best mean bold.

    Without `columns` those values that are better one way, in the study's order, as many as fit
    between the margins of an article, then `seeds`, and `diverged` where a trial has. A comment
    names the values that are left out. Of more than a hundred variants, those that the page shows.
    Needs the package booktabs, and array where names are broken into lines.

    Args:
      study: the study.
      columns: which to show, in this order: names of values, `seeds`, `diverged`; or all of
        them, by `all`.

    Raises:
      ConfigError: for a column that does not exist.
    """
    analysis = Analysis(study)
    names = analysis.telling(MOST_ROWS)
    possible = _columns(analysis, names)
    labels = ["variant", *(escaped(analysis.label(name)) for name in names)]
    # Long names are broken into lines between their words, to leave room for numbers.
    whole = max(map(cell_width, labels))
    label_width = min(whole,
                      max(MOST_NAME, *(cell_width(word) for label in labels
                                       for word in label.split())))
    wraps = label_width < whole
    # The columns that fit, or those that are asked for; comments name the rest.
    chosen = _chosen(study, possible, columns, label_width)
    width = label_width + sum(_column_width(possible[column]) for column in chosen)
    left = [value.name for value in study.values if value.name not in chosen]
    # The head says what is needed to set the table, and what its numbers are.
    lines = [f"% {_one_line(study.title)}: {_one_line(study.question)}",
             "% mean over seeds, +- half of the width of its 95% percentile bootstrap interval; "
             r"needs \usepackage{booktabs}" + (r" and \usepackage{array}" if wraps else ""),
             *([] if len(names) == len(study.variants) else
               [f"% {len(names)} of {len(study.variants)} variants; all are in results.csv"]),
             *([f"% left out: {', '.join(map(_one_line, left))}; "
                "`ganlab report DIR --columns=NAME,...` chooses"]
               if left else []),
             *([f"% about {width:.0f} pt wide, where an article has {TEXT_WIDTH:.0f}; "
                "--columns chooses fewer"]
               if width > TEXT_WIDTH else []),
             *(f"% {_one_line(value.name)}: {_one_line(value.protocol)}" for value in study.values
               if value.name in chosen),
             r"\begin{tabular}{@{}" + (rf">{{\raggedright}}p{{{math.ceil(label_width)}pt}}" if wraps
                                       else "l")
             + "r" * len(chosen) + "@{}}", r"\toprule"]
    for place, label in enumerate(labels):
        lines.append(" & ".join([label, *(possible[column][place] for column in chosen)]) + r" \\")
        lines += [r"\midrule"] if not place else []
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _columns(analysis: Analysis, names: Sequence[str]) -> dict[str, list[str]]:
    """Returns the cells of every column that can be chosen, the head first."""
    study, found = analysis.study, {}
    for value in study.values:
        ranked = analysis.ranked(value)
        best = (ranked[0] if value.better != "neither" and ranked and len(study.variants) > 1
                else None)
        decimals = decimals_for([analysis.mean(name, value.name) for name in names])
        found[value.name] = [escaped(value.name) + ARROWS[value.better],
                             *(_cell(analysis, name, value, decimals, name == best)
                               for name in names)]
    found["seeds"] = ["seeds", *(_seeds(analysis, name, study.values) for name in names)]
    found["diverged"] = ["diverged", *(str(analysis.count(DIVERGED, name)) for name in names)]
    return found


def _chosen(study: Study, possible: Mapping[str, Sequence[str]], columns: Sequence[str] | None,
            label_width: float) -> list[str]:
    """Returns the columns that are asked for, or those that an article holds, at
    least one value."""
    if columns is not None:
        wrong = [column for column in columns if column not in possible and column != "all"]
        if wrong or not columns:
            raise ConfigError(f"--columns={','.join(columns)} names {wrong[0]!r}, which is "
                              "not a column of results.tex; choose of "
                              f"{', '.join(possible)}, or all" if wrong else
                              "--columns is empty; choose of "
                              f"{', '.join(possible)}, or leave it out")
        return list(possible) if "all" in columns else list(dict.fromkeys(columns))
    after = ["seeds", *(["diverged"] if any(trial.status == DIVERGED for trial in study.trials)
                        else [])]
    room = TEXT_WIDTH - label_width - sum(_column_width(possible[column]) for column in after)
    telling = [value.name for value in study.values if value.better != "neither"]
    chosen: list[str] = []
    for name in telling or [value.name for value in study.values]:
        room -= _column_width(possible[name])
        if room < 0 and chosen:
            break
        chosen.append(name)
    return chosen + after


def _column_width(cells: Sequence[str]) -> float:
    """Returns the points that a column takes, with the gap before it."""
    return COLUMN_GAP + max(map(cell_width, cells))


def _cell(analysis: Analysis, name: str, value: Value, decimals: int | None, best: bool) -> str:
    summary = analysis.summary(name, value.name)
    if not summary.number:
        return "--"
    mean = _latex_number(summary.mean, decimals)
    mean = rf"\mathbf{{{mean}}}" if best else mean
    if summary.interval is None:
        return f"${mean}$"
    half = (summary.interval.high - summary.interval.low) / 2
    return rf"${mean} \pm {_latex_number(half, decimals)}$"


def _seeds(analysis: Analysis, name: str, values: Sequence[Value]) -> str:
    """Returns how many seeds the numbers of a row are of."""
    numbers = sorted({analysis.summary(name, value.name).number for value in values})
    return "--".join(dict.fromkeys(str(number) for number in numbers[:1] + numbers[-1:])) or "0"


def _latex_number(value: float, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:.{decimals}f}"
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"


def escaped(text: str) -> str:
    """Returns text that LaTeX sets as it stands."""
    return "".join(ESCAPES.get(letter, letter) for letter in " ".join(text.split()))


def _one_line(text: str) -> str:
    """Returns text that stays in its comment."""
    return " ".join(text.split())
