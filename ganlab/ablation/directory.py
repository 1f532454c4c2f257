"""The directory of an ablation: its plan, and what each stack has found."""

import dataclasses
import json
import shlex
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganlab.ablation.plan import Plan, plan_from
from ganlab.ablation.stacks import Stack
from ganlab.config import ConfigError, flat
from ganlab.evaluation import (
    DIVERGED,
    FAILED,
    FINISHED,
    MISSING,
    Cost,
    Study,
    Trial,
    Value,
    Variant,
)
from ganlab.output import counted, whole_file, write_atomically
from ganlab.storage import LOCK, command_text, versions, writing


@dataclasses.dataclass(frozen=True)
class TrialEntry:
    """What is known of a trial: its variant, its seed, its status so far,
    `(rounds, kimg, values)` on the way, and of a diverged one the rounds before the first that
    was not finite, with their kimg, and why that was not."""

    variant: str
    seed: int
    status: str
    curve: Sequence[tuple[int, float, Mapping[str, float]]]
    rounds: int | None = None
    why: str = ""
    kimg: float | None = None


@dataclasses.dataclass(frozen=True)
class StackRecord:
    """What is known of a stack after `step` rounds; `finished` where nothing is left to do."""

    number: int
    step: int
    finished: bool
    cost: Cost
    values: Sequence[Value]
    trials: Sequence[TrialEntry]

    def later(self, step: int, seconds: float, load: float | None) -> "StackRecord":
        """Returns the record after `step` rounds, for which `seconds` more were trained at a load
        of the machine."""
        total = self.cost.seconds + seconds
        return dataclasses.replace(self, step=step, cost=dataclasses.replace(
            self.cost, seconds=total,
            load=mean_load([(self.cost.load, self.cost.seconds), (load, seconds)])))

    def at_end(self, images: int) -> "StackRecord":
        """Returns the record of a stack that is done, with its speed; `images` is the number of
        real images that each trial was shown."""
        total = images * self.cost.trials
        rate = total / self.cost.seconds if self.cost.seconds else 0.0
        return dataclasses.replace(self, finished=True,
                                   cost=dataclasses.replace(self.cost, images_per_second=rate))


