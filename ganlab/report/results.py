"""Values of metrics: as a table with their protocols, and over training."""

from collections.abc import Mapping, Sequence

import numpy as np
import rich.console
from rich.table import Table

from ganlab.evaluation import Record, Uncertainty
from ganlab.output import counted
from ganlab.report.pictures import figure_pixels, new_figure

DIGITS = 4  # Significant ones; more would be noise at any number of samples.
PANEL = (4.2, 2.8)
COLUMNS = 3
TABLE_WIDTH = 120
MOST_CLASSES = 20  # In a terminal.


def number_text(value: float) -> str:
    """Returns a number with four significant digits."""
    return f"{value:.{DIGITS}g}" if abs(value) < 10**DIGITS else f"{value:,.0f}"


def interval_words(interval: Uncertainty) -> str:
    """Returns what an interval is of: its level, and seeds or resamplings."""
    words = {"seeds": f"over {counted(interval.draws, 'seed')}",
             "bootstrap": f"of {counted(interval.draws, 'resampling')}"}[interval.kind]
    return f"{interval.level:.0%} {words}"


def bounds_text(interval: Uncertainty) -> str:
    """Returns the bounds of an interval."""
    return f"{number_text(interval.low)} to {number_text(interval.high)}"


def wide_console() -> rich.console.Console:
    """Returns a console on which no line of a table is cut, wherever it is printed."""
    return rich.console.Console(highlight=False, markup=False,
                                width=max(rich.console.Console().width, TABLE_WIDTH),
                                soft_wrap=True)


def results_table(records: Sequence[Record], title: str) -> Table:
    """Tabulates a row for each value: its number, which way is better, a column for each kind of
    interval, and the hash of its protocol."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    stepped = any(record.step is not None for record in records)
    kinds = list(dict.fromkeys(interval_words(each) for record in records
                               for each in record.result.intervals))
    for heading in (*(["round"] if stepped else []), "value", "", "better", *kinds, "protocol"):
        table.add_column(heading, justify="right" if heading in ("round", "", *kinds) else "left",
                         no_wrap=True)
    for record in records:
        result = record.result
        bounds = {interval_words(each): bounds_text(each) for each in result.intervals}
        table.add_row(*([f"{record.step:,}"] if stepped else []), result.name,
                      number_text(result.value),
                      "" if result.better == "neither" else result.better,
                      *(bounds.get(kind, "") for kind in kinds),
                      f"#{result.protocol.hash}")
    return table


def print_results(records: Sequence[Record], title: str) -> None:
    """Prints the table, every protocol once, and every warning once."""
    console = wide_console()
    console.print(results_table(records, title))
    if (table := classes_table(records)) is not None:
        console.print(table)
    for name in dict.fromkeys(record.result.protocol.name for record in records):
        console.print(name)
    for warning in dict.fromkeys(record.result.warning
                                 for record in records if record.result.warning):
        console.print(f"note: {warning}")


def classes_table(records: Sequence[Record]) -> Table | None:
    """Tabulates values by class, a row for each class, in the order of the first value, the worst
    first; of many classes the worst alone. None where no value has classes."""
    shown = [record for record in records if record.result.by_class]
    if not shown:
        return None
    first = shown[0].result
    order = sorted(first.by_class, key=first.by_class.get, reverse=first.better == "lower")
    cut = f", the worst {MOST_CLASSES} of {len(order):,}" if len(order) > MOST_CLASSES else ""
    table = Table(title=f"by class{cut}", title_justify="left", box=None, pad_edge=False)
    table.add_column("class")
    several = len({record.step for record in shown}) > 1
    for record in shown:
        at = f", round {record.step:,}" if several and record.step is not None else ""
        table.add_column(record.result.name + at, justify="right", no_wrap=True)
    for name in order[:MOST_CLASSES]:
        table.add_row(name, *(number_text(record.result.by_class[name])
                              if name in record.result.by_class else "" for record in shown))
    return table


def compare_results(runs: Mapping[str, Sequence[Record]], names: Sequence[str]) -> Table:
    """Tabulates a row for each run and a column for each value, with its interval."""
    table = Table(box=None, pad_edge=False)
    table.add_column("run")
    for name in names:
        table.add_column(name, justify="right")
    for run, records in runs.items():
        found = {record.result.name: record.result for record in records}
        table.add_row(run, *("" if name not in found else " ".join(
            [number_text(found[name].value),
             *(f"({bounds_text(each)})" for each in found[name].intervals[:1])])
            for name in names))
    return table


def plot_results(records: Sequence[Record], title: str) -> np.ndarray:
    """Draws a panel for each value that is better one way, over kimg, a curve for each protocol
    with its interval; uint8 [h, w, 3].

    Raises:
      ValueError: where no value is better one way.
    """
    names = list(dict.fromkeys(record.result.name
                               for record in records if record.result.better != "neither"))
    if not names:
        raise ValueError("no value is better one way, so that none is drawn")
    # A panel for each value; those that the grid has too many are hidden.
    rows = -(-len(names) // COLUMNS)
    columns = min(len(names), COLUMNS)
    figure = new_figure(PANEL[0] * columns, PANEL[1] * rows + 0.4)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(names):]:
        axes.set_visible(False)
    for axes, name in zip(panels, names, strict=False):
        chosen = [record for record in records if record.result.name == name]
        # Numbers of different protocols are never joined by a line.
        for protocol in dict.fromkeys(record.result.protocol.hash for record in chosen):
            curve = [record for record in chosen if record.result.protocol.hash == protocol]
            kimg = [record.kimg for record in curve]
            axes.plot(kimg, [record.result.value for record in curve], marker="o", markersize=3,
                      label=f"{curve[0].result.protocol.features.get('name', '')} #{protocol}")
            bounds = [record.result.intervals[0] if record.result.intervals else None
                      for record in curve]
            if all(bounds):
                axes.fill_between(kimg, [bound.low for bound in bounds],
                                  [bound.high for bound in bounds], alpha=0.2)
        axes.set_title(f"{name} ({chosen[0].result.better} is better)", fontsize="medium")
        axes.set_xlabel("kimg")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="x-small")
    figure.suptitle(title)
    return figure_pixels(figure)
