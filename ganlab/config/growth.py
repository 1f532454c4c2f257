"""The schedule of a training that grows: which level fades in or trains, how long, in what batches.

It is arithmetic on the keys `GROWTH` of a system, used by the system and by experiments, which
have to know how many rounds a training has.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ganlab.config.errors import ConfigError
from ganlab.config.key import AT_LEAST_ZERO, FRACTION, POSITIVE, Key

LAST = -1
"""`first_level` of a training of the last level alone."""


def _all_are(test: Any) -> Any:
    return lambda value: all(not isinstance(one, (str, bool)) and test(one) for one in value)


_TIMES = (lambda value: bool(value) and _all_are(AT_LEAST_ZERO[0])(value),
          "one number of at least 0, or one for each level")

GROWTH: dict[str, Key] = {
    "first_level": Key(0, "level that is trained first, counted from the smallest: 0 of 4x4 pixels, "
                       "1 of 8x8; -1 for the last one alone, without growing", "levels",
                       (lambda value: value >= LAST, "-1 or a number of at least 0"),
                       known_as="lod_initial_resolution of PGGAN and StyleGAN"),
    "first_share": Key(1.0, "share of the first level that has faded in when training begins; below "
                       "1 it begins within the level's transition", allowed=FRACTION),
    "training_kimg": Key((600.0,), "how long each level trains after it has faded in, all alike or "
                         "by level from the first trained on; the last one trains to the end of "
                         "the run", "kimg", _TIMES,
                         known_as="lod_training_kimg of PGGAN and StyleGAN"),
    "transition_kimg": Key((600.0,), "how long each level but the first fades in, all alike or by "
                           "level from the first that fades in on; 0 for at once", "kimg", _TIMES,
                           known_as="lod_transition_kimg of PGGAN and StyleGAN"),
    "batch_sizes": Key((), "images of a batch by level from the first trained on, the last of them "
                       "config.batch_size; () for config.batch_size at all levels", "images",
                       (_all_are(lambda one: isinstance(one, int) and one > 0),
                        "whole numbers above 0, one for each level, or none"),
                       known_as="minibatch_dict of PGGAN and StyleGAN"),
    "rate_factors": Key((1.0,), "factor of all learning rates, at all levels or by level from the "
                        "first trained on", allowed=(
                            lambda value: bool(value) and _all_are(lambda one: one > 0)(value),
                            "one number above 0, or one for each level"),
                        known_as="G_lrate_dict and D_lrate_dict of PGGAN and StyleGAN"),
    "fade_every_rounds": Key(4, "rounds for which the share of a level that fades in stays the same",
                             "rounds", POSITIVE, known_as="minibatch_repeats of PGGAN and StyleGAN"),
    "fresh_optimizers": Key(True, "whether optimizers start again where a level begins to fade in, "
                            "and where it has",
                            known_as="reset_opt_for_new_lod of PGGAN and StyleGAN"),
}
"""Keys of the structure of a system that grows."""


class PlannedStage(NamedTuple):
    """One stage of a training that grows."""

    level: int
    """Counted from the smallest size, 0."""
    fading: bool
    """Whether the level fades in, from the level before."""
    batch_size: int
    rate: float
    """Factor of the learning rates."""
    rounds: int
    """As they are planned; the last stage plays to the end of the run."""
    images: int
    """Real images that a round counts as shown: a batch for each update of the critic."""
    share: float = 0.0
    """Of a level that fades in, how far it has done so before the stage."""


def planned_stages(system: Mapping[str, Any], sizes: Sequence[tuple[int, int]],
                   batch_size: int) -> tuple[PlannedStage, ...]:
    """Computes the stages of a training: a level trains, the next fades in, trains, and so on.

    A stage's rounds are the fewest that show its kimg.

    Args:
      system: a config's section `system`; keys of `GROWTH` that it lacks have their default.
      sizes: rows and columns of all levels, smallest first.
      batch_size: `config.batch_size`.

    Raises:
      ConfigError: for a first level that does not exist, values that are not one a level, and a
        level without a round.
    """
    # The levels that train, and their values.
    system = {name: key.default for name, key in GROWTH.items()} | dict(system)
    first, count = system["first_level"], len(sizes)
    first = count - 1 if first == LAST else first
    if first >= count:
        raise ConfigError(f"config.system.first_level is {first}, but images of "
                          f"{_size(sizes[-1])} have levels 0 to {count - 1} "
                          f"({', '.join(map(_size, sizes))}); use one of these")
    trained, share = sizes[first:], system["first_share"]
    if share < 1 and not first:
        raise ConfigError(f"config.system.first_share is {share}, but no level comes before "
                          f"{_size(sizes[0])}, from which it could fade in; use 1, or a larger "
                          "first_level")
    training = _by_level(system, "training_kimg", trained)
    # The first one only what is left of its transition, if it is within one.
    transition = _by_level(system, "transition_kimg", trained if share < 1 else trained[1:])
    transition = ((1 - share) * transition[0], *transition[1:]) if share < 1 else (0.0, *transition)
    batches = _by_level(system, "batch_sizes", trained) or (batch_size,) * len(trained)
    rates, updates = _by_level(system, "rate_factors", trained), system.get("critic_updates", 1)
    if batches[-1] != batch_size:
        raise ConfigError(f"config.batch_size is {batch_size}, but config.system.batch_sizes ends "
                          f"with {batches[-1]}, that of {_size(sizes[-1])}; both are the batch of "
                          "the last level: set them to one number")
    # Each fades in, if it takes any time, and trains.
    stages = []
    for place, size in enumerate(trained):
        lengths = {True: transition[place], False: training[place]}
        last = place == len(trained) - 1
        shown = batches[place] * updates
        rounds = {fading: _rounds(kimg, shown) for fading, kimg in lengths.items()}
        if not last and not any(rounds.values()):
            raise ConfigError(f"the stage of level {first + place}, {_size(size)}, ends before it "
                              "begins: config.system.training_kimg and transition_kimg are 0 "
                              "there; give either some kimg, or begin by first_level at a larger "
                              "one")
        stages += [PlannedStage(first + place, fading, batches[place], rates[place], number, shown,
                                share if fading and not place else 0.0)
                   for fading, number in rounds.items() if number or (last and not fading)]
    return tuple(stages)


def _rounds(kimg: float, images: int) -> int:
    """Returns how many rounds, of `images` real images each, it takes to show `kimg`."""
    if not 0 <= kimg < math.inf:
        raise ConfigError(f"a level has {kimg} kimg in config.system.training_kimg or "
                          "transition_kimg; use numbers of at least 0")
    return -(-round(1000 * kimg) // images)


def _by_level(system: Mapping[str, Any], name: str,
              sizes: Sequence[tuple[int, int]]) -> tuple[Any, ...]:
    """Returns a key's values by level; one number is that of all levels."""
    values = tuple(system[name])
    if len(values) == 1 and name != "batch_sizes":
        return values * len(sizes)
    if values and len(values) != len(sizes):
        words = ", ".join(map(_size, sizes)) or "no level"
        raise ConfigError(f"config.system.{name} has these {len(values)}, {values}; it "
                          f"takes one for each of {words}"
                          + ("" if name == "batch_sizes" else ", or one for all")
                          + "; the levels are those of the data's images: where the schedule is "
                          "for another resolution, choose that of the images, or import larger "
                          "ones")
    return values


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def rounds_of(stages: Sequence[PlannedStage], kimg: float = 0.0) -> int:
    """Computes the rounds of a whole training, to `kimg` thousand images shown in all; 0 for as
    many as the stages have.

    Raises:
      ConfigError: for kimg that are not a number of at least 0.
    """
    if not 0 <= kimg < math.inf:
        raise ConfigError(f"a training of {kimg} kimg cannot be played; use a number above 0, or 0 "
                          "for as many as the stages have")
    if not kimg:
        return sum(stage.rounds for stage in stages)
    rounds, images = 0, round(1000 * kimg)
    for stage in stages[:-1]:
        played = min(stage.rounds, -(-images // stage.images))
        rounds, images = rounds + played, max(images - played * stage.images, 0)
    return rounds + -(-images // stages[-1].images)


def square_sizes(side: int) -> tuple[tuple[int, int], ...]:
    """Lists the sizes of all levels of square images, from 4x4 to `side`, 4 * 2^n.

    Raises:
      ConfigError: for another side.
    """
    levels = (side // 4).bit_length()
    if levels < 2 or 4 * 2 ** (levels - 1) != side:
        raise ConfigError(f"resolution is {side}, and levels are 4x4 and twice as large again and "
                          "again; use 8, 16, 32, 64, ... up to 1024")
    return tuple((4 * 2**level,) * 2 for level in range(levels))


def _continued(values: tuple[float, ...], count: int) -> tuple[float, ...]:
    """Returns one value, or as many as there are levels."""
    return values if len(values) == 1 else (values + values[-1:] * count)[:count]


def growth_keys(sizes: Sequence[tuple[int, int]], batches: Mapping[int, int], batch: int,
                rates: Mapping[int, float], rate: float, growing: bool = True,
                **times: tuple[float, ...]) -> dict[str, Any]:
    """Returns keys of `GROWTH` from tables by a level's longer side, as the official codes have
    them.

    Args:
      sizes: rows and columns of all levels, smallest first.
      batches: images of a batch, by side.
      batch: those of the sides that are left out.
      rates: learning rates, by side.
      rate: those of the sides that are left out, which is that of `config.hyper`.
      growing: False trains the last level alone, from the start.
      **times: `training_kimg` and `transition_kimg`; () are left out, and those of fewer or more
        levels are continued by the last value, or cut.
    """
    times = {name: _continued(value, len(sizes) - (name == "transition_kimg"))
             for name, value in times.items() if value}
    if not growing:
        return {"first_level": LAST, "rate_factors": (rates.get(max(sizes[-1]), rate) / rate,),
                **{name: value[-1:] for name, value in times.items() if name == "training_kimg"}}
    return {"batch_sizes": tuple(batches.get(max(size), batch) for size in sizes),
            "rate_factors": tuple(rates.get(max(size), rate) / rate for size in sizes), **times}
