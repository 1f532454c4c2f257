"""The largest singular values of a run's weights, as they are logged."""

import jax
import numpy as np

from ganlab.game import GameState
from ganlab.networks.singular_values import largest_singular_values
from ganlab.types import Array, Tree

PREFIX = "singular_values"


@jax.jit
def _values(params: dict[str, Tree]) -> dict[str, dict[str, Array]]:
    """A program of its own, so that rounds have the same bits with it and without."""
    return {name: largest_singular_values(tree) for name, tree in params.items()}


def singular_values_of(state: GameState) -> dict[str, float]:
    """Computes the largest singular value of every weight that is trained, by the name
    `singular_values/NETWORK/PATH`, and the largest of each network, `singular_values/NETWORK`."""
    found = {}
    for network, values in jax.device_get(_values(state.params)).items():
        numbers = {name: float(value) for name, value in values.items()}
        if numbers:
            found[f"{PREFIX}/{network}"] = float(np.max(list(numbers.values())))
        found |= {f"{PREFIX}/{network}/{name}": value for name, value in numbers.items()}
    return found
