"""Metrics by name: what each needs, its settings, and how it is estimated from two sets."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ganlab.evaluation.extraction import SeenSet
from ganlab.metrics import (
    frechet_distance,
    frechet_infinity,
    inception_score,
    kernel_distance,
    memorized,
    ms_ssim_of_pairs,
    prdc_shares,
    precision_recall_shares,
    sliced_wasserstein,
)

LOWER, HIGHER, NEITHER = "lower", "higher", "neither"

BY_DIFFERENCES = {"distances": "by differences"}
"""In protocols of metrics that compare distances: once they were products, and less exact."""


class Compared(NamedTuple):
    """Two sets of images, each None unless a metric needs it."""

    real: SeenSet | None
    fake: SeenSet | None


Values = Mapping[str, float]
Settings = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Measure:
    """A metric.

    Attributes:
      meaning: what it measures, in a few words.
      better: by each value's name, whether `lower`, `higher` or `neither` is better.
      estimate: `(compared, settings, seed) -> values`.
      settings: its numbers and conventions, which are part of its protocol.
      needs: which of these it needs: `reference` (real images), `features` of all images, `logits`
        of a classifier, `samples` as they are, `images`: samples that are not points, `classes` of
        both, `small`: all images reduced, `power`: the sums of their power spectra, and `whole`:
        all samples as they are, and with `reference` all real images, too.
      sees: whether it looks at features, of these sets or of others.
      shares: for values that are means over examples: `(compared, settings, seed) -> values of each
        [n]`.
      refused: why it cannot be measured here and what to do, the end of a sentence; empty if it
        can.
      by_class: for values that are means over classes: `(compared, settings, seed) -> values of
        each` [k], in the order of the samples' classes.
      labels_of: for values that are means over examples of classes: `compared -> labels` [n].
      arrays: `(compared, settings, seed) -> arrays by name` that a picture is drawn of, if it has
        any.
      redrawn: whether a bootstrap can estimate it again of examples that are drawn again.
      of_mean: what is made of a mean over examples, such as its logarithm.
    """

    meaning: str
    better: Mapping[str, str]
    estimate: Callable[[Compared, Settings, int], Values]
    settings: Settings = dataclasses.field(default_factory=dict)
    needs: tuple[str, ...] = ("reference", "features")
    sees: bool = True
    shares: Callable[[Compared, Settings, int], Mapping[str, np.ndarray]] | None = None
    refused: str = ""
    by_class: Callable[[Compared, Settings, int], Mapping[str, np.ndarray]] | None = None
    labels_of: Callable[[Compared], np.ndarray] | None = None
    of_mean: Callable[[float], float] = float
    arrays: Callable[[Compared, Settings, int], Mapping[str, np.ndarray]] | None = None
    redrawn: bool = True


def mean_of(shares: Callable[[Compared, Settings, int], Mapping[str, np.ndarray]], *arguments: Any,
             of_mean: Callable[[float], float] = float, **entries: Any) -> Measure:
    """Makes a metric whose values are means over examples, or what `of_mean` makes of these."""
    def estimate(compared: Compared, settings: Settings, seed: int) -> Values:
        return {name: of_mean(float(np.mean(values)))
                for name, values in shares(compared, settings, seed).items()}

    return Measure(*arguments, estimate=estimate, shares=shares, of_mean=of_mean,
                   **entries)


def _fid(compared: Compared, settings: Settings, seed: int) -> Values:
    return {"fid": frechet_distance(compared.real.moments, compared.fake.moments)}


def _fid_infinity(compared: Compared, settings: Settings, seed: int) -> Values:
    found = frechet_infinity(compared.real.moments, compared.fake.features, seed,
                             settings["points"])
    return {"fid_infinity": found.value, "fid_infinity_error": found.error}


def _kid(compared: Compared, settings: Settings, seed: int) -> Values:
    found = kernel_distance(compared.real.features, compared.fake.features, settings["subsets"],
                            settings["subset_size"], seed)
    return {"kid": found.mean, "kid_deviation": found.deviation}


def _inception_score(compared: Compared, settings: Settings, seed: int) -> Values:
    found = inception_score(compared.fake.logits, settings["splits"], seed)
    return {"is": found.mean, "is_deviation": found.deviation}


def _precision_recall(compared: Compared, settings: Settings,
                      seed: int) -> Mapping[str, np.ndarray]:
    return precision_recall_shares(compared.real.features, compared.fake.features,
                                   settings["neighbours"])


def _prdc(compared: Compared, settings: Settings, seed: int) -> Mapping[str, np.ndarray]:
    return prdc_shares(compared.real.features, compared.fake.features, settings["neighbours"])


def _memorization(compared: Compared, settings: Settings, seed: int) -> Mapping[str, np.ndarray]:
    return {
        "memorized": memorized(compared.real.features, compared.fake.features, settings["ratio"])}


def _sliced(compared: Compared, settings: Settings, seed: int) -> Values:
    return {"swd": sliced_wasserstein(compared.real.features, compared.fake.features,
                                      settings["projections"], seed)}


def _ms_ssim(compared: Compared, settings: Settings, seed: int) -> Mapping[str, np.ndarray]:
    return {"ms_ssim": ms_ssim_of_pairs(compared.fake.images, settings["pairs"], seed)}


MEASURES: dict[str, Measure] = {
    "fid": Measure("Fréchet distance of Gaussians fitted to features (Heusel et al. 2017; "
                   "fid50k_full of StyleGAN)", {"fid": LOWER}, _fid),
    "fid_infinity": Measure("Fréchet distance extrapolated to infinitely many samples (Chong & "
                            "Forsyth 2020)", {"fid_infinity": LOWER, "fid_infinity_error": NEITHER},
                            _fid_infinity, {"points": 15}),
    "kid": Measure("kernel distance of features, by a cubic kernel (Binkowski et al. 2018; "
                   "kid50k_full of StyleGAN)", {"kid": LOWER, "kid_deviation": NEITHER}, _kid,
                   {"subsets": 100, "subset_size": 1000}),
    "is": Measure("Inception score, by the features' classifier (Salimans et al. 2016; is50k of "
                  "StyleGAN)",
                  {"is": HIGHER, "is_deviation": NEITHER}, _inception_score, {"splits": 10},
                  needs=("features", "logits")),
    "precision_recall": mean_of(_precision_recall, "precision and recall (Kynkäänniemi et al. "
                                "2019; pr50k3_full of StyleGAN, which is by features of VGG16)",
                                {"precision": HIGHER, "recall": HIGHER},
                                settings={"neighbours": 3, **BY_DIFFERENCES}),
    "prdc": mean_of(_prdc, "precision, recall, density and coverage (Naeem et al. 2020)",
                    {"precision": HIGHER, "recall": HIGHER, "density": HIGHER, "coverage": HIGHER},
                    settings={"neighbours": 5, **BY_DIFFERENCES}),
    "swd": Measure("sliced Wasserstein distance of features (Rabin et al. 2011)", {"swd": LOWER},
                   _sliced, {"projections": 512}),
    "ms_ssim": mean_of(
        _ms_ssim, "similarity of pairs of samples: lower is more diverse (Odena et al. 2017)",
        {"ms_ssim": LOWER}, needs=("images",), sees=False,
        settings={"pairs": 1000, "channels": "mean of each one's product over scales"}),
    "memorization": mean_of(_memorization, "share of samples that are near copies of real images",
                            {"memorized": LOWER}, settings={"ratio": 1 / 3, **BY_DIFFERENCES})}
"""Metrics of two sets, by name. Those whose values depend on the size of images are in
`image_measures.py`, those that need a generator or modes in `paths.py` and `generator.py`."""
