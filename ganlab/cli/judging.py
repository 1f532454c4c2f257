"""From flags and configs to what `ganlab.evaluation` judges: the samples of a run, their measures, the progress."""

import contextlib
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import rich.console
import rich.progress

from ganlab.config import ConfigError, unknown
from ganlab.data import Dataset
from ganlab.engine import Best, Judge, RunDirectory
from ganlab.evaluation import (
    MEASURES,
    Features,
    Generator,
    Measure,
    Record,
    Request,
    Track,
    add_results,
    check_request,
    data_pictures,
    evaluate,
    load_features,
    modes,
    path_length,
    value_names,
)
from ganlab.game import Game, Sampler
from ganlab.report import plot_results, save_png
from ganlab.types import Array


MOST_SAMPLES, SAMPLE_NUMBERS = 500, 2**24


def default_features(dataset: Dataset | None) -> str:
    """The features of data that need no weights: pixels of points, else those of digits."""
    return "pixels" if dataset is not None and len(dataset.image_shape) != 3 else "digits"


def measures_for(generator: Generator | None, dataset: Dataset | None, features: Features) -> dict[str, Measure]:
    """All metrics that can be measured: of two sets of images, of a generator, of data with modes."""
    found = dict(MEASURES)
    if generator is not None:
        found["ppl_z"] = path_length(generator, features)
        counted = modes(dataset)
        if counted is not None:
            found["modes"] = counted
    return found


@contextlib.contextmanager
def progress_bars() -> Iterator[Track]:
    """Bars on a terminal, one under another; nothing where output is piped."""
    console = rich.console.Console(file=sys.stderr)
    columns = ("{task.description}", rich.progress.BarColumn(), rich.progress.MofNCompleteColumn(),
               rich.progress.TimeRemainingColumn())
    with rich.progress.Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        def track(what: str, total: int) -> Any:
            task = progress.add_task(what, total=total)
            return lambda number: progress.advance(task, number)

        yield track


def generator_of(config: Mapping[str, Any], sampler: Sampler, sample: Callable[[Array, Array], Array],
                 dataset: Dataset, temperature: float = 1.0, truncation: float = 0.0) -> Generator:
    """A game's sampler with `sample(latents, labels) -> images`, as a generator to judge."""
    def latents(keys: Array) -> Array:
        return sampler.latents(keys, truncation) * temperature

    spherical = config["system"].get("latent_distribution", "normal") == "normal"
    # As many as training holds, and more of small images.
    batch_size = min(MOST_SAMPLES, max(config["batch_size"], SAMPLE_NUMBERS // math.prod(dataset.image_shape)))
    return Generator(latents, sample, dataset.labels, spherical, batch_size)


def chosen_features(name: str, weights: str, dataset: Dataset | None) -> Features:
    """The features that are asked for, or those that the data calls for."""
    return load_features(name or default_features(dataset), weights)


def judge_for(config: Mapping[str, Any], game: Game, dataset: Dataset,
              directory: RunDirectory) -> tuple[Judge | None, Best | None]:
    """What measures a training run's samples at its intervals, and the value whose best checkpoint is kept.

    Raises:
      ConfigError: for a metric, features, weights or a value that there is not, before anything compiles.
    """
    wanted, every = config["evaluate"], config["train"]["evaluate_every_rounds"]
    if not every:
        if wanted["best"]:
            raise ConfigError(f"config.evaluate.best is {wanted['best']!r}, but config.train.evaluate_every_rounds is "
                              "0, so that nothing is measured; set it too")
        return None, None
    if game.sampler is None:
        raise ConfigError(f"config.train.evaluate_every_rounds is {every}, but system {config['system']['name']} draws "
                          "no samples; set it to 0")
    features = chosen_features(wanted["features"], wanted["weights"], dataset)
    request = Request(wanted["metrics"].split("+"), samples={"weights": "averaged", "temperature": 1.0,
                                                              "truncation": 0.0})
    real = data_pictures(dataset, config["data"])

    def measures(sample: Callable[[Array, Array], Array]) -> tuple[Generator, dict[str, Measure]]:
        generator = generator_of(config, game.sampler, sample, dataset)
        return generator, measures_for(generator, dataset, features)

    known = measures(lambda latents, labels: latents)[1]
    check_request(request, known, real, features)
    names = {name: better for name, better in value_names(request.metrics, known).items() if better != "neither"}
    if wanted["best"] and wanted["best"] not in names:
        raise unknown("config.evaluate.best", wanted["best"], names)

    def judge(step: int, sample: Callable[[Array, Array], Array]) -> dict[str, float]:
        generator, found = measures(sample)
        number = wanted["number"] or real.number
        results = evaluate(real, lambda seed: generator.pictures(number, seed), request, features, found,
                           lambda what, total: lambda done: None)
        kimg = step * game.images_per_round / 1000
        records = add_results(directory.results_file, [Record(result, step=step, kimg=kimg) for result in results])
        save_png(directory.results_plot, plot_results(records, config["name"]))
        return {result.name: result.value for result in results}

    return judge, Best(wanted["best"], names[wanted["best"]] == "lower") if wanted["best"] else None
