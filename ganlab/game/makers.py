"""What a trained game makes, as pure functions of its weights: samples, latents, translations."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from ganlab.types import Array, Tree

Weights = Mapping[str, tuple[Tree, Tree]]
"""`(params, variables)` of networks by name: the first argument of all functions of this file."""
Options = Mapping[str, Any]
"""Values of a sampler's options by name; those that are left out do nothing."""
TRANSFORMS = ("translate_x", "translate_y", "rotate")
"""Options that move or turn the input of a generator, and thereby its images: to the right and down
by shares of the image's sides, against the clock by degrees."""
Making = Callable[[Weights, Array, Array | None, Array | None, Options], Array]
"""`(weights, inputs[b, ...], labels[b], keys[b] | None, options) -> made[b, ...]`."""


@dataclasses.dataclass(frozen=True)
class Sampler:
    """How a trained game makes images.

    Attributes:
      networks: names of those whose weights it reads.
      latents: `(keys[b], options) -> latents[b, ...]`.
      images: `(weights, latents[b, ...], labels[b], keys[b] | None, options) -> images[b, ...]`.
        The keys are for what is drawn beside the latents, such as noise; without them nothing is.
        Labels may also be weights of the classes [b, classes], where the generator takes them: a
        label is its one-hot row.
      options: by name, the value that does nothing: `truncation` 0.0, `temperature` 1.0. Their
        meanings are in `ganlab.config.SAMPLING_OPTIONS`. Numbers are traced, so that another value
        compiles nothing; words and truth values are static.
      prepare: `(weights, key, options) -> weights`, done once for a set of weights, such as
        standing statistics; the same weights, or None in its place, for nothing to do.
      styles: `(weights, latents, labels, options) -> styles[b, layers, d]`, of a sampler that has
        styles; mixing, projection and directions stand on it and on `from_styles`.
      from_styles: `(weights, styles, keys[b] | None, options) -> images[b, ...]`.
    """

    networks: tuple[str, ...]
    latents: Callable[[Array, Options], Array]
    images: Callable[[Weights, Array, Array, Array | None, Options], Array]
    options: Options = dataclasses.field(default_factory=dict)
    prepare: Callable[[Weights, Array, Options], Weights] | None = None
    styles: Callable[[Weights, Array, Array, Options], Array] | None = None
    from_styles: Callable[[Weights, Array, Array | None, Options], Array] | None = None

    def with_options(self, given: Options) -> dict[str, Any]:
        """Returns the value of every option: as given, or else the one that does nothing."""
        return {name: given.get(name, neutral) for name, neutral in self.options.items()}

    def split_options(self, given: Options) -> tuple[dict[str, np.ndarray],
                                                     tuple[tuple[str, Any], ...]]:
        """Splits options into numbers, which a program takes, and choices, each with its own
        program."""
        options = self.with_options(given)
        numbers = {name: np.asarray(value, jnp.zeros(()).dtype) for name, value in options.items()
                   if isinstance(value, float)}
        return numbers, tuple((name, value) for name, value in options.items()
                              if name not in numbers)

    @property
    def transforms(self) -> tuple[str, ...]:
        """Those of `TRANSFORMS` that it takes."""
        return tuple(name for name in TRANSFORMS if name in self.options)

    @property
    def makings(self) -> dict[str, Making]:
        """What it makes, as functions of one signature by their names in `Makers`."""
        found: dict[str, Making] = {"sample": self.images}
        if self.styles is not None:
            found["styles"] = lambda weights, latents, labels, keys, options: self.styles(
                weights, latents, labels, options)
            found["from_styles"] = lambda weights, styles, labels, keys, options: self.from_styles(
                weights, styles, keys, options)
        return found


@dataclasses.dataclass(frozen=True)
class Encoder:
    """How a trained game finds latents from which the sampler makes given images again.

    Of a distribution of latents, it returns the mean.

    Attributes:
      networks: names of those whose weights it reads.
      latents: `(weights, images[b, ...], labels[b]) -> latents[b, z]`.
    """

    networks: tuple[str, ...]
    latents: Callable[[Weights, Array, Array], Array]


@dataclasses.dataclass(frozen=True)
class Scorer:
    """How a trained game's critic scores examples of the data, in evaluation mode.

    Attributes:
      networks: names of those whose weights it reads.
      logits: `(weights, images[b, ...], labels[b], sources[b, ...] | None) -> logits[b]`, higher
        for what the critic takes for real; means over patches, and one for each pack. Images are
        neither augmented nor noisy. Sources are those of paired data.
    """

    networks: tuple[str, ...]
    logits: Callable[[Weights, Array, Array, Array | None], Array]


@dataclasses.dataclass(frozen=True)
class Translator:
    """How a trained game translates pictures.

    Attributes:
      networks: names of those whose weights it reads.
      images: `(weights, sources[b, ...], keys[b] | None) -> images[b, ...]`. Without keys it
        normalizes by stored statistics and drops nothing; with one key an example it passes as in
        training, by the statistics of this batch.
      least: smallest height and width of the sources.
      multiple: number of which height and width are multiples.
      source: which array of a batch it translates: `source`, or `image` in the direction back.
    """

    networks: tuple[str, ...]
    images: Callable[[Weights, Array, Array | None], Array]
    least: int
    multiple: int
    source: str


@dataclasses.dataclass(frozen=True)
class Makers:
    """What a game makes by some weights, which are bound.

    Attributes:
      sample: `(latents[b, ...], labels[b], keys[b] | None) -> images[b, ...]`; None for a game
        without a sampler.
      styles: `(latents[b, ...], labels[b], None) -> styles[b, layers, d]`; None without styles.
      from_styles: `(styles[b, layers, d], labels[b], keys[b] | None) -> images[b, ...]`, likewise.
      moved: `(latents[b, ...], labels[b], keys[b] | None, transform) -> images[b, ...]`, samples of
        an input that is moved by the sampler's `transforms`, numbers by name; None without them.
      translate: by direction `sources[b, ...] -> images[b, ...]`, by stored statistics.
      logits: `(images[b, ...], labels[b], sources[b, ...] | None) -> logits[b]`; None for a game
        without a scorer.
    """

    sample: Callable[[Array, Array, Array | None], Array] | None = None
    styles: Callable[[Array, Array, Array | None], Array] | None = None
    from_styles: Callable[[Array, Array, Array | None], Array] | None = None
    moved: Callable[[Array, Array, Array | None, Options], Array] | None = None
    translate: Mapping[str, Callable[[Array], Array]] = dataclasses.field(default_factory=dict)
    logits: Callable[[Array, Array, Array | None], Array] | None = None
