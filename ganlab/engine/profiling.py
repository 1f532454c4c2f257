"""Where the time of a round goes: updates, networks and layers, each compiled and timed alone."""

import contextlib
import dataclasses
import errno
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from ganlab.data import Dataset, Jitter, device_data, gather_batches
from ganlab.engine.maker_programs import replicated
from ganlab.engine.program import make_mesh, make_programs
from ganlab.game import Game, GameState, Network, init_state, order_key, play_round
from ganlab.output import WriteError
from ganlab.types import Array, Tree

# A product of two such matrices takes milliseconds on a processor, and long enough to measure on a
# GPU.
RATE_SIZE = {"cpu": 1024}
LARGE_RATE_SIZE = 8192


@dataclasses.dataclass(frozen=True)
class Piece:
    """Something that was compiled and timed by itself.

    Attributes:
      name: what it is.
      seconds: median of a call.
      flops: floating-point operations of a call by the compiler's count, which takes those of fast
        algorithms as they are; None if it does not count them.
      every: it is played once in this number of rounds.
    """

    name: str
    seconds: float
    flops: float | None
    every: int = 1

    def share_of(self, rate: float) -> float | None:
        """Computes operations a second as a share of a rate; None if they were not counted."""
        return None if self.flops is None else self.flops / self.seconds / rate


def time_piece(name: str, function: Callable, arguments: tuple, calls: int,
               every: int = 1) -> Piece:
    """Compiles a function of arrays, calls it once, then times `calls` calls."""
    compiled = jax.jit(function).lower(*arguments).compile()
    jax.block_until_ready(compiled(*arguments))
    seconds = [_seconds(lambda: compiled(*arguments)) for _ in range(calls)]
    counted = (compiled.cost_analysis() or {}).get("flops", 0)
    return Piece(name, statistics.median(seconds), counted if counted > 0 else None, every)


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start


def matrix_rate(calls: int, dtype: jnp.dtype = jnp.float32) -> float:
    """Measures operations a second of a large product of matrices, the best of several calls."""
    size = RATE_SIZE.get(jax.default_backend(), LARGE_RATE_SIZE)
    one = jax.random.normal(jax.random.key(0), (size, size), dtype)
    product = jax.jit(jnp.matmul)
    jax.block_until_ready(product(one, one))
    return 2 * size**3 / min(_seconds(lambda: product(one, one)) for _ in range(calls))


def profile_round(game: Game, dataset: Dataset, jitter: Jitter, calls: int,
                  folder: str | None) -> Piece:
    """Times the whole round over all devices, as `ganlab train` plays it.

    Args:
      game: the game.
      dataset: its data.
      jitter: how images are changed at random.
      calls: rounds that are timed, and rounds that go into the trace.
      folder: where the trace is written; None for no trace.
    """
    # The programs, compiled by a first round that is not timed.
    mesh = make_mesh(game.batch_size, slices=game.accumulate)
    programs = make_programs(game, mesh, 1, jitter)
    data = device_data(dataset.streams(), replicated(mesh))
    state, _ = jax.block_until_ready(programs.play(programs.init(0), data))

    def play() -> GameState:
        nonlocal state
        state, _ = programs.play(state, data)
        return state

    # Traced rounds are not timed, because a trace slows them down.
    seconds = [_seconds(play) for _ in range(calls)]
    if folder is not None:
        with traced(Path(folder)):
            for _ in range(calls):
                jax.block_until_ready(play())
    return Piece("round", statistics.median(seconds), None)


@contextlib.contextmanager
def traced(folder: Path) -> Iterator[None]:
    """Writes a trace of what runs inside to a folder, beside the traces that are there.

    Raises:
      WriteError: if it cannot be written; then nothing of it is left.
    """
    before = set(folder.rglob("*"))
    jax.profiler.start_trace(str(folder))
    try:
        yield
    finally:
        try:
            jax.profiler.stop_trace()
        except (jax.errors.JaxRuntimeError, OSError) as error:
            # The innermost names come first, so that folders are empty when their turn comes.
            for left in sorted(set(folder.rglob("*")) - before, reverse=True):
                with contextlib.suppress(OSError):
                    left.rmdir() if left.is_dir() else left.unlink()
            # JAX says the status, the file, what the system says, and the file again.
            reason = str(error).partition("\n")[0].rpartition("; ")[2]
            raise WriteError(errno.EIO, f"the trace could not be written ({reason})",
                             str(folder)) from error


