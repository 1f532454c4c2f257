"""Metrics of lazy updates, held in the state between the rounds in which they are played.

They are an entry of `GameState.memory` that systems carry along unread; without it, a round that
leaves an update out has zeros for its metrics.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ganlab.game.game import HELD, Game, init_state
from ganlab.game.round import play_round
from ganlab.types import Array


def empty_metrics(game: Game, batch: Mapping[str, jax.ShapeDtypeStruct]) -> dict[str, Any]:
    """Builds the entry of memory that holds metrics of lazy updates, all zero; {} if none is lazy.

    Args:
      game: the game.
      batch: shapes of one example of each array of a batch.
    """
    lazy = [update for update in game.round if update.every > 1]
    if not lazy:
        return {}
    # Lazy updates alone, as if they were played in every round on images of their own, and trained
    # nothing: gradients are most of what there is to trace.
    eager = dataclasses.replace(game, round=tuple(
        dataclasses.replace(update, every=1, repeats=1, images="fresh", draws="own", trains=(),
                            passes=()) for update in lazy))

    def play(key: Array, batches: Mapping[str, Array]) -> dict[str, Array]:
        return play_round(eager, init_state(eager, key), batches)[1]

    # The shapes of a round's batches. For a game of `pmap`, its axis has one device.
    devices = (1,) if game.axis_name else ()
    shape = (*devices, eager.slots, game.batch_size)
    batches = {name: jax.ShapeDtypeStruct((*shape, *spec.shape), spec.dtype)
               for name, spec in batch.items()}
    # The metrics of a round, traced and not computed.
    mapped = jax.vmap(play, (None, 0), None, axis_name=game.axis_name) if game.axis_name else play
    found = jax.eval_shape(mapped, jax.eval_shape(lambda: jax.random.key(0)), batches)
    # A zero for each metric of a lazy update, and for the regularizers of what it trains.
    held = {update.name: {
        f"{name}_{label}": np.zeros((), found[f"{update.name}/loss"].dtype)
        for name in update.trains for label in game.regularizers.get(name, {})}
        for update in lazy}
    for name, spec in found.items():
        update, _, metric = name.partition("/")
        held[update][metric] = np.zeros(spec.shape, spec.dtype)
    return {HELD: held}
