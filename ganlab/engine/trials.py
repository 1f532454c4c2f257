"""Many seeds and settings of one game as one program: a stack of trials that train side by side."""

import dataclasses
import functools
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from ganlab.data import Jitter, Streams, gather_batches
from ganlab.game import (
    Game,
    GameState,
    init_state,
    order_key,
    play_round,
    stayed_finite,
)
from ganlab.types import Array

TRIAL_AXIS = "trial"


def make_trial_mesh(trials: int) -> jax.sharding.Mesh:
    """Makes a mesh along the axis `trial`, of the most devices that divide the number of trials."""
    devices = max(count for count in range(1, jax.device_count() + 1) if trials % count == 0)
    return jax.make_mesh((devices,), (TRIAL_AXIS,), axis_types=(jax.sharding.AxisType.Auto,),
                         devices=jax.devices()[:devices])


@dataclasses.dataclass(frozen=True)
class TrialPrograms:
    """The jitted functions of a stack of trials; every leaf of a stacked state has the trials
    first.

    Each trial is the run that `Programs` would play with its seed and numbers: the same initial
    params, the same order of data and the same draws.

    Attributes:
      init: `(seeds [t], hyper) -> states`, where `hyper` has by name the numbers [t] that differ
        from the game's.
      play: `(states, data, step) -> (states, finite [t])`, several rounds at a call on the whole
        data; it donates the states, and returns which trials have been finite in all rounds. `step`
        is the rounds that all of them have played: one number for the stack, so that a lazy update
        is left out and not computed for nothing.
    """

    init: Callable[[Array, Mapping[str, Array]], GameState]
    play: Callable[[GameState, Streams, Array], tuple[GameState, Array]]


def make_trial_programs(game: Game, mesh: jax.sharding.Mesh, rounds_per_call: int = 1,
                        jitter: Jitter = Jitter()) -> TrialPrograms:
    """Makes the programs of initial states, of rounds of every trial, and of sampling.

    They compile at their first call.

    Args:
      game: the game of all trials.
      mesh: of `make_trial_mesh`; the trials are spread over its devices, which exchange nothing.
      rounds_per_call: rounds of one call of `play`.
      jitter: how images are changed at random.
    """
    split = NamedSharding(mesh, PartitionSpec(TRIAL_AXIS))

    # What one trial does, with numbers of its own.
    def init_one(seed: Array, hyper: Mapping[str, Array]) -> GameState:
        return init_state(
            dataclasses.replace(game, hyper={**game.hyper, **hyper}), jax.random.key(seed))

    def play_one(state: GameState, data: Streams, turn: Array) -> GameState:
        batches = gather_batches(data, order_key(state.key), game.position(state.step), game.slots,
                                 game.batch_size, jitter)
        return play_round(game, state, batches, turn=turn)[0]

    # All trials at once: data and turn are the same for each.
    def play(states: GameState, data: Streams, step: Array) -> tuple[GameState, Array]:
        together = jax.vmap(play_one, in_axes=(0, None, None))
        states, _ = jax.lax.scan(lambda states, turn: (together(states, data, turn), None), states,
                                 step + jnp.arange(rounds_per_call))
        return states, jax.vmap(stayed_finite)(states)

    # Each device plays its own trials as if there were no others. Left to the compiler, the trials
    # of all devices become groups of one convolution, which it cannot part where a layer has one
    # channel.
    own, every = PartitionSpec(TRIAL_AXIS), PartitionSpec()
    apart = functools.partial(jax.shard_map, mesh=mesh, out_specs=own, check_vma=False)
    return TrialPrograms(
        init=jax.jit(apart(jax.vmap(init_one), in_specs=own), out_shardings=split),
        play=jax.jit(apart(play, in_specs=(own, every, every)), donate_argnums=0,
                     out_shardings=split))
