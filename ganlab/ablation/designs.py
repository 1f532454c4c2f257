"""Which combinations of levels are trained: from axes and a design to a list of levels. Pure."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import qmc

from ganlab.ablation.declaration import Axis, Design, Levels, Range, Search
from ganlab.config import ConfigError, unknown
from ganlab.output import counted

NAMED_DESIGNS = ("grid", "one_at_a_time")
SEARCHES = ("random", "sobol")


def base_levels(axes: Mapping[str, Axis], chosen: Levels, of_ranges: Mapping[str, float]) -> Levels:
    """Returns the level of the base on each axis: the chosen one, or the first; on a range, that of
    the base experiment.

    Raises:
      ConfigError: for a chosen level or axis that does not exist.
    """
    check_levels(chosen, axes)
    return {name: chosen[name] if name in chosen else
            of_ranges[name] if isinstance(axis, Range) else next(iter(axis))
            for name, axis in axes.items()}


def check_levels(levels: Levels, axes: Mapping[str, Axis]) -> None:
    """Raises ConfigError for an axis that does not exist, or a level that it does not have."""
    for name, level in levels.items():
        if name not in axes:
            raise unknown("axis", name, axes)
        if isinstance(axes[name], Range):
            if not axes[name].low <= level <= axes[name].high:
                raise ConfigError(f"axis {name}: level {level!r} lies outside {axes[name].low:g} "
                                  f"to {axes[name].high:g}")
        elif level not in axes[name]:
            raise unknown(f"level of axis {name}", str(level), [str(known) for known in axes[name]])


def points_of(design: Design, axes: Mapping[str, Axis], base: Levels) -> list[Levels]:
    """Returns the combinations of a design, the base first and none twice.

    Raises:
      ConfigError: for a design that does not exist, or that does not fit the axes.
    """
    if isinstance(design, Search):
        found = _search(design, axes)
    elif isinstance(design, str):
        if design not in NAMED_DESIGNS:
            raise unknown("design", design, NAMED_DESIGNS)
        ranges = [name for name, axis in axes.items() if isinstance(axis, Range)]
        if ranges:
            raise ConfigError(f"design {design} takes axes of levels, and {', '.join(ranges)} is a "
                              "Range; use a Search, or numbers(path, ...)")
        found = _grid(axes) if design == "grid" else _one_at_a_time(axes, base)
    else:
        found = _listed(design, axes, base)
    unique: list[Levels] = [dict(base)]
    for levels in found:
        if dict(levels) not in unique:
            unique.append(dict(levels))
    return unique


def design_words(design: Design, variants: int) -> str:
    """Returns a design in a sentence."""
    if isinstance(design, Search):
        kind = {"random": "at random", "sobol": "by a scrambled Sobol sequence"}[design.kind]
        return f"the base and {counted(variants - 1, 'point')} drawn {kind} (seed {design.seed})"
    if design == "grid":
        return f"every combination of the levels, {counted(variants, 'variant')}"
    if design == "one_at_a_time":
        return f"the base and every other level alone, {counted(variants, 'variant')}"
    return counted(variants, "chosen variant")


def _grid(axes: Mapping[str, Axis]) -> list[Levels]:
    return [dict(zip(axes, levels, strict=True)) for levels in itertools.product(*axes.values())]


def _one_at_a_time(axes: Mapping[str, Axis], base: Levels) -> list[Levels]:
    return [{**base, name: level} for name, axis in axes.items() for level in axis]


def _listed(design: Sequence[Levels], axes: Mapping[str, Axis], base: Levels) -> list[Levels]:
    for levels in design:
        check_levels(levels, axes)
    return [{**base, **levels} for levels in design]


def _search(search: Search, axes: Mapping[str, Axis]) -> list[Levels]:
    if search.kind not in SEARCHES:
        raise unknown("kind of a Search", search.kind, SEARCHES)
    if search.points < 1:
        raise ConfigError(f"a Search of {search.points} points finds nothing; use at least 1")
    for name, axis in axes.items():
        if isinstance(axis, Range) and not (axis.low < axis.high
                                            and (axis.low > 0 or not axis.log)):
            raise ConfigError(f"axis {name}: Range from {axis.low:g} to {axis.high:g} is empty"
                              f"{' or not above 0, which log=True needs' if axis.log else ''}")
    if search.kind == "sobol":
        # A power of two is drawn whole, which keeps its balance, and cut.
        power = max(0, (search.points - 1).bit_length())
        drawn = qmc.Sobol(len(axes), rng=search.seed).random_base2(power)
        shares = drawn[:search.points]
    else:
        shares = np.random.default_rng(search.seed).random((search.points, len(axes)))
    return [{name: _level(axis, share)
             for (name, axis), share in zip(axes.items(), row, strict=True)}
            for row in shares]


def _level(axis: Axis, share: float) -> float | str:
    if isinstance(axis, Range):
        # Four digits say the number in full in every table, and no study can tell finer ones apart.
        return float(f"{axis.at(float(share)):.4g}")
    levels = list(axis)
    return levels[min(int(share * len(levels)), len(levels) - 1)]
