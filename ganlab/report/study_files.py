"""A study as files for others: a table of its trials as CSV and Parquet, and a table of its variants in LaTeX."""

import io
import json
from collections.abc import Sequence

import pyarrow
import pyarrow.csv
import pyarrow.parquet

from ganlab.evaluation import DIVERGED, Study, Value, level_text
from ganlab.report.study_analysis import Analysis, decimals_for, is_numeric
from ganlab.report.study_tables import MOST_ROWS

COSTS = {"images_per_second": pyarrow.float64(), "seconds": pyarrow.float64(), "trials": pyarrow.int64(),
         "memory": pyarrow.int64(), "parameters": pyarrow.int64()}
ARROWS = {"lower": r" $\downarrow$", "higher": r" $\uparrow$", "neither": ""}
ESCAPES = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
           ">": r"\textgreater{}", "|": r"\textbar{}", **{letter: f"\\{letter}" for letter in "&%$#_{}"}}


def trials_table(study: Study) -> pyarrow.Table:
    """A row a trial.

    Columns: `variant`, `seed`, `status`, `kimg` and `rounds` that it was trained for, which is its budget unless
    it diverged; `axis/NAME` its level, a number on an
    axis of numbers; `value/NAME`, empty unless it finished; `cost/NAME` of its stack (see `Cost`);
    `changes`, JSON of the config keys that differ from the base; `error`.
    """
    variants = {variant.name: variant for variant in study.variants}
    rows = [(trial, variants[trial.variant]) for trial in study.trials]
    text, number, whole = pyarrow.string(), pyarrow.float64(), pyarrow.int64()
    columns = {
        "variant": pyarrow.array([trial.variant for trial, _ in rows], text),
        "seed": pyarrow.array([trial.seed for trial, _ in rows], whole),
        "status": pyarrow.array([trial.status for trial, _ in rows], text),
        "kimg": pyarrow.array([variant.kimg if trial.rounds is None else variant.kimg * trial.rounds / variant.rounds
                               for trial, variant in rows], number),
        "rounds": pyarrow.array([variant.rounds if trial.rounds is None else trial.rounds for trial, variant in rows],
                                whole),
    }
    for axis, levels in study.axes.items():
        found = [variant.levels.get(axis) for _, variant in rows]
        numeric = is_numeric(levels)
        columns[f"axis/{axis}"] = pyarrow.array(
            [level if level is None else float(level) if numeric else level_text(level) for level in found],
            number if numeric else text)
    for value in study.values:
        columns[f"value/{value.name}"] = pyarrow.array([trial.values.get(value.name) for trial, _ in rows], number)
    for name, kind in COSTS.items():
        found = [trial.cost or variant.cost for trial, variant in rows]
        columns[f"cost/{name}"] = pyarrow.array([cost and getattr(cost, name) for cost in found], kind)
    columns["changes"] = pyarrow.array([json.dumps(dict(variant.changes), default=str) for _, variant in rows], text)
    columns["error"] = pyarrow.array([trial.why or variant.error for trial, variant in rows], text)
    return pyarrow.table(columns)


def csv_content(table: pyarrow.Table) -> bytes:
    """A table as CSV with a head."""
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(table, buffer)
    return buffer.getvalue()


def parquet_content(table: pyarrow.Table) -> bytes:
    """A table as Parquet."""
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer)
    return buffer.getvalue()


def latex_table(study: Study) -> str:
    """A row a variant: each value's mean and half of the width of its 95% interval, the best mean bold.

    Of more than a hundred variants, those that the page shows. Needs the package booktabs.
    """
    analysis = Analysis(study)
    names = analysis.telling(MOST_ROWS)
    diverged = analysis.count(DIVERGED) > 0
    best = {value.name: analysis.ranked(value)[0] for value in study.values
            if value.better != "neither" and analysis.ranked(value) and len(study.variants) > 1}
    decimals = {value.name: decimals_for([analysis.mean(name, value.name) for name in names]) for value in study.values}
    heads = ["variant", *(escaped(value.name) + ARROWS[value.better] for value in study.values), "seeds",
             *(["diverged"] if diverged else [])]
    lines = [f"% {_one_line(study.title)}: {_one_line(study.question)}",
             "% mean over seeds, +- half of the width of its 95% percentile bootstrap interval; needs "
             r"\usepackage{booktabs}",
             *([] if len(names) == len(study.variants) else
               [f"% {len(names)} of {len(study.variants)} variants; all are in results.csv"]),
             *(f"% {_one_line(value.name)}: {_one_line(value.protocol)}" for value in study.values),
             rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}", r"\toprule", " & ".join(heads) + r" \\", r"\midrule"]
    for name in names:
        cells = [_cell(analysis, name, value, decimals[value.name], best.get(value.name) == name)
                 for value in study.values]
        cells += [_seeds(analysis, name, study.values), *([str(analysis.count(DIVERGED, name))] if diverged else [])]
        lines.append(" & ".join([escaped(analysis.label(name)), *cells]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


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
    """How many seeds the numbers of a row are of."""
    numbers = sorted({analysis.summary(name, value.name).number for value in values})
    return "--".join(dict.fromkeys(str(number) for number in numbers[:1] + numbers[-1:])) or "0"


def _latex_number(value: float, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:.{decimals}f}"
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"


def escaped(text: str) -> str:
    """Text that LaTeX sets as it stands."""
    return "".join(ESCAPES.get(letter, letter) for letter in " ".join(text.split()))


def _one_line(text: str) -> str:
    """Text that stays in its comment."""
    return " ".join(text.split())
