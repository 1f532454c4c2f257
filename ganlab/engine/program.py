"""The compiled programs of a run: one global program over a mesh of all devices."""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from ganlab.config import ConfigError
from ganlab.data import Jitter, Streams, finish_batches, gather_raw
from ganlab.engine.maker_programs import (
    DATA_AXIS,
    making_program,
    on_all,
    prepare_program,
    replicated,
)
from ganlab.game import (
    Game,
    GameState,
    Making,
    Options,
    Scene,
    Weights,
    check_division,
    init_state,
    order_key,
    play_round,
)
from ganlab.machine.memory_order import THRIFTY
from ganlab.output import agreeing, counted, span
from ganlab.types import Array

ENGINES = ("jit", "pmap")
Rounds = Callable[[GameState, Streams], tuple[GameState, Mapping[str, Array]]]
# Numbers in the smallest array that is worth a collective; biases and statistics are held whole.
LEAST_SHARDED = 1024


def make_mesh(batch_size: int, devices: int | None = None, slices: int = 1) -> jax.sharding.Mesh:
    """Makes a mesh of all or of the first `devices` along the axis `data`, which splits batches.

    Args:
      batch_size: examples of the global batch.
      devices: how many; None for all.
      slices: parts of a batch that are played in turn (`train.accumulate`), each over all devices.

    Raises:
      ConfigError: for devices that do not exist, or a batch that does not divide over them.
    """
    # Devices that exist, and some of every process.
    devices = jax.device_count() if devices is None else devices
    if not 1 <= devices <= jax.device_count():
        there = jax.device_count()
        raise ConfigError(f"--mesh.data={devices}: there {agreeing(there, 'is', 'are')} "
                          f"{counted(there, 'device')} ({jax.default_backend()}); use "
                          f"{span(1, there)}")
    if devices < jax.device_count() and jax.process_count() > 1:
        raise ConfigError(f"--mesh.data={devices}: the {jax.process_count()} processes bring "
                          f"{counted(jax.device_count(), 'device')}, and each has to play; leave "
                          "the flag out, or start fewer processes")
    # A batch whose slices divide over them.
    parts = devices * slices
    if batch_size % parts:
        below, above = batch_size // parts * parts, (batch_size // parts + 1) * parts
        sizes = f"{below} or {above}" if below else str(above)
        sliced = f" in {slices} slices each (config.train.accumulate)" if slices > 1 else ""
        raise ConfigError(f"config.batch_size {batch_size} does not divide over "
                          f"{counted(devices, 'device')}{sliced}; use {sizes}")
    # Explicit axes, the default, break the gradient of transposed convolutions.
    return jax.make_mesh((devices,), (DATA_AXIS,), axis_types=(jax.sharding.AxisType.Auto,),
                         devices=jax.devices()[:devices])


def check_shares(game: Game, mesh: jax.sharding.Mesh) -> None:
    """Raises ConfigError if a game's batch cannot be divided over a mesh; see `check_division`."""
    check_division(game, mesh.shape[DATA_AXIS] if game.axis_name else 1)


def raw_sharding(mesh: jax.sharding.Mesh) -> NamedSharding:
    """Returns the sharding of raw batches [rounds, slots, b, ...]: along the batch."""
    return NamedSharding(mesh, PartitionSpec(None, None, DATA_AXIS))


def state_shardings(state: GameState, mesh: jax.sharding.Mesh, shard: bool) -> GameState:
    """Returns how each array of a state lies on a mesh: whole on every device, or a part on each.

    With `shard`, params, optimizer state and averages are split along their largest dimension that
    the devices divide (Rajbhandari et al. 2020, "ZeRO", section 5); small arrays stay whole.

    Args:
      state: arrays, or their shapes.
      mesh: the devices.
      shard: whether to split at all.
    """
    devices = mesh.shape[DATA_AXIS]

    # Along the largest dimension that divides, if the array is worth a collective.
    def split(leaf: jax.ShapeDtypeStruct) -> NamedSharding:
        sizes = [size if size % devices == 0 else 0 for size in leaf.shape]
        if math.prod(leaf.shape) < LEAST_SHARDED or not any(sizes):
            return replicated(mesh)
        place = sizes.index(max(sizes))
        return NamedSharding(mesh, PartitionSpec(
            *[DATA_AXIS if axis == place else None for axis in range(place + 1)]))

    lying = jax.tree.map(lambda leaf: replicated(mesh), state)
    if not shard:
        return lying
    return lying.replace(**{part: jax.tree.map(split, getattr(state, part))
                            for part in ("params", "opt_state", "ema", "ema_variables")})


