"""Metrics by name: what each needs, its settings, and how it is estimated from two sets."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ganlab.evaluation.seen import SeenSet
from ganlab.metrics import (
    Moments,
    frechet_distance,
    frechet_infinity,
    inception_score,
    kernel_distance,
    memorized,
    moments,
    ms_ssim_of_pairs,
    prdc_shares,
    precision_recall_shares,
    sliced_wasserstein,
)

LOWER, HIGHER, NEITHER = "lower", "higher", "neither"


@dataclasses.dataclass(frozen=True)
class Compared:
    """Two sets of images; there is no real one for measures of samples alone."""

    real: SeenSet | None
    fake: SeenSet

    @functools.cached_property
    def real_moments(self) -> Moments:
        """Mean and covariance of the real features, for all evaluation seeds."""
        return moments(self.real.features)


Values = Mapping[str, float]
Settings = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Measure:
    """A metric.

    Attributes:
      meaning: what it tells, in a few words.
      better: by each value's name, whether `lower`, `higher` or `neither` is better.
      estimate: `(compared, settings, seed) -> values`.
      settings: its numbers, which its protocol holds.
      needs: of `reference`, `logits`, `images`: what there must be.
      by_features: whether it looks at features at all.
      shares: for values that are means over examples: `(compared, settings, seed) -> values of each [n]`.
    """

    meaning: str
    better: Mapping[str, str]
    estimate: Callable[[Compared, Settings, int], Values]
    settings: Settings = dataclasses.field(default_factory=dict)
    needs: tuple[str, ...] = ("reference",)
    by_features: bool = True
    shares: Callable[[Compared, Settings, int], Mapping[str, np.ndarray]] | None = None


def mean_of(shares: Callable[[Compared, Settings, int], Mapping[str, np.ndarray]], *arguments: Any,
             **entries: Any) -> Measure:
    """A metric whose values are means over examples."""
    def estimate(compared: Compared, settings: Settings, seed: int) -> Values:
        return {name: float(np.mean(values)) for name, values in shares(compared, settings, seed).items()}

    return Measure(*arguments, estimate=estimate, shares=shares, **entries)


def _fid(compared: Compared, settings: Settings, seed: int) -> Values:
    return {"fid": frechet_distance(compared.real_moments, moments(compared.fake.features))}


def _fid_infinity(compared: Compared, settings: Settings, seed: int) -> Values:
    found = frechet_infinity(compared.real_moments, compared.fake.features, seed, settings["points"])
    return {"fid_infinity": found.value}


def _kid(compared: Compared, settings: Settings, seed: int) -> Values:
    smaller = min(len(compared.real.features), len(compared.fake.features))
    found = kernel_distance(compared.real.features, compared.fake.features, settings["subsets"],
                            min(settings["subset_size"], smaller), seed)
    return {"kid": found.mean, "kid_deviation": found.deviation}


def _inception_score(compared: Compared, settings: Settings, seed: int) -> Values:
    found = inception_score(compared.fake.logits, settings["splits"], seed)
    return {"is": found.mean, "is_deviation": found.deviation}


def _precision_recall(compared: Compared, settings: Settings, seed: int) -> Mapping[str, np.ndarray]:
    return precision_recall_shares(compared.real.features, compared.fake.features, settings["neighbours"])


def _prdc(compared: Compared, settings: Settings, seed: int) -> Mapping[str, np.ndarray]:
    return prdc_shares(compared.real.features, compared.fake.features, settings["neighbours"])


def _memorization(compared: Compared, settings: Settings, seed: int) -> Mapping[str, np.ndarray]:
    return {"memorized": memorized(compared.real.features, compared.fake.features, settings["ratio"])}


def _sliced(compared: Compared, settings: Settings, seed: int) -> Values:
    return {"swd": sliced_wasserstein(compared.real.features, compared.fake.features, settings["projections"], seed)}


def _ms_ssim(compared: Compared, settings: Settings, seed: int) -> Mapping[str, np.ndarray]:
    return {"ms_ssim": ms_ssim_of_pairs(compared.fake.images, settings["pairs"], seed)}


MEASURES: dict[str, Measure] = {
    "fid": Measure("Fréchet distance of Gaussians fitted to features (Heusel et al. 2017)", {"fid": LOWER}, _fid),
    "fid_infinity": Measure("Fréchet distance extrapolated to infinitely many samples (Chong & Forsyth 2020)",
                            {"fid_infinity": LOWER}, _fid_infinity, {"points": 15}),
    "kid": Measure("kernel distance of features, by a cubic kernel (Binkowski et al. 2018)",
                   {"kid": LOWER, "kid_deviation": NEITHER}, _kid, {"subsets": 100, "subset_size": 1000}),
    "is": Measure("Inception score, by the features' classifier (Salimans et al. 2016)",
                  {"is": HIGHER, "is_deviation": NEITHER}, _inception_score, {"splits": 10}, needs=("logits",)),
    "precision_recall": mean_of(_precision_recall, "precision and recall (Kynkäänniemi et al. 2019)",
                                 {"precision": HIGHER, "recall": HIGHER}, settings={"neighbours": 3}),
    "prdc": mean_of(_prdc, "precision, recall, density and coverage (Naeem et al. 2020)",
                     {"precision": HIGHER, "recall": HIGHER, "density": HIGHER, "coverage": HIGHER},
                     settings={"neighbours": 5}),
    "swd": Measure("sliced Wasserstein distance of features (Rabin et al. 2011)", {"swd": LOWER}, _sliced,
                   {"projections": 512}),
    "ms_ssim": mean_of(_ms_ssim, "similarity of pairs of samples: lower is more diverse (Odena et al. 2017)",
                        {"ms_ssim": LOWER}, settings={"pairs": 1000}, needs=("images",), by_features=False),
    "memorization": mean_of(_memorization, "share of samples that are near copies of real images",
                             {"memorized": LOWER}, settings={"ratio": 1 / 3}),
}
"""Metrics of two sets, by name. Those that need a generator or modes are in `evaluate.py`."""
