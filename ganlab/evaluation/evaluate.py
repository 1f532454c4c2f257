"""Measures samples against real images: each value with its protocol and its uncertainty."""

import dataclasses
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ganlab.config import ConfigError, unknown
from ganlab.evaluation.class_measures import per_class
from ganlab.evaluation.extraction import SeenSet, see
from ganlab.evaluation.features import Features
from ganlab.evaluation.measures import Compared, Measure, Settings, Values
from ganlab.evaluation.picture_sets import PictureSet
from ganlab.evaluation.protocol import Protocol
from ganlab.evaluation.intervals import Uncertainty, resample
from ganlab.evaluation.settings import settings_for
from ganlab.machine import numbers_in_force
from ganlab.metrics import mean_interval, rank_warning
from ganlab.output import counted

ByClass = Mapping[str, Mapping[str, float]]
"""By a value's name and a class's, the value of the class."""
Advance = Callable[[int], None]
Track = Callable[[str, int], Advance]
"""`track(what, total) -> advance`: begins a progress bar of `total` images."""
REFERENCE_ADVICE = "give real images by --real=FOLDER"
KEPT = ("small", "whole", "power")
"""What is kept of all images of a set where a metric needs it."""


def metric_names(joined: str) -> list[str]:
    """Returns the names of metrics that are joined by + or commas, each once."""
    return list(dict.fromkeys(re.split("[+,]", joined)))


@dataclasses.dataclass(frozen=True)
class Request:
    """What is to be measured, and how precisely.

    Attributes:
      metrics: their names.
      seeds: evaluation seeds; each draws samples of its own.
      bootstrap: resamplings of the first seed's examples for an interval; 0 for none.
      samples: what determines the samples besides their number and seeds, for the protocol.
    """

    metrics: Sequence[str]
    seeds: Sequence[int] = (0,)
    bootstrap: int = 0
    samples: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Result:
    """A value of a metric.

    Attributes:
      name: of the value; `metric/value` if the metric has several.
      value: its mean over seeds.
      better: `lower`, `higher` or `neither`.
      protocol: how it was measured.
      of_seeds: the value of every seed.
      intervals: how certain it is; empty if nobody asked.
      warning: what a reader should know, or empty.
      by_class: the value of each class, a mean over seeds; empty for metrics without classes.
      arrays: what a picture of the first seed is drawn of, beside the metric's first value; results
        that are read again have none.
    """

    name: str
    value: float
    better: str
    protocol: Protocol
    of_seeds: tuple[float, ...]
    intervals: tuple[Uncertainty, ...] = ()
    warning: str = ""
    by_class: Mapping[str, float] = dataclasses.field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict, compare=False)


def evaluate(real: PictureSet | None, samples: Callable[[int], PictureSet], request: Request,
             features: Features, measures: Mapping[str, Measure], track: Track,
             real_seen: SeenSet | None = None) -> list[Result]:
    """Measures everything that is requested.

    Args:
      real: the real images; None if no metric needs them.
      samples: `seed -> pictures` that are judged.
      request: what is to be measured.
      features: the features of both.
      measures: metrics by name.
      track: shows progress.
      real_seen: what `see_real` returns, if it is known already.

    Raises:
      ConfigError: for a metric that does not exist, or needs something that is missing, before
        anything is computed; and for sets that a metric cannot judge.
    """
    check_request(request, measures, real, features)
    # Features are computed only if a metric looks at them, those of real images only once.
    needs = _needs(request, measures)
    seen_by = features if "features" in needs else None
    kept = {name: name in needs for name in KEPT}
    if "reference" not in needs:
        real_seen = None
    elif real_seen is None:
        real_seen = see_real(real, request, features, measures, track)
    found: dict[str, list[tuple[Values, ByClass]]] = {name: [] for name in request.metrics}
    first: dict[str, _First] = {}
    # Seeds one after the other: only one set of samples is in memory.
    for seed in request.seeds:
        fake = None
        if needs:
            pictures = samples(seed)
            fake = see(pictures, seen_by, track(f"samples of seed {seed}", pictures.number), **kept)
            _check_together(real_seen, fake, request.metrics, measures, features)
        # Every metric sees the same set; protocols and bootstraps are of the first seed's.
        advance = track(f"metrics of seed {seed}", len(request.metrics))
        for name in request.metrics:
            compared = Compared(real_seen, fake)
            values, by_class, at_first = _estimate(name, measures[name], compared, request, seed,
                                                   name in first)
            found[name].append((values, by_class))
            first.setdefault(name, at_first)
            advance(1)
    return [result for name in request.metrics for result in _results(
        name, measures[name], found[name], first[name], request, features, real)]


