"""The plots of a study: learning curves, sensitivity to axes of numbers, maps over two axes, samples side by side."""

import math
from collections.abc import Iterable, Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogFormatter, NullFormatter, NullLocator

from ganlab.evaluation import DIVERGED, Value, level_text
from ganlab.metrics import summarise
from ganlab.report.page import Picture, drawing_picture, pixels_picture
from ganlab.report.pictures import columns_for, figure_pixels, image_grid
from ganlab.report.study_analysis import Analysis, is_numeric

SIZE = (4.6, 3.3)  # Inches; a phone shows it at three quarters of its size.
BASE_COLOUR = "#1c2024"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31")
"""Okabe and Ito's, told apart by readers who do not see all colours; brown for their yellow, too light for a line."""
STYLE = {"font.size": 9.5, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3,
         "axes.titlesize": 10.5, "axes.axisbelow": True, "legend.frameon": False, "legend.fontsize": 8.5,
         "text.parse_math": False}  # A dollar sign in a name begins no formula.
LONGEST = 56  # Letters of a name in a legend.
LOG_FROM = 8  # Largest over smallest number from which an axis is logarithmic.
LINES = 6  # Settings of the other axes that have a colour each.
MOST_LEVELS = 12  # On a side of a map.
TILES, LARGE_TILES = 25, 16  # Of a grid of samples, and where they are larger than 32 pixels.
TILES_WIDTH = 400


@matplotlib.rc_context(STYLE)
def curve_pictures(analysis: Analysis, names: Sequence[str]) -> list[Picture]:
    """A picture a value: the mean over seeds on the way, its 95% bootstrap band, and where trials diverged."""
    colours = colours_of(analysis, names)
    found = []
    for value in analysis.study.values:
        curves = {name: _points_by_kimg(analysis, name, value.name) for name in names}
        curves = {name: points for name, points in curves.items() if points}
        if not any(len(points) > 1 for points in curves.values()):
            continue
        figure, axes = _panel(value, "kimg (thousands of real images)", legend=len(curves))
        for name, points in curves.items():
            kimg = sorted(points)
            summaries = [summarise(np.array(points[at])) for at in kimg]
            is_base = name == analysis.study.base
            axes.plot(kimg, [each.mean for each in summaries], color=colours[name],
                      label=short_label(analysis.label(name)), linewidth=1.6, marker="o", markersize=2.5,
                      linestyle="--" if is_base and len(names) > 1 else "-", zorder=3 if is_base else 2)
            if any(each.interval for each in summaries):
                bounds = [each.interval or (each.mean, each.mean) for each in summaries]
                axes.fill_between(kimg, [low for low, *_ in bounds], [high for _, high, *_ in bounds],
                                  color=colours[name], alpha=0.14, linewidth=0)
            _mark_diverged(axes, analysis, name, value.name, colours[name])
        if value.better == "lower":  # Distances fall by orders; shares between 0 and 1 do not.
            _scale(axes, "y", [mean for points in curves.values() for each in points.values() for mean in each], 20)
        add_legend(figure, axes, len(curves))
        found.append(drawing_picture(figure, f"{value.name} over training of {', '.join(curves)}"))
    return found


def _points_by_kimg(analysis: Analysis, name: str, value: str) -> dict[float, list[float]]:
    """The value of every trial that did not diverge, by the kimg at which it was measured."""
    found: dict[float, list[float]] = {}
    for trial in analysis.trials[name]:
        for kimg, values in trial.curve if trial.status != DIVERGED else ():
            if math.isfinite(values.get(value, math.nan)):
                found.setdefault(kimg, []).append(values[value])
    return found


def _mark_diverged(axes: Axes, analysis: Analysis, name: str, value: str, colour: str) -> None:
    """Draws what diverged trials were before, each to its last number."""
    for trial in analysis.trials[name]:
        points = [(kimg, values[value]) for kimg, values in trial.curve
                  if trial.status == DIVERGED and math.isfinite(values.get(value, math.nan))]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, linewidth=0.8, linestyle=":")
            axes.plot(*points[-1], color=colour, marker="x", markersize=6)


