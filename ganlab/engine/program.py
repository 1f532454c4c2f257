"""The compiled programs of a run: one global program over a mesh of all devices."""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from ganlab.config import ConfigError
from ganlab.data import Jitter, Streams, finish_batches, gather_raw
from ganlab.engine.less_memory import THRIFTY
from ganlab.game import Game, GameState, Translator, init_state, order_key, play_round
from ganlab.output import agreeing, counted, span
from ganlab.types import Array, Tree

DATA_AXIS = "data"
ENGINES = ("jit", "pmap")
# Numbers in the smallest array that is worth a collective; biases and statistics are held whole.
LEAST_SHARDED = 1024


def make_mesh(batch_size: int, devices: int | None = None, slices: int = 1) -> jax.sharding.Mesh:
    """A mesh of all devices, or of the first so many, along the axis `data`, over which batches are split.

    Args:
      batch_size: examples of the global batch.
      devices: how many; None for all.
      slices: parts of a batch that are played one after another (`train.accumulate`), each over all devices.

    Raises:
      ConfigError: for more devices than there are, or a batch that does not divide, with the nearest that do.
    """
    devices = jax.device_count() if devices is None else devices
    if not 1 <= devices <= jax.device_count():
        there = jax.device_count()
        raise ConfigError(f"--mesh.data={devices}: there {agreeing(there, 'is', 'are')} {counted(there, 'device')} "
                          f"({jax.default_backend()}); use {span(1, there)}")
    if devices < jax.device_count() and jax.process_count() > 1:
        raise ConfigError(f"--mesh.data={devices}: the {jax.process_count()} processes bring "
                          f"{counted(jax.device_count(), 'device')}, and each has to play; leave the flag out, or start fewer processes")
    parts = devices * slices
    if batch_size % parts:
        below, above = batch_size // parts * parts, (batch_size // parts + 1) * parts
        sizes = f"{below} or {above}" if below else str(above)
        sliced = f" in {slices} slices each (config.train.accumulate)" if slices > 1 else ""
        raise ConfigError(f"config.batch_size {batch_size} does not divide over {counted(devices, 'device')}{sliced}; "
                          f"use {sizes}")
    # Explicit axes, the default, break the gradient of transposed convolutions.
    return jax.make_mesh((devices,), (DATA_AXIS,), axis_types=(jax.sharding.AxisType.Auto,),
                         devices=jax.devices()[:devices])


def check_shares(game: Game, mesh: jax.sharding.Mesh) -> None:
    """Raises ConfigError under `pmap` where a device's share of a batch does not hold whole packs in whole slices.

    Under `jit` a batch is always whole, and packs may lie across devices.
    """
    devices, together = mesh.shape[DATA_AXIS], game.group * game.accumulate
    if game.axis_name is None or game.batch_size // devices % together == 0:
        return
    sliced = f" in each of {game.accumulate} slices (config.train.accumulate)" if game.accumulate > 1 else ""
    raise ConfigError(
        f"--engine=pmap gives each of {devices} devices {counted(game.batch_size // devices, 'image')} of "
        f"config.batch_size {game.batch_size}, which cannot be parted into packs of {game.group} "
        f"(config.system.packing){sliced}; use a batch size that {devices * together} divides, fewer devices "
        "(--mesh.data), or --engine=jit")


def replicated(mesh: jax.sharding.Mesh) -> NamedSharding:
    """The sharding of what every device holds whole: the state and the data set."""
    return NamedSharding(mesh, PartitionSpec())


def raw_sharding(mesh: jax.sharding.Mesh) -> NamedSharding:
    """The sharding of the raw batches [rounds, slots, b, ...] of a call: each device has its part of every batch."""
    return NamedSharding(mesh, PartitionSpec(None, None, DATA_AXIS))


def state_shardings(state: GameState, mesh: jax.sharding.Mesh, shard: bool) -> GameState:
    """How each array of a state lies on a mesh: whole on every device, or a part on each.

    With `shard`, params, optimizer state and averages are split along their largest dimension that the
    devices divide (Rajbhandari et al. 2020, "ZeRO", section 5); small arrays stay whole.

    Args:
      state: arrays, or their shapes.
      mesh: the devices.
      shard: whether to split at all.
    """
    devices = mesh.shape[DATA_AXIS]

    def split(leaf: jax.ShapeDtypeStruct) -> NamedSharding:
        sizes = [size if size % devices == 0 else 0 for size in leaf.shape]
        if math.prod(leaf.shape) < LEAST_SHARDED or not any(sizes):
            return replicated(mesh)
        place = sizes.index(max(sizes))
        return NamedSharding(mesh, PartitionSpec(*[DATA_AXIS if axis == place else None for axis in range(place + 1)]))

    lying = jax.tree.map(lambda leaf: replicated(mesh), state)
    if not shard:
        return lying
    return lying.replace(**{part: jax.tree.map(split, getattr(state, part)) for part in ("params", "opt_state", "ema")})