def see_real(real: PictureSet | None, request: Request, features: Features,
             measures: Mapping[str, Measure], track: Track) -> SeenSet | None:
    """Sees the real images as the metrics of a request need it; None if none needs them."""
    needs = _needs(request, measures)
    if "reference" not in needs:
        return None
    # Images are kept only of those metrics that compare them with samples.
    of_real = _needs(request, measures, "reference")
    return see(real, features if "features" in needs else None,
               track(f"real images ({real.name})", real.number),
               **{name: name in of_real for name in KEPT})


def _needs(request: Request, measures: Mapping[str, Measure], beside: str = "") -> set[str]:
    """Returns what the metrics need; with `beside` what those need that need this as well."""
    needs = [measures[name].needs for name in request.metrics]
    return {need for each in needs if not beside or beside in each for need in each}


class _First(NamedTuple):
    """What is kept of the first seed's sets."""

    compared: Compared
    settings: Settings
    resampled: Mapping[str, Uncertainty]
    arrays: Mapping[str, np.ndarray]


def _estimate(name: str, measure: Measure, compared: Compared, request: Request, seed: int,
              again: bool) -> tuple[Values, ByClass, _First | None]:
    """Estimates a metric for a seed, and by class if it has any; of the first seed returns what its
    protocol needs as well."""
    settings = settings_for(measure, compared)
    try:
        shares = measure.shares(compared, settings, seed) if measure.shares else None
        means = measure.by_class(compared, settings, seed) if measure.by_class else shares
        values = (measure.estimate(compared, settings, seed) if means is None else
                  {value: measure.of_mean(float(np.mean(each)))
                   for value, each in means.items()})
        by_class = _by_class(measure, compared, means)
        if again:
            return values, by_class, None
        resampled = resample(measure, compared, settings, seed, request.bootstrap, values, shares)
        arrays = measure.arrays(compared, settings, seed) if measure.arrays else {}
    except ValueError as error:  # An estimator's answer to sets that it cannot judge.
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"metric {name}: {error}") from error
    sets = (None if part is None
            else dataclasses.replace(part, images=None, **dict.fromkeys(KEPT))
            for part in compared)
    return values, by_class, _First(Compared(*sets), dict(settings), resampled,
                                     arrays)


def _by_class(measure: Measure, compared: Compared,
              means: Mapping[str, np.ndarray] | None) -> ByClass:
    """Returns each value of each class that has one, {} for metrics that know no classes."""
    if measure.by_class:
        return {value: dict(zip(compared.fake.class_names, map(float, each), strict=True))
                for value, each in means.items()}
    if not measure.labels_of:
        return {}
    labels = measure.labels_of(compared)
    return {value: {name: float(np.mean(each[labels == label]))
                    for label, name in enumerate(compared.fake.class_names)
                    if np.any(labels == label)} for value, each in means.items()}


def value_names(metrics: Sequence[str], measures: Mapping[str, Measure]) -> dict[str, str]:
    """Returns the names of the values of metrics, and which way each is better."""
    return {_value_name(name, value): better for name in metrics
            for value, better in measures[name].better.items()}


def _value_name(metric: str, value: str) -> str:
    return value if value.startswith(metric) else f"{metric}/{value}"