@dataclasses.dataclass(frozen=True)
class Programs:
    """The compiled functions of a run.

    Attributes:
      init: `seed -> state`.
      gather: `(data, key, step) -> raw batches` of the rounds of a call, [rounds, slots, b, ...],
        from all data; None if they are streamed.
      rounds: `(state, raw batches) -> (state, metrics)`, several rounds at a call; it donates the
        state and returns the last round's metrics.
      thrifty_rounds: the same in less memory of a CPU, see `memory_order`; None under `pmap`.
      sample: `(weights, latents, labels, keys, options) -> images`, for games with a sampler;
        `keys` [b] or None.
      styles: of a sampler with styles, the same of these; `keys` are not used.
      from_styles: `(weights, styles, labels, keys, options) -> images`; `labels` are not used.
      prepare: `(weights, key, options) -> weights`, once for those that `sample` gets.
      encode: `(weights, images, labels) -> latents`, for games with an encoder.
      translate: by direction `(weights, sources) -> images`, by stored statistics.
      score: `(weights, images, labels, sources) -> logits`, for games with a scorer.
    """

    init: Callable[[int], GameState]
    gather: Callable[[Streams, Array, Array], Streams] | None
    rounds: Rounds
    thrifty_rounds: Rounds | None
    prepare: Callable[[Weights, Array, Options], Weights]
    encode: Callable[[Weights, Array, Array], Array] | None
    translate: Mapping[str, Callable[[Weights, Array], Array]]
    score: Callable[[Weights, Array, Array, Array | None], Array] | None = None
    sample: Making | None = None
    styles: Making | None = None
    from_styles: Making | None = None

    def play(self, state: GameState, data: Streams) -> tuple[GameState, Mapping[str, Array]]:
        """Plays the rounds of a call, as `rounds` does, on what a `Feed` gives."""
        # The gather is a program of its own: fused with it, rounds would have other rounding errors
        # than on streamed data.
        return self.rounds(state, self.gather(data, state.key, state.step) if self.gather else data)


def make_programs(game: Game, mesh: jax.sharding.Mesh, rounds_per_call: int = 1,
                  jitter: Jitter = Jitter(), streamed: bool = False, shard_state: bool = False,
                  initial: Game | None = None) -> Programs:
    """Makes the programs of rounds and of sampling; nothing compiles before its first call.

    Rounds run under `jit` over the mesh, or under `pmap` for a game with an axis name.

    Args:
      game: the game.
      mesh: the devices.
      rounds_per_call: rounds of one call of `play`.
      jitter: how images are changed at random.
      streamed: a feed gives raw batches instead of all data.
      shard_state: split the state over the devices, see `state_shardings`; under `jit` alone.
      initial: the game that initialises the state, for a game that is a stage; None for itself.

    Raises:
      ConfigError: see `check_division`.
    """
    check_shares(game, mesh)

    def init(seed: int) -> GameState:
        return init_state(initial or game, jax.random.key(seed))

    # Rounds: under `pmap`, or as one program of the global batch in either of two orders.
    lying = state_shardings(jax.eval_shape(init, 0), mesh, shard_state)
    if game.axis_name:
        rounds, thrifty = _mapped(game, mesh, rounds_per_call, jitter), None
    else:
        function = _rounds(
            _gathering(game, mesh) if shard_state else game, mesh, rounds_per_call, jitter)
        rounds, thrifty = (jax.jit(
            function, donate_argnums=0, out_shardings=(lying, replicated(mesh)),
            compiler_options=options) for options in (None, THRIFTY))
    # Everything else runs on all devices, by the weights that it is given.
    return Programs(
        init=jax.jit(init, out_shardings=lying), rounds=rounds, thrifty_rounds=thrifty,
        gather=None if streamed else _gather(game, mesh, rounds_per_call),
        prepare=prepare_program(game.sampler, mesh),
        encode=on_all(game.encoder.latents, mesh) if game.encoder else None,
        translate={direction: on_all(functools.partial(translator.images, keys=None), mesh)
                   for direction, translator in game.translators.items()},
        score=on_all(game.scorer.logits, mesh) if game.scorer else None,
        **({name: making_program(making, game.sampler, mesh)
            for name, making in game.sampler.makings.items()} if game.sampler else {}))