@dataclasses.dataclass(frozen=True)
class Programs:
    """The compiled functions of a run.

    Attributes:
      init: `seed -> state`.
      gather: `(data, key, step) -> raw batches` of the rounds of a call, [rounds, slots, b, ...], from all data; None
        where they are streamed.
      rounds: `(state, raw batches) -> (state, metrics)`, several rounds at a call; it donates the state and returns
        the last round's metrics.
      thrifty_rounds: the same, compiled for less memory on a CPU, see `less_memory`; None under `pmap`.
      sample: `(params, variables, latents, labels) -> images`, for games with a sampler.
      encode: `(params, variables, images, labels) -> latents`, for games with an encoder.
      translate: by direction `(params, variables, sources, labels) -> images`, by stored statistics.
    """

    init: Callable[[int], GameState]
    gather: Callable[[Streams, Array, Array], Streams] | None
    rounds: Callable[[GameState, Streams], tuple[GameState, Mapping[str, Array]]]
    thrifty_rounds: Callable[[GameState, Streams], tuple[GameState, Mapping[str, Array]]] | None
    sample: Callable[[Tree, Tree, Array, Array], Array] | None
    encode: Callable[[Tree, Tree, Array, Array], Array] | None
    translate: Mapping[str, Callable[[Tree, Tree, Array, Array], Array]]

    def play(self, state: GameState, data: Streams) -> tuple[GameState, Mapping[str, Array]]:
        """The rounds of a call, as `rounds` does, from what a feed of `ganlab.engine.feed` gives."""
        # A program of its own: fused with a gather, the rounds would round otherwise than on what is streamed.
        return self.rounds(state, self.gather(data, state.key, state.step) if self.gather else data)


def make_programs(game: Game, mesh: jax.sharding.Mesh, rounds_per_call: int = 1,
                  jitter: Jitter = Jitter(), streamed: bool = False, shard_state: bool = False) -> Programs:
    """Makes the programs of `rounds_per_call` rounds, and of sampling; nothing compiles before its first call.

    Rounds run under `jit` over the mesh, or, for a game with an axis name, under `pmap` over its devices.

    Args:
      game: the game.
      mesh: the devices.
      rounds_per_call: rounds of one call of `play`.
      jitter: how images are changed at random.
      streamed: a feed gives raw batches instead of all data.
      shard_state: split the state over the devices, see `state_shardings`; under `jit` alone.

    Raises:
      ConfigError: see `check_shares`.
    """
    check_shares(game, mesh)

    def init(seed: int) -> GameState:
        return init_state(game, jax.random.key(seed))

    lying = state_shardings(jax.eval_shape(init, 0), mesh, shard_state)
    if game.axis_name:
        rounds, thrifty = _mapped(game, mesh, rounds_per_call, jitter), None
    else:
        function = _rounds(_gathering(game, mesh) if shard_state else game, mesh, rounds_per_call, jitter)
        rounds, thrifty = (jax.jit(function, donate_argnums=0, out_shardings=(lying, replicated(mesh)),
                                   compiler_options=options) for options in (None, THRIFTY))
    return Programs(
        init=jax.jit(init, out_shardings=lying), rounds=rounds, thrifty_rounds=thrifty,
        gather=None if streamed else _gather(game, mesh, rounds_per_call),
        sample=_on_all(game.sampler.images, mesh) if game.sampler else None,
        encode=_on_all(game.encoder.latents, mesh) if game.encoder else None,
        translate={direction: _on_all(_by_statistics(translator), mesh)
                   for direction, translator in game.translators.items()})


def _by_statistics(translator: Translator) -> Callable[[Tree, Tree, Array, Array], Array]:
    """A translation that draws nothing; translators see no labels."""
    return lambda params, variables, sources, labels: translator.images(params, variables, sources, None)


def _gather(game: Game, mesh: jax.sharding.Mesh, rounds_per_call: int) -> Callable[[Streams, Array, Array], Streams]:
    """From data on every device, each device's part of the raw batches of the rounds of a call."""
    @functools.partial(jax.jit, out_shardings=raw_sharding(mesh))
    def gather(data: Streams, key: Array, step: Array) -> Streams:
        index = jax.lax.with_sharding_constraint(jnp.arange(game.batch_size),
                                                 NamedSharding(mesh, PartitionSpec(DATA_AXIS)))
        return jax.vmap(lambda step: gather_raw(data, order_key(key), step, game.slots, game.batch_size, index))(
            step + jnp.arange(rounds_per_call, dtype=step.dtype))

    return gather


