"""Checks a config against its keys: known, present, of the right type and range, consistent."""

import copy
from collections.abc import Mapping
from typing import Any

import ml_collections

from ganlab.config import keys as k
from ganlab.config.errors import ConfigError, unknown
from ganlab.config.experiment import (
    all_keys,
    flat,
    hyper_keys,
    is_number,
    joined_names,
    ramps_of,
    split_names,
    structure_keys,
    system_keys,
)
from ganlab.config.key import Key
from ganlab.config.systems import SYSTEMS

STRUCTURE_HINT = ("structure is chosen by the config file's argument, as in "
                  "--config=experiments/digits.py:loss=hinge,penalty=r1, or in a file of your own")


def validate(config: Mapping[str, Any]) -> None:
    """Checks every key of a config: known, present, of its type, within its range.

    Raises:
      ConfigError: that names the key, the value and what is allowed.
    """
    _check_structure(config)
    given, found = dict(flat(config)), all_keys(config)
    for path in given:
        if path not in found:
            raise _unused(path, found)
    _check_keys(given, found)
    _check_together(given)


def complete(config: ml_collections.ConfigDict) -> None:
    """Gives every key that a config lacks its default, in place.

    So a trick that is chosen by its path, `--config.system.tricks=label_noise`, finds its numbers,
    and a run that was written before a key existed can be read: a new key's default is the
    behaviour before it.

    Raises:
      ConfigError: for a mistake in the structure.
    """
    for path, key in k.KEYS.items():
        section, _, name = path.rpartition(".")
        if section and section not in config:
            config[section] = ml_collections.ConfigDict()
        _fill(config[section] if section else config, {name: key})
    _fill(config["system"], system_keys(config).structure)
    for section in config.get("networks", {}).values():
        _fill(section, k.NETWORK_KEYS)
    _check_structure(config)
    _fill(config["hyper"], hyper_keys(config))


def _fill(section: ml_collections.ConfigDict, keys: Mapping[str, Key]) -> None:
    for name, key in keys.items():
        if name not in section:
            section[name] = copy.copy(key.default)


def _check_structure(config: Mapping[str, Any]) -> None:
    """Checks structure before numbers: if a name is unknown, the keys that it brings are too."""
    given = dict(flat(config))
    _check_keys(given, k.KEYS)
    _check_name(given, "system.name", SYSTEMS)
    _check_keys(given, structure_keys(config))
    for trick in joined_names(config, "tricks"):
        if trick not in k.TRICK_HYPER:
            raise unknown("config.system.tricks", trick, k.TRICK_HYPER)
    for key, table in system_keys(config).choices.items():
        for name in joined_names(config, key):
            if name not in table:
                raise unknown(f"config.system.{key}", name, table)
    for network, section in config.get("networks", {}).items():
        _check_name(given, f"networks.{network}.optimizer", k.OPTIMIZER_HYPER)
        for regularizer in split_names(section["regularizers"]):
            if regularizer not in k.REGULARIZER_HYPER:
                raise unknown(f"config.networks.{network}.regularizers", regularizer,
                              k.REGULARIZER_HYPER)
    for number, shape in ramps_of(config).items():
        if number not in (known := hyper_keys(config)):
            raise unknown("config.ramps: the number", number, known)
        if shape not in k.RAMP_SHAPES:
            raise unknown(f"config.ramps: the shape of {number}", shape, k.RAMP_SHAPES)


def _check_keys(given: Mapping[str, Any], found: Mapping[str, Key]) -> None:
    for path, key in found.items():
        if path not in given:
            raise ConfigError(f"config.{path} is missing ({key.meaning}); {STRUCTURE_HINT}")
        _check(path, given[path], key)


def _check_name(given: Mapping[str, Any], path: str, table: Mapping[str, Any]) -> None:
    if given[path] not in table and ":" not in given[path]:
        raise unknown(f"config.{path}", given[path], [*table, "package.module:function"])


def _unused(path: str, found: Mapping[str, Key]) -> ConfigError:
    section = path.rpartition(".")[0]
    siblings = [other for other in found if other.rpartition(".")[0] == section] or list(found)
    error = unknown("key", f"config.{path}", [f"config.{other}" for other in siblings])
    return ConfigError(f"{error}; nothing in this structure uses it; {STRUCTURE_HINT}")


def _check(path: str, value: Any, key: Key) -> None:
    kind = type(key.default)
    right = isinstance(value, kind) and not (kind is not bool and isinstance(value, bool))
    if kind is float:
        right = is_number(value)
    if kind is tuple:
        right = isinstance(value, (tuple, list))  # JSON has lists.
    if not right:
        raise ConfigError(f"config.{path} is {value!r}, a {type(value).__name__}; it takes a "
                          f"{kind.__name__} ({key.meaning})")
    test, words = key.allowed
    if not test(value):
        unit = f" {key.unit}" if key.unit else ""
        raise ConfigError(f"config.{path} is {value!r}{unit}; allowed: {words} ({key.meaning})")


def _check_together(given: Mapping[str, Any]) -> None:
    if given.get("hyper.decay_end_kimg", 1.0) <= given.get("hyper.decay_start_kimg", 0.0):
        raise ConfigError(f"config.hyper.decay_end_kimg is {given['hyper.decay_end_kimg']}, not "
                          "above config.hyper.decay_start_kimg, "
                          f"{given['hyper.decay_start_kimg']}")
    call = given["train.rounds_per_call"]
    for name in ("total", "log_every", "sample_every", "checkpoint_every", "evaluate_every",
                 "singular_values_every"):
        rounds = given[f"train.{name}_rounds"]
        if rounds % call:
            raise ConfigError(f"config.train.{name}_rounds is {rounds}, which is not a multiple of "
                              f"config.train.rounds_per_call, {call}; use "
                              f"{max(rounds // call, 1) * call}")
