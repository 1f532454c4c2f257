"""From an experiment file's choices to a whole config, and the keys that its structure needs."""

import numbers
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ml_collections

from ganlab.config import keys as k
from ganlab.config.errors import ConfigError, unknown
from ganlab.config.key import Key
from ganlab.config.systems import AUGMENT_HYPER, SYSTEMS, SystemKeys, has_chance


def parse_choices(argument: str | None,
                  **defaults: str | int | float | bool) -> ml_collections.ConfigDict:
    """Reads a config file's argument, `loss=hinge,penalty=r1+r2`, over the choices that it offers.

    A value may have colons and `=`. A value with a comma, or one that begins with a quotation mark,
    is put in quotation marks, and those within it are doubled: `data="./a,b/c",width=16`. The shell
    takes such an argument in single quotes, `'--config=FILE.py:data="./a,b/c"'`; `format_choices`
    writes it.

    Args:
      argument: what stands after the colon of `--config=FILE:ARGUMENT`, or None.
      **defaults: the choices by name; a default's type is the type of the choice.

    Raises:
      ConfigError: for a choice that is not offered or a value of another type.
    """
    chosen = dict(defaults)
    for name, text in split_choices(argument or ""):
        if name not in defaults:
            raise unknown("choice", name, defaults)
        if text is None:
            raise ConfigError(f"choice {name!r} has no value; write {name}={defaults[name]}")
        chosen[name] = _parse(name, text, defaults[name])
    return ml_collections.ConfigDict(chosen)


def split_choices(argument: str) -> Iterator[tuple[str, str | None]]:
    """Yields names and values of choices, without quotation marks; None for a name without `=`."""
    while argument:
        found = _QUOTED.match(argument)
        if found:
            yield found[1], found[2].replace('""', '"')
            argument = argument[found.end():]
            continue
        part, _, argument = argument.partition(",")
        name, equals, text = part.partition("=")
        if text.startswith('"'):
            raise ConfigError(f"choice {name}={text} begins with a quotation mark and does not end "
                              f'with one before a comma or the end; write {name}="VALUE", with '
                              "those within VALUE doubled")
        if part:
            yield name, text if equals else None


_QUOTED = re.compile(r'([^=,]*)="((?:[^"]|"")*)"(?:,|$)')


def format_choices(**choices: Any) -> str:
    """Returns choices as they are written after the colon of `--config=FILE:`.

    `parse_choices` reads them back.
    """
    def value(text: str) -> str:
        quoted = text.replace('"', '""')
        return f'"{quoted}"' if "," in text or text.startswith('"') else text

    return ",".join(f"{name}={value(str(choice))}" for name, choice in choices.items())


def _parse(name: str, text: str, default: Any) -> Any:
    if isinstance(default, bool):
        if text.lower() not in ("true", "false"):
            raise ConfigError(f"choice {name}={text!r} is not true or false")
        return text.lower() == "true"
    try:
        return type(default)(text)
    except ValueError:
        raise ConfigError(f"choice {name}={text!r} is not a {type(default).__name__}, like "
                          f"{default!r}") from None


def picture_data(choice: str, side: int, colour: bool = True, **tfds: Any) -> dict[str, Any]:
    """Returns the section `data` of an experiment on square pictures, for its choice `data`.

    Args:
      choice: `glyphs`, `digits` or `stacked_digits`, which need no download; the folder of a set
        that `ganlab data import` has made, written with a `/`; or the TFDS name of any other set.
      side: in pixels, of glyphs and of TFDS's pictures, which are resized to it; digits are 8x8,
        and imported pictures have the size that they were imported with.
      colour: whether glyphs have colours.
      **tfds: further arguments of the sources `tfds` and `imported`.
    """
    if choice == "glyphs":
        return {"source": "glyphs", "kwargs": {"side": side, "colour": colour}}
    if choice in ("digits", "stacked_digits"):
        return {"source": choice}
    # TFDS's names may have a / within, too: lsun/bedroom.
    if choice.startswith(("/", "./", "../", "~/")) or "/" in choice and Path(choice).exists():
        return {"source": "imported", "kwargs": {"path": choice, **tfds}}
    return {"source": "tfds", "kwargs": {"name": choice, "resolution": side, **tfds}}


