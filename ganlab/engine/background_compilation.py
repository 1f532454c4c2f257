"""Compiling the rounds while a run does what comes before the first of them."""

import concurrent.futures
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import jax

from ganlab.data import Dataset, Streams
from ganlab.engine.feed import data_shapes
from ganlab.engine.program import Programs, raw_sharding
from ganlab.game import Game, GameState
from ganlab.machine.backend import give_back_memory
from ganlab.machine.memory_order import is_large
from ganlab.types import Array


def compiled_ahead(programs: Programs, game: Game, dataset: Dataset, mesh: jax.sharding.Mesh,
                   rounds_per_call: int,
                   of_states: Sequence[Callable[[GameState], GameState]] = ()) -> Programs:
    """Begins to compile the rounds; returns programs that wait for it and give back its memory.

    XLA compiles a program on little more than one core: another one makes initial params, loads
    weights and data, and draws the first picture. Several processes, and `pmap`, compile at the
    first round, as usual.

    Args:
      programs: of `make_programs`, for this game, mesh and number of rounds per call.
      game: the game.
      dataset: its data.
      mesh: the devices.
      rounds_per_call: rounds of one call.
      of_states: programs of a state alone that are compiled, too, before the rounds.
    """
    if game.axis_name or jax.process_count() > 1:
        return programs
    # The program for these shapes. It is traced in this thread, because each thread has its own
    # choice of how layers convolve.
    raw = jax.tree.map(lambda shape: jax.ShapeDtypeStruct(
        shape.shape, shape.dtype, sharding=raw_sharding(mesh)),
        data_shapes(dataset, game, rounds_per_call, streamed=True))
    state = programs.init.eval_shape(0)
    chosen = (programs.thrifty_rounds if is_large(programs.rounds.trace(state, raw).jaxpr, mesh)
              else programs.rounds)
    lowered = [*(program.lower(state) for program in of_states), chosen.lower(state, raw)]
    if programs.gather is not None:
        lowered.insert(0, programs.gather.lower(
            data_shapes(dataset, game, rounds_per_call, streamed=False), state.key, state.step))
    # XLA in a thread of its own.
    worker = concurrent.futures.ThreadPoolExecutor(1)
    compiling = worker.submit(lambda: [program.compile() for program in lowered])
    worker.shutdown(wait=False)

    # The first round waits for it; later ones find the compiled program.
    @functools.cache
    def wait() -> None:
        compiling.result()
        give_back_memory()

    def rounds(state: GameState, raw: Streams) -> tuple[GameState, Mapping[str, Array]]:
        wait()
        return chosen(state, raw)

    return dataclasses.replace(programs, rounds=rounds)
