"""Batches of a round: gathered from data on the device or read ahead on the host, to the same bits.

Data comes in streams: arrays whose examples belong together, and share an order. Most sets
are one stream of `image` and `label`; pictures of two kinds that are not paired are two.
Which examples a round shows is a pure function of (order key, step), so that training continues
from any step with nothing saved.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.data.jitter import Jitter, jittered
from ganlab.data.order import host_shuffled_index, key_words, shuffled_index
from ganlab.types import Array

Streams = tuple[Mapping[str, Any], ...]
"""Arrays by name, in groups that share an order."""
PICTURES = ("image", "source")
"""Names of the arrays that are pictures or points."""


def stream_key(key: Array, number: int) -> Array:
    """Derives a stream's order key from that of the run's data, which the first stream keeps."""
    return jax.random.fold_in(key, number) if number else key


def round_positions(step: Any, slots: int, batch_size: int, index: Any = None) -> Any:
    """Returns the positions uint32 [slots, b] of a round's examples, the same in each stream.

    `step` is an array of NumPy or JAX. `index` [b] selects examples of the global batch; None means
    all `batch_size`.
    """
    index = np.arange(batch_size, dtype=np.uint32) if index is None else index.astype(np.uint32)
    first = step.astype(np.uint32) * np.uint32(slots * batch_size)
    return first + np.arange(slots, dtype=np.uint32)[:, None] * np.uint32(batch_size) + index


def gather_batches(streams: Streams, key: Array, step: Array, slots: int, batch_size: int,
                   jitter: Jitter = Jitter()) -> dict[str, Array]:
    """Gathers the real batches of one round from data on the device.

    Args:
      streams: arrays [n, ...], of one length within a stream.
      key: the order's PRNG key.
      step: rounds played before this one.
      slots: batches in a round, one for each repeat of each update.
      batch_size: global batch size b.
      jitter: see `finish_batches`.

    Returns:
      `image` [slots, b, ...], floats in [-1, 1] (or points), `label` [slots, b], and what else
      there is.
    """
    return finish_batches(gather_raw(streams, key, step, slots, batch_size), key, step, batch_size,
                          jitter)


def gather_raw(streams: Streams, key: Array, step: Array, slots: int, batch_size: int,
               index: Array | None = None) -> Streams:
    """Gathers the raw batches [slots, b, ...] of one round, as `HostReader` reads them.

    `index` [b] selects examples of the global batch; None means all of them.
    """
    positions = round_positions(step, slots, batch_size, index)
    raw = []
    for number, stream in enumerate(streams):
        size = next(iter(stream.values())).shape[0]
        index = shuffled_index(stream_key(key, number), positions, size)
        raw.append({name: jnp.take(array, index, axis=0) for name, array in stream.items()})
    return tuple(raw)


def finish_batches(raw: Streams, key: Array, step: Array, batch_size: int,
                   jitter: Jitter = Jitter(), index: Array | None = None) -> dict[str, Array]:
    """Converts raw batches [slots, b, ...] to what networks see: floats, cropped and mirrored.

    What shares a stream (a pair) is cropped and mirrored together, see `jittered`. Of a global
    batch of `batch_size` examples, `raw` has those of `index` [b], all if None.
    """
    batches: dict[str, Array] = {}
    for number, stream in enumerate(raw):
        slots = next(iter(stream.values())).shape[0]
        positions = round_positions(step, slots, batch_size, index)
        for name, array in stream.items():
            batches[name] = (jittered(array, stream_key(key, number), positions, jitter)
                             if name in PICTURES else array)
    return batches


@dataclasses.dataclass(frozen=True)
class HostReader:
    """Reads raw batches of rounds from arrays in memory or on disk, for any rows of the batch.

    Attributes:
      streams: arrays, or what is indexed like them by an array of indices (`StoredImages`).
      words: the words of each stream's order key.
      slots: batches in a round.
      batch_size: global batch size.
      rows: which examples of each batch to read, those of this process; None for all.
    """

    streams: Streams
    words: Sequence[np.ndarray]
    slots: int
    batch_size: int
    rows: range | None = None

    @classmethod
    def of(cls, streams: Streams, key: Array, slots: int, batch_size: int,
           rows: range | None = None) -> "HostReader":
        """Makes a reader in the order of the PRNG key `key`."""
        words = [np.asarray(key_words(stream_key(key, number))) for number in range(len(streams))]
        return cls(streams, words, slots, batch_size, rows)

    def read(self, step: int) -> Streams:
        """Reads the raw batches [slots, rows, ...] of the round after `step` others."""
        with np.errstate(over="ignore"):  # Positions are numbers modulo 2^32.
            positions = round_positions(np.asarray(step), self.slots, self.batch_size)
        positions = positions if self.rows is None else positions[:, self.rows.start:self.rows.stop]
        found = []
        for stream, words in zip(self.streams, self.words, strict=True):
            index = host_shuffled_index(words, positions, len(next(iter(stream.values()))))
            raw = {name: np.asarray(array[index.reshape(-1)]) for name, array in stream.items()}
            found.append({name: array.reshape(*index.shape, *array.shape[1:])
                          for name, array in raw.items()})
        return tuple(found)


def device_data(streams: Streams, sharding: jax.sharding.Sharding) -> Streams:
    """Places the arrays of a data set on the devices."""
    if sharding.is_fully_addressable:
        return jax.tree.map(lambda array: jax.device_put(array, sharding), streams)
    # `device_put` would compare the data of all processes, and take a NaN for a difference.
    return jax.tree.map(
        lambda array: jax.make_array_from_callback(array.shape, sharding, array.__getitem__),
        streams)