class AblationDirectory:
    """Paths of an ablation, its plan, and the records of its stacks."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.plan_file = self.path / "plan.json"
        self.stacks_file = self.path / "stacks.json"
        self.versions_file = self.path / "versions.json"
        self.stacks = self.path / "stacks"
        self.jobs = self.path / "jobs"
        # What a crash may leave before there is a plan.
        self._early = (self.path / LOCK, self.stacks, self.stacks_file, self.versions_file)

    def check(self, plan: Plan) -> bool:
        """Returns whether this plan was begun here; changes nothing.

        Raises:
          ConfigError: if the directory holds another plan, or something else.
        """
        # A new directory, an empty one, and what a crash left of one are free.
        if self.path.exists() and not self.path.is_dir():
            raise ConfigError(f"--workdir={self.path} is a file; name a new or an "
                              "ablation's directory")
        if not self.plan_file.exists():
            if self.path.is_dir() and any(not path.name.endswith(".partial")
                                          and path not in self._early
                                          for path in self.path.iterdir()):
                raise ConfigError(f"--workdir={self.path} is not empty and holds no ablation; name "
                                  "an empty or a new directory")
            return False
        # The plans are compared as they are written.
        old, new = json.loads(self.read_plan().to_json()), json.loads(plan.to_json())
        if old == new:
            return True
        changed = [name for name in new if old[name] != new[name]]
        detail = ""
        # Of other variants, the keys say more than the names.
        if "variants" in changed:
            names = [{variant["name"] for variant in each["variants"]} for each in (old, new)]
            configs = [{variant["name"]: dict(flat(variant["config"]))
                        for variant in each["variants"]}
                       for each in (old, new)]
            keys = sorted({f"config.{key}" for name in names[0] & names[1]
                           for key in configs[0][name].keys() | configs[1][name].keys()
                           if configs[0][name].get(key) != configs[1][name].get(key)})
            detail = (f" ({counted(len(names[0] - names[1]), 'variant is', 'variants are')} gone, "
                      f"{counted(len(names[1] - names[0]), 'is', 'are')} new; keys that "
                      f"differ: {', '.join(keys[:5]) or 'none'})")
        raise ConfigError(f"--workdir={self.path} holds another plan: "
                          f"{', '.join(changed)} differ{detail}; use another --workdir, "
                          "or the ablation's file as it was")

    def write_plan(self, plan: Plan, stacks: Sequence[Stack] | None, command: list[str]) -> None:
        """Makes the directory; the plan comes last, so that a directory with a plan is whole.
        `stacks` is None where a job will cut them."""
        with writing(self.path):
            self.stacks.mkdir(parents=True, exist_ok=True)
            write_atomically(self.versions_file, json.dumps(versions(command), indent=2) + "\n")
            if stacks is not None:
                self.write_stacks(stacks)
            write_atomically(self.plan_file, plan.to_json())

    @property
    def is_cut(self) -> bool:
        """Whether the trials are cut into stacks."""
        return self.stacks_file.exists()

    def write_stacks(self, stacks: Sequence[Stack]) -> None:
        """Writes how the trials are stacked."""
        with writing(self.stacks_file):
            write_atomically(self.stacks_file,
                             json.dumps([dataclasses.asdict(stack) for stack in stacks]) + "\n")

    def note_machine(self) -> None:
        """Writes the packages and devices of this machine beside the command that was given on
        another one."""
        with writing(self.versions_file):
            write_atomically(self.versions_file,
                             json.dumps(versions(self.origin()["command"]), indent=2) + "\n")

    def origin(self) -> dict[str, Any]:
        """Returns the packages, the commit, the devices and the command that the study
        is made by."""
        return json.loads(self.versions_file.read_text())

    def read_plan(self) -> Plan:
        """Returns the plan that was begun here.

        Raises:
          ConfigError: if there is none, or it does not read.
        """
        if not self.plan_file.is_file():
            raise ConfigError(f"{self.path} holds no ablation (no plan.json)")
        try:
            return plan_from(self.plan_file.read_text())
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{self.plan_file} does not read ({error!r}); restore it, or use "
                              "another --workdir") from error

    def read_stacks(self) -> list[Stack]:
        """Returns how the trials are stacked.

        Raises:
          ConfigError: where they are not cut into stacks yet.
        """
        if not self.is_cut:
            raise ConfigError(f"the trials of {self.path} are not cut into stacks yet; "
                              f"`ganlab ablate --workdir={shlex.quote(str(self.path))}` does it, "
                              "with the launcher that it was begun with")
        return [Stack(each["number"], each["group"], tuple(map(tuple, each["trials"])))
                for each in json.loads(self.stacks_file.read_text())]

    def stack_folder(self, number: int) -> Path:
        """Returns the folder of what a stack has found."""
        return self.stacks / f"{number:04}"

    def checkpoints(self, number: int) -> Path:
        """Returns the folder of a stack's states, which is there until the stack is finished."""
        return self.stack_folder(number) / "checkpoints"

    def read_stack(self, number: int, up_to: int | None = None) -> StackRecord | None:
        """Returns what a stack has found, or had found after `up_to` rounds; None
        before it began."""
        file = self.stack_folder(number) / "trials.json"
        if not file.exists() or up_to == 0:
            return None
        found = json.loads(file.read_text())
        # What was measured and then not saved is measured again.
        trials = [TrialEntry(each["variant"], each["seed"], each["status"],
                             [tuple(entry) for entry in each["curve"]
                              if up_to is None or entry[0] <= up_to],
                             each.get("rounds"), each.get("why", ""), each.get("kimg"))
                  for each in found["trials"]]
        return StackRecord(found["number"], found["step"], found["finished"], Cost(**found["cost"]),
                           [Value(**each) for each in found["values"]], trials)

    def write_stack(self, record: StackRecord) -> None:
        """Writes what a stack has found."""
        folder = self.stack_folder(record.number)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / "trials.json",
                             json.dumps(dataclasses.asdict(record), indent=1) + "\n")

    def write_samples(self, number: int, samples: Mapping[str, np.ndarray]) -> None:
        """Writes a stack's samples by variant."""
        names = list(samples)
        with (writing(self.stack_folder(number)),
              whole_file(self.stack_folder(number) / "samples.npz") as file):
            np.savez_compressed(file, names=np.array(names, dtype=str),
                                **{str(place): samples[name] for place, name in enumerate(names)})

    def finish_stack(self, record: StackRecord) -> None:
        """Writes that a stack is done, and deletes its states."""
        self.write_stack(record)
        shutil.rmtree(self.checkpoints(record.number), ignore_errors=True)
        (self.stack_folder(record.number) / "error.txt").unlink(missing_ok=True)

    def write_error(self, number: int, text: str) -> None:
        """Writes why a stack failed."""
        write_atomically(self.stack_folder(number) / "error.txt", text + "\n")

    def error(self, number: int) -> str:
        """Returns why a stack failed; empty where it did not."""
        file = self.stack_folder(number) / "error.txt"
        return file.read_text(encoding="utf-8", errors="replace").strip() if file.exists() else ""

    def unfinished(self) -> list[Stack]:
        """Returns the stacks that are not finished."""
        found = [(stack, self.read_stack(stack.number)) for stack in self.read_stacks()]
        return [stack for stack, record in found if record is None or not record.finished]


