"""A state as a checkpoint stores it: two parts, whose arrays have names."""

from typing import Any

import jax
import numpy as np

from ganlab.game import FAULT, GameState
from ganlab.types import Tree


def named_arrays(tree: Tree) -> dict[str, Any]:
    """Returns the leaves of a tree by paths joined by dots: `params.generator.dense.kernel`."""
    return {name_of(path): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]}


def name_of(path: tuple) -> str:
    """Returns the name of the leaf at a path: its parts, joined by dots."""
    return jax.tree_util.keystr(path, simple=True, separator=".")


def stored_form(leaf: jax.Array) -> jax.Array:
    """Returns an array as it is stored: of a random key, its numbers."""
    is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(leaf) if is_key else leaf


def placed(array: np.ndarray | jax.Array, like: jax.Array | jax.ShapeDtypeStruct) -> jax.Array:
    """Places a stored array on the devices where `like`, of its type and shape, is."""
    if not isinstance(array, np.ndarray):
        return array
    sharding = like.sharding or jax.sharding.SingleDeviceSharding(jax.devices()[0])
    # Copies: what is read may be one piece of memory, and rounds write into theirs.
    whole = jax.make_array_from_callback(
        array.shape, sharding, lambda index: np.array(array[index]))
    # Keys are of JAX's default kind, like a run's first; another kind's numbers have another shape.
    return (jax.random.wrap_key_data(whole)
            if jax.dtypes.issubdtype(like.dtype, jax.dtypes.prng_key) else whole)


def array_text(array: Any) -> str:
    """Returns type and shape of an array in words, such as `float32 (64, 10)`."""
    return f"{array.dtype} {tuple(array.shape)}"


def parts_of(state: GameState) -> dict[str, Tree]:
    """Returns the parts of a checkpoint: the state without its averages, and these."""
    fields = {name: getattr(state, name) for name in state.__dataclass_fields__
              if name not in ("ema", "ema_variables")}
    # Only a state that is not at fault is saved, or one from before the fault.
    fields["memory"] = {name: entry for name, entry in state.memory.items() if name != FAULT}
    # Averaged variables, or those of the network that is named like the average.
    variables = {**state.variables, **state.ema_variables}
    ema = {name: {"params": params, "variables": variables.get(name, {})}
           for name, params in state.ema.items()}
    return {"state": fields, "ema": ema}
