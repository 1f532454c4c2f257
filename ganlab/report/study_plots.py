"""The plots of a study: learning curves, sensitivity to axes of numbers, samples side by side."""

import math
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from ganlab.evaluation import DIVERGED, Value, level_text
from ganlab.metrics import summarise
from ganlab.report.inline_svg import plot_of
from ganlab.report.page import Picture, Plot, pixels_picture
from ganlab.report.pictures import columns_for, image_grid, plane
from ganlab.report.plot_style import (
    COLOURS,
    FAINT,
    INK,
    STYLE,
    keys_of,
    panel,
    scale_axis,
    value_title,
)
from ganlab.report.study_analysis import Analysis

LOG_FROM = 8  # Largest over smallest number from which an axis is logarithmic.
LINES = 6  # Settings of the other axes that have a colour each.
TILES, LARGE_TILES = 25, 16  # Of a grid of samples, and where they are larger than 32 pixels.
TILES_WIDTH = 400
MOST_DRAWN = 2000  # Points of a sample that are shapes of their own; more are pixels.


@matplotlib.rc_context(STYLE)
def curve_plots(analysis: Analysis, names: Sequence[str]) -> list[Plot]:
    """Draws each value over training: the mean over seeds, its 95% bootstrap band, and where trials
    diverged."""
    colours = colours_of(analysis, names)
    found = []
    for value in analysis.study.values:
        curves = {name: _points_by_kimg(analysis, name, value.name) for name in names}
        curves = {name: points for name, points in curves.items() if points}
        if not any(len(points) > 1 for points in curves.values()):
            continue
        figure, axes = panel(value_title(value), "kimg (thousands of real images)")
        for name, points in curves.items():
            # The base is told apart by its dashes too, because others may lie on it.
            is_base = name == analysis.study.base
            _draw_curve(axes, points, colours[name], dashed=is_base and len(names) > 1,
                        order=3 if is_base else 2)
            _mark_diverged(axes, analysis, name, value.name, colours[name])
        if value.better == "lower":  # Distances fall by orders; shares between 0 and 1 do not.
            scale_axis(axes, "y", [mean for points in curves.values() for each in points.values()
                                   for mean in each], 20)
        keys = keys_of({analysis.label(name): colours[name] for name in curves},
                       [analysis.label(analysis.study.base)])
        found.append(plot_of(figure, f"{value.name} over training of {', '.join(curves)}",
                             keys=keys))
    return found


def _draw_curve(axes: Axes, points: Mapping[float, Sequence[float]], colour: str, dashed: bool,
                order: int) -> None:
    """Draws the means over seeds, and the bands of those that have an interval."""
    kimg = sorted(points)
    summaries = [summarise(np.array(points[at])) for at in kimg]
    axes.plot(kimg, [each.mean for each in summaries], color=colour, linewidth=1.6, marker="o",
              markersize=2.5, linestyle="--" if dashed else "-", zorder=order)
    if any(each.interval for each in summaries):
        bounds = [each.interval or (each.mean, each.mean) for each in summaries]
        axes.fill_between(kimg, [low for low, *_ in bounds], [high for _, high, *_ in bounds],
                          color=colour, alpha=0.14, linewidth=0)


def _points_by_kimg(analysis: Analysis, name: str, value: str) -> dict[float, list[float]]:
    """Returns the value of every trial that did not diverge, by the kimg at which
    it was measured."""
    found: dict[float, list[float]] = {}
    for trial in analysis.trials[name]:
        for kimg, values in trial.curve if trial.status != DIVERGED else ():
            if math.isfinite(values.get(value, math.nan)):
                found.setdefault(kimg, []).append(values[value])
    return found


def _mark_diverged(axes: Axes, analysis: Analysis, name: str, value: str, colour: str) -> None:
    """Draws the values of diverged trials before that, each to its last number."""
    for trial in analysis.trials[name]:
        points = [(kimg, values[value]) for kimg, values in trial.curve
                  if trial.status == DIVERGED and math.isfinite(values.get(value, math.nan))]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, linewidth=0.8, linestyle=":")
            axes.plot(*points[-1], color=colour, marker="x", markersize=6)


@matplotlib.rc_context(STYLE)
def sensitivity_plots(analysis: Analysis, axis: str, values: Sequence[Value]) -> list[Plot]:
    """Draws each value over an axis of numbers: a line for each setting of the other axes, with
    intervals.

    Where no setting of the others occurs at two levels, as in a random search, every variant
    is a point.
    """
    groups = _groups(analysis, axis)
    found = []
    for value in values:
        # A line needs two levels at which it was measured.
        lines = {label: [name for name in names if analysis.by_seed(name, value.name)]
                 for label, names in groups.items()}
        lines = {label: names for label, names in lines.items() if len(names) > 1}
        scattered = not lines
        if scattered:
            names = [name for name in analysis.variants if analysis.by_seed(name, value.name)]
            lines = {"": names} if len(names) > 2 else {}
        if not lines:
            continue
        figure, axes = panel(value_title(value), axis)
        # Of too many lines the base's alone has a colour, and the others are its background.
        few, colours = len(lines) <= LINES, {}
        for number, (label, names) in enumerate(lines.items()):
            first = number == 0
            if not few and not first:
                axes.plot([analysis.variants[name].levels[axis] for name in names],
                          [analysis.mean(name, value.name) for name in names], color=FAINT,
                          linewidth=0.8)
                continue
            colours[label] = (INK if first and not scattered
                              else COLOURS[(number - 1) % len(COLOURS)])
            _level_line(axes, analysis, axis, value.name, names, colours[label],
                        joined=not scattered, order=4 if first else 2)
        _level_ticks(axes, [analysis.variants[name].levels[axis] for names in lines.values()
                            for name in names])
        found.append(plot_of(figure, f"{value.name} over {axis}",
                             "" if few else "Grey: other settings of the other axes.",
                             keys_of(colours)))
    return found


