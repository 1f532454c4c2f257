"""What was measured along an option of a sampler: as a table, as CSV, and as curves."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow
from rich.table import Table

from ganlab.evaluation import Curve, Record, curves_of, level_text
from ganlab.report.pictures import figure_pixels, new_figure
from ganlab.report.results import number_text, wide_console
from ganlab.report.study_files import csv_content

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRADED = (("fid", "is"), ("precision_recall/recall", "precision_recall/precision"),
          ("prdc/recall", "prdc/precision"))
"""Pairs of values that an option trades for each other: along and up. BigGAN and StyleGAN publish
their truncation by them."""
MOST_MARKED = 12  # Points of a curve that are marked with their value of the option.
PANEL = (4.2, 3.0)
COLUMNS = 3


class Panel(NamedTuple):
    """A plot of a sweep: its title, what is along and up, and what draws one curve in it.

    `draw(axes, curve, colour, label)` draws nothing of a curve that lacks the values.
    """

    title: str
    along: str
    up: str
    draw: Callable[["Axes", Curve, str, str], None]


def panels_of(curves: Sequence[Curve], option: str) -> list[Panel]:
    """Returns the plots of curves: the pairs that are traded, then each value by the option."""
    better = {record.result.name: record.result.better for curve in curves
              for records in curve.records.values() for record in records if record is not None}
    traded = [Panel(f"{_short(up)} against {_short(along)}", _with_arrow(along, better),
                    _with_arrow(up, better), _trade(along, up))
              for along, up in TRADED if any(_traded(curve, along, up) for curve in curves)]
    return traded + [
        Panel(f"{name} by {option}", option, _with_arrow(name, better), _by_option(name))
        for name in better if better[name] != "neither"]


def _short(name: str) -> str:
    return name.rpartition("/")[2]


def _with_arrow(name: str, better: Mapping[str, str]) -> str:
    words = {"lower": " (lower is better)", "higher": " (higher is better)"}
    return _short(name) + words.get(better[name], "")


def _traded(curve: Curve, along: str, up: str) -> bool:
    """Returns whether both values were measured of the same samples."""
    return (along in curve.records and up in curve.records
            and curve.samples(along) == curve.samples(up))


def _line(curve: Curve) -> float:
    """Returns the width of the line between points; there is none between words."""
    return 0.0 if isinstance(curve.levels[0], str) else 1.2


def _trade(along: str, up: str) -> Callable:
    def draw(axes: "Axes", curve: Curve, colour: str, label: str) -> None:
        if not _traded(curve, along, up):
            return
        x, y = curve.numbers(along), curve.numbers(up)
        axes.plot(x, y, color=colour, marker="o", markersize=3, linewidth=_line(curve), label=label)
        # The ends at least say which way the option runs; their words need room.
        axes.margins(0.12)
        marked = (range(len(x)) if len(x) <= MOST_MARKED
                  else sorted({0, len(x) // 2, len(x) - 1}))
        for place in marked:
            if np.isfinite(x[place] + y[place]):
                axes.annotate(level_text(curve.levels[place]), (x[place], y[place]),
                              xytext=(3, 3), textcoords="offset points", fontsize="x-small",
                              color=colour)

    return draw


def _by_option(name: str) -> Callable:
    def draw(axes: "Axes", curve: Curve, colour: str, label: str) -> None:
        if name not in curve.records:
            return
        # Words stand side by side, numbers in their places.
        levels = [level if isinstance(level, str) else float(level) for level in curve.levels]
        axes.plot(levels, curve.numbers(name), color=colour, marker="o", markersize=3,
                  linewidth=_line(curve), label=label)
        if isinstance(levels[0], str):
            axes.margins(x=0.15)
        bounds = [record.result.intervals[0] if record and record.result.intervals else None
                  for record in curve.records[name]]
        if all(bounds):
            low, high = ([getattr(bound, end) for bound in bounds] for end in ("low", "high"))
            if isinstance(levels[0], str):
                axes.vlines(levels, low, high, color=colour, linewidth=1.2)
            else:
                axes.fill_between(levels, low, high, color=colour, alpha=0.2, linewidth=0)

    return draw


def sweep_picture(records: Sequence[Record], option: str, title: str) -> np.ndarray:
    """Draws what an option trades, and each value by it, a curve for each checkpoint; uint8
    [h, w, 3]."""
    curves = curves_of(records, option)
    panels = panels_of(curves, option)
    rows, columns = -(-len(panels) // COLUMNS), min(len(panels), COLUMNS)
    figure = new_figure(PANEL[0] * columns, PANEL[1] * rows + 0.4)
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in places[len(panels):]:
        axes.set_visible(False)
    for axes, panel in zip(places, panels, strict=False):
        for number, curve in enumerate(curves):
            panel.draw(axes, curve, f"C{number % 10}", curve_name(curve))
        axes.set_title(panel.title, fontsize="medium")
        axes.set(xlabel=panel.along, ylabel=panel.up)
        axes.grid(alpha=0.3)
        if len(curves) > 1:
            axes.legend(fontsize="x-small")
    figure.suptitle(f"{title}, along {option}")
    return figure_pixels(figure)


def curve_name(curve: Curve) -> str:
    """Returns what a curve is called: its round, and what was measured if that is not the run."""
    return f"round {curve.step:,}" + (f", {curve.subject}" if curve.subject else "")


def print_sweep(records: Sequence[Record], option: str, title: str) -> None:
    """Prints a row for each value of the option, and each warning once."""
    curve, = curves_of(records, option)
    table = Table(title=f"{title}, {curve_name(curve)}", title_justify="left", box=None,
                  pad_edge=False)
    table.add_column(option, justify="right", no_wrap=True)
    for name in curve.records:
        table.add_column(name, justify="right", no_wrap=True)
    for place, level in enumerate(curve.levels):
        table.add_row(level_text(level), *(number_text(curve.numbers(name)[place])
                                           for name in curve.records))
    console = wide_console()
    console.print(table)
    for warning in _warnings(records):
        console.print(f"note: {warning}")


def _warnings(records: Iterable[Record]) -> Iterable[str]:
    return dict.fromkeys(record.result.warning for record in records if record.result.warning)


def sweep_csv(records: Sequence[Record], option: str) -> bytes:
    """Returns a row for each checkpoint and value of the option: its values, the bounds of their
    first interval where they have one, and their protocols."""
    curves = curves_of(records, option)
    names = list(dict.fromkeys(name for curve in curves for name in curve.records))
    rows = []
    for curve in curves:
        for place, level in enumerate(curve.levels):
            row = {option: level, "round": curve.step, "of": curve.subject}
            for name in names:
                record = curve.records.get(name, [None] * len(curve.levels))[place]
                row |= _cells(name, record)
            rows.append(row)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return csv_content(pyarrow.table({column: [row.get(column) for row in rows]
                                      for column in columns}))


def _cells(name: str, record: Record | None) -> dict[str, object]:
    if record is None:
        return {f"value/{name}": None, f"protocol/{name}": None}
    result = record.result
    found = {f"value/{name}": result.value if math.isfinite(result.value) else None}
    for interval in result.intervals[:1]:
        found |= {f"low/{name}": interval.low, f"high/{name}": interval.high}
    return {**found, f"protocol/{name}": result.protocol.name}
