"""From a config's game and data to what judges its samples, by metrics and features that are named."""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

from ganlab.config import ConfigError
from ganlab.data import Dataset
from ganlab.evaluation.evaluate import Request, Result, check_request, evaluate, value_names
from ganlab.evaluation.features import Features, load_features
from ganlab.evaluation.generator import Generator, modes, path_length
from ganlab.evaluation.measures import MEASURES, Measure
from ganlab.evaluation.picture_sets import PictureSet, data_pictures
from ganlab.evaluation.seen import SeenSet, see
from ganlab.game import Game, Sampler
from ganlab.types import Array

MOST_SAMPLES, SAMPLE_NUMBERS = 500, 2**24

Sample = Callable[[Array, Array], Array]
"""`sample(latents, labels) -> images`."""


def default_features(dataset: Dataset | None) -> str:
    """The features of data that need no weights: pixels of points, else those of digits."""
    return "pixels" if dataset is not None and len(dataset.image_shape) != 3 else "digits"


def chosen_features(name: str, weights: str, dataset: Dataset | None) -> Features:
    """The features that are asked for, or those that the data calls for."""
    return load_features(name or default_features(dataset), weights)


def measures_for(generator: Generator | None, dataset: Dataset | None, features: Features) -> dict[str, Measure]:
    """All metrics that can be measured: of two sets of images, of a generator, of data with modes."""
    found = dict(MEASURES)
    if generator is not None:
        found["ppl_z"] = path_length(generator, features)
        if dataset is not None and (counted := modes(dataset)) is not None:
            found["modes"] = counted
    return found


def generator_of(config: Mapping[str, Any], sampler: Sampler, sample: Sample, dataset: Dataset,
                 temperature: float = 1.0, truncation: float = 0.0) -> Generator:
    """A game's sampler with `sample(latents, labels) -> images`, as a generator to judge."""
    def latents(keys: Array) -> Array:
        return sampler.latents(keys, truncation) * temperature

    spherical = config["system"].get("latent_distribution", "normal") == "normal"
    # As many as training holds, and more of small images.
    batch_size = min(MOST_SAMPLES, max(config["batch_size"], SAMPLE_NUMBERS // math.prod(dataset.image_shape)))
    return Generator(latents, sample, dataset.labels, spherical, batch_size)


@dataclasses.dataclass(frozen=True)
class Judging:
    """What measures the averaged generator of a game while it trains.

    Attributes:
      config: of the run.
      game: with a sampler.
      dataset: its data, with which samples are compared.
      request: the metrics.
      features: by which they see.
      real: the real images.
      number: samples that are measured; 0 for as many as there are real images.
    """

    config: Mapping[str, Any]
    game: Game
    dataset: Dataset
    request: Request
    features: Features
    real: PictureSet
    number: int

    @property
    def values(self) -> dict[str, str]:
        """Names of the values, and which way each is better: `lower`, `higher` or `neither`."""
        return value_names(self.request.metrics, self._measures(self._generator(lambda latents, labels: latents)))

    def __call__(self, sample: Sample) -> list[Result]:
        """The values for `sample(latents, labels) -> images`.

        Raises:
          ConfigError: for samples that cannot be judged, as those that are not finite.
        """
        generator = self._generator(sample)
        number = self.number or self.real.number
        return evaluate(self.real, lambda seed: generator.pictures(number, seed), self.request, self.features,
                        self._measures(generator), lambda what, total: lambda done: None, self._real_seen)

    def _generator(self, sample: Sample) -> Generator:
        return generator_of(self.config, self.game.sampler, sample, self.dataset)

    def _measures(self, generator: Generator) -> dict[str, Measure]:
        # What counts modes may fit a classifier first, which need not be fitted for other metrics.
        return measures_for(generator, self.dataset if "modes" in self.request.metrics else None, self.features)

    @functools.cached_property
    def _real_seen(self) -> SeenSet | None:
        needs = {need for name in self.request.metrics
                 for need in self._measures(self._generator(lambda latents, labels: latents))[name].needs}
        return see(self.real, self.features if "features" in needs else None) if "reference" in needs else None


def make_judging(config: Mapping[str, Any], game: Game, dataset: Dataset, metrics: str, features: str = "",
                 weights: str = "", number: int = 0) -> Judging:
    """The judging of a run by metrics that are joined by +.

    Raises:
      ConfigError: for a game without samples, or a metric, features or weights that there are not; nothing was computed.
    """
    if game.sampler is None:
        raise ConfigError(f"system {config['system']['name']} draws no samples that could be measured")
    found = chosen_features(features, weights, dataset)
    request = Request(metrics.split("+"), samples={"weights": "averaged", "temperature": 1.0, "truncation": 0.0})
    real = data_pictures(dataset, config["data"])
    unmade = generator_of(config, game.sampler, lambda latents, labels: latents, dataset)
    check_request(request, measures_for(unmade, dataset, found), real, found)
    return Judging(config, game, dataset, request, found, real, number)
