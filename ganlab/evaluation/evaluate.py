"""Metrics of samples against real images: each value with its protocol and, where asked for, its uncertainty."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ganlab.config import ConfigError, unknown
from ganlab.evaluation.features import Features
from ganlab.evaluation.measures import Compared, Measure, Settings
from ganlab.evaluation.picture_sets import PictureSet
from ganlab.evaluation.protocol import Protocol
from ganlab.evaluation.seen import SeenSet, see
from ganlab.metrics import bootstrap, mean_interval, rank_warning

Advance = Callable[[int], None]
Track = Callable[[str, int], Advance]
"""`track(what, total) -> advance`: begins a bar of so many images."""
REFERENCE_ADVICE = "give real images by --real=FOLDER"


@dataclasses.dataclass(frozen=True)
class Request:
    """What is to be measured and how surely.

    Attributes:
      metrics: names.
      seeds: evaluation seeds; each draws samples of its own.
      bootstrap: resamplings of the first seed's examples for an interval; 0 for none.
      samples: what fixes the samples besides their number and seeds, for the protocol.
    """

    metrics: Sequence[str]
    seeds: Sequence[int] = (0,)
    bootstrap: int = 0
    samples: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Interval:
    """Between which numbers a value lies, of its level, and by what: `seeds` or `bootstrap`."""

    kind: str
    low: float
    high: float
    level: float
    draws: int


@dataclasses.dataclass(frozen=True)
class Result:
    """A value.

    Attributes:
      name: of the value; `metric/value` where a metric has several.
      value: its mean over seeds.
      better: `lower`, `higher` or `neither`.
      protocol: what it was measured by.
      of_seeds: the value of every seed.
      intervals: how sure it is; empty where nobody asked.
      warning: what a reader should know, or empty.
    """

    name: str
    value: float
    better: str
    protocol: Protocol
    of_seeds: tuple[float, ...]
    intervals: tuple[Interval, ...] = ()
    warning: str = ""


def evaluate(real: PictureSet | None, samples: Callable[[int], PictureSet], request: Request, features: Features,
             measures: Mapping[str, Measure], track: Track) -> list[Result]:
    """All values that are asked for.

    Args:
      real: the real images; None where no metric needs them.
      samples: `seed -> pictures` that are judged.
      request: what is to be measured.
      features: what both are seen by.
      measures: metrics by name.
      track: shows progress.

    Raises:
      ConfigError: for a metric that does not exist, or needs what is not there, before anything is computed;
        and for sets that a metric cannot judge.
    """
    check_request(request, measures, real)
    needs = {need for name in request.metrics for need in measures[name].needs}
    real_seen = see(real, features, track(f"real images ({real.name})", real.number)) if "reference" in needs else None
    sets = []
    for seed in request.seeds:
        pictures = samples(seed)
        sets.append(Compared(real_seen, see(pictures, features, track(f"samples of seed {seed}", pictures.number))))
        _check_together(real_seen, sets[-1].fake, request.metrics, measures, features)
    results: list[Result] = []
    for name in request.metrics:
        advance = track(name, len(request.seeds) + (request.bootstrap > 0))
        results += _measure(name, measures[name], sets, request, features, real, advance)
    return results


def value_names(metrics: Sequence[str], measures: Mapping[str, Measure]) -> dict[str, str]:
    """Names of the values of metrics, and which way each is better."""
    return {_value_name(name, value): better for name in metrics for value, better in measures[name].better.items()}


def _value_name(metric: str, value: str) -> str:
    return value if value.startswith(metric) else f"{metric}/{value}"


def check_request(request: Request, measures: Mapping[str, Measure], real: PictureSet | None) -> None:
    """Refuses metrics that do not exist or need real images that there are not: ConfigError."""
    for name in request.metrics:
        if name not in measures:
            raise unknown("--metrics", name, measures)
        if "reference" in measures[name].needs and real is None:
            raise ConfigError(f"metric {name} compares with real images, and there are none; {REFERENCE_ADVICE}")


def _check_together(real: SeenSet | None, fake: SeenSet, names: Sequence[str], measures: Mapping[str, Measure],
                    features: Features) -> None:
    if real is not None and real.features.shape[1] != fake.features.shape[1]:
        raise ConfigError(f"real images have {real.features.shape[1]:,} features {features.name}, samples "
                          f"{fake.features.shape[1]:,}; bring both to one size by --resolution=N, or take other "
                          "--features")
    for name in names:
        if "logits" in measures[name].needs and fake.logits is None:
            raise ConfigError(f"metric {name} needs a classifier, which features {features.name} have not; take "
                              "--features=digits or inception2015")
        if "images" in measures[name].needs and fake.images.ndim != 4:
            raise ConfigError(f"metric {name} is one of images, and these samples are points; leave it out")


def _measure(name: str, measure: Measure, sets: Sequence[Compared], request: Request, features: Features,
             real: PictureSet | None, advance: Advance) -> list[Result]:
    """The values of one metric."""
    settings = settings_for(measure, sets[0])
    try:
        found = []
        for seed, compared in zip(request.seeds, sets, strict=True):
            found.append(measure.estimate(compared, settings, seed))
            advance(1)
        resampled = {}
        if request.bootstrap:
            resampled = resample(measure, sets[0], settings, request.seeds[0], request.bootstrap)
            advance(1)
    except ValueError as error:  # What an estimator says of sets that it cannot judge.
        raise ConfigError(f"metric {name}: {error}") from error
    protocol = protocol_for(name, measure, settings, sets[0], request, features, real)
    warning = ""
    if name.startswith("fid"):
        # The extrapolation begins with a tenth of the samples.
        smallest = len(sets[0].fake.features) // (10 if name == "fid_infinity" else 1)
        warning = rank_warning(min(len(sets[0].real.features), smallest), sets[0].fake.features.shape[1]) or ""
    results = []
    for value, better in measure.better.items():
        of_seeds = tuple(float(values[value]) for values in found)
        intervals = [resampled[value]] if value in resampled else []
        if len(of_seeds) > 1:
            spread = mean_interval(np.array(of_seeds))
            intervals.append(Interval("seeds", spread.low, spread.high, spread.level, len(of_seeds)))
        results.append(Result(_value_name(name, value), float(np.mean(of_seeds)), better,
                              protocol, of_seeds, tuple(intervals), warning))
    return results


def settings_for(measure: Measure, compared: Compared) -> Settings:
    """The settings of a metric for sets of a size: subsets are no larger than the smaller set."""
    if "subset_size" not in measure.settings:
        return measure.settings
    smaller = min(len(compared.real.features), len(compared.fake.features))
    return {**measure.settings, "subset_size": min(measure.settings["subset_size"], smaller)}


def protocol_for(name: str, measure: Measure, settings: Settings, compared: Compared, request: Request,
                 features: Features, real: PictureSet | None) -> Protocol:
    """The protocol of a metric's values."""
    reference = {}
    if "reference" in measure.needs:
        reference = {"images": real.name, **real.identity, "number": real.number, "sha256": compared.real.sha256[:16]}
    seen_by = dict(features.identity) if measure.by_features else {}
    samples = {"number": len(compared.fake.features), "seeds": list(request.seeds), **request.samples}
    return Protocol(name, dict(settings), seen_by, reference, samples)