@matplotlib.rc_context(STYLE)
def sensitivity_pictures(analysis: Analysis, axis: str, values: Sequence[Value]) -> list[Picture]:
    """A picture a value over an axis of numbers: a line for each setting of the other axes, with intervals.

    Where no setting of the others occurs at two levels, as in a random search, every variant is a point.
    """
    groups = _groups(analysis, axis)
    found = []
    for value in values:
        lines = {label: [name for name in names if analysis.by_seed(name, value.name)]
                 for label, names in groups.items()}
        lines = {label: names for label, names in lines.items() if len(names) > 1}
        scattered = not lines
        if scattered:
            names = [name for name in analysis.variants if analysis.by_seed(name, value.name)]
            lines = {"": names} if len(names) > 2 else {}
        if not lines:
            continue
        named_lines = len(lines) if 1 < len(lines) <= LINES else 0
        figure, axes = _panel(value, axis, legend=named_lines)
        for number, (label, names) in enumerate(lines.items()):
            first = number == 0
            if len(lines) > LINES and not first:
                axes.plot([analysis.variants[name].levels[axis] for name in names],
                          [analysis.mean(name, value.name) for name in names], color="#b5bcc3", linewidth=0.8)
                continue
            colour = BASE_COLOUR if first and not scattered else COLOURS[(number - 1) % len(COLOURS)]
            _level_line(axes, analysis, axis, value.name, names, colour, short_label(label), joined=not scattered,
                        order=4 if first else 2)
        levels = [analysis.variants[name].levels[axis] for names in lines.values() for name in names]
        _level_ticks(axes, levels)
        add_legend(figure, axes, named_lines)
        others = "Grey: other settings of the other axes." if len(lines) > LINES else ""
        found.append(drawing_picture(figure, f"{value.name} over {axis}", others))
    return found


def _groups(analysis: Analysis, axis: str) -> dict[str, list[str]]:
    """Variants that differ on one axis alone, in its order, by their levels on the others; the base's first."""
    groups: dict[str, list[str]] = {}
    base = analysis.variants[analysis.study.base]
    for variant in sorted(analysis.study.variants, key=lambda variant: variant.levels[axis]):
        label = ", ".join(f"{other} {level_text(level)}" for other, level in variant.levels.items() if other != axis)
        groups.setdefault(label, []).append(variant.name)
    return dict(sorted(groups.items(), key=lambda group: base.name not in group[1]))


def _level_line(axes: Axes, analysis: Analysis, axis: str, value: str, names: Sequence[str], colour: str, label: str,
                joined: bool, order: int) -> None:
    summaries = [analysis.summary(name, value) for name in names]
    levels = [analysis.variants[name].levels[axis] for name in names]
    means = np.array([each.mean for each in summaries])
    bounds = np.array([each.interval[:2] if each.interval else (each.mean, each.mean) for each in summaries])
    axes.errorbar(levels, means, np.abs(bounds.T - means), color=colour, label=label, zorder=order, marker="o",
                  markersize=4, linewidth=1.5 if joined else 0, elinewidth=1, capsize=2.5)


def _level_ticks(axes: Axes, levels: Sequence[float]) -> None:
    """Ticks where the levels are, if they are few."""
    logarithmic = _scale(axes, "x", levels, LOG_FROM)
    distinct = sorted(set(levels))
    places = [math.log(level) for level in distinct] if logarithmic else distinct
    nearest = min((after - before for before, after in zip(places, places[1:], strict=False)), default=1)
    if len(distinct) <= 9 and nearest > 0.09 * (places[-1] - places[0]):
        axes.xaxis.set_major_locator(FixedLocator(distinct))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(lambda level, _: f"{level:.4g}")


@matplotlib.rc_context(STYLE)
def map_pictures(analysis: Analysis, first: str, second: str, values: Sequence[Value]) -> list[Picture]:
    """A picture a value over two axes: a cell for two levels holds the mean of all variants that have them.

    Axes of many numbers, as in a random search, have a coloured point a variant instead.
    """
    found = []
    for value in values:
        levels = [[level for level in analysis.study.axes[axis]
                   if any(variant.levels[axis] == level for variant in analysis.study.variants)]
                  for axis in (first, second)]
        cells = _cells(analysis, (first, second), levels, value.name)
        filled = np.isfinite(cells)
        if max(map(len, levels)) <= MOST_LEVELS and min(map(len, levels)) > 1 and np.mean(filled) > 0.5:
            figure = _heat_map(analysis, (first, second), levels, cells, value)
            caption = _interaction_words(cells)
        elif all(is_numeric(analysis.study.axes[axis]) for axis in (first, second)) and np.sum(filled) > 2 \
                and not _is_a_cross(analysis, first, second):
            figure, caption = _scattered_map(analysis, first, second, value), "Each point is a variant."
        else:
            continue
        found.append(drawing_picture(figure, f"{value.name} over {first} and {second}", caption))
    return found