def both_players(**numbers: float) -> dict[str, float]:
    """Returns numbers of both players: `lr=1e-4` becomes `generator_lr` and `critic_lr`."""
    return {f"{player}_{name}": value
            for player in ("generator", "critic") for name, value in numbers.items()}


def network_keys(section: Mapping[str, Any]) -> dict[str, Key]:
    """Returns keys of the numbers of one network's section, without the network's name."""
    return {**k.OPTIMIZER_HYPER.get(section["optimizer"], {"lr": k.OPTIMIZER_HYPER["adam"]["lr"]}),
            **k.CLIP_HYPER.get(section["clip_gradients"], {}),
            **k.PROJECTION_HYPER.get(section["projection"], {}),
            **{name: key for regularizer in split_names(section["regularizers"])
               for name, key in k.REGULARIZER_HYPER.get(regularizer, {}).items()}}


def hyper_keys(config: Mapping[str, Any]) -> dict[str, Key]:
    """Returns the keys of `config.hyper` that the structure of `config` needs."""
    # Of the networks' optimizers, clips, projections and regularizers.
    networks = config.get("networks", {})
    found = {f"{name}_{key}": spec for name, section in networks.items()
             for key, spec in network_keys(section).items()}
    for name, section in networks.items():
        # An optimizer from outside the tree has the numbers that the experiment gives.
        if ":" in section["optimizer"]:
            found |= {key: Key(0.0, f"number of {section['optimizer']}")
                      for key in config.get("hyper", {})
                      if key.startswith(f"{name}_") and key not in found}
    # Of the schedule, the averages, the system, its augmentation, its tricks and its penalties.
    found |= k.SCHEDULE_HYPER.get(config["learning_rate_schedule"], {}) | k.EMA_HYPER
    found |= {name: key for name, key in k.OPTIONAL_HYPER.items()
              if name in config.get("hyper", {})}
    system = system_keys(config)
    found |= system.numbers
    for key, table in system.choices.items():
        for name in joined_names(config, key):
            found |= table.get(name, {})
    if has_chance(config["system"].get("augment", "none")):
        found |= AUGMENT_HYPER
    for trick in joined_names(config, "tricks"):
        found |= k.TRICK_HYPER.get(trick, {})
    if config["system"].get("conditional"):
        for section in networks.values():
            found |= k.CONDITIONING_HYPER.get(section["kwargs"].get("conditioning"), {})
    found |= dict(k.penalty_weight_key(name) for name in joined_names(config, "penalty"))
    # Of ramps, for any number among these.
    ramped = {name: found[name] for name in ramps_of(config) if name in found}
    return found | {key: spec for name, own in ramped.items()
                    for key, spec in k.ramp_keys(name, own).items()}


def ramps_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Returns the shapes of a config's ramps, by the numbers that they change."""
    return {name: shape for name, _, shape in (
        text.partition(":") for text in split_names(config["ramps"]))}


def split_names(joined: str) -> tuple[str, ...]:
    """Returns the names that are joined by +; `none` is the empty tuple."""
    return () if joined == "none" else tuple(joined.split("+"))


