"""How data reaches the rounds: it stays on the devices, or threads read it ahead while they work.

Both give the same batches to the bit, from any step, on any number of devices and processes.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from ganlab.data import Dataset, HostReader, Streams, device_data
from ganlab.engine.divergence import run_key
from ganlab.engine.maker_programs import DATA_AXIS, replicated
from ganlab.engine.program import raw_sharding
from ganlab.game import Game, order_key
from ganlab.machine import allowed_memory

# Decoding releases the interpreter's lock, so threads read in parallel; more of them than cores
# only take turns.
MOST_THREADS = 8
ROUNDS_AHEAD = 2  # For each thread: this keeps it busy while a round is taken.


class Feed(Protocol):
    """What gives `Programs.play` its data."""

    def next(self) -> Streams:
        """Returns the data of the next call."""
        ...

    def close(self) -> None:
        """Stops reading ahead."""
        ...


def device_memory(device: jax.Device) -> int:
    """Returns a device's bytes of memory; a CPU device has a share of what this process may
    fill."""
    stats = device.memory_stats() or {}
    if "bytes_limit" in stats:
        return stats["bytes_limit"]
    return allowed_memory() // jax.local_device_count()


def stays_on_device(dataset: Dataset, config: Mapping[str, Any]) -> bool:
    """Returns whether a whole data set takes at most `data.device_share` of a device's memory."""
    return dataset.nbytes <= config["data"]["device_share"] * device_memory(jax.local_devices()[0])


def placed_data(dataset: Dataset, mesh: jax.sharding.Mesh) -> Streams:
    """Places all data on every device of a mesh."""
    whole = jax.tree.map(lambda array: np.asarray(array[:]), dataset.streams())
    return device_data(whole, replicated(mesh))


class DeviceFeed:
    """All data, on every device of a mesh; batches are gathered inside the program."""

    def __init__(self, dataset: Dataset, mesh: jax.sharding.Mesh):
        self._data = placed_data(dataset, mesh)

    def next(self) -> Streams:
        """Returns the same arrays every time."""
        return self._data

    def close(self) -> None:
        """Does nothing: no thread reads ahead."""


class _Rounds:
    """The raw batches of each call from a step on, by number, as Grain wants to read them."""

    def __init__(self, reader: HostReader, position: Callable[[int], np.ndarray], first: int,
                 rounds_per_call: int, calls: int):
        self._reader, self._position = reader, position
        self._first, self._rounds, self._calls = first, rounds_per_call, calls

    def __len__(self) -> int:
        return self._calls

    def __getitem__(self, call: int) -> Streams:
        first = self._first + call * self._rounds
        rounds = [self._reader.read(self._position(step))
                  for step in range(first, first + self._rounds)]
        return jax.tree.map(lambda *arrays: np.stack(arrays), *rounds)


class HostFeed:
    """Reads batches ahead by Grain's threads, and puts this process's part on its devices."""

    def __init__(self, dataset: Dataset, game: Game, mesh: jax.sharding.Mesh, seed: int, first: int,
                 total: int, rounds_per_call: int, retries: int = 0):
        """Starts to read the rounds from `first` to `total`, in the order of a retry's number."""
        import grain  # Imported here: it takes a second that data on the device need not wait for.

        self._sharding = raw_sharding(mesh)
        self._batch_size = game.batch_size
        reader = HostReader.of(dataset.streams(), order_key(run_key(seed, retries)), game.slots,
                               game.batch_size, local_rows(mesh, game.batch_size))
        threads = min(MOST_THREADS, os.cpu_count() or 1)
        options = grain.ReadOptions(num_threads=threads,
                                    prefetch_buffer_size=ROUNDS_AHEAD * threads)
        rounds = _Rounds(reader, game.position, first, rounds_per_call,
                         max(0, total - first) // rounds_per_call)
        self._ahead: Iterator[Streams] = iter(
            grain.MapDataset.source(rounds).to_iter_dataset(options))

    def next(self) -> Streams:
        """Returns the raw batches [rounds, slots, b, ...] of the next call, split over devices."""
        def place(array: np.ndarray) -> jax.Array:
            shape = (*array.shape[:2], self._batch_size, *array.shape[3:])
            return jax.make_array_from_process_local_data(self._sharding, array, shape)

        return jax.tree.map(place, next(self._ahead))

    def close(self) -> None:
        """Stops the threads."""
        self._ahead.close()


def local_rows(mesh: jax.sharding.Mesh, batch_size: int) -> range:
    """Returns which examples of a global batch this process's devices hold."""
    places = NamedSharding(mesh, PartitionSpec(DATA_AXIS)).addressable_devices_indices_map(
        (batch_size,)).values()
    parts = [part.indices(batch_size) for (part,) in places]
    return range(min(start for start, _, _ in parts), max(stop for _, stop, _ in parts))


def make_feed(dataset: Dataset, game: Game, mesh: jax.sharding.Mesh, config: Mapping[str, Any],
              first: int, until: int | None = None, retries: int = 0) -> Feed:
    """Makes the feed of a run's rounds from `first` to `until`, by the size of its data.

    `until` None is the end of training; `retries` chooses the order, as `run_key` says.
    """
    if stays_on_device(dataset, config):
        return DeviceFeed(dataset, mesh)
    train = config["train"]
    until = train["total_rounds"] if until is None else until
    return HostFeed(dataset, game, mesh, config["seed"], first, until, train["rounds_per_call"],
                    retries)


def data_shapes(dataset: Dataset, game: Game, rounds_per_call: int, streamed: bool) -> Streams:
    """Returns the shapes and types of what a feed gives."""
    batch = (rounds_per_call, game.slots, game.batch_size) if streamed else None
    streams = tuple(stream.holding(stream.arrays) if streamed else stream
                    for stream in dataset.streams())
    return jax.tree.map(lambda array: jax.ShapeDtypeStruct(
        (*batch, *array.shape[1:]) if streamed else array.shape, array.dtype), streams)
