"""Runs that were trained one by one, as a study: runs of one config but seed are a variant."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ganlab.evaluation import (
    DIVERGED,
    FINISHED,
    MISSING,
    Level,
    Record,
    Study,
    Trial,
    Value,
    Variant,
    level_text,
)
from ganlab.output import counted
from ganlab.report.study_analysis import is_numeric

OF_ONE_RUN = ("seed", "name")  # Config keys that may differ between runs of one variant.
MOST_WORDS = 4  # Keys that a variant is named by.


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run's directory holds.

    Attributes:
      name: the directory as it was given; unique.
      config: every value by its path.
      versions: what its numbers depend on besides, as `versions.json` has it.
      command: what started it.
      metrics: the columns of `metrics.jsonl`; empty where nothing was logged.
      records: of `results.json`.
      samples: the content of the PNG of its last samples, or None.
      samples_round: the round that they are of.
      alarms: the entries of `alarms.jsonl`.
      diverged: whether it stopped at a round that was not finite.
      sweeps: what was measured along options of its sampler, by option.
    """

    name: str
    config: Mapping[str, Any]
    versions: Mapping[str, Any]
    command: str
    metrics: Mapping[str, np.ndarray]
    records: Sequence[Record]
    samples: bytes | None = None
    samples_round: int = 0
    alarms: Sequence[Mapping[str, Any]] = ()
    diverged: bool = False
    sweeps: Mapping[str, Sequence[Record]] = dataclasses.field(default_factory=dict)

    @property
    def rounds(self) -> int:
        """The last round that was logged."""
        return int(self.metrics["step"][-1]) if len(self.metrics.get("step", ())) else 0

    @property
    def kimg(self) -> float:
        """Thousands of real images that it had seen by then."""
        return float(self.metrics["kimg"][-1]) if len(self.metrics.get("kimg", ())) else 0.0

    @property
    def own_records(self) -> list[Record]:
        """Those of its samples, not of other images."""
        return [record for record in self.records if not record.subject and record.step is not None]


def differing_keys(runs: Sequence[Run]) -> list[str]:
    """Returns the config keys that differ between runs, without those in which runs of one variant
    may differ."""
    keys = dict.fromkeys(key for run in runs for key in run.config)
    return [key for key in keys
            if key not in OF_ONE_RUN and len({repr(run.config.get(key)) for run in runs}) > 1]


