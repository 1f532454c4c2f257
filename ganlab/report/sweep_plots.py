"""The section of a page on what was measured along options of samplers."""

from collections.abc import Sequence

import matplotlib

from ganlab.evaluation import Curve, curves_of, level_text
from ganlab.report.inline_svg import plot_of
from ganlab.report.page import (
    Cell,
    Code,
    Folded,
    Gallery,
    Heading,
    Part,
    Plot,
    Table,
    Words,
)
from ganlab.report.plot_style import COLOURS, INK, SIZE, STYLE, keys_of, panel
from ganlab.report.results import number_text
from ganlab.report.run_study import Run
from ganlab.report.study_tables import number_cell
from ganlab.report.sweeps import Panel, curve_name, panels_of

MOST_CURVES = len(COLOURS) + 1


def sweep_parts(runs: Sequence[Run]) -> list[Part]:
    """Returns plots for each option along which samples of runs were measured."""
    options = dict.fromkeys(option for run in runs for option in run.sweeps)
    parts: list[Part] = []
    for option in options:
        lines = {}
        for run in runs:
            curves = curves_of(run.sweeps.get(option, ()), option)
            for curve in curves:
                lines[_line_name(run, curve, len(runs) > 1, len(curves) > 1)] = curve
        shown = dict(list(lines.items())[:MOST_CURVES])
        words = (f"Measured at {_levels_words(shown)} of {option}, which stand at the points where "
                 "two metrics are drawn against each other.")
        if len(shown) < len(lines):
            words += f" Drawn are the first {len(shown)} of {len(lines)} curves."
        parts += [Heading(f"Along {option}"), Words(words),
                  Gallery([_plot(panel, shown, option)
                           for panel in panels_of(list(shown.values()), option)]),
                  Folded("Numbers and protocols", _numbers_parts(shown, option))]
    return parts


def _numbers_parts(lines: dict[str, Curve], option: str) -> list[Part]:
    """Returns every number, and the protocols, which differ along a curve in the option alone."""
    names = list(dict.fromkeys(name for curve in lines.values() for name in curve.records))
    rows, protocols = [], {}
    for line, curve in lines.items():
        for place, level in enumerate(curve.levels):
            found = [curve.records.get(name, [None] * len(curve.levels))[place] for name in names]
            order = None if isinstance(level, str) else level
            rows.append([
                Cell(line), number_cell(level_text(level), order),
                *(Cell("–") if record is None else
                  number_cell(number_text(record.result.value), record.result.value)
                  for record in found)])
            # Of each metric the protocol at the first value.
            for record in found:
                if record is not None:
                    protocols.setdefault((line, record.result.protocol.metric),
                                         record.result.protocol.name)
    return [Table(["curve", option, *names], rows),
            Words(f"The protocols at the first value of {option}:"),
            Code("\n".join(dict.fromkeys(protocols.values())))]


def _line_name(run: Run, curve: Curve, several_runs: bool, several_curves: bool) -> str:
    if not several_runs:
        return curve_name(curve)
    return f"{run.name}, {curve_name(curve)}" if several_curves else run.name


def _levels_words(lines: dict[str, Curve]) -> str:
    numbers = sorted({len(curve.levels) for curve in lines.values()})
    return f"{' or '.join(map(str, numbers))} values"


@matplotlib.rc_context(STYLE)
def _plot(drawn: Panel, lines: dict[str, Curve], option: str) -> Plot:
    figure, axes = panel(drawn.title, drawn.along, SIZE)
    axes.set_ylabel(drawn.up)
    colours = dict(zip(lines, (INK, *COLOURS), strict=False))
    for name, curve in lines.items():
        drawn.draw(axes, curve, colours[name], name)
    return plot_of(figure, f"{drawn.title}, along {option}", keys=keys_of(colours))
