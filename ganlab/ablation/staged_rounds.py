"""The rounds of a stack of trials: for each stage of their game a compiled program, and data."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from ganlab.data import Dataset, Jitter, Streams, reduced
from ganlab.engine import make_trial_programs, placed_data, replicated
from ganlab.engine.trials import TRIAL_AXIS
from ganlab.game import Game, GameState, Stage, stage_after, stages_of, stayed_finite
from ganlab.types import Array

Play = Callable[[GameState, Streams, Array], tuple[GameState, Array]]
"""`play(states, data, step) -> (states, finite [t])`, the rounds of a call: see `TrialPrograms`."""


class StageData:
    """All data on every device of a mesh, at the size of the images of one stage at a time."""

    def __init__(self, dataset: Dataset, mesh: jax.sharding.Mesh):
        self._dataset, self._mesh = dataset, mesh
        self._placed: tuple[int, Streams] | None = None

    def of(self, game: Game) -> Streams:
        """Returns the data of a stage's game, which takes the place of another size."""
        if self._placed is None or self._placed[0] != game.reduction:
            self._placed = None  # Both would take the memory of both.
            self._placed = game.reduction, placed_data(
                reduced(self._dataset, game.reduction), self._mesh)
        return self._placed[1]

    def shapes(self, game: Game) -> Streams:
        """Returns the shapes of the data of a stage's game; places nothing."""
        return jax.tree.map(lambda array: jax.ShapeDtypeStruct(
            array.shape, jax.dtypes.canonicalize_dtype(array.dtype),
            sharding=replicated(self._mesh)), reduced(self._dataset, game.reduction).streams())


@dataclasses.dataclass(frozen=True)
class StagedRounds:
    """The rounds of a stack, of which each call plays those of its stage; most games have one.

    Attributes:
      game: of all trials.
      plays: by the number of a stage (from 0), its compiled rounds.
      enters: by number, what changes the states where the stage begins; not of the first one.
      memory: by number, bytes of the whole stack at their most, as the compiler counts them.
    """

    game: Game
    plays: Mapping[int, Play] = dataclasses.field(default_factory=dict)
    enters: Mapping[int, Callable[[GameState], GameState]] = dataclasses.field(
        default_factory=dict)
    memory: Mapping[int, int] = dataclasses.field(default_factory=dict)

    def __call__(self, states: GameState, data: StageData,
                 step: Array) -> tuple[GameState, Array]:
        """Plays the rounds of the call that follows `step` rounds; where a stage begins with them,
        the states enter it first. The states are donated."""
        number, stage = stage_after(self.game, int(step))
        if number and step == stage.game.start.step:
            states = self.enters[number](states)
        return self.plays[number](states, data.of(stage.game), step)

    def with_stage(self, number: int, mesh: jax.sharding.Mesh, states: GameState, data: StageData,
                   rounds_per_call: int, jitter: Jitter) -> "StagedRounds":
        """Returns the rounds with one more stage, which is compiled.

        Args:
          number: of the stage, from 0.
          mesh: of `make_trial_mesh`.
          states: shapes of the stacked states.
          data: of all stages; its shapes are enough.
          rounds_per_call: rounds of one call.
          jitter: how images are changed at random.
        """
        stage = stages_of(self.game)[number]
        programs = make_trial_programs(stage.game, mesh, rounds_per_call, jitter)
        play = programs.play.lower(states, data.shapes(stage.game), jnp.int32(0)).compile()
        analysis = play.memory_analysis()
        memory = (analysis.argument_size_in_bytes + analysis.temp_size_in_bytes
                  + analysis.output_size_in_bytes - analysis.alias_size_in_bytes) * mesh.size
        entered = {number: _enter(stage, mesh, states)} if number else {}
        return dataclasses.replace(
            self, plays={**self.plays, number: play}, enters={**self.enters, **entered},
            memory={**self.memory, number: memory})


def _enter(stage: Stage, mesh: jax.sharding.Mesh,
           states: GameState) -> Callable[[GameState], GameState]:
    """Compiles how all trials enter a stage; one that has diverged stays as its guard left it."""
    def enter(state: GameState) -> GameState:
        finite = stayed_finite(state)
        return jax.tree.map(lambda new, old: jnp.where(finite, new, old), stage.enter(state), state)

    split = NamedSharding(mesh, PartitionSpec(TRIAL_AXIS))
    return jax.jit(jax.vmap(enter), donate_argnums=0, in_shardings=split,
                   out_shardings=split).lower(states).compile()


def played_stages(game: Game, rounds: int) -> Sequence[int]:
    """Returns which stages, counted from 0, a training of `rounds` rounds reaches."""
    return [number for number, stage in enumerate(stages_of(game))
            if stage.game.start.step < rounds]


def rounds_in_stage(game: Game, number: int, rounds: int) -> int:
    """Returns how many rounds of a training of `rounds` fall in a stage that it comes to."""
    stage = stages_of(game)[number]
    left = rounds - stage.game.start.step
    return left if stage.rounds is None else min(left, stage.rounds)
