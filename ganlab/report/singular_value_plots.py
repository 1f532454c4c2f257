"""The largest singular values of weights over training: a plot for each network."""

from collections.abc import Sequence

import matplotlib

from ganlab.report.inline_svg import plot_of
from ganlab.report.page import Gallery, Part, Plot, Words
from ganlab.report.plot_style import (
    COLOURS,
    FAINT,
    INK,
    SIZE,
    STYLE,
    keys_of,
    panel,
    scale_axis,
)
from ganlab.report.plots import LARGE_RATIO, SINGULAR_VALUES, logged, networks_of
from ganlab.report.run_study import Run

MOST_NAMED = 5  # Weights with a colour and a name; others are faint.
MOST_RUNS = len(COLOURS) + 1


def singular_value_parts(runs: Sequence[Run]) -> list[Part]:
    """Returns for each network a plot of a run's singular values by weight, or of several runs'
    largest; nothing where none were logged."""
    runs = [run for run in runs if networks_of(run.metrics)]
    if not runs:
        return []
    words = ("Largest singular values of the weights as they are stored, before spectral "
             "normalization, by 30 power iterations. A weight whose value takes off foretells "
             "collapse.")
    if len(runs) == 1:
        spectra = networks_of(runs[0].metrics)
        named = any(len(names) > MOST_NAMED for names in spectra.values())
        words += (f" The {MOST_NAMED} weights that end highest have names." if named else "")
        return [Words(words), Gallery([_of_weights(runs[0], network, names)
                                       for network, names in spectra.items()])]
    cut = (f" Drawn are the first {MOST_RUNS} of {len(runs)} runs." if len(runs) > MOST_RUNS
           else "")
    networks = dict.fromkeys(network for run in runs for network in networks_of(run.metrics))
    return [Words(f"{words} Drawn is the largest of each network.{cut}"),
            Gallery([_of_runs(runs[:MOST_RUNS], network) for network in networks])]


@matplotlib.rc_context(STYLE)
def _of_weights(run: Run, network: str, names: Sequence[str]) -> Plot:
    figure, axes = panel(f"singular values, {network}", "kimg (thousands of real images)", SIZE)
    curves = {name: logged(run.metrics, name) for name in names}
    # The weights that end highest are drawn last, over the others.
    last = {name: values[-1] if len(values) else 0.0 for name, (_, values) in curves.items()}
    order = sorted(names, key=last.get)
    colours = dict(zip(reversed(order[-MOST_NAMED:]), COLOURS, strict=False))
    for name in order:
        at, values = curves[name]
        axes.plot(at, values, color=colours.get(name, FAINT), linewidth=1.4 if name in colours
                  else 0.8, marker="o" if len(at) == 1 else "", markersize=3)
    scale_axis(axes, "y", [value for _, values in curves.values() for value in values], LARGE_RATIO)
    prefix = f"{SINGULAR_VALUES}{network}/"
    named = {name.removeprefix(prefix): colour for name, colour in colours.items()}
    return plot_of(figure, f"largest singular value of each weight of the {network} over training",
                   keys=keys_of(named))


@matplotlib.rc_context(STYLE)
def _of_runs(runs: Sequence[Run], network: str) -> Plot:
    figure, axes = panel(f"largest singular value, {network}", "kimg (thousands of real images)",
                         SIZE)
    name = SINGULAR_VALUES + network
    colours = dict(zip((run.name for run in runs if name in run.metrics), (INK, *COLOURS),
                       strict=False))
    shown = []
    for run in runs:
        if run.name in colours:
            at, values = logged(run.metrics, name)
            shown += list(values)
            axes.plot(at, values, color=colours[run.name], linewidth=1.4,
                      marker="o" if len(at) == 1 else "", markersize=3)
    scale_axis(axes, "y", shown, LARGE_RATIO)
    return plot_of(figure, f"largest singular value of the {network} over training",
                   keys=keys_of(colours))
