"""Maps of a study: a value over two axes, as cells of colour or as coloured points."""

import math
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from ganlab.evaluation import Value, level_text
from ganlab.report.inline_svg import plot_of
from ganlab.report.page import Plot
from ganlab.report.plot_style import (
    COLOURS,
    INK,
    SIZE,
    STYLE,
    panel,
    scale_axis,
    value_title,
)
from ganlab.report.study_analysis import Analysis, is_numeric

MOST_LEVELS = 12  # On a side of a map.
LOG_FROM = 8  # Largest over smallest number from which an axis is logarithmic.
# Inches of a map: names and the bar of colours, and a cell.
AROUND, CELL = (1.7, 1.2), (0.42, 0.33)
LETTER = 0.076  # Inches that a letter of a tick's label takes, of wide ones.


@matplotlib.rc_context(STYLE)
def map_plots(analysis: Analysis, first: str, second: str, values: Sequence[Value]) -> list[Plot]:
    """Draws each value over two axes: a cell for two levels holds the mean of all variants that
    have them.

    Axes of many numbers, as in a random search, have a coloured point a variant instead.
    """
    found = []
    for value in values:
        levels = [[level for level in analysis.study.axes[axis]
                   if any(variant.levels[axis] == level for variant in analysis.study.variants)]
                  for axis in (first, second)]
        cells = _cells(analysis, (first, second), levels, value.name)
        filled = np.isfinite(cells)
        # Cells where most of them are known, points where two axes of numbers were left together.
        if (max(map(len, levels)) <= MOST_LEVELS and min(map(len, levels)) > 1
                and np.mean(filled) > 0.5):
            figure = _heat_map(analysis, (first, second), levels, cells, value)
            caption = _interaction_words(cells)
        elif (all(is_numeric(analysis.study.axes[axis]) for axis in (first, second))
              and np.sum(filled) > 2 and not _is_a_cross(analysis, first, second)):
            figure, caption = (_scattered_map(analysis, first, second, value),
                               "Each point is a variant.")
        else:
            continue
        found.append(plot_of(figure, f"{value.name} over {first} and {second}", caption))
    return found


def _is_a_cross(analysis: Analysis, first: str, second: str) -> bool:
    """Returns whether variants leave the base on one of two axes at a time, so that nothing is
    known of them together."""
    base = analysis.variants[analysis.study.base].levels
    return not any(variant.levels[first] != base[first] and variant.levels[second] != base[second]
                   for variant in analysis.study.variants)


def _cells(analysis: Analysis, pair: tuple[str, str], levels: Sequence[Sequence],
           value: str) -> np.ndarray:
    """Returns means [levels of the first, of the second]; NaN where there are none."""
    places = [{level: number for number, level in enumerate(each)} for each in levels]
    found: dict[tuple[int, int], list[float]] = {}
    for variant in analysis.study.variants:
        mean = analysis.mean(variant.name, value)
        if math.isfinite(mean):
            place = tuple(where[variant.levels[axis]]
                          for where, axis in zip(places, pair, strict=True))
            found.setdefault(place, []).append(mean)
    cells = np.full([len(each) for each in levels], math.nan)
    for place, means in found.items():
        cells[place] = np.mean(means)
    return cells


def _interaction_words(cells: np.ndarray) -> str:
    """Says how much of the variance between cells is not the sum of the axes' effects (two-way
    analysis of variance)."""
    if not np.all(np.isfinite(cells)) or not np.var(cells):
        return ""
    added = cells.mean(axis=0, keepdims=True) + cells.mean(axis=1, keepdims=True) - cells.mean()
    share = np.mean((cells - added) ** 2) / np.var(cells)
    return (f"{1 - share:.0%} of the variance between cells is the effects of the axes added; the "
            f"other {share:.0%} is interaction and chance together.")


def _heat_map(analysis: Analysis, pair: tuple[str, str], levels: Sequence[Sequence],
              cells: np.ndarray, value: Value) -> Figure:
    # A map of many cells is wider than other plots, so that their numbers have room.
    rows, columns = map(len, levels)
    size = tuple(max(least, around + cell * number) for least, around, cell, number
                 in zip(SIZE, AROUND, CELL, (columns, rows), strict=True))
    figure, axes = panel(value_title(value), pair[1], size)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    colours = matplotlib.colormaps[_map_name(value)]
    picture = axes.imshow(np.ma.masked_invalid(cells), cmap=colours, aspect="auto")
    # The levels name rows and columns; long names are turned, so that neighbours do not meet.
    axes.set_ylabel(pair[0])
    names = [level_text(level) for level in levels[1]]
    turned = LETTER * max(map(len, names)) > (size[0] - AROUND[0]) / columns
    axes.set_xticks(range(columns), names,
                    **({"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if turned
                       else {}))
    axes.set_yticks(range(rows), [level_text(level) for level in levels[0]])
    axes.tick_params(length=0)
    # Each cell says its number, in the letters that its colour lets one read; the base's is framed.
    for (row, column), mean in np.ndenumerate(cells):
        if math.isfinite(mean):
            red, green, blue, _ = colours(picture.norm(mean))
            bright = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
            axes.text(column, row, f"{mean:#.3g}".rstrip("."), ha="center", va="center",
                      color="black" if bright else "white", fontsize=8)
    base = analysis.variants[analysis.study.base].levels
    place = [list(each).index(base[axis]) if base[axis] in each else None
             for axis, each in zip(pair, levels, strict=True)]
    if None not in place:
        axes.add_patch(Rectangle((place[1] - 0.5, place[0] - 0.5), 1, 1, fill=False,
                                 edgecolor=COLOURS[1], linewidth=2.2, clip_on=False))
    _colour_bar(figure, axes, picture)
    return figure


def _scattered_map(analysis: Analysis, first: str, second: str, value: Value) -> Figure:
    figure, axes = panel(value_title(value), second)
    names = [name for name in analysis.variants if analysis.by_seed(name, value.name)]
    places = [[analysis.variants[name].levels[axis] for name in names] for axis in (second, first)]
    means = [analysis.mean(name, value.name) for name in names]
    drawn = axes.scatter(*places, c=means, cmap=_map_name(value), s=34, edgecolors=INK,
                         linewidths=0.4)
    scale_axis(axes, "x", places[0], LOG_FROM)
    scale_axis(axes, "y", places[1], LOG_FROM)
    axes.set_ylabel(first)
    _colour_bar(figure, axes, drawn)
    return figure


def _colour_bar(figure: Figure, axes: Axes, drawn: AxesImage | PathCollection) -> None:
    figure.colorbar(drawn, ax=axes, fraction=0.05).outline.set_visible(False)


def _map_name(value: Value) -> str:
    """Returns the name of a colour map in which bright is better."""
    return "viridis_r" if value.better == "lower" else "viridis"
