"""The weights of a game's networks by name, from a checkpoint or a file, without building the game that made them."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from ganlab.config import ConfigError
from ganlab.engine.checkpoints import Checkpoints, choose_step, named_arrays
from ganlab.engine.run_directory import RunDirectory
from ganlab.pretrained import read_weights
from ganlab.types import Tree

PARAMS = "params."
"""How names of params begin; those of variables begin with their collection, as `batch_stats.`."""


@dataclasses.dataclass(frozen=True)
class StoredWeights:
    """Weights of networks, by network and by name within it: `generator`, `params.dense.kernel`.

    Attributes:
      name: where they are from, for messages.
      step: the rounds that they were trained for, where that is known.
      trained: as last trained; of each network its params and variables.
      averaged: the same of networks of which an average is kept.
      read: the same with NumPy arrays in place of what has only a shape and a dtype.
    """

    name: str
    step: int | None
    trained: Mapping[str, Mapping[str, Any]]
    averaged: Mapping[str, Mapping[str, Any]]
    read: Callable[[], "StoredWeights"]


def network_arrays(params: Tree, variables: Tree) -> dict[str, Any]:
    """The arrays of one network by name: its params, then its variables."""
    return named_arrays({"params": params}) | named_arrays(variables)


def run_weights(workdir: str, step: int | None = None) -> StoredWeights:
    """The weights of a run after `step` rounds, or of its newest checkpoint; reads no array yet.

    Raises:
      ConfigError: if there is no such run or checkpoint, or it does not read.
    """
    directory = RunDirectory(workdir)
    directory.read_config()
    if not directory.checkpoints.is_dir():
        raise ConfigError(f"{workdir} holds no checkpoint yet; train there first")
    checkpoints = Checkpoints(directory.checkpoints)
    try:
        step = choose_step(checkpoints.steps, step, directory.path)
        shapes = checkpoints.shapes(step)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ConfigError(f"checkpoint {step} in {directory.checkpoints} does not read: {error}; "
                          "`ganlab checkpoints --verify` tells which do") from error
    finally:
        checkpoints.close()
    return _of_items(f"{workdir} (round {step:,})", step, shapes["state"], shapes["ema"],
                     lambda: _read(checkpoints.folder(step), workdir, step, shapes))


def _of_items(name: str, step: int, state: Tree, ema: Tree, read: Callable[[], StoredWeights]) -> StoredWeights:
    trained = {network: network_arrays(params, state["variables"].get(network) or {})
               for network, params in state["params"].items()}
    averaged = {network: network_arrays(entry["params"], entry["variables"] or {})
                for network, entry in (ema or {}).items()}
    return StoredWeights(name, step, trained, averaged, read)


def _read(folder: Path, workdir: str, step: int, shapes: Mapping[str, Tree]) -> StoredWeights:
    """The weights of a checkpoint in NumPy's arrays; optimizers, which may be twice as large, stay unread."""
    found = {}
    for item, tree in shapes.items():
        wanted = {part: jax.tree.map(lambda leaf, read=item == "ema" or part in ("params", "variables"):
                                     leaf if read else ocp.PLACEHOLDER, value) for part, value in tree.items()}
        arguments = ocp.args.PyTreeRestore(item=wanted, restore_args=jax.tree.map(
            lambda leaf: ocp.RestoreArgs(restore_type=np.ndarray), wanted))
        try:
            with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
                found[item] = reader.restore(folder / item, args=arguments)
        except Exception as error:  # Orbax and TensorStore share no class for a file that does not read.
            raise ConfigError(f"checkpoint {step} in {folder.parent} does not read: "
                              f"{str(error).strip().partition(chr(10))[0][:160]}; name another") from error
    weights = _of_items(f"{workdir} (round {step:,})", step, found["state"], found["ema"], lambda: weights)
    return weights


def file_weights(path: str) -> StoredWeights:
    """The weights of a file that `ganlab checkpoints --export` has written.

    Raises:
      ConfigError: if it does not read, or its names do not begin with a network's.
    """
    found = read_weights(path)
    networks: dict[str, dict[str, np.ndarray]] = {}
    for name, array in found.tensors.items():
        network, _, rest = name.partition(".")
        networks.setdefault(network, {})[rest] = array
    if not any(name.startswith(PARAMS) for arrays in networks.values() for name in arrays):
        raise ConfigError(f"{path} holds no weights of ganlab's, whose names are such as "
                          "generator.params.dense.kernel; name a file of `ganlab checkpoints --export`, or a run's "
                          "directory")
    step = found.rest.get("__metadata__.round", "")
    step = int(step) if step.isdigit() else None
    name = path if step is None else f"{path} (round {step:,})"
    weights = StoredWeights(name, step, networks, {}, lambda: weights)
    return weights
