"""Systems by name: a config becomes a `Game`."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ganlab.config import ConfigError, choose, validate
from ganlab.data import Dataset, load_source
from ganlab.game import Game, guard
from ganlab.systems.gan import gan
from ganlab.systems.tricks import TRICKS
from ganlab.systems.vae import vae

__all__ = ["SYSTEMS", "TRICKS", "build_game", "load_data"]

SYSTEMS: dict[str, Callable[..., Game]] = {"gan": gan, "vae": vae}


def load_data(config: Mapping[str, Any]) -> Dataset:
    """The data set of a config.

    Raises:
      ConfigError: for any mistake in the config's keys, an unknown source or argument, or a
        batch that is larger than the set.
    """
    validate(config)
    dataset = load_source(config["data"]["source"], config["data"]["kwargs"])
    if config["batch_size"] > len(dataset):
        raise ConfigError(f"config.batch_size is {config['batch_size']}, more than the {len(dataset)} images of "
                          f"{dataset.name}; use at most {len(dataset)}")
    return dataset


def build_game(config: Mapping[str, Any], dataset: Dataset, axis_name: str | None = None, unroll: bool = False) -> Game:
    """The game of a config on a data set; nothing is compiled.

    Raises:
      ConfigError: for any mistake in the config.
    """
    validate(config)
    system = choose(SYSTEMS, config["system"]["name"], "system.name")
    game = system(config, dataset.image_shape, dataset.num_classes, axis_name=axis_name, unroll=unroll)
    guarded = guard(skip=config["train"]["on_divergence"] == "skip")
    return dataclasses.replace(game, memory={**game.memory, **guarded})
