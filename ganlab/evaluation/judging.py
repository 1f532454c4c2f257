"""From a config's game and data to what measures its images, by metrics and features by name."""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

from ganlab.config import ConfigError
from ganlab.data import Dataset
from ganlab.evaluation.class_measures import class_measures
from ganlab.evaluation.classifiers import CLASSIFIERS
from ganlab.evaluation.critic_gap import CRITIC_GAP, critic_gap
from ganlab.evaluation.equivariance import equivariance_measures
from ganlab.evaluation.evaluate import (
    Request,
    Result,
    check_request,
    evaluate,
    metric_names,
    see_real,
    value_names,
)
from ganlab.evaluation.extraction import SeenSet
from ganlab.evaluation.features import Features, are_pictures, check_seen, load_features
from ganlab.evaluation.generator import Generator, label_agreement, modes
from ganlab.evaluation.held_out import judged_data
from ganlab.evaluation.image_measures import image_measures
from ganlab.evaluation.measures import MEASURES, Measure
from ganlab.evaluation.paths import path_measures
from ganlab.evaluation.picture_sets import PictureSet, data_pictures, source_identity
from ganlab.evaluation.translations import Translations, translation_measures
from ganlab.game import Game, Makers, Options
from ganlab.types import Array

MOST_SAMPLES, SAMPLE_NUMBERS = 500, 2**24

Subject = Generator | Translations
"""What is judged: it has `pictures(number, seed)`."""


def _unmade(inputs: Array, labels: Array, keys: Array | None) -> Array:
    return inputs


UNMADE = Makers(sample=_unmade, styles=_unmade, from_styles=_unmade, moved=_unmade)
"""Stands for what makes images while it is only asked what can be measured."""


def default_features(dataset: Dataset | None) -> str:
    """The features of data that need no weights: those of glyphs of glyphs, of digits of all other
    pictures, pixels of everything else."""
    if dataset is not None and not are_pictures(dataset.image_shape):
        return "pixels"
    return dataset.name if dataset is not None and dataset.name in CLASSIFIERS else "digits"


def chosen_features(name: str, weights: str, dataset: Dataset | None) -> Features:
    """The features that are asked for, or those that the data calls for.

    Raises:
      ConfigError: as `load_features`, and for features that do not see such data.
    """
    found = load_features(name or default_features(dataset), weights)
    if dataset is not None and found.of_pictures:
        check_seen(found.name, dataset.image_shape)
    return found


def measures_for(subject: Subject | None, dataset: Dataset | None, features: Features,
                 gap: Measure | None = None,
                 class_names: tuple[str, ...] | None = None,
                 shape: tuple[int, ...] = (), number: int = 0) -> dict[str, Measure]:
    """Returns all metrics that can be measured: of two sets, of their classes, a generator, modes
    or translations, and the critic's gap. `class_names` are those of samples without a subject,
    `shape` is that of a sample, `number` how many samples metrics make that draw their own."""
    if isinstance(subject, Generator):
        class_names = subject.class_names
    found = (MEASURES | image_measures(shape) | class_measures(class_names)
             | ({} if gap is None else {CRITIC_GAP: gap}))
    if isinstance(subject, Translations):
        return found | translation_measures(subject)
    if subject is not None:
        found |= path_measures(subject, features)
        found |= equivariance_measures(subject, shape, number)
        if (agreement := label_agreement(subject, features)) is not None:
            found["label_agreement"] = agreement
        if dataset is not None and (counted := modes(dataset)) is not None:
            found["modes"] = counted
    return found