def resample(measure: Measure, compared: Compared, settings: Settings, seed: int, draws: int) -> dict[str, Interval]:
    """Bootstrap intervals of a metric's values.

    A value that is a mean over examples is resampled over them, neighbourhoods as they are: copies would be
    each other's neighbours. Another is estimated anew of sets that are drawn with replacement, and the
    interval is that of the draws' deviations from their mean, around the value: the bias that a smaller set
    of distinct examples brings to a Fréchet distance is none of its uncertainty.
    """
    if measure.shares is not None:
        return {name: _bootstrap_interval(values, draws, seed)
                for name, values in measure.shares(compared, settings, seed).items()}
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        sets = [None if part is None else part.take(generator.integers(len(part.features), size=len(part.features)))
                for part in (compared.real, compared.fake)]
        found.append(measure.estimate(Compared(*sets), settings, seed))
    value = measure.estimate(compared, settings, seed)
    intervals = {}
    for name in value:
        column = np.array([values[name] for values in found])
        low, high = value[name] + np.quantile(column - column.mean(), (0.025, 0.975))
        intervals[name] = Interval("bootstrap", float(low), float(high), 0.95, draws)
    return intervals


def _bootstrap_interval(values: np.ndarray, draws: int, seed: int) -> Interval:
    found = bootstrap(lambda index: float(np.mean(values[index])), len(values), draws, seed)
    return Interval("bootstrap", found.low, found.high, found.level, draws)
