"""Guards that find values that are not finite inside the compiled program, and keep them out.

A guard is an entry of `GameState.memory` that systems carry along unread; without one nothing is
computed. `FAULT` stops the state before the first round that is not finite: whatever rounds follow,
it stays as it was, so that the host may look as late as it likes. `SKIPPED` leaves out single
steps. `REPLACED` makes gradients finite before them: guards see the gradients that a step takes.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.game.game import Game, GameState, Update
from ganlab.types import Array, Tree

FAULT = "fault"
"""`round`: number (from 1) of the first round that was not finite, 0 while all were; `place`: of
the first array in it that was not, in `watched_names`, else -1. Both int32."""
SKIPPED = "skipped_updates"
"""Number of steps that were left out so far, int32."""
REPLACED = "gradients_made_finite"
"""By update, the number of entries of gradients that were replaced so far, int32."""


def guard(skip: bool) -> dict[str, Any]:
    """Returns the entry of a game's memory that guards it by skipping steps, or else by
    stopping."""
    return ({SKIPPED: np.int32(0)} if skip
            else {FAULT: {"round": np.int32(0), "place": np.int32(-1)}})


def count_replaced(updates: Iterable[Update]) -> dict[str, Any]:
    """Returns the entry of a game's memory that makes the gradients of its updates finite."""
    return {REPLACED: {update.name: np.int32(0) for update in updates}}


def make_finite(update: Update, gradients: Mapping[str, Tree],
                memory: Mapping[str, Tree]) -> tuple[Mapping[str, Tree], Mapping[str, Tree]]:
    """Replaces entries of gradients that are not finite, and counts them in the memory.

    NaN becomes 0, infinity 1e5 and its negative -1e5, as in the code of StyleGAN2-ADA; all others
    keep their bits. Without `REPLACED` in the memory nothing is done.
    """
    if REPLACED not in memory:
        return gradients, memory
    replaced = jax.tree.map(
        lambda leaf: jnp.nan_to_num(leaf, nan=0.0, posinf=1e5, neginf=-1e5), gradients)
    found = sum(jnp.sum(~jnp.isfinite(leaf), dtype=jnp.int32)
                for leaf in jax.tree.leaves(gradients))
    # The sum stays where it would leave int32.
    count = memory[REPLACED][update.name]
    count = jnp.maximum(count, count + found)
    return replaced, {**memory, REPLACED: {**memory[REPLACED], update.name: count}}


def stayed_finite(state: GameState) -> Array:
    """Returns whether no round has stopped the state; without `FAULT`, whether params are finite.

    bool [].
    """
    if FAULT in state.memory:
        return state.memory[FAULT]["round"] == 0
    return jnp.all(jnp.array([jnp.all(jnp.isfinite(leaf))
                              for leaf in jax.tree.leaves(state.params)]))


def guard_step(game: Game, update: Update, before: GameState, after: GameState, loss: Array,
               gradients: Mapping[str, Tree]) -> GameState:
    """Keeps of a step what the guard allows, and notes in its memory what it found.

    Args:
      game: the game.
      update: the update.
      before: the state before the step.
      after: the state after it, its memory as the loss returned it.
      loss: the step's loss, of the global batch.
      gradients: those of the networks that the update trains, of the global batch.

    Returns:
      The state after the step; with `SKIPPED`, the state before it if the step is not finite.
    """
    guards = {name: before.memory[name] for name in (FAULT, SKIPPED) if name in before.memory}
    if not guards:
        return after
    # Which arrays of this step are not finite.
    broken = ~jnp.isfinite(jnp.stack(
        [_square_sum(array) for _, array in _watched(update, loss, gradients, after)]))
    # Note the first one for `guard_round`, which stops the state; or leave this step out and count
    # it.
    if FAULT in guards:
        first = sum(len(_watched(other, before.step, before.params, before))
                    for other in game.round[:game.round.index(update)])
        place = jnp.where(jnp.any(broken), first + jnp.argmax(broken).astype(jnp.int32), -1)
        known = guards[FAULT]["place"]
        guards[FAULT] = {**guards[FAULT], "place": jnp.where(known >= 0, known, place)}
    else:
        after = _select(jnp.any(broken), before, after)
        guards[SKIPPED] += jnp.any(broken)
    return after.replace(memory={**after.memory, **guards})


def guard_round(before: GameState, after: GameState) -> GameState:
    """Returns the state after a round, or the one before it once a round was not finite."""
    if FAULT not in after.memory:
        return after
    number, place = after.memory[FAULT]["round"], after.memory[FAULT]["place"]
    number = jnp.where((number == 0) & (place >= 0), before.step + 1, number)
    kept = _select(number > 0, before, after)
    return kept.replace(memory={**kept.memory, FAULT: {"round": number, "place": place}})


def watched_names(game: Game, state: GameState) -> list[tuple[str, str]]:
    """Lists update and words for the array at each place of a fault; `state` may be of shapes."""
    return [(update.name, words) for update in game.round
            for words, _ in _watched(update, state.step, state.params, state)]


def _watched(update: Update, loss: Array, gradients: Mapping[str, Tree],
             after: GameState) -> list[tuple[str, Array]]:
    """Lists what has to be finite after a step, with words for it; causes come before effects.

    For the words alone, `loss` may be any number and the gradients any trees of the params'
    structure.
    """
    found = [("loss", loss)]
    for words, trees in (("gradient", gradients), ("variables", after.variables),
                         ("params", after.params)):
        for network in update.trains:
            found += [(f"{words} of {network}, "
                       f"{jax.tree_util.keystr(path, simple=True, separator='/')}", leaf)
                      for path, leaf in jax.tree_util.tree_leaves_with_path(trees[network])
                      if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    return found


def _square_sum(array: Array) -> Array:
    # On CPU it takes a third of the time of `all(isfinite(array))`. In float32 it overflows from a
    # norm of 1.8e19 on, where the second moments of Adam and RMSprop overflow, too.
    flat = array.reshape(-1)
    return jnp.dot(flat, flat).astype(float)


def _select(condition: Array, chosen: Tree, other: Tree) -> Tree:
    return jax.tree.map(lambda one, two: jnp.where(condition, one, two), chosen, other)
