"""Checkpoints of a run by Orbax: the state, and the averaged generator as an item of its own."""

import contextlib
import errno
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, EveryNSteps, LatestN

from ganlab.config import ConfigError
from ganlab.engine.writing import REMEDY, writing
from ganlab.game import FAULT, GameState
from ganlab.types import Tree


class Best(NamedTuple):
    """The value by which a checkpoint is kept however old it is."""

    name: str
    lower: bool
    """Whether lower is better."""

    def of(self, metrics: Mapping[str, float] | None) -> float:
        """The value of a checkpoint's metrics; the worst where it was not measured, or is no number."""
        value = (metrics or {}).get(self.name, math.nan)
        return (math.inf if self.lower else -math.inf) if math.isnan(value) else value


class Checkpoints:
    """Numbered by rounds played. Saving returns before the writing is done; closing waits for it.

    The item `state` is the state without its averages. The item `ema` has the averaged
    params of each network with the variables they need, so that sampling reads it alone.
    """

    def __init__(self, directory: Path, keep: int | None = None, best: Best | None = None, keep_every: int = 0):
        """Opens the checkpoints in a directory: to read; or, with `keep`, to write.

        Then the `keep` newest are kept, the best, and those after a multiple of `keep_every` rounds.
        """
        # Opening to write clears away what a crash left half saved, and so what a running training is saving.
        options = ocp.CheckpointManagerOptions(read_only=True)
        if keep is not None:
            kept = [LatestN(keep), *([EveryNSteps(keep_every)] if keep_every else [])]
            measured = {}
            if best is not None:
                kept.append(BestN(get_metric_fn=best.of, reverse=best.lower, n=1,
                                  keep_checkpoints_without_metrics=False))
                # Without a function of its own the manager writes no metrics, and the best is lost at the next start.
                measured = {"best_fn": best.of, "best_mode": "min" if best.lower else "max"}
            options = ocp.CheckpointManagerOptions(preservation_policy=AnyPreservationPolicy(kept), create=True, **measured)
        self._directory = directory.absolute()
        self._manager = ocp.CheckpointManager(self._directory, options=options, item_names=("state", "ema"))

    @property
    def latest(self) -> int | None:
        """The newest complete checkpoint's rounds, or None."""
        return self._manager.latest_step()

    @property
    def steps(self) -> list[int]:
        """Rounds of all complete checkpoints."""
        return sorted(self._manager.all_steps())

    def save(self, step: int, state: GameState, metrics: Mapping[str, float] | None = None) -> None:
        """Saves the state after `step` rounds, if that is not saved already, with what was measured of it."""
        if step == self.latest:
            return
        items = {name: ocp.args.StandardSave(tree) for name, tree in _items(state).items()}
        with self._saving():
            self._manager.save(step, args=ocp.args.Composite(**items), metrics=metrics and dict(metrics))

    def wait(self) -> None:
        """Waits until what was saved is on the disk.

        Raises:
          OSError: if that failed; the checkpoints from before are as they were.
        """
        with self._saving():
            self._manager.wait_until_finished()

    @contextlib.contextmanager
    def _saving(self) -> Iterator[None]:
        """Has one kind of error for a disk that does not take a checkpoint, of which Orbax and TensorStore have many."""
        try:
            with writing(self._directory):
                yield
        except Exception as error:
            if isinstance(error, OSError) and error.filename == str(self._directory):
                raise
            raise OSError(errno.EIO, f"a checkpoint could not be written ({_brief(error)}); {REMEDY}",
                          str(self._directory)) from error

    def restore(self, step: int, like: GameState) -> GameState:
        """The state after `step` rounds, with the shapes, types and shardings of `like`."""
        abstract = {name: ocp.args.StandardRestore(jax.tree.map(ocp.utils.to_shape_dtype_struct, tree))
                    for name, tree in _items(like).items()}
        found = self._manager.restore(step, args=ocp.args.Composite(**abstract))
        ema = {name: entry["params"] for name, entry in found["ema"].items()}
        state = GameState(**found["state"], ema=ema)
        fault = {FAULT: like.memory[FAULT]} if FAULT in like.memory else {}
        return state.replace(memory={**state.memory, **fault})

    def restore_newest(self, like: GameState, say: Callable[[str], None]) -> tuple[int, GameState] | None:
        """Rounds and state of the newest checkpoint that reads, or None where there is none at all.

        Newer ones, which do not read, are moved out of the way: the run plays the rounds
        since the older one again, to the same numbers, and saves them anew.

        Args:
          like: a state of the shapes, types and shardings to restore.
          say: told which checkpoints do not read, and why.

        Raises:
          ConfigError: if there are checkpoints and none reads; then none is moved.
        """
        damaged = []
        for step in reversed(self.steps):
            try:
                state = self.restore(step, like)
            except Exception as error:  # Orbax and TensorStore share no class for a file that does not read.
                say(f"checkpoint {step} does not read: {_brief(error)}")
                damaged.append(step)
                continue
            for number in damaged:
                aside = self._directory.parent / f"damaged_checkpoint_{number}"
                shutil.rmtree(aside, ignore_errors=True)
                (self._directory / str(number)).rename(aside)
                say(f"checkpoint {number} is set aside as {aside.name}")
            self._manager.reload()
            return step, state
        if damaged:
            raise ConfigError(f"no checkpoint in {self._directory} reads; restore them from a copy, or train in "
                              "another --workdir")
        return None

    def restore_network(self, network: str, step: int, like: GameState, ema: bool) -> tuple[Tree, Tree]:
        """`(params, variables)` of one network after `step` rounds, averaged or as trained.

        Raises:
          ConfigError: if the checkpoint does not read.
        """
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, _items(like)["ema"])
        try:
            if not ema:
                state = self.restore(step, like)
                return state.params[network], state.variables[network]
            found = self._manager.restore(step, args=ocp.args.Composite(ema=ocp.args.StandardRestore(abstract)))
        except Exception as error:  # As above.
            others = [str(other) for other in self.steps if other != step]
            raise ConfigError(f"checkpoint {step} in {self._directory} does not read: {_brief(error)}; "
                              f"name another by --step: {', '.join(others) or 'there is none'}") from error
        return found["ema"][network]["params"], found["ema"][network]["variables"]

    def close(self) -> None:
        """Waits until everything is on the disk; errors as of `wait`."""
        try:
            self.wait()
        finally:
            with self._saving():
                self._manager.close()