def joined_names(config: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Returns the names that a key of a config's system joins by +; `none` is the empty tuple."""
    return split_names(config["system"].get(key, "none"))


def experiment(**sections: Any) -> ml_collections.ConfigDict:
    """Makes a whole config: the given sections over every default.

    Sections are those of `KEYS` (`data=dict(source="digits")`), `system`, `networks` (one dict a
    network) and `hyper`. Numbers that the structure needs and that are not given get the default of
    their key.

    Raises:
      ConfigError: for an unknown section or key.
    """
    # Sections that exist, given as dicts if they have keys.
    tops = {path.split(".")[0] for path in k.KEYS} | {"networks", "hyper"}
    parents = {path.split(".")[0] for path in k.KEYS if "." in path} | {"networks", "hyper"}
    for name, value in sections.items():
        if name not in tops:
            raise unknown("section", name, tops)
        if name in parents and not isinstance(value, Mapping):
            raise ConfigError(f"section {name} is {value!r}, a {type(value).__name__}; it takes a "
                              "dict")
    for name, section in sections.get("networks", {}).items():
        if not isinstance(section, Mapping):
            raise ConfigError(f"section networks.{name} is {section!r}, a "
                              f"{type(section).__name__}; it takes a dict")
    # Every default, and what is given over it.
    config: dict[str, Any] = {}
    for path, key in k.KEYS.items():
        _place(config, path, _copy(key.default))
    for name, value in sections.items():
        if isinstance(value, Mapping):
            known = {path.split(".")[1] for path in k.KEYS if path.startswith(f"{name}.")}
            for key in value if name in (
                    "data", "init", "train", "alarms", "sample", "evaluate") else ():
                if key not in known:
                    raise unknown(f"key of {name}", key, known)
            config.setdefault(name, {}).update({key: _copy(item) for key, item in value.items()})
        else:
            config[name] = value
    # Structure first, because it decides which numbers there are.
    config["system"] = {**_defaults(system_keys(config).structure), **config["system"]}
    config["networks"] = {name: {**_defaults(k.NETWORK_KEYS), **section}
                          for name, section in config.get("networks", {}).items()}
    config["hyper"] = {**_defaults(hyper_keys(config)), **config.get("hyper", {})}
    # Validation names what is not a number.
    config["hyper"] = {name: float(value) if is_number(value) else value
                       for name, value in config["hyper"].items()}
    return ml_collections.ConfigDict(config, allow_dotted_keys=False)


def _defaults(keys: Mapping[str, Key]) -> dict[str, Any]:
    return {name: _copy(key.default) for name, key in keys.items()}


def _copy(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _place(tree: dict[str, Any], path: str, value: Any) -> None:
    *parents, leaf = path.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[leaf] = value


def all_keys(config: Mapping[str, Any]) -> dict[str, Key]:
    """Returns every key that belongs in `config`, by its path."""
    return k.KEYS | structure_keys(config) | {
        f"hyper.{name}": key for name, key in hyper_keys(config).items()}


def system_keys(config: Mapping[str, Any]) -> SystemKeys:
    """Returns the keys of a config's system; none for a name that does not exist.

    A system from outside the tree has the keys that the experiment gives it. Its numbers are those
    that the experiment names by `system.numbers`, joined by +.
    """
    section = config["system"]
    if ":" not in section["name"]:
        return SYSTEMS.get(section["name"], SystemKeys({}, {}))
    structure = {name: Key(value, f"key of {section['name']}") for name, value in section.items()}
    numbers = {name: Key(0.0, f"number of {section['name']}")
               for name in split_names(section.get("numbers", "none"))}
    return SystemKeys(structure | {"name": k.KEYS["system.name"]}, numbers)


def structure_keys(config: Mapping[str, Any]) -> dict[str, Key]:
    """Returns the keys of the system and of its networks, whose values choose the numbers."""
    return {f"system.{name}": key for name, key in system_keys(config).structure.items()} | {
        f"networks.{network}.{name}": key for network in config.get("networks", {})
        for name, key in k.NETWORK_KEYS.items()}


def flat(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields paths and values of a config; `kwargs` are values as a whole."""
    for name, value in config.items():
        section = isinstance(value, (Mapping, ml_collections.ConfigDict))
        if section and name != "kwargs":
            for path, leaf in flat(value):
                yield f"{name}.{path}", leaf
        else:
            yield name, dict(value) if section else value


def set_key(config: ml_collections.ConfigDict, path: str, value: object) -> None:
    """Sets the value of a key by its path, such as `hyper.critic_lr`; a whole number for a float is
    made one.

    Validation answers what is unknown, or of another type.

    Raises:
      ConfigError: for a section that does not exist.
    """
    *parents, leaf = path.split(".")
    section = config
    for parent in parents:
        if parent not in section or not isinstance(section[parent], ml_collections.ConfigDict):
            raise unknown("key", f"config.{path}", [f"config.{known}" for known, _ in flat(config)])
        section = section[parent]
    whole = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(section.get(leaf), float) and whole:
        value = float(value)
    with config.unlocked(), config.ignore_type():
        section[leaf] = value


def is_number(value: Any) -> bool:
    """Returns whether a value is a number; truth values are not."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
