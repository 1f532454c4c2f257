"""Starting from weights of another run or a file: what fits is taken, in the game's types."""

import collections
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.config import ConfigError, unknown
from ganlab.game import Game, GameState, init_state
from ganlab.output import counted
from ganlab.pretrained import check_finite
from ganlab.storage.stored_weights import (
    StoredWeights,
    file_weights,
    network_arrays,
    run_weights,
)
from ganlab.types import Array, Tree
from ganlab.storage.stored_arrays import array_text

ALL = "all"
MOST_SHOWN = 5
"""Arrays that a message names."""


@dataclasses.dataclass(frozen=True)
class _Fit:
    """What one network finds in the weights: arrays that fit by name, and the others in words.

    Attributes:
      taken: the names of those that fit, with the type that they have here.
      cast: of these, those that have another type there, as `bfloat16 to float32`.
      left: arrays of the network for which nothing there fits.
      unused: arrays there that fit nothing.
    """

    taken: Mapping[str, np.dtype]
    cast: Mapping[str, str]
    left: tuple[str, ...]
    unused: tuple[str, ...]


def check_init(section: Mapping[str, Any], game: Game) -> None:
    """Checks a config's section `init` against a game; compiles nothing.

    Raises:
      ConfigError: for weights that do not exist, do not fit, or are not finite.
    """
    if section["source"]:
        source = _open(section)
        # By shapes first: arrays are read only if all fit.
        fits = _fits(section, jax.eval_shape(lambda: init_state(game, jax.random.key(0))), source)
        _arrays(section, fits, source.read())


def initialise(state: GameState, section: Mapping[str, Any],
               say: Callable[[str], None]) -> GameState:
    """Replaces the weights of a new state by those that a config's section `init` names.

    Params and variables are taken, and averages: those that the source keeps, else its params.
    Floats of another format, such as bfloat16, are cast to that of the state. Optimizers, memory,
    keys and the order of data stay those of a new run.

    Args:
      state: as the game initialises it; returned as it is if `init.source` is empty.
      section: the section `init`.
      say: called with a line on what is taken for each network.

    Raises:
      ConfigError: for weights that do not exist, do not fit, or are not finite.
    """
    if not section["source"]:
        return state
    # What fits, before any array is replaced.
    source = _open(section)
    fits = _fits(section, state, source)
    found = _arrays(section, fits, source.read())
    # Each network takes trained weights, and its average takes averages if the source has them.
    params, variables, ema = dict(state.params), dict(state.variables), dict(state.ema)
    ema_variables = dict(state.ema_variables)
    for network, fit in fits.items():
        trained, averaged = found[network]
        params[network] = _replaced({"params": params[network]}, trained)["params"]
        variables[network] = _replaced(variables[network], trained)
        if network in ema:
            ema[network] = _replaced({"params": ema[network]}, averaged)["params"]
        if network in ema_variables:
            ema_variables[network] = _replaced(ema_variables[network], averaged)
        say(_report(network, fit, source))
    return state.replace(params=params, variables=variables, ema=ema, ema_variables=ema_variables)


def _open(section: Mapping[str, Any]) -> StoredWeights:
    if Path(section["source"]).is_file():
        if section["step"]:
            raise ConfigError(f"config.init.step is {section['step']}, but {section['source']} is "
                              "a file, which holds one round's weights; leave it out")
        return file_weights(section["source"])
    if not Path(section["source"]).exists():
        raise ConfigError(f"config.init.source is {section['source']!r}, which does not exist; "
                          "name a run's directory, or a file of `ganlab checkpoints --export`")
    return run_weights(section["source"], section["step"] or None)


def _chosen(section: Mapping[str, Any], source: StoredWeights) -> Mapping[str, Mapping[str, Any]]:
    """Returns the arrays that become params: as trained, or the averages of those that have one."""
    return ({**source.trained, **source.averaged} if section["weights"] == "averaged"
            else source.trained)