def _gather(game: Game, mesh: jax.sharding.Mesh,
            rounds_per_call: int) -> Callable[[Streams, Array, Array], Streams]:
    """Returns the program that gathers each device's part of a call's raw batches from all data."""
    @functools.partial(jax.jit, out_shardings=raw_sharding(mesh))
    def gather(data: Streams, key: Array, step: Array) -> Streams:
        index = jax.lax.with_sharding_constraint(jnp.arange(game.batch_size),
                                                 NamedSharding(mesh, PartitionSpec(DATA_AXIS)))
        return jax.vmap(lambda step: gather_raw(
            data, order_key(key), game.position(step), game.slots, game.batch_size, index))(
                step + jnp.arange(rounds_per_call, dtype=step.dtype))

    return gather


def _rounds(game: Game, mesh: jax.sharding.Mesh, rounds_per_call: int, jitter: Jitter) -> Rounds:
    """Returns a function of some rounds: of the global batch, or of a share for an axis name."""
    def whose() -> Array:
        """Returns the places of this program's examples in the global batch."""
        if game.axis_name is None:
            # Not left to the compiler: a generator's update sees no data, so every device would
            # compute the whole of it.
            return jax.lax.with_sharding_constraint(jnp.arange(game.batch_size),
                                                    NamedSharding(mesh, PartitionSpec(DATA_AXIS)))
        local = game.batch_size // mesh.shape[DATA_AXIS]
        return jnp.arange(local) + jax.lax.axis_index(game.axis_name) * local

    def play_one(state: GameState, raw: Streams) -> tuple[GameState, Mapping[str, Array]]:
        # Floats in [-1, 1], split over the devices like the examples' places.
        index = whose()
        batches = finish_batches(raw, order_key(state.key), game.position(state.step),
                                 game.batch_size, jitter, index)
        if game.axis_name is None:
            batches = jax.lax.with_sharding_constraint(
                batches, NamedSharding(mesh, PartitionSpec(None, DATA_AXIS)))
        return play_round(game, state, batches, index)

    def play(state: GameState, raw: Streams) -> tuple[GameState, Mapping[str, Array]]:
        # One program for all rounds of a call, with the last one's metrics.
        if rounds_per_call == 1:
            return play_one(state, jax.tree.map(lambda array: array[0], raw))
        state, metrics = jax.lax.scan(play_one, state, raw)
        return state, jax.tree.map(lambda values: values[-1], metrics)

    return play


def _gathering(game: Game, mesh: jax.sharding.Mesh) -> Game:
    """Returns the game with updates that gather split params, so that devices split the batch."""
    def gathered(loss: Callable) -> Callable:
        def with_whole_params(scene: Scene) -> tuple:
            return loss(scene._replace(
                params=jax.lax.with_sharding_constraint(scene.params, replicated(mesh))))

        return with_whole_params

    return dataclasses.replace(game, round=tuple(
        dataclasses.replace(update, loss=gathered(update.loss)) for update in game.round))


def _mapped(game: Game, mesh: jax.sharding.Mesh, rounds_per_call: int, jitter: Jitter) -> Rounds:
    """Returns rounds under `pmap`: each device plays its share on a whole state, and all agree."""
    devices = mesh.shape[DATA_AXIS]
    mapped = jax.pmap(_rounds(game, mesh, rounds_per_call, jitter), game.axis_name,
                      in_axes=(None, 0), out_axes=None, donate_argnums=0,
                      devices=list(mesh.devices.flat))

    @functools.partial(jax.jit, out_shardings=NamedSharding(mesh, PartitionSpec(DATA_AXIS)))
    def shares(data: Streams) -> Streams:
        """Splits batches [rounds, slots, b, ...] to [devices, rounds, slots, b / devices, ...]."""
        return jax.tree.map(lambda array: jnp.moveaxis(
            array.reshape(*array.shape[:2], devices, -1, *array.shape[3:]), 2, 0), data)

    def everywhere(leaf: Array) -> Array:
        return jax.make_array_from_single_device_arrays(
            leaf.shape, replicated(mesh), [shard.data for shard in leaf.addressable_shards])

    def call(state: GameState, raw: Streams) -> tuple[GameState, Mapping[str, Array]]:
        result = mapped(state, shares(raw))
        # Each of several processes gets what its own devices hold; it is the same everywhere.
        return result if jax.process_count() == 1 else jax.tree.map(everywhere, result)

    return call