def _is_a_cross(analysis: Analysis, first: str, second: str) -> bool:
    """Whether variants leave the base on one of two axes at a time, so that nothing is known of them together."""
    base = analysis.variants[analysis.study.base].levels
    return not any(variant.levels[first] != base[first] and variant.levels[second] != base[second]
                   for variant in analysis.study.variants)


def _cells(analysis: Analysis, pair: tuple[str, str], levels: Sequence[Sequence], value: str) -> np.ndarray:
    """Means [levels of the first, of the second]; NaN where there are none."""
    places = [{level: number for number, level in enumerate(each)} for each in levels]
    found: dict[tuple[int, int], list[float]] = {}
    for variant in analysis.study.variants:
        mean = analysis.mean(variant.name, value)
        if math.isfinite(mean):
            place = tuple(where[variant.levels[axis]] for where, axis in zip(places, pair, strict=True))
            found.setdefault(place, []).append(mean)
    cells = np.full([len(each) for each in levels], math.nan)
    for place, means in found.items():
        cells[place] = np.mean(means)
    return cells


def _interaction_words(cells: np.ndarray) -> str:
    """How much of the variance between cells is no sum of the axes' effects (two-way analysis of variance)."""
    if not np.all(np.isfinite(cells)) or not np.var(cells):
        return ""
    added = cells.mean(axis=0, keepdims=True) + cells.mean(axis=1, keepdims=True) - cells.mean()
    share = np.mean((cells - added) ** 2) / np.var(cells)
    return (f"{1 - share:.0%} of the variance between cells is the effects of the axes added; the other {share:.0%} "
            "is interaction and chance together.")


def _heat_map(analysis: Analysis, pair: tuple[str, str], levels: Sequence[Sequence], cells: np.ndarray,
              value: Value) -> Figure:
    height = max(SIZE[1], 1.3 + 0.36 * len(levels[0]))
    figure, axes = _panel(value, pair[1], size=(SIZE[0], height))
    axes.grid(False)
    axes.spines[:].set_visible(False)
    colours = matplotlib.colormaps[_map_name(value)]
    picture = axes.imshow(np.ma.masked_invalid(cells), cmap=colours, aspect="auto")
    axes.set_ylabel(pair[0])
    axes.set_xticks(range(len(levels[1])), [level_text(level) for level in levels[1]],
                    rotation=30 if max(len(level_text(level)) for level in levels[1]) > 7 else 0)
    axes.set_yticks(range(len(levels[0])), [level_text(level) for level in levels[0]])
    axes.tick_params(length=0)
    for (row, column), mean in np.ndenumerate(cells):
        if math.isfinite(mean):
            red, green, blue, _ = colours(picture.norm(mean))
            bright = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
            axes.text(column, row, f"{mean:#.3g}".rstrip("."), ha="center", va="center",
                      color="black" if bright else "white", fontsize=8.5 if len(levels[1]) < 8 else 7)
    base = analysis.variants[analysis.study.base].levels
    place = [list(each).index(base[axis]) if base[axis] in each else None for axis, each in zip(pair, levels,
                                                                                              strict=True)]
    if None not in place:
        axes.add_patch(matplotlib.patches.Rectangle((place[1] - 0.5, place[0] - 0.5), 1, 1, fill=False,
                                                    edgecolor="#d55e00", linewidth=2.2, clip_on=False))
    figure.colorbar(picture, ax=axes, fraction=0.05)
    return figure


def _scattered_map(analysis: Analysis, first: str, second: str, value: Value) -> Figure:
    figure, axes = _panel(value, second)
    names = [name for name in analysis.variants if analysis.by_seed(name, value.name)]
    places = [[analysis.variants[name].levels[axis] for name in names] for axis in (second, first)]
    means = [analysis.mean(name, value.name) for name in names]
    drawn = axes.scatter(*places, c=means, cmap=_map_name(value), s=34, edgecolors="#1c2024", linewidths=0.4)
    _scale(axes, "x", places[0], LOG_FROM)
    _scale(axes, "y", places[1], LOG_FROM)
    axes.set_ylabel(first)
    figure.colorbar(drawn, ax=axes, fraction=0.05)
    return figure


