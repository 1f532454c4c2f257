"""Plots of a run's metrics over training."""

from collections.abc import Mapping

import numpy as np

from ganlab.report.pictures import figure_pixels, new_figure


def plot_losses(metrics: Mapping[str, np.ndarray], title: str) -> np.ndarray:
    """Draws losses over kimg in one panel and every other metric below; uint8 [h, w, 3].

    Each curve is drawn faintly as logged, and strongly as a running mean over a
    twentieth of the run.
    """
    kimg = metrics["kimg"]
    losses = [name for name in metrics if name.endswith("/loss")]
    others = [name for name in metrics if "/" in name and name not in losses]
    panels = [names for names in (losses, others) if names]
    figure = new_figure(9, 3.2 * len(panels))
    for axes, names in zip(figure.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True):
        for number, name in enumerate(names):
            color = f"C{number}"
            axes.plot(kimg, metrics[name], color=color, alpha=0.25, linewidth=1)
            axes.plot(kimg, running_mean(metrics[name], max(1, len(kimg) // 20)), color=color,
                      label=name)
        axes.set_xlabel("kimg (thousands of real images shown)")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    figure.suptitle(title)
    return figure_pixels(figure)


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Returns the mean of the last `window` values at each place, of fewer where
    there are fewer."""
    sums = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values))])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)
