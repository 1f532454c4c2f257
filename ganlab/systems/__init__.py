"""Systems by name: a config becomes a `Game`."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ganlab.config import SAMPLING_OPTIONS, ConfigError, choose, validate
from ganlab.convolutions import way_of
from ganlab.data import Dataset, load_section
from ganlab.game import (
    HELD,
    Game,
    Stage,
    check_division,
    empty_metrics,
    guard,
    joined_stages,
)
from ganlab.output import counted
from ganlab.systems.class_conditional import class_conditional
from ganlab.systems.cyclegan import cyclegan
from ganlab.systems.gan import gan
from ganlab.systems.pggan import pggan
from ganlab.systems.pix2pix import pix2pix
from ganlab.systems.r3gan import r3gan
from ganlab.systems.stylegan1 import stylegan1
from ganlab.systems.stylegan2 import stylegan2
from ganlab.systems.tricks import TRICKS
from ganlab.systems.vae import vae

__all__ = ["SYSTEMS", "TRICKS", "build", "build_game", "load_data"]

SYSTEMS: dict[str, Callable[..., Game | Sequence[Stage]]] = {
    "gan": gan, "vae": vae, "pix2pix": pix2pix, "cyclegan": cyclegan, "pggan": pggan,
    "stylegan1": stylegan1, "stylegan2": stylegan2, "class_conditional": class_conditional, "r3gan": r3gan}


def build(config: Mapping[str, Any], axis_name: str | None = None) -> tuple[Game, Dataset]:
    """Builds the game and loads the data of a config, for this process's backend.

    Args:
      config: the config.
      axis_name: the axis that `pmap` maps, or None.

    Raises:
      ConfigError: for any mistake in the config; nothing was compiled or written.
    """
    dataset = load_data(config)
    return build_game(config, dataset, axis_name), dataset


def load_data(config: Mapping[str, Any]) -> Dataset:
    """Loads the data set of a config.

    Raises:
      ConfigError: for any mistake in the config's keys, an unknown source or argument, a crop that
        the images do not have, or a batch that is larger than the set.
    """
    validate(config)
    dataset = load_section(config["data"])
    if config["batch_size"] > len(dataset):
        raise ConfigError(f"config.batch_size is {config['batch_size']}, more than the "
                          f"{counted(len(dataset), 'image')} of {dataset.name}; use at most "
                          f"{len(dataset)}")
    return dataset


def build_game(config: Mapping[str, Any], dataset: Dataset, axis_name: str | None = None) -> Game:
    """Builds the game of a config on a data set; compiles nothing.

    Raises:
      ConfigError: for any mistake in the config.
    """
    # The stages of the system's game, most often one.
    validate(config)
    system = choose(SYSTEMS, config["system"]["name"], "system.name")
    made = system(config, dataset.facts, axis_name=axis_name)
    stages = (Stage(made),) if isinstance(made, Game) else tuple(made)
    # Entries of memory that systems carry along unread: of all stages, because they share one
    # state.
    entries = guard(skip=config["train"]["on_divergence"] == "skip")
    for stage in stages:
        _check_taken(stage.game, config)
        try:
            check_division(stage.game)
        except ConfigError as error:
            if not stage.name:
                raise
            raise ConfigError(f"stage {stage.name}, whose batch is of "
                              f"config.system.batch_sizes: {error}") from error
        held = empty_metrics(stage.game, dataset.facts.example())
        entries |= {HELD: {**entries.get(HELD, {}), **held[HELD]}} if held else {}
    stages = [dataclasses.replace(stage, game=dataclasses.replace(
        stage.game, memory={**stage.game.memory, **entries})) for stage in stages]
    if len(stages) == 1:
        return stages[0].game
    try:
        return joined_stages(stages)
    except ValueError as error:
        raise ConfigError(f"system {config['system']['name']!r}: {error}") from error


def _check_taken(game: Game, config: Mapping[str, Any]) -> None:
    """Raises ConfigError for a switch that a system from outside the tree does not follow."""
    known = game.sampler.options if game.sampler else {}
    for name, key in SAMPLING_OPTIONS.items():
        if name not in known and config["sample"][name] != key.default:
            raise ConfigError(f"config.sample.{name} is {config['sample'][name]}, but what system "
                              f"{config['system']['name']!r} makes has no such option; leave it at "
                              f"{key.default}")
    wanted = config["train"]
    taken = {"precision": {network.precision for network in game.networks.values()},
             "convolutions": {way_of(network.module) for network in game.networks.values()},
             "rematerialize": {network.rematerialize for network in game.networks.values()},
             "accumulate": {game.accumulate}, "slice_statistics": {game.chained}}
    for name, values in taken.items():
        if values != {wanted[name]}:
            raise ConfigError(f"config.train.{name} is {wanted[name]!r}, which system "
                              f"{config['system']['name']!r} does not follow; it should make its "
                              "networks by ganlab.systems.parts.make_network and its game by "
                              "game_parts, or use the default")