def _brief(error: Exception) -> str:
    """The first line of an error, cut: TensorStore appends the whole description of an array."""
    return str(error).strip().partition("\n")[0][:160]


def _items(state: GameState) -> dict[str, Tree]:
    fields = {name: getattr(state, name) for name in state.__dataclass_fields__ if name != "ema"}
    # Only a state that is not at fault is saved, or one from before the fault.
    fields["memory"] = {name: entry for name, entry in state.memory.items() if name != FAULT}
    ema = {name: {"params": params, "variables": state.variables[name]} for name, params in state.ema.items()}
    return {"state": fields, "ema": ema}


def rounds_saved(directory: Path) -> int:
    """Rounds of the newest checkpoint in a directory, 0 without one."""
    if not directory.is_dir():
        return 0
    checkpoints = Checkpoints(directory)
    checkpoints.close()
    return checkpoints.latest or 0


def choose_step(checkpoints: Checkpoints, wanted: int | None, directory: Path) -> int:
    """The checkpoint to read: `wanted`, or the newest.

    Raises:
      ConfigError: where there is none such.
    """
    if checkpoints.latest is None:
        raise ConfigError(f"{directory} holds no checkpoint yet; train there first")
    if wanted is not None and wanted not in checkpoints.steps:
        raise ConfigError(f"{directory} has no checkpoint after {wanted} rounds; it has "
                          f"{', '.join(map(str, checkpoints.steps))}")
    return checkpoints.latest if wanted is None else wanted
