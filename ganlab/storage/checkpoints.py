"""Checkpoints of a run by Orbax: the state, and the averaged generator as an item of its own."""

import contextlib
import errno
import math
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from ganlab.config import ConfigError
from ganlab.game import FAULT, GameState
from ganlab.machine.distributed import leads, wait_for_all
from ganlab.storage.checkpoint_folders import step_folders, stored_metrics
from ganlab.storage.checksums import CHANGED, MISSING, damage, write_checksums
from ganlab.storage.small_arrays import ITEM, is_small, read_small
from ganlab.storage.stored_arrays import (
    array_text,
    name_of,
    named_arrays,
    parts_of,
    placed,
    stored_form,
)
from ganlab.storage.writing import REMEDY, writing
from ganlab.types import Tree

PARTS = ("state", "ema")


class Best(NamedTuple):
    """The value by which a checkpoint is kept however old it is."""

    name: str
    lower: bool
    """Whether lower is better."""

    def of(self, metrics: Mapping[str, float] | None) -> float:
        """Returns the value of a checkpoint's metrics; the worst if it is NaN or not measured."""
        value = (metrics or {}).get(self.name, math.nan)
        return (math.inf if self.lower else -math.inf) if math.isnan(value) else value


class Checkpoints:
    """Checkpoints by rounds played. Saving returns before the files are written; closing waits.

    A checkpoint has two parts. `state` is the state without its averages; `ema` has the averaged
    params of each network with the variables they need, so that sampling reads it alone. The small
    arrays of a part are in one file, see `small_arrays`; others, if any, are an item of Orbax.
    """

    def __init__(self, directory: Path, keep: int | None = None, best: Best | None = None,
                 keep_every: int = 0):
        """Opens the checkpoints in a directory: to read; or, with `keep`, to write.

        Kept are the `keep` newest, the best, and those after a multiple of `keep_every` rounds.
        """
        # Imported where it is used, here and below: Orbax takes 25 MB and a sixth of a second.
        import orbax.checkpoint as ocp
        from orbax.checkpoint.checkpoint_managers import (
            AnyPreservationPolicy, BestN, EveryNSteps, LatestN)

        from ganlab.storage.small_arrays_item import SmallArrays

        # What is kept. Opening to write removes what is half saved, be it by a training that runs.
        options = ocp.CheckpointManagerOptions(read_only=True)
        if keep is not None:
            kept = [LatestN(keep), *([EveryNSteps(keep_every)] if keep_every else [])]
            measured = {}
            if best is not None:
                kept.append(BestN(get_metric_fn=best.of, reverse=best.lower, n=1,
                                  keep_checkpoints_without_metrics=False))
                # Without this the manager writes no metrics, and the next start loses the best.
                measured = {"best_fn": best.of, "best_mode": "min" if best.lower else "max"}
            options = ocp.CheckpointManagerOptions(
                preservation_policy=AnyPreservationPolicy(kept), create=True, **measured)
        self._directory = directory.absolute()
        # Orbax does not open a directory if one checkpoint's metrics do not read.
        self._set_aside = []
        for step, folder in step_folders(self._directory).items():
            if stored_metrics(folder) is None:
                if keep is None:
                    raise ConfigError(
                        f"checkpoint {step} in {directory} does not read: its metrics are damaged; "
                        "resume training to set it aside, or move it away")
                self._move_aside(step)
                self._set_aside.append(step)
        self._hashing: threading.Thread | None = None
        self._failed: Exception | None = None
        self._manager = ocp.CheckpointManager(self._directory, options=options, item_handlers={
            ITEM: SmallArrays(), **{part: ocp.StandardCheckpointHandler() for part in PARTS}})

    @property
    def latest(self) -> int | None:
        """Rounds of the newest complete checkpoint, or None."""
        return self._manager.latest_step()

    @property
    def steps(self) -> list[int]:
        """Rounds of all complete checkpoints."""
        return sorted(self._manager.all_steps())

    def save(self, step: int, state: GameState, metrics: Mapping[str, float] | None = None) -> None:
        """Saves the state after `step` rounds, if it is not saved yet, with what was measured."""
        import orbax.checkpoint as ocp

        from ganlab.storage.small_arrays_item import SaveSmall

        if step == self.latest:
            return
        # The old checkpoint that this save removes must not be read meanwhile.
        self._wait_for_checksums()
        small, items = {}, {}
        for part, tree in parts_of(state).items():
            arrays = {name: stored_form(leaf) for name, leaf in named_arrays(tree).items()}
            small[part] = {name: array for name, array in arrays.items() if is_small(array)}
            if large := {name: array for name, array in arrays.items() if name not in small[part]}:
                items[part] = ocp.args.StandardSave(large)
        items[ITEM] = SaveSmall(small)
        with self._saving():
            saving = self._manager.save(step, args=ocp.args.Composite(**items),
                                        metrics=metrics and dict(metrics))
        if saving and leads():
            self._hashing = threading.Thread(target=self._write_checksums, args=(step,), daemon=True)
            self._hashing.start()

    def _write_checksums(self, step: int) -> None:
        """Waits for a save, then reads it again for its checksums; in a thread of its own."""
        try:
            self._manager.wait_until_finished()
        except Exception as error:  # Orbax raises it only once, so it is kept for the next call.
            self._failed = error
            return
        with contextlib.suppress(Exception):  # A checkpoint without checksums is a checkpoint.
            write_checksums(self.folder(step))

    def _wait_for_checksums(self) -> None:
        """Waits for the thread; raises what its save raised, as `wait` does."""
        if self._hashing is not None:
            self._hashing.join()
        failed, self._failed = self._failed, None
        if failed is not None:
            with self._saving():
                raise failed

    def folder(self, step: int) -> Path:
        """Returns the folder of a checkpoint's files."""
        return self._directory / str(step)

    def stored(self, step: int, parts: Sequence[str] = PARTS) -> dict[str, dict[str, Any]]:
        """Returns arrays of a checkpoint by part and by name, `params.generator.dense.kernel`.

        Small ones are NumPy's; others are not read here and have only a shape and a dtype.

        Raises:
          ConfigError: if it was written by a ganlab with another format.
        """
        if not (self.folder(step) / ITEM).is_dir() and (self.folder(step) / "state/_METADATA").exists():
            raise ConfigError(f"checkpoint {step} in {self._directory} is of an older ganlab, "
                              "which wrote other files; use that of versions.json beside it, or "
                              "train in another --workdir")
        arrays = {part: read_small(self.folder(step), part) for part in parts}
        if large := [part for part in parts if (self.folder(step) / part).is_dir()]:
            found = self._manager.item_metadata(step)
            arrays |= {part: arrays[part] | dict(found[part].tree) for part in large}
        return arrays

    def _check_fits(self, step: int, like: GameState, found: Mapping[str, Mapping[str, Any]]) -> None:
        """Refuses arrays of another type or shape, which Orbax would cast, pad or cut silently."""
        stored = {f"{part}.{name}": array for part, arrays in found.items()
                  for name, array in arrays.items()}
        like = {part: tree for part, tree in parts_of(like).items() if part in found}
        wanted = {name: jax.eval_shape(stored_form, leaf) for name, leaf in named_arrays(like).items()}
        wrong = [f"{name} is {array_text(stored[name])} there and {array_text(leaf)} here"
                 for name, leaf in wanted.items() if name in stored
                 and (stored[name].shape, stored[name].dtype) != (leaf.shape, leaf.dtype)]
        wrong += [f"{name} is not there" for name in wanted if name not in stored]
        wrong += [f"{name} is not here" for name in stored if name not in wanted]
        if wrong:
            more = f", and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            raise ConfigError(f"checkpoint {step} in {self._directory} holds other arrays than the "
                              f"game of its config has now: {', '.join(wrong[:3])}{more}; use the "
                              "ganlab and the JAX settings of versions.json beside it, or train in "
                              "another --workdir")

    def wait(self) -> None:
        """Waits until what was saved is on the disk.

        Raises:
          OSError: if that failed; earlier checkpoints are as they were.
        """
        self._wait_for_checksums()
        with self._saving():
            self._manager.wait_until_finished()

    @contextlib.contextmanager
    def _saving(self) -> Iterator[None]:
        """Raises OSError for a failed write, for which Orbax and TensorStore have many classes."""
        try:
            with writing(self._directory):
                yield
        except Exception as error:
            if isinstance(error, OSError) and error.filename == str(self._directory):
                raise
            raise OSError(errno.EIO, f"a checkpoint could not be written ({_brief(error)}); "
                          f"{REMEDY}", str(self._directory)) from error

    def restore(self, step: int, like: GameState) -> GameState:
        """Reads the state after `step` rounds, with the shardings of `like`.

        Raises:
          ConfigError: if its arrays are not of the names, shapes and types of `like`.
        """
        found = self._restored(step, like, PARTS)
        ema = {name: entry["params"] for name, entry in found["ema"].items()}
        ema_variables = {name: found["ema"][name]["variables"] for name in like.ema_variables}
        state = GameState(**found["state"], ema=ema, ema_variables=ema_variables)
        fault = {FAULT: like.memory[FAULT]} if FAULT in like.memory else {}
        return state.replace(memory={**state.memory, **fault})

    def _restored(self, step: int, like: GameState, parts: Sequence[str]) -> dict[str, Tree]:
        """Reads parts of a checkpoint as trees, sharded as `like`; errors as of `restore`."""
        import orbax.checkpoint as ocp

        stored, trees = self.stored(step, parts), {}
        self._check_fits(step, like, stored)
        for part in parts:
            arrays, wanted = stored[part], parts_of(like)[part]
            if large := {name: ocp.utils.to_shape_dtype_struct(leaf)
                         for name, leaf in named_arrays(wanted).items()
                         if not isinstance(arrays[name], np.ndarray)}:
                arrays |= self._manager.restore(step, args=ocp.args.Composite(**{
                    part: ocp.args.StandardRestore(large)}))[part]
            trees[part] = jax.tree_util.tree_map_with_path(
                lambda path, leaf, arrays=arrays: placed(arrays[name_of(path)], leaf), wanted)
        return trees

    def restore_newest(self, like: GameState, say: Callable[[str], None]) -> tuple[int, GameState] | None:
        """Reads rounds and state of the newest checkpoint that reads; None if none exists.

        Newer ones, which do not read, are moved aside: the run plays the rounds since the older one
        again, to the same numbers, and saves them again.

        Args:
          like: a state of the shapes, types and shardings to restore.
          say: called with a line on each checkpoint that does not read, and why.

        Raises:
          ConfigError: if none of them reads, or one is of another game; then none is moved.
        """
        damaged = []  # From the newest one back, until one reads.
        for step in self._set_aside:
            say(f"checkpoint {step} does not read: its metrics are damaged; it is set aside as "
                f"{_aside(step)}")
        for step in reversed(self.steps):
            try:
                # A changed file may still read, to other numbers; an extra one changes no number.
                words = damage(self.folder(step)) or ()
                if altered := [text for text in words if text.endswith((CHANGED, MISSING))]:
                    raise OSError(", ".join(altered))
                state = self.restore(step, like)
            except ConfigError:
                raise
            except Exception as error:  # Orbax and TensorStore share no class for unreadable files.
                say(f"checkpoint {step} does not read: {_brief(error)}")
                damaged.append(step)
                continue
            for number in damaged:  # The older one is the newest once these are moved aside.
                self._move_aside(number)
                say(f"checkpoint {number} is set aside as {_aside(number)}")
            wait_for_all("damaged checkpoints are set aside")
            self._manager.reload()
            return step, state
        if damaged:
            raise ConfigError(f"no checkpoint in {self._directory} reads; restore them from a "
                              "copy, or train in another --workdir")
        return None

    def _move_aside(self, step: int) -> None:
        aside = self._directory.parent / _aside(step)
        if leads():
            shutil.rmtree(aside, ignore_errors=True)
            self.folder(step).rename(aside)

    def restore_network(self, network: str, step: int, like: GameState, ema: bool) -> tuple[Tree, Tree]:
        """Reads `(params, variables)` of one network after `step` rounds, averaged or as trained.

        Raises:
          ConfigError: if the checkpoint does not read, or is of another game.
        """
        try:
            if not ema:
                state = self.restore(step, like)
                return state.params[network], state.variables[network]
            averaged = self._restored(step, like, ("ema",))["ema"][network]
        except ConfigError:
            raise
        except Exception as error:  # As above.
            others = [str(other) for other in self.steps if other != step]
            raise ConfigError(f"checkpoint {step} in {self._directory} does not read: "
                              f"{_brief(error)}; name another by --step: "
                              f"{', '.join(others) or 'there is none'}") from error
        return averaged["params"], averaged["variables"]

    def close(self) -> None:
        """Waits until everything is on the disk; errors as of `wait`."""
        try:
            self.wait()
        finally:
            with self._saving():
                self._manager.close()


def _brief(error: Exception) -> str:
    """Returns a part of an error's first line: TensorStore appends an array's whole description."""
    return str(error).strip().partition("\n")[0][:160]


def _aside(step: int) -> str:
    """Returns the name of a damaged checkpoint's folder, beside the folder of all checkpoints."""
    return f"damaged_checkpoint_{step}"