def profile_updates(game: Game, dataset: Dataset, jitter: Jitter, calls: int) -> Iterator[Piece]:
    """Times each update of a round with all its repeats, on one device."""
    state = jax.jit(lambda: init_state(game, jax.random.key(0)))()
    data = device_data(dataset.streams(), jax.sharding.SingleDeviceSharding(jax.devices()[0]))
    batches = jax.jit(lambda data: gather_batches(
        data, order_key(state.key), game.position(state.step), game.slots, game.batch_size,
        jitter))(data)
    for update in game.round:
        # Played alone, an update takes its images as fresh ones; one that reads none gets some too,
        # because a game counts its rounds by them.
        shown = game.slots_of(update) if update.images != "none" else slice(0, update.repeats)
        slots = {name: array[shown] for name, array in batches.items()}
        own = dataclasses.replace(update, images="fresh", draws="own", every=1)
        alone = dataclasses.replace(game, round=(own,), ema={})
        start = state.replace(ema={}, ema_variables={})
        yield time_piece(
            f"{update.name} x {update.repeats}" if update.repeats > 1 else update.name,
            lambda state, slots, alone=alone: play_round(alone, state, slots), (start, slots),
            calls, update.every)


def profile_networks(game: Game, calls: int) -> Iterator[Piece]:
    """Times each network's pass over a batch, and its layers that have a kernel, on one device.

    Each is timed forward, and then with gradients: those of a sum of squares of the outputs, with
    respect to params and inputs.
    """
    for name, network in game.networks.items():
        # The whole network, on a batch of its inputs.
        params, variables = jax.jit(network.init)(jax.random.key(0))
        inputs = [_batch_of(spec, game.batch_size) for spec in network.inputs]
        keys = jax.random.split(jax.random.key(0), game.batch_size)

        def apply(params: Tree, x: Array, network=network, variables=variables, rest=inputs[1:],
                  keys=keys) -> Any:
            return network.train(params, variables, x, *rest, keys=keys)[0]

        yield from _both_ways(name, apply, params, inputs[0], calls)
        # Each layer alone, by its own params, on a batch of what reaches it in the network.
        for path, layer, shape, dtype in _layers(network, params, variables, inputs, keys):
            kept = params
            for part in path:
                kept = kept[part]

            def alone(params: Tree, x: Array, layer=layer) -> Array:
                return layer.apply({"params": params}, x)

            x = _batch_of(jax.ShapeDtypeStruct(shape, dtype), shape[0])
            yield from _both_ways(
                f"  {name} {'/'.join(path)} {type(layer).__name__}", alone, kept, x, calls)


def _both_ways(name: str, apply: Callable[[Tree, Array], Any], params: Tree, x: Array,
               calls: int) -> Iterator[Piece]:
    def total(params: Tree, x: Array) -> Array:
        return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(apply(params, x)))

    yield time_piece(f"{name}, forward", apply, (params, x), calls)
    yield time_piece(f"{name}, with gradients", jax.grad(total, (0, 1)), (params, x), calls)


def _batch_of(spec: jax.ShapeDtypeStruct, batch: int) -> Array:
    """Makes a batch for the argument of a network: normal numbers, or labels 0."""
    shape = (batch, *spec.shape[1:])
    if jnp.issubdtype(spec.dtype, jnp.floating):
        return jax.random.normal(jax.random.key(1), shape, spec.dtype)
    return jnp.zeros(shape, spec.dtype)


def _layers(network: Network, params: Tree, variables: Tree, inputs: list[Array],
            keys: Array) -> list[tuple[tuple[str, ...], nn.Module, tuple[int, ...], jnp.dtype]]:
    """Lists layers with a kernel and one input: path, module, and the input's shape and type."""
    found = {}

    def record(call: Callable, arguments: tuple, keywords: dict,
               context: nn.module.InterceptorContext) -> Any:
        module, place = context.module, params
        for part in module.path:
            place = place.get(part, {}) if hasattr(place, "get") else {}
        if "kernel" in place and context.method_name == "__call__" and len(arguments) == 1:
            found.setdefault(module.path, (
                module.clone(parent=None), arguments[0].shape, arguments[0].dtype))
        return call(*arguments, **keywords)

    with nn.intercept_methods(record):
        jax.eval_shape(
            lambda *inputs: network.train(params, variables, *inputs, keys=keys), *inputs)
    return [(path, *rest) for path, rest in found.items()]
