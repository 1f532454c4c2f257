"""Batches of a round: gathered from data on the device or read ahead on the host, to the same bits.

Data comes in streams: arrays whose examples belong together, and share an order. Most sets
are one stream of `image` and `label`; pictures of two kinds that are not paired are two.
Which examples a round shows is a pure function of (order key, position of its first example), so
that training resumes from any step with nothing saved.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.data.jitter import Jitter, jittered
from ganlab.data.order import class_draw, host_shuffled_index, key_words, shuffled_index
from ganlab.data.streams import Stream, Streams, declared
from ganlab.types import Array


def stream_key(key: Array, number: int) -> Array:
    """Derives a stream's order key from that of the run's data, which the first stream keeps."""
    return jax.random.fold_in(key, number) if number else key


def round_positions(first: Any, slots: int, batch_size: int, index: Any = None) -> Any:
    """Returns the positions uint32 [slots, b] of a round's examples, the same in each stream.

    `first`, the position of the first of them, is an array of NumPy or JAX. `index` [b] selects
    examples of the global batch; None means all `batch_size`.
    """
    index = np.arange(batch_size, dtype=np.uint32) if index is None else index.astype(np.uint32)
    slot = np.arange(slots, dtype=np.uint32)[:, None] * np.uint32(batch_size)
    return first.astype(np.uint32) + slot + index


def gather_batches(streams: Streams, key: Array, first: Array, slots: int, batch_size: int,
                   jitter: Jitter = Jitter()) -> dict[str, Array]:
    """Gathers the real batches of one round from data on the device.

    Args:
      streams: arrays [n, ...], of one length within a stream.
      key: the order's PRNG key.
      first: position in the order of the round's first example, as of `Game.position`.
      slots: batches in a round, one for each repeat of each update on images of its own.
      batch_size: global batch size b.
      jitter: see `finish_batches`.

    Returns:
      `image` [slots, b, ...], floats in [-1, 1] (or points), `label` [slots, b], and what else
      there is.
    """
    return finish_batches(gather_raw(streams, key, first, slots, batch_size), key, first,
                          batch_size, jitter)


def gather_raw(streams: Streams, key: Array, first: Array, slots: int, batch_size: int,
               index: Array | None = None) -> Streams:
    """Gathers the raw batches [slots, b, ...] of one round, as `HostReader` reads them.

    `index` [b] selects examples of the global batch; None means all of them.
    """
    positions = round_positions(first, slots, batch_size, index)
    raw: list[Stream] = []
    for number, stream in enumerate(map(declared, streams)):
        own_key = stream_key(key, number)
        if stream.partners_of is None:
            index = shuffled_index(own_key, positions, stream.size)
        else:
            index = partner_index(key_words(own_key), positions, raw[stream.partners_of]["label"],
                                  stream)
        raw.append(stream.holding({name: jnp.take(array, index, axis=0)
                                   for name, array in stream.items()}))
    return tuple(raw)


def partner_index(words: Any, positions: Any, labels: Any, stream: Stream) -> Any:
    """Chooses an example of a stream of partners for each position, of the class that stands there.

    Args:
      words: the words of the stream's order key, of NumPy or JAX, as all that follows.
      positions: uint32, of any shape.
      labels: the classes at the positions, of the stream that they are partners of.
      stream: the partners.

    Returns:
      int32 indices in the shape of the positions.
    """
    xp = jnp if isinstance(positions, jax.Array) else np
    table = {name: xp.asarray(array) for name, array in stream.by_class.items()}
    place = class_draw(words, positions, table["count"][labels])
    return table["order"][table["start"][labels] + place]


def finish_batches(raw: Streams, key: Array, first: Array, batch_size: int,
                   jitter: Jitter = Jitter(), index: Array | None = None) -> dict[str, Array]:
    """Converts raw batches [slots, b, ...] to what networks see: floats, cropped and mirrored.

    What shares a stream (a pair) is cropped and mirrored together, see `jittered`. Of a global
    batch of `batch_size` examples, `raw` has those of `index` [b], all if None.
    """
    batches: dict[str, Array] = {}
    for number, stream in enumerate(map(declared, raw)):
        positions = round_positions(first, stream.size, batch_size, index)
        for name, array in stream.items():
            batches[name] = (jittered(array, stream_key(key, number), positions, jitter)
                             if name in stream.pictures else array)
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

    def read(self, first: Any) -> Streams:
        """Reads the raw batches [slots, rows, ...] of a round, by the position of its first
        example."""
        with np.errstate(over="ignore"):  # Positions are numbers modulo 2^32.
            positions = round_positions(np.asarray(first), self.slots, self.batch_size)
        positions = positions if self.rows is None else positions[:, self.rows.start:self.rows.stop]
        found: list[Stream] = []
        for stream, words in zip(map(declared, self.streams), self.words, strict=True):
            if stream.partners_of is None:
                index = host_shuffled_index(words, positions, stream.size)
            else:
                with np.errstate(over="ignore"):
                    index = partner_index(words, positions, found[stream.partners_of]["label"],
                                          stream)
            found.append(stream.holding({
                name: np.asarray(array[index.reshape(-1)]).reshape(*index.shape, *array.shape[1:])
                for name, array in stream.items()}))
        return tuple(found)


def device_data(streams: Streams, sharding: jax.sharding.Sharding) -> Streams:
    """Places the arrays of a data set on the devices."""
    if sharding.is_fully_addressable:
        return jax.tree.map(lambda array: jax.device_put(array, sharding), streams)
    # `device_put` would compare the data of all processes, and take a NaN for a difference.
    return jax.tree.map(
        lambda array: jax.make_array_from_callback(array.shape, sharding, array.__getitem__),
        streams)