def check_request(request: Request, measures: Mapping[str, Measure], real: PictureSet | None,
                  features: Features) -> None:
    """Raises ConfigError for metrics that do not exist, are refused here, or lack real images or a
    classifier."""
    # Answered before anything is computed: names, then what each metric needs.
    if not request.metrics:
        raise ConfigError(f"no metric is named; there are {', '.join(measures)}")
    for name in request.metrics:
        if name not in measures:
            raise unknown("metric", name, measures)
        if measures[name].refused:
            raise ConfigError(f"metric {name} {measures[name].refused}")
        if "reference" in measures[name].needs and real is None:
            raise ConfigError(f"metric {name} compares with real images, and there are none; "
                              f"{REFERENCE_ADVICE}")
        if "classes" in measures[name].needs and real is not None and real.labels is None:
            raise ConfigError(f"metric {name} compares class by class, and the real images "
                              f"({real.name}) have no classes; put those of each class into a "
                              "folder of its own, or leave the metric out")
        if "logits" in measures[name].needs and not features.classifies:
            raise ConfigError(f"metric {name} needs a classifier, which features {features.name} "
                              "do not have; take features digits, glyphs or inception2015")


def _check_together(real: SeenSet | None, fake: SeenSet, names: Sequence[str],
                    measures: Mapping[str, Measure], features: Features) -> None:
    if (real is not None and fake.features is not None
            and real.features.shape[1] != fake.features.shape[1]):
        raise ConfigError(f"real images of shape {real.shape} have "
                          f"{counted(real.features.shape[1], 'feature')} {features.name}, samples "
                          f"of shape {fake.shape} {fake.features.shape[1]:,}; bring both to one "
                          "shape (--resolution=N sets the side), or take other --features")
    for name in names:
        if "images" in measures[name].needs and len(fake.shape) != 3:
            raise ConfigError(f"metric {name} is one of images, and these samples are points; "
                              "leave it out")


def _results(name: str, measure: Measure, found: Sequence[tuple[Values, ByClass]], first: _First,
             request: Request, features: Features, real: PictureSet | None) -> list[Result]:
    """Makes the results of one metric from its values at every seed."""
    protocol = protocol_for(name, measure, first, request, features, real)
    warning = ""
    if name.startswith("fid"):
        # The extrapolation begins with a tenth of the samples.
        smallest = first.compared.fake.number // (10 if name == "fid_infinity" else 1)
        dimension = first.compared.fake.features.shape[1]
        warning = rank_warning(min(first.compared.real.number, smallest), dimension) or ""
    elif measure.by_class:
        least = min(per_class(part)["least"] for part in first.compared)
        warning = rank_warning(least, first.compared.fake.features.shape[1]) or ""
    results = []
    # Several seeds give an interval of their own, beside that of the bootstrap.
    for value, better in measure.better.items():
        of_seeds = tuple(float(values[value]) for values, _ in found)
        classes = dict.fromkeys(label for _, by_class in found for label in by_class.get(value, ()))
        by_class = {label: float(np.mean([each[value][label] for _, each in found
                                          if label in each[value]])) for label in classes}
        intervals = [first.resampled[value]] if value in first.resampled else []
        if len(of_seeds) > 1:
            spread = mean_interval(np.array(of_seeds))
            intervals.append(
                Uncertainty("seeds", spread.low, spread.high, spread.level, len(of_seeds)))
        results.append(Result(_value_name(name, value), float(np.mean(of_seeds)), better, protocol,
                              of_seeds, tuple(intervals), warning, by_class,
                              {} if results else first.arrays))
    return results


def protocol_for(name: str, measure: Measure, first: _First, request: Request, features: Features,
                 real: PictureSet | None) -> Protocol:
    """Makes the protocol of a metric's values."""
    reference, fake = {}, first.compared.fake
    if "reference" in measure.needs:
        reference = {"images": real.name, **real.identity, "number": real.number,
                     "sha256": first.compared.real.sha256[:16]}
    # What a metric does not look at is not part of its protocol.
    seen_by = dict(features.identity) if measure.sees else {}
    judged = {}
    if fake is not None and measure.needs:
        judged = {"number": fake.number, "shape": list(fake.shape)}
    if "classes" in measure.needs:
        labels = first.compared.real.labels
        reference |= {"labels": hashlib.sha256(labels.tobytes()).hexdigest()[:16],
                      "per_class": per_class(first.compared.real)}
        judged |= {"classes": len(fake.class_names), "per_class": per_class(fake)}
    return Protocol(name, first.settings, seen_by, reference,
                    {**judged, "seeds": list(request.seeds), **request.samples}, numbers_in_force())