def _groups(analysis: Analysis, axis: str) -> dict[str, list[str]]:
    """Returns variants that differ on one axis alone, in its order, by their levels on the others;
    the base's first."""
    groups: dict[str, list[str]] = {}
    base = analysis.variants[analysis.study.base]
    for variant in sorted(analysis.study.variants, key=lambda variant: variant.levels[axis]):
        label = ", ".join(f"{other} {level_text(level)}"
                          for other, level in variant.levels.items() if other != axis)
        groups.setdefault(label, []).append(variant.name)
    return dict(sorted(groups.items(), key=lambda group: base.name not in group[1]))


def _level_line(axes: Axes, analysis: Analysis, axis: str, value: str, names: Sequence[str],
                colour: str, joined: bool, order: int) -> None:
    summaries = [analysis.summary(name, value) for name in names]
    levels = [analysis.variants[name].levels[axis] for name in names]
    means = np.array([each.mean for each in summaries])
    bounds = np.array([each.interval[:2] if each.interval else (each.mean, each.mean)
                       for each in summaries])
    axes.errorbar(levels, means, np.abs(bounds.T - means), color=colour, zorder=order, marker="o",
                  markersize=4, linewidth=1.5 if joined else 0, elinewidth=1, capsize=2.5)


def _level_ticks(axes: Axes, levels: Sequence[float]) -> None:
    """Puts ticks where the levels are, if they are few."""
    logarithmic = scale_axis(axes, "x", levels, LOG_FROM)
    distinct = sorted(set(levels))
    places = [math.log(level) for level in distinct] if logarithmic else distinct
    nearest = min((after - before for before, after in zip(places, places[1:], strict=False)),
                  default=1)
    if len(distinct) <= 9 and nearest > 0.12 * (places[-1] - places[0]):
        axes.xaxis.set_major_locator(FixedLocator(distinct))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(lambda level, _: f"{level:.4g}")


@matplotlib.rc_context(STYLE)
def sample_pictures(analysis: Analysis, names: Sequence[str]) -> list[Picture | Plot]:
    """Draws each variant's samples, from the same latents in the same places."""
    samples = {name: analysis.variants[name].samples
               for name in names if analysis.variants[name].samples is not None}
    samples = {name: plane(array) if array.ndim == 2 else array for name, array in samples.items()}
    points = [array for array in samples.values() if array.ndim == 2]
    frame = _frame(np.concatenate(points)) if points else None
    found: list[Picture | Plot] = []
    for name, array in samples.items():
        if array.ndim == 2:
            found.append(plot_of(_point_figure(array, frame), f"samples of {name}",
                                 analysis.label(name)))
            continue
        shown = array[:TILES if max(array.shape[1:3]) <= 32 else LARGE_TILES]
        found.append(pixels_picture(image_grid(shown, columns_for(len(shown), 1), TILES_WIDTH),
                                    f"samples of {name}", analysis.label(name)))
    return found


def _frame(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns corners within which nearly all points of nearly all variants lie."""
    finite = points[np.all(np.isfinite(points), axis=1)]
    if not len(finite):
        return np.full(2, -1.0), np.full(2, 1.0)
    low, high = np.quantile(finite, [0.005, 0.995], axis=0)
    margin = 0.12 * max((high - low).max(), 1e-6)
    return low - margin, high + margin


def _point_figure(points: np.ndarray, frame: tuple[np.ndarray, np.ndarray]) -> Figure:
    figure = Figure(figsize=(2.6, 2.6), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    axes.scatter(*points.T, s=4, c=COLOURS[0], linewidths=0, alpha=0.8,
                 rasterized=len(points) > MOST_DRAWN)
    (left, below), (right, above) = frame
    axes.set(xlim=(left, right), ylim=(below, above), aspect="equal")
    axes.tick_params(labelsize=8)
    return figure


def colours_of(analysis: Analysis, names: Sequence[str]) -> Mapping[str, str]:
    """Returns a colour for each variant, the ink for the base."""
    others = [name for name in names if name != analysis.study.base]
    return {analysis.study.base: INK} | {name: COLOURS[number % len(COLOURS)]
                                         for number, name in enumerate(others)}