def _arrays(
        section: Mapping[str, Any], fits: Mapping[str, _Fit],
        source: StoredWeights) -> dict[str, tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """Returns what becomes the weights of each network, and what their average, checked and
    cast."""
    chosen, found = _chosen(section, source), {}
    for network, fit in fits.items():
        average = {**chosen.get(network, {}), **source.averaged.get(network, {})}
        found[network] = tuple(
            {name: _finite(f"{network}.{name}", stored[name], dtype, source.name)
             for name, dtype in fit.taken.items() if name in stored}
            for stored in (chosen.get(network, {}), average))
    return found


def _finite(name: str, array: np.ndarray, dtype: np.dtype, source: str) -> np.ndarray:
    with np.errstate(over="ignore"):  # What the type here cannot hold is answered below.
        array = array.astype(dtype, copy=False)
    check_finite(name, array, f"config.init.source: {source}")
    return array


def _fits(section: Mapping[str, Any], state: GameState, source: StoredWeights) -> dict[str, _Fit]:
    """Finds which of the weights fit the named networks of a state.

    Raises:
      ConfigError: for a network that the game does not have, if none of its arrays fits, and if not
        all fit by name, shape and kind of number while `init.partial` is not set.
    """
    # The networks that are asked for, each beside what the weights have of its name.
    names = sorted(state.params) if section["networks"] == ALL else section["networks"].split("+")
    for name in names:
        if name not in state.params:
            raise unknown("config.init.networks", name, [ALL, *state.params])
    stored = _chosen(section, source)
    fits = {name: _fit(network_arrays(state.params[name], state.variables[name]),
                       stored.get(name, {})) for name in names}
    # Everything has to fit, or something if `init.partial` is set.
    wrong = [f"{name}.{words}" for name, fit in fits.items() for words in (*fit.left, *fit.unused)]
    if wrong and not section["partial"]:
        absent = [name for name in names if name not in stored]
        only = "+".join(name for name in names if name in stored)
        remedy = (f", --config.init.networks={only} the networks that are there" if absent and only
                  else "")
        raise ConfigError(f"config.init.source: {source.name} does not fit this game: "
                          f"{_listed(wrong)}; --config.init.partial=True takes what fits{remedy}")
    if not any(fit.taken for fit in fits.values()):
        raise ConfigError(f"config.init.source: nothing of {source.name} fits this game's "
                          f"{', '.join(names)}: {_listed(wrong)}; name a run of the same networks")
    return fits


def _fit(wanted: Mapping[str, Any], stored: Mapping[str, Any]) -> _Fit:
    taken, cast, left = {}, {}, []
    for name, here in wanted.items():
        there = stored.get(name)
        if there is None:
            left.append(f"{name} (not there, {array_text(here)} here)")
        elif tuple(there.shape) != tuple(here.shape) or (
                there.dtype != here.dtype and not _both_floats(there, here)):
            left.append(f"{name} ({array_text(there)} there, {array_text(here)} here)")
        else:
            taken[name] = np.dtype(here.dtype)
            if there.dtype != here.dtype:
                cast[name] = f"{there.dtype} to {here.dtype}"
    unused = [f"{name} ({array_text(there)} there, not here)"
              for name, there in stored.items() if name not in wanted]
    return _Fit(taken, cast, tuple(left), tuple(unused))


def _both_floats(there: Any, here: Any) -> bool:
    return jnp.issubdtype(there.dtype, jnp.floating) and jnp.issubdtype(here.dtype, jnp.floating)


def _listed(words: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(words) - MOST_SHOWN:,} more" if len(words) > MOST_SHOWN else ""
    return ", ".join(words[:MOST_SHOWN]) + more


def _report(network: str, fit: _Fit, source: StoredWeights) -> str:
    text = (f"{network}: {len(fit.taken)} of {counted(len(fit.taken) + len(fit.left), 'array')} "
            f"from {source.name}")
    for types, count in collections.Counter(fit.cast.values()).items():
        text += f", {count} of them cast from {types}"
    if fit.left:
        text += f"; left as initialised: {_listed(fit.left)}"
    return text + (f"; not used: {_listed(fit.unused)}" if fit.unused else "")


def _replaced(tree: Tree, arrays: Mapping[str, np.ndarray]) -> Tree:
    """Replaces the leaves of a tree by arrays of the same names, sharded like the leaves."""
    def leaf_of(path: tuple, leaf: Array) -> Array:
        array = arrays.get(jax.tree_util.keystr(path, simple=True, separator="."))
        if array is None:
            return leaf
        # Copies: params and average may come from one array, and rounds write into both.
        return jax.make_array_from_callback(
            leaf.shape, leaf.sharding, lambda index: np.array(array[index]))

    return jax.tree_util.tree_map_with_path(leaf_of, tree)
