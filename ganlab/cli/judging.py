"""What judges the samples of a training run at its intervals, and the progress of a judgement."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import rich.console
import rich.progress

from ganlab.config import ConfigError, unknown
from ganlab.data import Dataset
from ganlab.engine import Judge
from ganlab.evaluation import Record, Track, add_results, make_judging
from ganlab.game import Game, Makers
from ganlab.report.pictures import save_png
from ganlab.report.results import plot_results
from ganlab.storage import Best, RunDirectory


@contextlib.contextmanager
def progress_bars() -> Iterator[Track]:
    """Shows bars on a terminal, one under another; shows nothing where output is piped."""
    console = rich.console.Console(file=sys.stderr, markup=False, highlight=False)
    columns = ("{task.description}", rich.progress.BarColumn(), rich.progress.MofNCompleteColumn(),
               rich.progress.TimeRemainingColumn())
    with rich.progress.Progress(*columns, console=console,
                                disable=not console.is_terminal) as progress:
        def track(what: str, total: int) -> Any:
            task = progress.add_task(what, total=total)
            return lambda number: progress.advance(task, number)

        yield track


def judge_for(config: Mapping[str, Any], game: Game, dataset: Dataset,
              directory: RunDirectory) -> tuple[Judge | None, Best | None]:
    """Returns what measures a training run's images at its intervals, and the value whose best
    checkpoint is kept.

    Raises:
      ConfigError: for a metric, features, weights or a value that does not exist,
        before anything compiles.
    """
    wanted, schedule = config["evaluate"], config["train"]
    every = schedule["evaluate_every_rounds"] or schedule["evaluate_every_kimg"]
    # Without an interval nothing is measured, and there is nothing to be best by.
    if not every:
        if wanted["best"]:
            raise ConfigError(f"config.evaluate.best is {wanted['best']!r}, but "
                              "config.train.evaluate_every_rounds and evaluate_every_kimg are 0, "
                              "so that nothing is measured; set one of them too")
        return None, None
    # Everything that can be wrong with the request is found here.
    judging = make_judging(config, game, dataset, wanted["metrics"], wanted["features"],
                           wanted["weights"], wanted["number"])
    names = {name: better for name, better in judging.values.items() if better != "neither"}
    if wanted["best"] and wanted["best"] not in names:
        raise unknown("config.evaluate.best", wanted["best"], names)

    # Results are written at once: a run may stop at any time.
    def judge(step: int, makers: Makers) -> dict[str, float]:
        results = judging(makers)
        kimg = game.kimg(step)
        records = add_results(directory.results_file, [Record(result, step=step, kimg=kimg)
                                                       for result in results])
        save_png(directory.results_plot, plot_results(records, config["name"]))
        return {result.name: result.value for result in results}

    return judge, Best(wanted["best"], names[wanted["best"]] == "lower") if wanted["best"] else None
