"""An ablation as a plan: every variant with its whole config, and the groups that one program
each can train."""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ml_collections

from ganlab.ablation.declaration import (
    Ablation,
    Axis,
    Changes,
    Levels,
    Range,
    load_experiment,
)
from ganlab.ablation.designs import base_levels, design_words, points_of
from ganlab.ablation.staged_rounds import played_stages
from ganlab.config import (
    ConfigError,
    complete,
    flat,
    format_choices,
    set_key,
    split_choices,
    unknown,
    validate,
)
from ganlab.data import Dataset, reduced
from ganlab.engine import check_stages, stays_on_device
from ganlab.evaluation import Level, level_text, make_judging
from ganlab.game import Game, stage_before, stages_of
from ganlab.output import agreeing, counted
from ganlab.storage import config_of, plain
from ganlab.systems import build

CONFIG = "config."
MOST_NAMES = 3  # Of variants that share a mistake.


@dataclasses.dataclass(frozen=True)
class PlannedVariant:
    """A variant: its name, its levels by axis, its config, and the group that it is trained in."""

    name: str
    levels: Levels
    config: ml_collections.ConfigDict
    group: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """What an ablation trains; other fields are those of `Ablation`.

    Attributes:
      design: in a sentence.
      axes: by axis, its levels in their order.
      seeds: of every variant.
      variants: the base first. Of one group are those whose configs differ in `hyper` alone, and
        whose stages have the same lengths.
    """

    title: str
    question: str
    experiment: str
    design: str
    axes: Mapping[str, Sequence[Level]]
    kimg: float
    metrics: str
    features: str
    weights: str
    number: int
    evaluations: int
    seeds: Sequence[int]
    variants: Sequence[PlannedVariant]

    @property
    def groups(self) -> list[list[PlannedVariant]]:
        """The variants of each group."""
        found: dict[int, list[PlannedVariant]] = {}
        for variant in self.variants:
            found.setdefault(variant.group, []).append(variant)
        return [found[number] for number in sorted(found)]

    @property
    def trials(self) -> int:
        """All trials."""
        return len(self.variants) * len(self.seeds)

    def changes(self, variant: PlannedVariant) -> dict[str, Any]:
        """Returns the config keys in which a variant differs from the base; None for a key that it
        lacks."""
        base, own = dict(flat(self.variants[0].config)), dict(flat(variant.config))
        return {path: own.get(path)
                for path in sorted(base.keys() | own.keys()) if base.get(path) != own.get(path)}

    def to_json(self) -> str:
        """Returns the plan as text, from which `plan_from` makes it again."""
        entries = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        variants = [{"name": variant.name, "levels": dict(variant.levels), "group": variant.group,
                     "config": plain(variant.config)} for variant in self.variants]
        return json.dumps({**entries, "variants": variants}, indent=1) + "\n"


def plan_from(text: str) -> Plan:
    """Returns the plan of its text.

    Raises:
      ValueError, KeyError, TypeError: for something else.
    """
    found = json.loads(text)
    variants = [PlannedVariant(each["name"], each["levels"], config_of(each["config"]),
                               each["group"])
                for each in found.pop("variants")]
    return Plan(**found, variants=variants)