def read_study(path: str | Path) -> Study:
    """Returns everything that an ablation's directory holds, finished or not.

    Raises:
      ConfigError: where it holds none.
    """
    directory = AblationDirectory(path)
    plan = directory.read_plan()
    trials: dict[tuple[str, int], Trial] = {}
    costs: dict[str, dict[int, Cost]] = {}
    errors: dict[str, str] = {}
    samples: dict[str, np.ndarray] = {}
    values: dict[str, Value] = {}
    # What each stack has found so far, or why it failed.
    for stack in directory.read_stacks() if directory.is_cut else ():
        record, error = directory.read_stack(stack.number), directory.error(stack.number)
        if error:
            for number, seed in stack.trials:
                name = plan.variants[number].name
                errors[name], trials[name, seed] = error, Trial(name, seed, FAILED)
            continue
        if record is None:
            continue
        values |= {value.name: value
                   for value in record.values if value.protocol or value.name not in values}
        for entry in record.trials:
            trials[entry.variant, entry.seed] = _trial(entry, record)
            if record.finished:
                costs.setdefault(entry.variant, {})[stack.number] = record.cost
        # Samples of the first seed, written when a stack is done.
        file = directory.stack_folder(stack.number) / "samples.npz"
        if file.exists():
            with np.load(file) as found:
                samples |= {str(name): found[str(place)]
                            for place, name in enumerate(found["names"])}
    # Every planned trial is in the study; those that nobody trained are missing.
    origin = directory.origin()
    variants = [Variant(variant.name, variant.levels, plan.changes(variant), plan.kimg,
                        variant.config.train.total_rounds,
                        _together(costs.get(variant.name, {}).values()),
                        samples.get(variant.name), errors.get(variant.name, ""))
                for variant in plan.variants]
    everything = [trials.get((variant.name, seed), Trial(variant.name, seed, MISSING))
                  for variant in plan.variants for seed in plan.seeds]
    packages = {**origin["packages"], **{name: str(value) for name, value in origin.items()
                                         if name not in ("packages", "command")}}
    return Study(plan.title, plan.question, plan.design, plan.variants[0].name, plan.axes, variants,
                 everything,
                 list(values.values()), command_text(origin["command"]),
                 dict(flat(plan.variants[0].config)), packages)


def _trial(entry: TrialEntry, record: StackRecord) -> Trial:
    curve = [(kimg, values) for _, kimg, values in entry.curve]
    cost = record.cost if record.finished else None
    if entry.status == DIVERGED:
        return Trial(entry.variant, entry.seed, DIVERGED, {}, curve, entry.rounds, entry.why, cost,
                     entry.kimg)
    if not record.finished:
        return Trial(entry.variant, entry.seed, MISSING, {}, curve)
    return Trial(entry.variant, entry.seed, FINISHED, curve[-1][1], curve, cost=cost)


def mean_load(parts: Iterable[tuple[float | None, float]]) -> float | None:
    """Returns the mean of loads, each over its seconds; None where none is known, or no
    time has passed."""
    known = [(load, seconds) for load, seconds in parts if load is not None and seconds > 0]
    total = sum(seconds for _, seconds in known)
    return sum(load * seconds for load, seconds in known) / total if known else None


def _together(costs: Collection[Cost]) -> Cost | None:
    """Returns what a variant cost whose trials were trained in several stacks: all seconds, the
    speed and the load over them, and the most trials and memory of a stack; None for no stack."""
    if len(costs) < 2:
        return next(iter(costs), None)
    seconds = sum(cost.seconds for cost in costs)
    images = sum(cost.images_per_second * cost.seconds for cost in costs)
    memory = [cost.memory for cost in costs if cost.memory is not None]
    return Cost(images / seconds if seconds else 0.0, seconds, max(cost.trials for cost in costs),
                max(memory, default=None), next(iter(costs)).parameters,
                mean_load((cost.load, cost.seconds) for cost in costs))
