"""What the pictures of a run show over training: images of fixed latents, or fixed translations."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.data import Dataset, as_pictures, spread, to_float
from ganlab.engine.program import Programs
from ganlab.game import (
    Game,
    GameState,
    Makers,
    Options,
    Weights,
    image_keys,
    samples_key,
)


class Shown(NamedTuple):
    """What a game made, and how it is drawn.

    Attributes:
      images: [n, ...], what it made.
      picture: [n, ...], the same; for translations [n, h, k * w, c], with the source before each
        and its partner, if it has one, after it.
    """

    images: np.ndarray
    picture: np.ndarray


def make_examples(game: Game, programs: Programs, dataset: Dataset,
                  config: Mapping[str, Any]) -> Callable[[GameState], Shown] | None:
    """Returns what makes the examples of a state; None without a sampler and translators."""
    if game.sampler is not None:
        return _samples(game, programs, dataset, config)
    return functools.partial(_translated, _Examples.of(
        game, programs, dataset, config)) if game.translators else None


def weights_of(state: GameState, networks: Iterable[str]) -> Weights:
    """Returns params and variables of networks by name: averages of those that have them."""
    return {name: (state.ema.get(name, state.params[name]),
                   state.ema_variables.get(name, state.variables[name])) for name in networks}


def makers_of(game: Game, programs: Programs, weights: Callable[[Iterable[str]], Weights],
              options: Options = {}) -> Makers:
    """Returns what a game makes by compiled programs.

    Args:
      game: the game.
      programs: its programs.
      weights: returns the weights of the networks with the given names.
      options: of the sampler; those that are left out do nothing.
    """
    makings: dict[str, Callable] = {}
    if game.scorer:
        # The critic's weights are looked up when it scores: whatever samples does not need them.
        makings["logits"] = lambda images, labels, sources: programs.score(
            weights(game.scorer.networks), images, labels, sources)
    if game.sampler:
        prepared = programs.prepare(weights(game.sampler.networks), jax.random.key(0), options)
        makings |= {name: functools.partial(getattr(programs, name), prepared, options=options)
                    for name in game.sampler.makings}
        if game.sampler.transforms:
            makings["moved"] = lambda latents, labels, keys, transform: programs.sample(
                prepared, latents, labels, keys, {**options, **transform})
    return Makers(translate={
        direction: functools.partial(programs.translate[direction], weights(translator.networks))
        for direction, translator in game.translators.items()}, **makings)


def sample_options(game: Game, config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options of training pictures: the keys `sample.*` of the game's sampler."""
    return {name: config["sample"][name] for name in game.sampler.options
            if name in config["sample"]}


def _samples(game: Game, programs: Programs, dataset: Dataset,
             config: Mapping[str, Any]) -> Callable[[GameState], Shown]:
    """Returns what draws images of the same latents and labels for each state."""
    number = config["sample"]["number"]
    keys = jax.random.split(samples_key(jax.random.key(config["seed"])), number)
    options = sample_options(game, config)
    latents, labels = (jax.jit(lambda keys: game.sampler.latents(keys, options))(keys),
                       jnp.arange(number))
    labels %= dataset.num_classes

    def show(state: GameState) -> Shown:
        weights = programs.prepare(weights_of(state, game.sampler.networks), jax.random.key(0),
                                   options)
        samples = np.asarray(programs.sample(weights, latents, labels, image_keys(keys), options))
        return Shown(samples, samples)

    return show


@dataclasses.dataclass(frozen=True)
class _Examples:
    """Pictures [n, h, w, c] of the data in [-1, 1], by their names in batches, and their game."""

    game: Game
    programs: Programs
    pictures: Mapping[str, np.ndarray]
    paired: bool

    @classmethod
    def of(cls, game: Game, programs: Programs, dataset: Dataset,
           config: Mapping[str, Any]) -> "_Examples":
        arrays = {"source": dataset.sources, "image": dataset.images}
        number = min(config["sample"]["number"], *map(len, arrays.values()))
        return cls(game, programs, {
            name: np.asarray(to_float(jnp.asarray(array[spread(len(array), number)])))
            for name, array in arrays.items()}, dataset.paired)

    def translate(self, state: GameState, direction: str, pictures: np.ndarray) -> np.ndarray:
        weights = weights_of(state, self.game.translators[direction].networks)
        return np.asarray(self.programs.translate[direction](weights, pictures))


def _translated(examples: _Examples, state: GameState) -> Shown:
    """Puts in a row, for each direction: picture, translation, partner if any, and the way back."""
    tiles, made = [], {}
    for direction, translator in examples.game.translators.items():
        source = examples.pictures[translator.source]
        made[direction] = examples.translate(state, direction, source)
        tiles += [source, made[direction]]
        if examples.paired:
            tiles.append(examples.pictures["image" if translator.source == "source" else "source"])
        if direction[::-1] in examples.game.translators:
            tiles.append(examples.translate(state, direction[::-1], made[direction]))
    return Shown(made["AB"], side_by_side_strip(tiles))


def side_by_side_strip(tiles: list[np.ndarray]) -> np.ndarray:
    """Puts pictures [n, h, w, c] of one height side by side: [n, h, sum of widths, 1 or 3].

    Grey pictures get three channels if others have colours; of pictures with other numbers of
    channels, each channel is a grey one.
    """
    tiles = [as_pictures(tile) for tile in tiles]
    channels = max(tile.shape[-1] for tile in tiles)
    return np.concatenate([
        tile if tile.shape[-1] == channels else np.repeat(tile, channels, axis=-1)
        for tile in tiles], axis=2)