def _map_name(value: Value) -> str:
    """Bright is better."""
    return "viridis_r" if value.better == "lower" else "viridis"


@matplotlib.rc_context(STYLE)
def sample_pictures(analysis: Analysis, names: Sequence[str]) -> list[Picture]:
    """A picture a variant of its samples, from the same latents in the same places."""
    samples = {name: analysis.variants[name].samples for name in names if analysis.variants[name].samples is not None}
    points = [array for array in samples.values() if array.ndim == 2]
    frame = _frame(np.concatenate(points)) if points else None
    found = []
    for name, array in samples.items():
        if array.ndim == 2:
            pixels = _point_picture(array, frame)
        else:
            shown = array[:TILES if max(array.shape[1:3]) <= 32 else LARGE_TILES]
            pixels = image_grid(shown, columns_for(len(shown), 1), TILES_WIDTH)
        found.append(pixels_picture(pixels, f"samples of {name}", analysis.label(name)))
    return found


def _frame(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners within which nearly all points of nearly all variants lie."""
    finite = points[np.all(np.isfinite(points), axis=1)]
    if not len(finite):
        return np.full(2, -1.0), np.full(2, 1.0)
    low, high = np.quantile(finite, [0.005, 0.995], axis=0)
    margin = 0.12 * max((high - low).max(), 1e-6)
    return low - margin, high + margin


def _point_picture(points: np.ndarray, frame: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    figure = Figure(figsize=(3.6, 3.6), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    axes.scatter(*points.T, s=3, c=COLOURS[0], linewidths=0, alpha=0.6)
    (left, below), (right, above) = frame
    axes.set(xlim=(left, right), ylim=(below, above), aspect="equal")
    axes.tick_params(labelsize=8)
    return figure_pixels(figure)


def colours_of(analysis: Analysis, names: Sequence[str]) -> Mapping[str, str]:
    """A colour a variant, dark for the base."""
    others = [name for name in names if name != analysis.study.base]
    return {analysis.study.base: BASE_COLOUR} | {name: COLOURS[number % len(COLOURS)]
                                                 for number, name in enumerate(others)}


def _panel(value: Value, across: str, legend: int = 0, size: tuple[float, float] = SIZE) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(size[0], size[1] + 0.17 * legend), layout="constrained")
    axes = figure.add_subplot()
    better = "" if value.better == "neither" else f" ({value.better} is better)"
    axes.set_title(f"{value.name}{better}", loc="left")
    axes.set_xlabel(across)
    return figure, axes


def add_legend(figure: Figure, axes: Axes, lines: int) -> None:
    """Names several lines below the panel, where that covers nothing."""
    if lines > 1:
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", borderpad=0.2,
                      labelspacing=0.3)


class _PlainLog(LogFormatter):
    """Labels where matplotlib puts them, as plain numbers instead of powers of ten."""

    def __call__(self, x, pos=None):
        """The label at `x`, or none."""
        return f"{x:.4g}" if super().__call__(x, pos) else ""


def _scale(axes: Axes, along: str, numbers: Iterable[float], ratio: float) -> bool:
    """Makes an axis logarithmic where its numbers are positive and differ by a large ratio; whether it did."""
    numbers = list(numbers)
    logarithmic = bool(numbers) and min(numbers) > 0 and max(numbers) / min(numbers) >= ratio
    if logarithmic:
        axes.set(**{f"{along}scale": "log"})
        axis = {"x": axes.xaxis, "y": axes.yaxis}[along]
        axis.set_major_formatter(_PlainLog())
        axis.set_minor_formatter(_PlainLog(minor_thresholds=(2, 0.6)))
    return logarithmic


def short_label(name: str) -> str:
    """A name that fits a legend, which would leave out one that begins with an underscore."""
    name = name if len(name) <= LONGEST else f"{name[:LONGEST // 2 - 1]} … {name[-LONGEST // 2 + 2:]}"
    return f" {name}" if name.startswith("_") else name
