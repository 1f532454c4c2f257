"""Tables for the terminal that describe a game before it is played."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from rich.table import Table

from ganlab.config import all_keys, flat
from ganlab.game import Game, GameState, Network, stages_of
from ganlab.output import counted, ordinal


def byte_text(count: float) -> str:
    """Returns a number of bytes as B, KiB, MiB or GiB."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.2f} GiB"


def parameter_count(params: Any) -> int:
    """Counts the numbers in a tree of arrays or shapes."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))


def tree_bytes(tree: Any) -> int:
    """Returns the bytes that one device holds of a tree of arrays or shapes: its part of what is
    split over several."""
    def size(leaf: Any) -> int:
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return 8
        sharding = getattr(leaf, "sharding", None)
        shape = leaf.shape if sharding is None else sharding.shard_shape(leaf.shape)
        return math.prod(shape) * np.dtype(leaf.dtype).itemsize

    return sum(map(size, jax.tree.leaves(tree)))


def config_table(config: Mapping[str, Any]) -> Table:
    """Tabulates every key of a config with its value, unit and meaning."""
    table = Table(title="config", title_justify="left", box=None, pad_edge=False)
    table.add_column("key", no_wrap=True)
    for heading in ("value", "unit", "meaning"):
        table.add_column(heading, overflow="fold")
    keys = all_keys(config)
    for path, value in flat(config):
        key = keys[path]
        table.add_row(path, repr(value), key.unit,
                      key.meaning + (f" ({key.known_as})" if key.known_as else ""))
    return table


def network_table(name: str, network: Network, batch_size: int) -> Table:
    """Tabulates the layers of a network with their output shapes at the batch size, and parameter
    counts; compiles nothing."""
    params, variables = network.shapes
    arguments = [jax.ShapeDtypeStruct((batch_size, *spec.shape[1:]), spec.dtype)
                 for spec in network.inputs]
    outputs: dict[tuple[str, ...], Any] = {}

    # Each layer's output shape is recorded while shapes pass through the network.
    def record(next_fun: Any, args: Any, kwargs: Any, context: Any) -> Any:
        output = next_fun(*args, **kwargs)
        if context.method_name == "__call__":
            outputs.setdefault(context.module.path,
                               (type(context.module).__name__, _shapes(output)))
        return output

    with nn.intercept_methods(record):
        jax.eval_shape(network.evaluate, params, variables, *arguments)
    # A row for each layer that has parameters of its own.
    total = parameter_count(params)
    table = Table(title=f"{name}: {type(network.module).__name__}, {total:,} parameters",
                  title_justify="left", box=None, pad_edge=False)
    for heading, justify in (("layer", "left"), ("kind", "left"), ("output shape", "left"),
                             ("parameters", "right")):
        table.add_column(heading, justify=justify)
    for path, (kind, shape) in outputs.items():
        count = _own_parameters(params, path)
        if count:
            table.add_row("/".join(path), kind, str(shape), f"{count:,}")
    table.add_row("output", "", str(outputs[()][1]), "")
    return table


def _shapes(output: Any) -> Any:
    """Returns the shape of an output, or the shapes of several."""
    if not isinstance(output, tuple):
        return output.shape
    return tuple(part.shape for part in output if part is not None)


def _own_parameters(params: Mapping[str, Any], path: tuple[str, ...]) -> int:
    """Counts the parameters of the module at `path` itself, without those of modules inside it."""
    for part in path:
        params = params.get(part, {})
    return sum(math.prod(value.shape)
               for value in params.values() if not isinstance(value, Mapping))


def round_table(game: Game) -> Table:
    """Tabulates the updates of a round in their order."""
    table = Table(title=f"round: {counted(game.slots, 'batch', 'batches')} of {game.batch_size}, "
                        f"counted as {counted(game.images_per_round, 'image')}",
                  title_justify="left", box=None, pad_edge=False)
    for heading in ("update", "trains", "times a round", "in rounds"):
        table.add_column(heading)
    for update in game.round:
        rounds = "all" if update.every == 1 else f"every {ordinal(update.every)}"
        table.add_row(update.name, ", ".join(update.trains), str(update.repeats), rounds)
    return table


def stage_table(game: Game, total: int, temporary: Sequence[int] = ()) -> Table:
    """The stages of a training of `total` rounds, in their order, with the bytes that the round of
    each takes besides, if they are known."""
    table = Table(title="stages, of which the round below is the last one's", title_justify="left",
                  box=None, pad_edge=False)
    named = any(stage.name for stage in stages_of(game))
    for heading in ("stage", "from round", "rounds", "from kimg", "images a round"):
        table.add_column(heading, justify="right")
    if temporary:
        table.add_column("temporary arrays", justify="right")
    if named:
        table.add_column("what it trains")
    for number, stage in enumerate(stages_of(game), start=1):
        start = stage.game.start
        rounds = max(total - start.step, 0) if stage.rounds is None else stage.rounds
        table.add_row(str(number), f"{start.step:,}", f"{rounds:,}", f"{start.images / 1000:g}",
                      f"{stage.game.images_per_round:,}",
                      *([byte_text(temporary[number - 1])] if temporary else []),
                      *([stage.name] if named else []))
    return table


def memory_table(game: Game, state: GameState, data: Any, streamed: bool,
                 temporary: int | None) -> Table:
    """Tabulates the bytes on each device: state by its parts, the data or the batches of a call,
    and what the round takes besides."""
    table = Table(title="memory of one device", title_justify="left", box=None, pad_edge=False)
    table.add_column("what")
    table.add_column("size", justify="right")
    rows = {part: tree_bytes(getattr(state, part))
            for part in ("params", "variables", "opt_state", "ema", "memory")}
    rows["batches of a call (the data is streamed)" if streamed else "data set"] = tree_bytes(data)
    if temporary is not None:
        rows["temporary arrays of the compiled round"] = temporary
    for what, size in rows.items():
        table.add_row(what, byte_text(size))
    table.add_row("together", byte_text(sum(rows.values())))
    return table
