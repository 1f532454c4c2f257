"""How the plots of a page look: their size, their letters, and colours that have a light and
a dark form."""

from collections.abc import Iterable, Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from ganlab.evaluation import Value
from ganlab.report.page import Key

SIZE = (3.6, 2.6)
"""Inches. A phone shows this width as it is, so letters have there the size that they have here;
a desktop enlarges."""
INK, FAINT = "#1c2024", "#9aa2aa"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31")
"""Okabe and Ito's, told apart by readers who do not see all colours; brown for their yellow, too
light for a line."""
VARIABLES: Mapping[str, str] = {INK: "--ink", FAINT: "--faint",
                                **{colour: f"--plot-{number}"
                                   for number, colour in enumerate(COLOURS, start=1)}}
"""The variable of the page's style that each colour stands for: it has a value for a light and one
for a dark page."""
STYLE: Mapping[str, Any] = {
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK, "grid.alpha": 0.16, "axes.grid": True, "axes.axisbelow": True,
    "axes.spines.top": False, "axes.spines.right": False,
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 9,
    "axes.titlesize": 10,
    "text.parse_math": False,  # A dollar sign in a name begins no formula.
}
"""What plots are drawn under, by `matplotlib.rc_context`; the ground is the page's."""


def panel(title: str, across: str, size: tuple[float, float] = SIZE) -> tuple[Figure, Axes]:
    """Returns a figure with one pair of axes, with a title and what is on the horizontal one."""
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left")
    axes.set_xlabel(across)
    return figure, axes


def value_title(value: Value) -> str:
    """Returns a value's name, and which way it is better."""
    return value.name if value.better == "neither" else f"{value.name} ({value.better} is better)"


def keys_of(colours: Mapping[str, str], dashed: Iterable[str] = ()) -> list[Key]:
    """Returns the legend of lines, by their names and colours; none for one line, which
    its title names."""
    dashed = set(dashed)
    return [Key(name, VARIABLES[colour], name in dashed) for name, colour in colours.items()] \
        if len(colours) > 1 else []


class _PlainLog(LogFormatter):
    """Labels where matplotlib puts them, as plain numbers instead of powers of ten."""

    def __call__(self, x, pos=None):
        """Returns the label at `x`, or none."""
        return f"{x:.4g}" if super().__call__(x, pos) else ""


def scale_axis(axes: Axes, along: str, numbers: Iterable[float], ratio: float) -> bool:
    """Makes an axis logarithmic where its numbers are positive and differ by a large ratio; returns
    whether it did."""
    numbers = list(numbers)
    logarithmic = bool(numbers) and min(numbers) > 0 and max(numbers) / min(numbers) >= ratio
    if logarithmic:
        axes.set(**{f"{along}scale": "log"})
        axis = {"x": axes.xaxis, "y": axes.yaxis}[along]
        axis.set_major_formatter(_PlainLog())
        axis.set_minor_formatter(_PlainLog(minor_thresholds=(2, 0.6)))
    return logarithmic
