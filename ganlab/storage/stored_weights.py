"""Weights of networks by name, from a checkpoint or a file, without building their game."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ganlab.config import ConfigError
from ganlab.pretrained import read_weights
from ganlab.storage.checkpoint_folders import choose_step
from ganlab.storage.checkpoints import Checkpoints
from ganlab.storage.run_directory import RunDirectory
from ganlab.storage.stored_arrays import named_arrays
from ganlab.types import Tree

PARAMS = "params."
"""How names of params begin; those of variables begin with a collection, such as `batch_stats.`."""


@dataclasses.dataclass(frozen=True)
class StoredWeights:
    """Weights of networks, by network and by name within it: `generator`, `params.dense.kernel`.

    Attributes:
      name: where they are from, for messages.
      step: the rounds that they were trained for, or None if that is not known.
      trained: as last trained; for each network its params and variables.
      averaged: the same for networks of which an average is kept.
      read: returns the same with NumPy arrays in place of what has only a shape and a dtype.
    """

    name: str
    step: int | None
    trained: Mapping[str, Mapping[str, Any]]
    averaged: Mapping[str, Mapping[str, Any]]
    read: Callable[[], "StoredWeights"]


def network_arrays(params: Tree, variables: Tree) -> dict[str, Any]:
    """Returns the arrays of one network by name: its params, then its variables."""
    return named_arrays({"params": params}) | named_arrays(variables)


def run_weights(workdir: str, step: int | None = None) -> StoredWeights:
    """Opens the weights of a run after `step` rounds, or the newest; reads no array yet.

    Raises:
      ConfigError: if the run or the checkpoint does not exist, or does not read.
    """
    directory = RunDirectory(workdir)
    directory.read_config()
    if not directory.checkpoints.is_dir():
        raise ConfigError(f"{workdir} holds no checkpoint yet; train there first")
    checkpoints = Checkpoints(directory.checkpoints)
    try:
        step = choose_step(checkpoints.steps, step, directory.path)
        stored = checkpoints.stored(step)
    except ConfigError:
        raise
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ConfigError(f"checkpoint {step} in {directory.checkpoints} does not read: {error}; "
                          "`ganlab checkpoints --verify` shows which do") from error
    finally:
        checkpoints.close()
    name = f"{workdir} (round {step:,})"
    return _of_parts(name, step, stored, lambda: _of_parts(
        name, step, _read(checkpoints.folder(step), stored)))


def _of_parts(name: str, step: int, stored: Mapping[str, Mapping[str, Any]],
              read: Callable[[], StoredWeights] | None = None) -> StoredWeights:
    """Returns the weights among the arrays of a checkpoint by part and name."""
    trained: dict[str, dict[str, Any]] = {}
    averaged: dict[str, dict[str, Any]] = {}
    for path, array in stored["state"].items():
        field, _, rest = path.partition(".")
        if field in ("params", "variables"):
            _add(trained, array, field, *rest.split(".", 1))
    for path, array in stored["ema"].items():
        network, field, rest = path.split(".", 2)
        _add(averaged, array, field, network, rest)
    weights = StoredWeights(name, step, trained, averaged, read or (lambda: weights))
    return weights


def _add(networks: dict[str, dict[str, Any]], array: Any, field: str, network: str,
         name: str) -> None:
    networks.setdefault(network, {})[PARAMS + name if field == "params" else name] = array


def _read(folder: Path, stored: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Reads a checkpoint's arrays as NumPy's, except large ones of optimizers."""
    import orbax.checkpoint as ocp

    found = {}
    for part, arrays in stored.items():
        wanted = {name: array if part == "ema" or name.startswith(("params.", "variables."))
                  else ocp.PLACEHOLDER
                  for name, array in arrays.items() if not isinstance(array, np.ndarray)}
        found[part] = {name: array for name, array in arrays.items() if name not in wanted}
        if not wanted:
            continue
        arguments = ocp.args.PyTreeRestore(item=wanted, restore_args=jax.tree.map(
            lambda leaf: ocp.RestoreArgs(restore_type=np.ndarray), wanted))
        try:
            with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
                found[part] |= reader.restore(folder / part, args=arguments)
        except Exception as error:  # Orbax and TensorStore share no class for unreadable files.
            raise ConfigError(f"checkpoint {folder.name} in {folder.parent} does not read: "
                              f"{str(error).strip().partition(chr(10))[0][:160]}; name "
                              "another") from error
    return found


def file_weights(path: str) -> StoredWeights:
    """Reads the weights of a file that `ganlab checkpoints --export` has written.

    Names may have got a common prefix since.

    Raises:
      ConfigError: if it does not read, or its names do not begin with a network's.
    """
    found = read_weights(path)
    networks: dict[str, dict[str, np.ndarray]] = {}
    for name, array in _without_prefix(found.tensors).items():
        network, _, rest = name.partition(".")
        networks.setdefault(network, {})[rest] = array
    if not any(name.startswith(PARAMS) for arrays in networks.values() for name in arrays):
        raise ConfigError(f"{path} holds no weights of ganlab's, whose names are such as "
                          "generator.params.dense.kernel; name a file of `ganlab checkpoints "
                          "--export`, a run's directory, or one that `ganlab import` has made of "
                          "weights of other code")
    step = found.rest.get("__metadata__.round", "")
    step = int(step) if step.isdigit() else None
    name = path if step is None else f"{path} (round {step:,})"
    weights = StoredWeights(name, step, networks, {}, lambda: weights)
    return weights


def _without_prefix(tensors: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """Removes what all names begin with, such as `state_dict`, up to the name of a network."""
    while tensors:
        parts = [name.split(".", 2) for name in tensors]
        if len({words[0] for words in parts}) > 1 or any(
                len(words) < 3 or words[1] == PARAMS[:-1] for words in parts):
            break
        tensors = {name.partition(".")[2]: array for name, array in tensors.items()}
    return tensors
