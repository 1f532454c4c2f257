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
from ganlab.storage.writing import REMEDY, writing
from ganlab.types import Tree

PARTS = ("state", "ema")


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

    A checkpoint has two parts. `state` is the state without its averages; `ema` has the averaged
    params of each network with the variables they need, so that sampling reads it alone. Small
    arrays lie in a file a part, see `small_arrays`; the others, if any, are an item of Orbax a part.
    """

    def __init__(self, directory: Path, keep: int | None = None, best: Best | None = None, keep_every: int = 0):
        """Opens the checkpoints in a directory: to read; or, with `keep`, to write.

        Then the `keep` newest are kept, the best, and those after a multiple of `keep_every` rounds.
        """
        # Here and below, because Orbax takes 25 MB and a sixth of a second: what neither saves nor reads spares them.
        import orbax.checkpoint as ocp
        from orbax.checkpoint.checkpoint_managers import (
            AnyPreservationPolicy,
            BestN,
            EveryNSteps,
            LatestN,
        )

        from ganlab.storage.small_arrays_item import SmallArrays

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
            options = ocp.CheckpointManagerOptions(preservation_policy=AnyPreservationPolicy(kept), create=True,
                                                   **measured)
        self._directory = directory.absolute()
        # Orbax opens no directory where one checkpoint's metrics do not read.
        self._set_aside = []
        for step, folder in step_folders(self._directory).items():
            if stored_metrics(folder) is None:
                if keep is None:
                    raise ConfigError(f"checkpoint {step} in {directory} does not read: its metrics are damaged; "
                                      "training on sets it aside, or move it away")
                self._move_aside(step)
                self._set_aside.append(step)
        self._hashing: threading.Thread | None = None
        self._failed: Exception | None = None
        self._manager = ocp.CheckpointManager(self._directory, options=options, item_handlers={
            ITEM: SmallArrays(), **{part: ocp.StandardCheckpointHandler() for part in PARTS}})

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
        import orbax.checkpoint as ocp

        from ganlab.storage.small_arrays_item import SaveSmall

        if step == self.latest:
            return
        # What this save pushes out may not be read any more when it goes.
        self._wait_for_checksums()
        small, items = {}, {}
        for part, tree in _parts(state).items():
            arrays = {name: _plain(leaf) for name, leaf in named_arrays(tree).items()}
            small[part] = {name: array for name, array in arrays.items() if is_small(array)}
            if large := {name: array for name, array in arrays.items() if name not in small[part]}:
                items[part] = ocp.args.StandardSave(large)
        items[ITEM] = SaveSmall(small)
        with self._saving():
            saving = self._manager.save(step, args=ocp.args.Composite(**items), metrics=metrics and dict(metrics))
        if saving and leads():
            self._hashing = threading.Thread(target=self._write_checksums, args=(step,), daemon=True)
            self._hashing.start()

    def _write_checksums(self, step: int) -> None:
        """Waits for a save, then reads it again for its checksums; in a thread of its own."""
        try:
            self._manager.wait_until_finished()
        except Exception as error:  # Orbax tells it once, and here nobody hears it.
            self._failed = error
            return
        with contextlib.suppress(Exception):  # A checkpoint without checksums is a checkpoint.
            write_checksums(self.folder(step))

    def _wait_for_checksums(self) -> None:
        """Waits for the thread; raises, as `wait`, what it heard of its save."""
        if self._hashing is not None:
            self._hashing.join()
        failed, self._failed = self._failed, None
        if failed is not None:
            with self._saving():
                raise failed

    def folder(self, step: int) -> Path:
        """Where the files of a checkpoint are."""
        return self._directory / str(step)

    def stored(self, step: int, parts: Sequence[str] = PARTS) -> dict[str, dict[str, Any]]:
        """The arrays of parts of a checkpoint by part and by name, `params.generator.dense.kernel`.

        Small ones are NumPy's; of those that are not read here there is a shape and a dtype.

        Raises:
          ConfigError: if it is of a ganlab that wrote another format.
        """
        if not (self.folder(step) / ITEM).is_dir() and (self.folder(step) / "state/_METADATA").exists():
            raise ConfigError(f"checkpoint {step} in {self._directory} is of an older ganlab, which kept every array "
                              "apart; use that of versions.json beside it, or train in another --workdir")
        arrays = {part: read_small(self.folder(step), part) for part in parts}
        if large := [part for part in parts if (self.folder(step) / part).is_dir()]:
            found = self._manager.item_metadata(step)
            arrays |= {part: arrays[part] | dict(found[part].tree) for part in large}
        return arrays

    def _check_fits(self, step: int, like: GameState, found: Mapping[str, Mapping[str, Any]]) -> None:
        """Refuses arrays of another type or shape, which Orbax would cast, or fill up and cut, without a word."""
        stored = {f"{part}.{name}": array for part, arrays in found.items() for name, array in arrays.items()}
        like = {part: tree for part, tree in _parts(like).items() if part in found}
        wanted = {name: jax.eval_shape(_plain, leaf) for name, leaf in named_arrays(like).items()}
        wrong = [f"{name} is {array_text(stored[name])} there and {array_text(leaf)} here"
                 for name, leaf in wanted.items()
                 if name in stored and (stored[name].shape, stored[name].dtype) != (leaf.shape, leaf.dtype)]
        wrong += [f"{name} is not there" for name in wanted if name not in stored]
        wrong += [f"{name} is not here" for name in stored if name not in wanted]
        if wrong:
            more = f", and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            raise ConfigError(f"checkpoint {step} in {self._directory} holds other arrays than the game of its config "
                              f"has now: {', '.join(wrong[:3])}{more}; use the ganlab and the JAX settings that "
                              "versions.json beside it tells, or train in another --workdir")

    def wait(self) -> None:
        """Waits until what was saved is on the disk.

        Raises:
          OSError: if that failed; the checkpoints from before are as they were.
        """
        self._wait_for_checksums()
        with self._saving():
            self._manager.wait_until_finished()

    @contextlib.contextmanager
    def _saving(self) -> Iterator[None]:
        """Has one kind of error for a disk that takes no checkpoint, of which Orbax and TensorStore have many."""
        try:
            with writing(self._directory):
                yield
        except Exception as error:
            if isinstance(error, OSError) and error.filename == str(self._directory):
                raise
            raise OSError(errno.EIO, f"a checkpoint could not be written ({_brief(error)}); {REMEDY}",
                          str(self._directory)) from error

    def restore(self, step: int, like: GameState) -> GameState:
        """The state after `step` rounds, with the shardings of `like`.

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
        """Parts of a checkpoint as trees, each array where that of `like` is; errors as of `restore`."""
        import orbax.checkpoint as ocp

        stored, trees = self.stored(step, parts), {}
        self._check_fits(step, like, stored)
        for part in parts:
            arrays, wanted = stored[part], _parts(like)[part]
            if large := {name: ocp.utils.to_shape_dtype_struct(leaf) for name, leaf in named_arrays(wanted).items()
                         if not isinstance(arrays[name], np.ndarray)}:
                arrays |= self._manager.restore(step, args=ocp.args.Composite(**{
                    part: ocp.args.StandardRestore(large)}))[part]
            trees[part] = jax.tree_util.tree_map_with_path(
                lambda path, leaf, arrays=arrays: _placed(arrays[_name(path)], leaf), wanted)
        return trees

    def restore_newest(self, like: GameState, say: Callable[[str], None]) -> tuple[int, GameState] | None:
        """Rounds and state of the newest checkpoint that reads, or None where there is none at all.

        Newer ones, which do not read, are moved out of the way: the run plays the rounds
        since the older one again, to the same numbers, and saves them anew.

        Args:
          like: a state of the shapes, types and shardings to restore.
          say: told which checkpoints do not read, and why.

        Raises:
          ConfigError: if there are checkpoints and none reads, or one is of another game; then none is moved.
        """
        damaged = []
        for step in self._set_aside:
            say(f"checkpoint {step} does not read: its metrics are damaged; it is set aside as {_aside(step)}")
        for step in reversed(self.steps):
            try:
                # A file that was altered may still read, to other numbers; one too many changes none, nor do checksums
                # that are damaged themselves.
                words = damage(self.folder(step)) or ()
                if altered := [text for text in words if text.endswith((CHANGED, MISSING))]:
                    raise OSError(", ".join(altered))
                state = self.restore(step, like)
            except ConfigError:
                raise
            except Exception as error:  # Orbax and TensorStore share no class for a file that does not read.
                say(f"checkpoint {step} does not read: {_brief(error)}")
                damaged.append(step)
                continue
            for number in damaged:
                self._move_aside(number)
                say(f"checkpoint {number} is set aside as {_aside(number)}")
            wait_for_all("damaged checkpoints are set aside")
            self._manager.reload()
            return step, state
        if damaged:
            raise ConfigError(f"no checkpoint in {self._directory} reads; restore them from a copy, or train in "
                              "another --workdir")
        return None

    def _move_aside(self, step: int) -> None:
        aside = self._directory.parent / _aside(step)
        if leads():
            shutil.rmtree(aside, ignore_errors=True)
            self.folder(step).rename(aside)

    def restore_network(self, network: str, step: int, like: GameState, ema: bool) -> tuple[Tree, Tree]:
        """`(params, variables)` of one network after `step` rounds, averaged or as trained.

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
            raise ConfigError(f"checkpoint {step} in {self._directory} does not read: {_brief(error)}; "
                              f"name another by --step: {', '.join(others) or 'there is none'}") from error
        return averaged["params"], averaged["variables"]

    def close(self) -> None:
        """Waits until everything is on the disk; errors as of `wait`."""
        try:
            self.wait()
        finally:
            with self._saving():
                self._manager.close()


def named_arrays(tree: Tree) -> dict[str, Any]:
    """The leaves of a tree by their paths, joined by dots: `params.generator.dense.kernel`."""
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]}


def _name(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _plain(leaf: jax.Array) -> jax.Array:
    """An array as it is stored: of a random key, its numbers."""
    return jax.random.key_data(leaf) if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def _placed(array: np.ndarray | jax.Array, like: jax.Array | jax.ShapeDtypeStruct) -> jax.Array:
    """A stored array where another one is, of which it has the type and shape."""
    if not isinstance(array, np.ndarray):
        return array
    sharding = like.sharding or jax.sharding.SingleDeviceSharding(jax.devices()[0])
    # Copies: what is read may be one piece of memory, and rounds write into theirs.
    placed = jax.make_array_from_callback(array.shape, sharding, lambda index: np.array(array[index]))
    # Keys are of JAX's default kind, as a run's first one is; numbers of another kind have another shape.
    return jax.random.wrap_key_data(placed) if jax.dtypes.issubdtype(like.dtype, jax.dtypes.prng_key) else placed


def array_text(array: Any) -> str:
    """Type and shape of an array, as `float32 (64, 10)`."""
    return f"{array.dtype} {tuple(array.shape)}"


def _brief(error: Exception) -> str:
    """The first line of an error, cut: TensorStore appends the whole description of an array."""
    return str(error).strip().partition("\n")[0][:160]


def _parts(state: GameState) -> dict[str, Tree]:
    fields = {name: getattr(state, name) for name in state.__dataclass_fields__
              if name not in ("ema", "ema_variables")}
    # Only a state that is not at fault is saved, or one from before the fault.
    fields["memory"] = {name: entry for name, entry in state.memory.items() if name != FAULT}
    # Averages of their own, or what the network called like the average has.
    variables = {**state.variables, **state.ema_variables}
    ema = {name: {"params": params, "variables": variables.get(name, {})} for name, params in state.ema.items()}
    return {"state": fields, "ema": ema}


def _aside(step: int) -> str:
    """What the folder of a damaged checkpoint is called, beside those of the others."""
    return f"damaged_checkpoint_{step}"
