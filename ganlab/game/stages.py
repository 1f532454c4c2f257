"""Stages: a training whose game changes on the way, such as one that grows in resolution."""

import dataclasses
from collections.abc import Sequence

import jax

from ganlab.game.game import Game, Stage, Start, init_state


def rounds_for(game: Game, kimg: float) -> int:
    """Computes the number of rounds of a game that show at least `kimg` thousand real images."""
    return -(-round(kimg * 1000) // game.images_per_round)


def joined_stages(stages: Sequence[Stage]) -> Game:
    """Joins stages into one game: the last stage's, which carries all of them.

    Each stage's game gets its `start`.

    Raises:
      ValueError: with the number of the stage, for rounds that do not fit its place, and for states
        that differ in structure or in the names of networks, numbers, memory or averages.
    """
    # Each begins where the one before ends.
    start, placed = Start(), []
    for number, stage in enumerate(stages):
        game, last = dataclasses.replace(stage.game, start=start), number == len(stages) - 1
        if (stage.rounds is None) != last or (stage.rounds or 1) < 1:
            raise ValueError(f"stage {number + 1} of {len(stages)} has rounds={stage.rounds}; all "
                             "but the last have a number of at least 1, and the last one has None")
        placed.append(dataclasses.replace(stage, game=game))
        if not last:
            start = Start(start.step + stage.rounds,
                          start.images + stage.rounds * game.images_per_round,
                          start.position + stage.rounds * game.slots * game.batch_size)
    _check_states(placed)
    return dataclasses.replace(placed[-1].game, stages=tuple(placed))


def _check_states(stages: Sequence[Stage]) -> None:
    """Raises ValueError if the last stage's state does not fit another stage."""
    key = jax.eval_shape(lambda: jax.random.key(0))
    final = stages[-1].game
    whole = jax.eval_shape(lambda key: init_state(final, key), key)
    for number, stage in enumerate(stages, start=1):
        game = stage.game
        for words, own, other in (("networks", game.networks, final.networks),
                                  ("numbers", game.hyper, final.hyper),
                                  ("memory", game.memory, final.memory),
                                  ("averages", game.ema, final.ema)):
            if different := sorted(set(own) ^ set(other)):
                raise ValueError(f"stage {number} and the last stage differ in their {words}: "
                                 f"{', '.join(different)}")
        entered = jax.eval_shape(stage.enter, whole)
        if jax.tree.structure(entered) != jax.tree.structure(whole):
            raise ValueError(f"stage {number} enters with a state of another structure")


def stages_of(game: Game) -> tuple[Stage, ...]:
    """Returns the stages of a game; most have one."""
    return game.stages or (Stage(game),)


def stage_after(game: Game, step: int) -> tuple[int, Stage]:
    """Returns number (from 0) and stage of the round that follows `step` rounds."""
    return max(((number, stage) for number, stage in enumerate(stages_of(game))
                if stage.game.start.step <= step), key=lambda found: found[0])


def stage_before(game: Game, step: int) -> Stage:
    """Returns the stage of the last of `step` rounds, whose game made a checkpoint at `step`."""
    return stage_after(game, max(step - 1, 0))[1]
