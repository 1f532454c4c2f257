"""What the pictures of a run show over training: images of the same latents, or the same pictures translated."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.data import Dataset, as_pictures, spread, to_float
from ganlab.engine.program import Programs
from ganlab.game import Game, GameState, Makers, samples_key
from ganlab.types import Array, Tree


class Shown(NamedTuple):
    """What a game made, and how it is drawn.

    Attributes:
      images: [n, ...], what it made.
      picture: [n, ...], the same; of translations [n, h, k * w, c], between what they were made of and what
        belongs beside them.
    """

    images: np.ndarray
    picture: np.ndarray


def make_examples(game: Game, programs: Programs, dataset: Dataset,
                  config: Mapping[str, Any]) -> Callable[[GameState], Shown] | None:
    """What a game shows of each state; None for a game that neither draws samples nor translates."""
    if game.sampler is not None:
        return _samples(game, programs, dataset, config)
    return functools.partial(_translated, _Examples.of(game, programs, dataset, config)) if game.translators else None


def weights_of(state: GameState, network: str) -> tuple[Tree, Tree]:
    """Params, averaged where there is an average, and variables of a network."""
    return state.ema.get(network, state.params[network]), state.variables[network]


def makers_of(game: Game, programs: Programs, weights: Callable[[str], tuple[Tree, Tree]]) -> Makers:
    """What a game makes by compiled programs and the `(params, variables)` of networks by name."""
    def translate(direction: str, network: str) -> Callable[[Array], Array]:
        program, (params, variables) = programs.translate[direction], weights(network)
        # Translators see no labels.
        return lambda sources: program(params, variables, sources, np.zeros(len(sources), np.int32))

    sample = functools.partial(programs.sample, *weights(game.sampler.network)) if game.sampler else None
    return Makers(sample, {direction: translate(direction, translator.network)
                           for direction, translator in game.translators.items()})


def _samples(game: Game, programs: Programs, dataset: Dataset,
             config: Mapping[str, Any]) -> Callable[[GameState], Shown]:
    """Images of the same latents and labels."""
    number = config["sample"]["number"]
    keys = jax.random.split(samples_key(jax.random.key(config["seed"])), number)
    draw = functools.partial(game.sampler.latents, truncation=config["sample"]["truncation"])
    latents = jax.jit(draw)(keys) * config["sample"]["temperature"]
    labels = jnp.arange(number) % dataset.num_classes

    def show(state: GameState) -> Shown:
        samples = np.asarray(programs.sample(*weights_of(state, game.sampler.network), latents, labels))
        return Shown(samples, samples)

    return show


@dataclasses.dataclass(frozen=True)
class _Examples:
    """Pictures [n, h, w, c] of the data in [-1, 1], by the names that batches use, and what translates them."""

    game: Game
    programs: Programs
    pictures: Mapping[str, np.ndarray]
    paired: bool

    @classmethod
    def of(cls, game: Game, programs: Programs, dataset: Dataset, config: Mapping[str, Any]) -> "_Examples":
        arrays = {"source": dataset.sources, "image": dataset.images}
        number = min(config["sample"]["number"], *map(len, arrays.values()))
        return cls(game, programs, {name: np.asarray(to_float(jnp.asarray(array[spread(len(array), number)])))
                                    for name, array in arrays.items()}, dataset.paired)

    def translate(self, state: GameState, direction: str, pictures: np.ndarray) -> np.ndarray:
        network = self.game.translators[direction].network
        labels = np.zeros(len(pictures), np.int32)
        return np.asarray(self.programs.translate[direction](*weights_of(state, network), pictures, labels))


def _translated(examples: _Examples, state: GameState) -> Shown:
    """In a row for each direction: the picture, its translation, its partner if it has one, and what comes back."""
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
    """Pictures [n, h, w, c] of one height beside each other: [n, h, widths together, 1 or 3], grey ones in colours
    where others have some, and of other channels each one in grey."""
    tiles = [as_pictures(tile) for tile in tiles]
    channels = max(tile.shape[-1] for tile in tiles)
    return np.concatenate([tile if tile.shape[-1] == channels else np.repeat(tile, channels, axis=-1)
                           for tile in tiles], axis=2)
