"""Checkpoints of a run by Orbax: the state, and the averaged generator as an item of its own."""

import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, LatestN

from ganlab.config import ConfigError
from ganlab.engine.distributed import leads, wait_for_all
from ganlab.game import GameState
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

    def __init__(self, directory: Path, keep: int | None = None, best: Best | None = None):
        """Opens the checkpoints in a directory: to read; or, with `keep`, to write, keeping the newest and the best."""
        # Opening to write clears away what a crash left half saved, and so what a running training is saving.
        options = ocp.CheckpointManagerOptions(read_only=True)
        if keep is not None and best is None:
            options = ocp.CheckpointManagerOptions(max_to_keep=keep, create=True)
        elif keep is not None:
            policy = AnyPreservationPolicy([LatestN(keep), BestN(get_metric_fn=best.of, reverse=best.lower, n=1,
                                                                 keep_checkpoints_without_metrics=False)])
            # Without a function of its own the manager writes no metrics, and the best is lost at the next start.
            options = ocp.CheckpointManagerOptions(preservation_policy=policy, create=True, best_fn=best.of,
                                                   best_mode="min" if best.lower else "max")
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
        self._manager.save(step, args=ocp.args.Composite(**items), metrics=metrics and dict(metrics))

    def restore(self, step: int, like: GameState) -> GameState:
        """The state after `step` rounds, with the shapes, types and shardings of `like`."""
        abstract = {name: ocp.args.StandardRestore(jax.tree.map(ocp.utils.to_shape_dtype_struct, tree))
                    for name, tree in _items(like).items()}
        found = self._manager.restore(step, args=ocp.args.Composite(**abstract))
        ema = {name: entry["params"] for name, entry in found["ema"].items()}
        return GameState(**found["state"], ema=ema)

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
                if leads():
                    shutil.rmtree(aside, ignore_errors=True)
                    (self._directory / str(number)).rename(aside)
                say(f"checkpoint {number} is set aside as {aside.name}")
            wait_for_all("damaged checkpoints are set aside")
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
        """Waits until everything is on the disk."""
        self._manager.wait_until_finished()
        self._manager.close()


def _brief(error: Exception) -> str:
    """The first line of an error, cut: TensorStore appends the whole description of an array."""
    return str(error).strip().partition("\n")[0][:160]


def _items(state: GameState) -> dict[str, Tree]:
    fields = {name: getattr(state, name) for name in state.__dataclass_fields__ if name != "ema"}
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