def subject_of(config: Mapping[str, Any], game: Game, makers: Makers, dataset: Dataset,
               options: Options = {}) -> Subject:
    """Returns what a game's makers make, to be judged by a data set: samples, or translations.

    `options` are those with which the makers were made; the latents are drawn by them.

    Raises:
      ConfigError: for a game that makes neither.
    """
    # Without a sampler a game translates the pictures of the data.
    if game.sampler is None:
        if not game.translators:
            raise ConfigError(f"system {config['system']['name']} draws no samples and translates "
                              "nothing that could be measured")
        pictures = {"source": dataset.sources, "image": dataset.images}
        return Translations(makers.translate,
                            {direction: pictures[translator.source]
                             for direction, translator in game.translators.items()}, dataset)

    # Latents as the run samples them, at a temperature and truncation.
    def latents(keys: Array) -> Array:
        return game.sampler.latents(keys, game.sampler.with_options(options))

    spherical = config["system"].get("latent_distribution", "normal") == "normal"
    # As many images as training holds, and more of small ones.
    batch_size = min(MOST_SAMPLES,
                     max(config["batch_size"], SAMPLE_NUMBERS // math.prod(dataset.image_shape)))
    class_names = dataset.class_names if config["system"].get("conditional") else ()
    styles = (makers.styles, makers.from_styles) if game.sampler.styles else (None, None)
    return Generator(latents, makers.sample, dataset.labels, spherical, batch_size, class_names,
                     *styles, makers.moved, game.sampler.transforms, config["system"]["name"])


def making(game: Game, dataset: Dataset, section: Mapping[str, Any], weights: str = "averaged",
           options: Options = {}) -> dict[str, Any]:
    """Returns what fixes the images of a game besides their number and seeds, for the protocol.

    That is the weights, and the value of every option of the sampler, or which sources are
    translated; `section` is that of the data.
    """
    if game.sampler is None and dataset.sources is not None:
        return {"weights": weights, "sources": source_identity(dataset, section)}
    return {"weights": weights, **game.sampler.with_options(options)}


@dataclasses.dataclass(frozen=True)
class Judging:
    """Measures the averaged networks of a game while it trains: their samples, or translations.

    Attributes:
      config: that of the run.
      game: the game that samples or translates.
      training: the data that it is trained on.
      dataset: the data by which it is measured, from `judged_data`.
      request: the metrics.
      features: the features that they compare.
      real: the real images.
      number: images that are measured; 0 for as many as there are real images.
    """

    config: Mapping[str, Any]
    game: Game
    training: Dataset
    dataset: Dataset
    request: Request
    features: Features
    real: PictureSet
    number: int

    @property
    def values(self) -> dict[str, str]:
        """Names of the values, and which way each is better: `lower`, `higher` or `neither`."""
        return value_names(self.request.metrics, self._measures(UNMADE))

    def __call__(self, makers: Makers) -> list[Result]:
        """Measures what makers make.

        Raises:
          ConfigError: for images that cannot be measured, such as those that are not finite.
        """
        subject = self._subject(makers)
        number = self.number or self.real.number
        return evaluate(self.real, lambda seed: subject.pictures(number, seed), self.request,
                        self.features, self._measures(makers),
                        lambda what, total: lambda done: None, self._real_seen)

    def _subject(self, makers: Makers) -> Subject:
        return subject_of(self.config, self.game, makers, self.dataset)

    def _measures(self, makers: Makers) -> dict[str, Measure]:
        gap = critic_gap(makers.logits, self.game, self.config["batch_size"], self.training,
                         self.dataset, self.real)
        # The measure of modes may fit a classifier, which other metrics do not need.
        return measures_for(self._subject(makers),
                            self.dataset if "modes" in self.request.metrics else None,
                            self.features, gap, shape=self.dataset.image_shape,
                            number=self.number or self.real.number)

    @functools.cached_property
    def _real_seen(self) -> SeenSet | None:
        return see_real(self.real, self.request, self.features, self._measures(UNMADE),
                        lambda what, total: lambda done: None)


def make_judging(config: Mapping[str, Any], game: Game, dataset: Dataset, metrics: str,
                 features: str = "", weights: str = "", number: int = 0) -> Judging:
    """Prepares the measuring of a run, on its training data or on the split `evaluate.split`.

    Metrics are joined by + or commas.

    Raises:
      ConfigError: for a game that makes nothing to measure, or a split, metric, features or weights
        that do not exist; nothing has been computed then.
    """
    subject_of(config, game, UNMADE, dataset)  # Refused before data is read.
    training = dataset
    dataset, section = judged_data(config, training)
    found = chosen_features(features, weights, dataset)
    request = Request(metric_names(metrics), samples=making(game, dataset, section))
    real = data_pictures(dataset, section)
    gap = critic_gap(None, game, config["batch_size"], training, dataset, real)
    check_request(request, measures_for(subject_of(config, game, UNMADE, dataset), dataset, found,
                                        gap, shape=dataset.image_shape), real, found)
    return Judging(config, game, training, dataset, request, found, real, number)