def _rounds(game: Game, mesh: jax.sharding.Mesh, rounds_per_call: int,
            jitter: Jitter) -> Callable[[GameState, Streams], tuple[GameState, Mapping[str, Array]]]:
    """Several rounds as one function of the global batch, or, for a game with an axis name, of a device's share."""
    def whose() -> Array:
        """The places of this program's examples in the global batch."""
        if game.axis_name is None:
            # Not left to the compiler: a generator's update sees no data, and would be played whole by every device.
            return jax.lax.with_sharding_constraint(jnp.arange(game.batch_size),
                                                    NamedSharding(mesh, PartitionSpec(DATA_AXIS)))
        local = game.batch_size // mesh.shape[DATA_AXIS]
        return jnp.arange(local) + jax.lax.axis_index(game.axis_name) * local

    def play_one(state: GameState, raw: Streams) -> tuple[GameState, Mapping[str, Array]]:
        index = whose()
        batches = finish_batches(raw, order_key(state.key), state.step, game.batch_size, jitter, index)
        if game.axis_name is None:
            batches = jax.lax.with_sharding_constraint(batches, NamedSharding(mesh, PartitionSpec(None, DATA_AXIS)))
        return play_round(game, state, batches, index)

    def play(state: GameState, raw: Streams) -> tuple[GameState, Mapping[str, Array]]:
        if rounds_per_call == 1:
            return play_one(state, jax.tree.map(lambda array: array[0], raw))
        state, metrics = jax.lax.scan(play_one, state, raw)
        return state, jax.tree.map(lambda values: values[-1], metrics)

    return play


def _gathering(game: Game, mesh: jax.sharding.Mesh) -> Game:
    """The game whose updates gather the params that they read, so that it is the batch over which devices compute."""
    def gathered(loss: Callable) -> Callable:
        def with_whole_params(params: Mapping[str, Tree], *arguments: object) -> tuple:
            return loss(jax.lax.with_sharding_constraint(params, replicated(mesh)), *arguments)

        return with_whole_params

    return dataclasses.replace(game, round=tuple(
        dataclasses.replace(update, loss=gathered(update.loss)) for update in game.round))


def _mapped(game: Game, mesh: jax.sharding.Mesh, rounds_per_call: int,
            jitter: Jitter) -> Callable[[GameState, Streams], tuple[GameState, Mapping[str, Array]]]:
    """The rounds under `pmap`: every device plays its share of the batch on a whole state, and all agree."""
    devices = mesh.shape[DATA_AXIS]
    mapped = jax.pmap(_rounds(game, mesh, rounds_per_call, jitter), game.axis_name, in_axes=(None, 0), out_axes=None,
                      donate_argnums=0, devices=list(mesh.devices.flat))

    @functools.partial(jax.jit, out_shardings=NamedSharding(mesh, PartitionSpec(DATA_AXIS)))
    def shares(data: Streams) -> Streams:
        """Raw batches [rounds, slots, b, ...] as [devices, rounds, slots, b / devices, ...]."""
        return jax.tree.map(lambda array: jnp.moveaxis(
            array.reshape(*array.shape[:2], devices, -1, *array.shape[3:]), 2, 0), data)

    def everywhere(leaf: Array) -> Array:
        return jax.make_array_from_single_device_arrays(leaf.shape, replicated(mesh),
                                                        [shard.data for shard in leaf.addressable_shards])

    def call(state: GameState, raw: Streams) -> tuple[GameState, Mapping[str, Array]]:
        result = mapped(state, shares(raw))
        # Of several processes, each gets what its own devices hold; it is the same everywhere.
        return result if jax.process_count() == 1 else jax.tree.map(everywhere, result)

    return call


def _on_all(function: Callable[[Tree, Tree, Array, Array], Array], mesh: jax.sharding.Mesh) -> Callable:
    """`function(params, variables, inputs, labels)` as a program of all devices, split over them where they divide."""
    whole = replicated(mesh)

    @functools.partial(jax.jit, out_shardings=whole)
    def program(params: Tree, variables: Tree, inputs: Array, labels: Array) -> Array:
        if len(inputs) % mesh.shape[DATA_AXIS] == 0:
            inputs = jax.lax.with_sharding_constraint(inputs, NamedSharding(mesh, PartitionSpec(DATA_AXIS)))
        return function(jax.lax.with_sharding_constraint(params, whole), variables, inputs, labels)

    if jax.process_count() == 1:
        return program

    def call(params: Tree, variables: Tree, inputs: Array, labels: Array) -> Array:
        # Every process has the same inputs, on a device of its own, and goes on with what its own device holds.
        return program(params, variables, np.asarray(inputs), np.asarray(labels)).addressable_data(0)

    return call
