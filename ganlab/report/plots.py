"""Plots of a run's metrics over training."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ganlab.report.pictures import figure_pixels, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SINGULAR_VALUES = "singular_values/"
"""Before the names of singular values: a network's largest, or the path of one of its weights."""
LARGE_RATIO = 3.0
"""Of the largest to the least singular value, from which their axis is logarithmic."""
SHARE = "_beyond_hinge"
"""At the end of the names of shares of logits."""


def plot_losses(metrics: Mapping[str, np.ndarray], title: str) -> np.ndarray:
    """Draws losses over kimg in one panel, other metrics below, shares of logits and singular
    values in panels of their own; uint8 [h, w, 3].

    Each curve is drawn faintly as logged, and strongly as a running mean over a
    twentieth of the run.
    """
    named = [name for name in metrics if "/" in name]
    spectra = networks_of(named)
    losses = [name for name in named if name.endswith("/loss")]
    shares = [name for name in named if name.endswith(SHARE)]
    others = [name for name in named if name not in {*losses, *shares}
              and not name.startswith(SINGULAR_VALUES)]
    groups = [names for names in (losses, others, shares) if names]
    number = len(groups) + bool(spectra)
    figure = new_figure(9, 3.2 * number)
    panels = figure.subplots(number, squeeze=False)[:, 0]
    for axes, names in zip(panels, groups, strict=False):
        _draw_curves(axes, metrics, names)
    if spectra:
        _draw_singular_values(panels[-1], metrics, spectra)
        panels[-1].set_xlim(panels[0].get_xlim())
    for axes in panels:
        axes.set_xlabel("kimg (thousands of real images shown)")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    figure.suptitle(title)
    return figure_pixels(figure)


def networks_of(names: Iterable[str]) -> dict[str, list[str]]:
    """Returns by network the names of the singular values of its weights among those of metrics."""
    paths = [name.removeprefix(SINGULAR_VALUES) for name in names
             if name.startswith(SINGULAR_VALUES)]
    return {network: [SINGULAR_VALUES + path for path in paths if path.startswith(f"{network}/")]
            for network in paths if "/" not in network}


def logged(metrics: Mapping[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns kimg and values [n] of a metric where it was logged and is finite."""
    kept = np.isfinite(metrics[name])
    return metrics["kimg"][kept], metrics[name][kept]


def _draw_curves(axes: "Axes", metrics: Mapping[str, np.ndarray], names: Iterable[str]) -> None:
    kimg = metrics["kimg"]
    for number, name in enumerate(names):
        color = f"C{number}"
        axes.plot(kimg, metrics[name], color=color, alpha=0.25, linewidth=1)
        axes.plot(kimg, running_mean(metrics[name], max(1, len(kimg) // 20)), color=color,
                  label=name)


def _draw_singular_values(axes: "Axes", metrics: Mapping[str, np.ndarray],
                  spectra: Mapping[str, Iterable[str]]) -> None:
    """Draws a faint line for each weight, and the largest of each network strongly."""
    from ganlab.report.plot_style import (
        scale_axis,  # Imported here: it brings matplotlib, which a training takes at its end.
    )

    shown = []
    for number, (network, names) in enumerate(spectra.items()):
        for name in names:
            axes.plot(*logged(metrics, name), color=f"C{number}", alpha=0.3, linewidth=0.8)
            shown += [value for value in logged(metrics, name)[1] if value > 0]
        at, values = logged(metrics, SINGULAR_VALUES + network)
        axes.plot(at, values, color=f"C{number}", linewidth=1.8,
                  marker="o" if len(at) == 1 else "", label=f"largest singular value, {network}")
    scale_axis(axes, "y", shown, LARGE_RATIO)


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Returns the mean of the last `window` values at each place, of fewer where
    there are fewer."""
    sums = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values))])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)
