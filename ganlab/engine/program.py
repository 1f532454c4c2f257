"""The compiled programs of a run: one global program over a mesh of all devices."""

import dataclasses
from collections.abc import Callable, Mapping

import jax
from jax.sharding import NamedSharding, PartitionSpec

from ganlab.config import ConfigError
from ganlab.data import Streams, finish_batches, gather_batches
from ganlab.game import Game, GameState, init_state, order_key, play_round
from ganlab.types import Array, Tree

DATA_AXIS = "data"


def make_mesh(batch_size: int, devices: int | None = None) -> jax.sharding.Mesh:
    """A mesh of all devices, or of the first so many, along the axis `data`, over which batches are split.

    Raises:
      ConfigError: for a batch that does not divide, with the nearest that do.
    """
    devices = devices or jax.device_count()
    if batch_size % devices:
        below, above = batch_size // devices * devices, (batch_size // devices + 1) * devices
        sizes = f"{below} or {above}" if below else str(above)
        raise ConfigError(f"config.batch_size {batch_size} does not divide over {devices} devices; use {sizes}")
    # Explicit axes, the default, break the gradient of transposed convolutions.
    return jax.make_mesh((devices,), (DATA_AXIS,), axis_types=(jax.sharding.AxisType.Auto,),
                         devices=jax.devices()[:devices])


def replicated(mesh: jax.sharding.Mesh) -> NamedSharding:
    """The sharding of what every device holds whole: the state and the data set."""
    return NamedSharding(mesh, PartitionSpec())


@dataclasses.dataclass(frozen=True)
class Programs:
    """The jitted functions of a run.

    Attributes:
      init: `seed -> state`.
      play: `(state, data) -> (state, metrics)`, several rounds at a call; it donates the
        state and returns the last round's metrics. `data` is what a feed of `ganlab.engine.feed` gives.
      sample: `(params, variables, latents, labels) -> images`, for games with a sampler.
      encode: `(params, variables, images, labels) -> latents`, for games with an encoder.
    """

    init: Callable[[int], GameState]
    play: Callable[[GameState, Streams], tuple[GameState, Mapping[str, Array]]]
    sample: Callable[[Tree, Tree, Array, Array], Array] | None
    encode: Callable[[Tree, Tree, Array, Array], Array] | None


def make_programs(game: Game, mesh: jax.sharding.Mesh, rounds_per_call: int = 1, flip: bool = False,
                  streamed: bool = False) -> Programs:
    """Jits the initial state, `rounds_per_call` rounds, and sampling; nothing compiles before its first call.

    Args:
      game: the game.
      mesh: the devices.
      rounds_per_call: rounds of one call of `play`.
      flip: mirror half of the images.
      streamed: `play` takes the raw batches of its rounds, [rounds, slots, b, ...], instead of all data.
    """
    whole = replicated(mesh)
    split = NamedSharding(mesh, PartitionSpec(None, DATA_AXIS))

    def play_one(state: GameState, data: Streams) -> tuple[GameState, Mapping[str, Array]]:
        key = order_key(state.key)
        batches = (finish_batches(data, key, state.step, flip) if streamed else
                   gather_batches(data, key, state.step, game.slots, game.batch_size, flip))
        return play_round(game, state, jax.lax.with_sharding_constraint(batches, split))

    def play(state: GameState, data: Streams) -> tuple[GameState, Mapping[str, Array]]:
        if rounds_per_call == 1:
            return play_one(state, jax.tree.map(lambda array: array[0], data) if streamed else data)
        state, metrics = jax.lax.scan(lambda state, raw: play_one(state, raw if streamed else data), state,
                                      data if streamed else None, length=rounds_per_call)
        return state, jax.tree.map(lambda values: values[-1], metrics)

    return Programs(
        init=jax.jit(lambda seed: init_state(game, jax.random.key(seed)), out_shardings=whole),
        play=jax.jit(play, donate_argnums=0, out_shardings=whole),
        sample=jax.jit(game.sampler.images) if game.sampler else None,
        encode=jax.jit(game.encoder.latents) if game.encoder else None)
