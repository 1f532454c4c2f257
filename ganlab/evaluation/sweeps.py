"""Sweeps of an option of a sampler: the values at which everything is measured, and the curves that
the measured values make."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ganlab.config import ConfigError, unknown
from ganlab.evaluation.results import Record
from ganlab.output import span

MOST_VALUES = 200
DIGITS = 10  # Of a value in a range: 0.3 and not 0.30000000000000004.
FORM = "it takes NAME:FIRST..LAST:NUMBER, as in truncation:0.2..1.0:9, or NAME:VALUE,VALUE,..."

Level = float | int | str
"""A value of an option."""


@dataclasses.dataclass(frozen=True)
class Sweep:
    """An option, and the values that it takes in turn, as they were typed: numbers or words."""

    option: str
    values: tuple[float | str, ...]


def parse_sweep(text: str) -> Sweep:
    """Reads `truncation:0.2..1.0:9`, nine numbers at equal distances, or `noise:none,random`.

    Raises:
      ConfigError: for what is neither, fewer than two values, a value that comes twice, and numbers
        that are not finite.
    """
    option, colon, rest = text.partition(":")
    if not (option and colon and rest):
        raise ConfigError(f"--sweep={text}: {FORM}")
    found = _range(text, rest) if ".." in rest else tuple(map(_typed, rest.split(",")))
    # What was typed is answered before the run is read.
    if any(value == "" for value in found):
        raise ConfigError(f"--sweep={text} has an empty value; {FORM}")
    if any(isinstance(value, float) and not math.isfinite(value) for value in found):
        raise ConfigError(f"--sweep={text} has a number that is not finite; {FORM}")
    if not 2 <= len(found) <= MOST_VALUES:
        raise ConfigError(f"--sweep={text} is of {len(found):,} values; take "
                          f"{span(2, MOST_VALUES)}")
    if len(set(found)) < len(found):
        raise ConfigError(f"--sweep={text} names a value twice; name each once")
    return Sweep(option, found)


def _range(text: str, rest: str) -> tuple[float, ...]:
    """Returns the numbers of a range `FIRST..LAST:NUMBER`."""
    ends, colon, number = rest.partition(":")
    first, last = map(_typed, ends.split("..", 1))
    if not colon or not number.isdecimal() or isinstance(first, str) or isinstance(last, str):
        raise ConfigError(f"--sweep={text} is not a range; {FORM}")
    if not math.isfinite(first - last):
        raise ConfigError(f"--sweep={text} has a number that is not finite; {FORM}")
    if first == last:
        raise ConfigError(f"--sweep={text} begins where it ends; name two ends that differ")
    if not 2 <= int(number) <= MOST_VALUES:
        raise ConfigError(f"--sweep={text} is of {int(number):,} values; take "
                          f"{span(2, MOST_VALUES)}")
    return tuple(float(f"{value:.{DIGITS}g}") for value in np.linspace(first, last, int(number)))


def _typed(text: str) -> float | str:
    """Returns a value as the number that it is, or as a word."""
    try:
        return float(text)
    except ValueError:
        return text.strip()


def levels_of(sweep: Sweep, options: Mapping[str, Any]) -> list[Level]:
    """Returns the values of a sweep in the type of a sampler's option.

    Args:
      sweep: the sweep.
      options: of the sampler: by name, the value that does nothing.

    Raises:
      ConfigError: for an option that the sampler does not have, words for a number, numbers for a
        word, and fractions of an option that counts.
    """
    if sweep.option not in options:
        raise unknown("--sweep: the option", sweep.option, options)
    neutral = options[sweep.option]
    words = [value for value in sweep.values if isinstance(value, str)]
    if isinstance(neutral, str):
        if len(words) < len(sweep.values):
            raise ConfigError(f"--sweep: {sweep.option} takes words, such as {neutral}, and no "
                              "numbers; name them, joined by commas")
        return words
    if words:
        raise ConfigError(f"--sweep: {sweep.option} takes numbers, and {words[0]!r} is none; "
                          f"{FORM}")
    if isinstance(neutral, int):
        for value in sweep.values:
            if value != round(value):
                raise ConfigError(f"--sweep: {sweep.option} takes whole numbers, and the sweep has "
                                  f"{value:g}; choose as many values as meet whole ones")
        return [int(value) for value in sweep.values]
    return list(sweep.values)


class Curve(NamedTuple):
    """What a sweep measured of one checkpoint.

    Attributes:
      step: rounds of the checkpoint.
      subject: as of a `Record`.
      levels: values of the option, numbers in rising order [n].
      records: by the value's name, one at each level [n]; None where it was not measured.
    """

    step: int
    subject: str
    levels: list[Level]
    records: dict[str, list[Record | None]]

    def numbers(self, name: str) -> np.ndarray:
        """Returns a value at every level [n], NaN where it was not measured."""
        return np.array([math.nan if record is None else record.result.value
                         for record in self.records[name]])

    def samples(self, name: str) -> Mapping[str, Any]:
        """Returns how many samples a value is of, and by which seeds."""
        found = next(record for record in self.records[name] if record is not None)
        return {part: found.result.protocol.samples.get(part) for part in ("number", "seeds")}


def curves_of(records: Sequence[Record], option: str) -> list[Curve]:
    """Returns the curve of each checkpoint among a sweep's records.

    Where a value was measured by protocols that differ in more than the option, such as their
    features, it has those of the protocol that was added last.
    """
    # By checkpoint and name, the records of each protocol but for the option.
    found: dict[tuple[int, str], dict[str, dict[str, dict[Level, Record]]]] = {}
    for record in records:
        protocol = record.result.protocol
        level = protocol.samples[option]
        samples = {name: value for name, value in protocol.samples.items() if name != option}
        apart = dataclasses.replace(protocol, samples=samples).hash
        of_name = found.setdefault((record.step or 0, record.subject), {}).setdefault(
            record.result.name, {})
        # Taken out and put in again: the one that was added last stands last.
        of_name[apart] = {**of_name.pop(apart, {}), level: record}
    curves = []
    for (step, subject), names in found.items():
        values = {name: list(protocols.values())[-1] for name, protocols in names.items()}
        levels = list(dict.fromkeys(level for at in values.values() for level in at))
        if not any(isinstance(level, str) for level in levels):
            levels.sort()
        curves.append(Curve(step, subject, levels, {
            name: [at.get(level) for level in levels] for name, at in values.items()}))
    return curves
