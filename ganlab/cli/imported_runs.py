"""A run of imported weights: a state as training would begin with it, whole or not at all."""

import contextlib
import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import ml_collections

from ganlab.game import Game, GameState, Network, init_state
from ganlab.output import whole_folder, write_atomically
from ganlab.storage import Checkpoints, RunDirectory
from ganlab.types import Array, Tree

PROVENANCE = "import.json"


@dataclasses.dataclass(frozen=True)
class _Known(Network):
    """A network that starts from variables that are given, if they are."""

    variables: Any = None

    def init(self, key: Array) -> tuple[Tree, Tree]:
        """Returns the given params and variables, or draws them."""
        if self.variables is None:
            return super().init(key)
        return self.variables["params"], _without_params(self.variables)


def shapes_of(game: Game, network: str) -> Tree:
    """Returns the shapes of a network's variables, with its params among the collections."""
    params, variables = game.networks[network].shapes
    return {"params": params, **variables}


def write_run(place: Path, config: ml_collections.ConfigDict, game: Game,
              taken: Mapping[str, Any], provenance: Mapping[str, Any],
              averaged: Mapping[str, Any] | None = None) -> None:
    """Writes a run at round 0 with weights in their places; all others are new.

    Args:
      place: its directory, new or empty.
      config: of the run.
      game: of the config.
      taken: variables by network, with `params` among the collections.
      provenance: where they are from, for `import.json`.
      averaged: those of averages; of networks that are left out, their own.
    """
    state = _with_averages(_start(game, taken, config.seed), averaged or {})
    # The run is whole or not there at all.
    directory = RunDirectory(place)
    with whole_folder(place):
        directory.write(config, sys.argv)
        write_atomically(place / PROVENANCE, json.dumps(provenance, indent=2) + "\n")
        with contextlib.closing(Checkpoints(directory.checkpoints, keep=1)) as checkpoints:
            checkpoints.save(0, state)


def _start(game: Game, taken: Mapping[str, Any], seed: int) -> GameState:
    """Computes the state before the first round, of which given variables are a part.

    Only networks without weights are drawn: a program that draws all of them takes seconds to
    compile, and so does each small operation of an optimizer's start by itself.
    """
    def start(taken: Mapping[str, Any], key: Array) -> GameState:
        known = {name: _Known(network.module, network.inputs, variables=taken.get(name))
                 for name, network in game.networks.items()}
        return init_state(dataclasses.replace(game, networks=known), key)

    return jax.jit(start)(dict(taken), jax.random.key(seed))


def _with_averages(state: GameState, averaged: Mapping[str, Any]) -> GameState:
    """Returns a state with other averages of some networks."""
    averaged = jax.device_put({name: tree for name, tree in averaged.items() if name in state.ema})
    ema = {name: tree["params"] for name, tree in averaged.items()}
    ema_variables = {name: _without_params(tree) for name, tree in averaged.items()
                     if name in state.ema_variables}
    return state.replace(ema={**state.ema, **ema},
                         ema_variables={**state.ema_variables, **ema_variables})


def _without_params(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {collection: values for collection, values in tree.items() if collection != "params"}