def make_plan(ablation: Ablation, trained_here: bool = True) -> Plan:
    """Returns the plan of an ablation; runs its experiment's file, compiles and writes nothing.

    Args:
      ablation: the ablation.
      trained_here: whether this machine trains it, so that its data has to fit here.

    Raises:
      ConfigError: for a mistake in the ablation, or that lists every variant whose config is
        invalid, that cannot be stacked, or that cannot be measured.
    """
    _check_numbers(ablation)
    # Every combination of levels, with the config that it makes of the experiment.
    get_config = load_experiment(ablation.experiment.partition(":")[0]).get_config
    points = points_of(ablation.design, ablation.axes, _base(ablation, get_config))
    mistakes: dict[str, list[str]] = {}
    variants: list[PlannedVariant] = []
    games: dict[tuple, Game] = {}  # Of each group.
    for levels in points:
        name = variant_name(levels)
        try:
            config = _config(ablation, levels, get_config)
            validate(config)
            key = _group_of(config, ablation, trained_here, games)
            config.train.total_rounds = _rounds(ablation, games[key], config)
            variants.append(PlannedVariant(name, levels, config, list(games).index(key)))
        except ConfigError as error:
            mistakes.setdefault(str(error), []).append(name)
    # All mistakes are listed at once, each with the variants that make it.
    if len({variant.name for variant in variants}) < len(variants):
        raise ConfigError("two variants of the ablation have one name: their levels agree in six "
                          "digits; take levels that are further apart")
    if mistakes:
        lines = "".join(f"\n  {_some(names)}: {text}" for text, names in mistakes.items())
        number = sum(map(len, mistakes.values()))
        raise ConfigError(f"{number} of {counted(len(points), 'variant')} "
                          f"{agreeing(number, 'is', 'are')} invalid:{lines}")
    # What the study is read by: levels in their order, and seeds.
    axes = {name: sorted({levels[name] for levels in points}) if isinstance(axis, Range)
            else list(axis)
            for name, axis in ablation.axes.items()}
    seeds = list(range(ablation.first_seed, ablation.first_seed + ablation.seeds))
    return Plan(ablation.title, ablation.question, ablation.experiment,
                design_words(ablation.design, len(points)),
                axes, ablation.kimg, ablation.metrics, ablation.features, ablation.weights,
                ablation.number, ablation.evaluations, seeds, variants)


def _group_of(config: ml_collections.ConfigDict, ablation: Ablation, trained_here: bool,
              games: dict[tuple, Game]) -> tuple:
    """Returns what the variants of a group have in common, which `games` knows its game by.

    Variants that differ in numbers alone share a game, which is built and checked once. Of a game
    with stages each variant's own is built too, because a number may decide their lengths.
    """
    structure = _structure(config)
    known = next((game for key, game in games.items() if key[0] == structure), None)
    game = (_checked_game(config, ablation, trained_here) if known is None
            else build(config)[0] if known.stages else known)
    key = structure, tuple((stage.rounds, stage.game.batch_size) for stage in game.stages)
    if key not in games:
        check_stages(game, config, devices=1)  # No batch is divided over devices.
        games[key] = game
    return key


def _checked_game(config: ml_collections.ConfigDict, ablation: Ablation,
                  trained_here: bool) -> Game:
    """Returns the game of a group, by one of its variants."""
    game, dataset = build(config)
    if config.init.source:
        raise ConfigError(f"config.init.source is {config.init.source!r}, but trials start from "
                          "their seeds; leave it empty, or train by `ganlab train`")
    if game.sampler is None:
        raise ConfigError(f"system {config.system.name} draws no samples, by which trials are "
                          "compared; train its variants one by one by `ganlab train`")
    if trained_here:
        check_stays(dataset, config, game, _rounds(ablation, game, config))
    make_judging(config, game, dataset, ablation.metrics, ablation.features, ablation.weights,
                 ablation.number)
    return game


def check_stays(dataset: Dataset, config: ml_collections.ConfigDict, game: Game,
                rounds: int | None = None) -> None:
    """Raises ConfigError for data that the devices of this machine cannot hold beside a stack, at
    the largest size at which `rounds` of a game show it; None for those of the config."""
    rounds = config.train.total_rounds if rounds is None else rounds
    shown = reduced(dataset, min(stages_of(game)[number].game.reduction
                                 for number in played_stages(game, rounds)))
    if not stays_on_device(shown, config):
        raise ConfigError(f"{dataset.name} takes {shown.nbytes / 2**30:.1f} GiB, more than "
                          f"config.data.device_share ({config.data.device_share:g}) of a device's "
                          "memory, and the data of stacked trials has to stay there; take a "
                          "smaller set or resolution, or a larger share")


def variant_name(levels: Levels) -> str:
    """Returns a variant's levels in words."""
    return ", ".join(f"{axis} {level_text(level)}" for axis, level in levels.items()) or "base"


def _rounds(ablation: Ablation, game: Game, config: ml_collections.ConfigDict) -> int:
    """Returns the rounds of a trial, by its budget."""
    images = max(1, math.ceil(round(ablation.kimg * 1000, 6)))
    return rounds_showing(game, images, config.train.rounds_per_call)


def images_shown(game: Game, step: int) -> int:
    """Returns the real images that `step` rounds count as shown, in whatever stages."""
    return round(1000 * stage_before(game, step).game.kimg(step))