def group_runs(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Returns the runs of each variant, in their order: of the same config, and of different seeds.

    A variant is named by what differs, in a few words; by its run's directory where each has one
    run, and where too much differs.
    """
    keys = differing_keys(runs)
    found: dict[tuple, list[Run]] = {}
    for run in runs:
        same, number = tuple(repr(run.config.get(key)) for key in keys), 0
        # The same seed twice is not a second seed, so it is a variant of its own.
        while any(other.config.get("seed") == run.config.get("seed")
                  for other in found.get((same, number), [])):
            number += 1
        found.setdefault((same, number), []).append(run)
    return {_name_of(group, keys, len(found) == len(runs), number): group
            for (_, number), group in found.items()}


def _name_of(group: Sequence[Run], keys: Sequence[str], single: bool, repeated: int) -> str:
    first = group[0]
    if single or repeated or not 0 < len(keys) <= MOST_WORDS:
        more = len(group) - 1
        return first.name + (f" and {more} more {'seed' if more == 1 else 'seeds'}" if more else "")
    return ", ".join(f"{_short_key(key, keys)} {level_text(_level(first.config.get(key)))}"
                     for key in keys)


def _short_key(key: str, keys: Sequence[str]) -> str:
    """Returns the end of a key's path, if no other key ends like it."""
    end = key.rpartition(".")[2]
    return end if sum(other.rpartition(".")[2] == end for other in keys) == 1 else key


def _level(value: Any) -> Level:
    return (value if isinstance(value, str | float | int) and not isinstance(value, bool)
            else repr(value))


def study_of_runs(runs: Sequence[Run]) -> Study:
    """Returns runs as a study: the first one's variant is the base, and keys that differ are the
    axes.

    A trial's values are the newest of each name and protocol, and the last chance of augmentations
    if it has one. Where one name was measured by several protocols, each is a value of its own,
    named with its hash. A run that was not measured counts as missing.
    """
    groups, keys = group_runs(runs), differing_keys(runs)
    names = _value_names(runs)
    base = next(iter(groups.values()))[0]
    variants, trials = [], []
    # Each group of seeds is a variant, told by the keys that differ.
    for name, group in groups.items():
        first = group[0]
        changes = {key: first.config.get(key) for key in keys
                   if repr(first.config.get(key)) != repr(base.config.get(key))}
        variants.append(Variant(name, {key: _level(first.config.get(key)) for key in keys}, changes,
                                max(run.kimg for run in group), max(run.rounds for run in group)))
        trials += [_trial(name, run, names) for run in group]
    # Those keys are the axes, as if somebody had planned them.
    axes = {key: _sorted({variant.levels[key]: None for variant in variants}) for key in keys}
    values = {names[_identity(record)]: Value(names[_identity(record)], record.result.better,
                                              record.result.protocol.name,
                                              record.result.protocol.as_dict())
              for run in runs for record in run.own_records}
    values |= {name: Value(name, "neither", "the last one that was logged")
               for run in runs for name in _chances(run)}
    return Study(_title(runs), _lead(base.config), "runs that were trained one by one",
                 next(iter(groups)), axes,
                 variants, trials, list(values.values()), base.command, base.config, {})


def _chances(run: Run) -> dict[str, float]:
    """Returns the last chances of augmentations: what a training that adapts them has found."""
    return {name: float(column[-1]) for name, column in run.metrics.items()
            if "/augment_p" in name and len(column)}


def _sorted(levels: Mapping[Level, None]) -> list[Level]:
    return sorted(levels) if is_numeric(list(levels)) else list(levels)


def _identity(record: Record) -> tuple[str, str]:
    return record.result.name, record.result.protocol.hash


def _value_names(runs: Sequence[Run]) -> dict[tuple[str, str], str]:
    """Returns what each value is called: by its name, and by its protocol's hash where one name has
    several."""
    found = dict.fromkeys(_identity(record) for run in runs for record in run.own_records)
    several = [name for name, _ in found]
    return {(name, digest): name if several.count(name) == 1 else f"{name} #{digest}"
            for name, digest in found}


def _trial(variant: str, run: Run, names: Mapping[tuple[str, str], str]) -> Trial:
    by_round: dict[int, tuple[float, dict[str, float]]] = {}
    values: dict[str, float] = {}
    for record in sorted(run.own_records, key=lambda record: record.step):
        name = names[_identity(record)]
        values[name] = record.result.value
        by_round.setdefault(record.step, (record.kimg, {}))[1][name] = record.result.value
    # A run that has its rounds is finished, whether it was measured or not.
    done = bool(values) or 0 < int(run.config.get("train.total_rounds", 0)) <= run.rounds
    status = DIVERGED if run.diverged else FINISHED if done else MISSING
    return Trial(variant, int(run.config.get("seed", 0)), status,
                 {**values, **_chances(run)} if status == FINISHED else {}, list(by_round.values()))


def _title(runs: Sequence[Run]) -> str:
    if len(runs) == 1:
        return runs[0].name
    names = dict.fromkeys(str(run.config.get("name", "")) for run in runs)
    number = counted(len(runs), "run")
    return f"{number} of {', '.join(names)}" if len(names) <= 3 else number


def _lead(config: Mapping[str, Any]) -> str:
    """Returns what was trained, in a sentence."""
    parts = [str(config.get("system.name", "a game"))]
    for key in ("system.loss", "system.penalty"):
        if config.get(key) not in (None, "none", ""):
            parts.append(f"{key.rpartition('.')[2]} {config[key]}")
    networks = dict.fromkeys(str(value) for key, value in config.items()
                             if key.startswith("networks.") and key.endswith(".network"))
    parts += [f"network {', '.join(networks)}"] if networks else []
    return f"{', '.join(parts)}; data {config.get('data.source', 'unknown')}, batches of " \
           f"{config.get('batch_size', '?')}."