def rounds_showing(game: Game, images: int, rounds_per_call: int) -> int:
    """Returns the rounds of whole calls, in whatever stages, that show at least this many
    images."""
    # The stage in which they are reached.
    last = max((stage.game for stage in stages_of(game) if stage.game.start.images < images),
               key=lambda reached: reached.start.step)
    calls = -(-(images - last.start.images) // (last.images_per_round * rounds_per_call))
    return last.start.step + calls * rounds_per_call


def evaluation_rounds(game: Game, rounds: int, evaluations: int,
                      rounds_per_call: int) -> list[int]:
    """Returns after which rounds a trial is measured: evenly over the images that it is shown, at
    the ends of calls, the last at its end."""
    images = images_shown(game, rounds)
    return sorted({rounds_showing(game, -(-images * share // evaluations), rounds_per_call)
                   for share in range(1, evaluations + 1)})


def _check_numbers(ablation: Ablation) -> None:
    for name, least in (("seeds", 1), ("evaluations", 1), ("first_seed", 0), ("number", 0)):
        if getattr(ablation, name) < least:
            raise ConfigError(f"{name} of the ablation is {getattr(ablation, name)}; use "
                              f"at least {least}")
    if not ablation.kimg > 0:
        raise ConfigError(f"kimg of the ablation is {ablation.kimg}; use a number above 0")
    for name, axis in ablation.axes.items():
        if not isinstance(axis, Range) and not axis:
            raise ConfigError(f"axis {name} has no levels; give at least one")


def _base(ablation: Ablation, get_config: Callable[[str], ml_collections.ConfigDict]) -> Levels:
    """Returns the base's levels; those of ranges are the experiment's."""
    ranges = {name: axis for name, axis in ablation.axes.items() if isinstance(axis, Range)}
    named = {name: axis for name, axis in ablation.axes.items() if name not in ranges}
    levels = base_levels(named,
                         {name: level for name, level in ablation.base.items()
                          if name not in ranges}, {})
    found = dict(flat(_config(ablation, levels, get_config))) if ranges else {}
    for name, axis in ranges.items():
        if axis.path.removeprefix(CONFIG) not in found:
            raise unknown(f"key of axis {name}", axis.path, [CONFIG + path for path in found])
    of_ranges = {name: found[axis.path.removeprefix(CONFIG)] for name, axis in ranges.items()}
    return base_levels(ablation.axes, ablation.base, of_ranges)


def _config(ablation: Ablation, levels: Levels,
            get_config: Callable[[str], ml_collections.ConfigDict]) -> ml_collections.ConfigDict:
    """Returns the config of a combination of levels, without its budget."""
    changes = _merged(ablation, levels)
    _, _, argument = ablation.experiment.partition(":")
    choices = {name: text or "" for name, text in split_choices(argument)}
    choices |= {name: str(value).lower() if isinstance(value, bool) else str(value)
                for name, value in changes.items() if not name.startswith(CONFIG)}
    config = get_config(format_choices(**choices))
    for path, value in changes.items():
        if path.startswith(CONFIG):
            set_key(config, path.removeprefix(CONFIG), value)
    complete(config)
    return config


def _merged(ablation: Ablation, levels: Levels) -> Changes:
    """Returns the changes of all axes together; no two may set the same key to different values."""
    merged, origin = dict(ablation.changes), {}
    for axis, level in levels.items():
        for name, value in _changes(ablation.axes[axis], level).items():
            if name in origin and merged[name] != value:
                raise ConfigError(f"axes {origin[name]} and {axis} both set {name}, to "
                                  f"{merged[name]!r} and {value!r}; leave it to one")
            merged[name], origin[name] = value, axis
    return merged


def _changes(axis: Axis, level: Level) -> Changes:
    return {axis.path: level} if isinstance(axis, Range) else axis[level]


def _structure(config: ml_collections.ConfigDict) -> str:
    """Returns what configs that one program trains have in common: all but numbers, seed, name,
    length and intervals."""
    entries = plain(config)
    entries["hyper"] = sorted(entries["hyper"])
    entries["train"] = {name: value
                        for name, value in entries["train"].items() if not name.endswith("_rounds")}
    return json.dumps({name: value
                       for name, value in entries.items() if name not in ("seed", "name")},
                      sort_keys=True)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return "; ".join(names[:MOST_NAMES]) + more
