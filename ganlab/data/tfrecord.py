"""Records that TFDS has prepared as tfrecord, its default format, read by index without TensorFlow.

A record is its length (8 bytes, little-endian), the length's checksum (4), the data, and the data's
checksum (4). Checksums are CRC-32C, rotated and shifted as TensorFlow's `core/lib/hash/crc32c.h`
does. The data are a `tf.train.Example`, which TFDS decodes as it decodes those of array_record.
"""

import bisect
import functools
import itertools
import os
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import google_crc32c
import numpy as np

from ganlab.config import ConfigError
from ganlab.output import counted

FORMAT = "tfrecord"
HEADER = struct.Struct("<QI")
CHECKSUM = struct.Struct("<I")


def masked_checksum(data: bytes) -> int:
    """Computes the checksum of tfrecord files: CRC-32C, rotated right by 15, plus a constant."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


class _Part(NamedTuple):
    """Records of one file: `count` of them, from number `skip` on."""

    file: str
    skip: int
    count: int


class _Records:
    """Records of a split in the order of their files; only their places [n] are in memory."""

    def __init__(self, instructions: Sequence[Any]):
        self._parts = [_Part(str(each.filename), each.skip, each.take) for each in instructions]
        self._ends = list(itertools.accumulate(part.count for part in self._parts))
        for part, each in zip(self._parts, instructions, strict=True):
            found = len(record_places(part.file))
            if found != each.examples_in_shard:
                raise _damaged(part.file, f"it has {counted(found, 'record')} and its description "
                               f"{each.examples_in_shard:,}")

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, number: int) -> bytes:
        if not 0 <= number < len(self):
            raise IndexError(f"record {number} of {len(self)}")
        which = bisect.bisect_right(self._ends, number)
        part = self._parts[which]
        return read_record(part.file, part.skip + part.count + number - self._ends[which])

    def __getitems__(self, numbers: Sequence[int]) -> list[bytes]:
        return [self[number] for number in numbers]


def record_places(file: str) -> np.ndarray:
    """Finds where the data of each record of a file begin and end, in bytes: int64 [n, 2].

    Checks the checksums of the lengths; does not read the data.

    Raises:
      ConfigError: for a file that is not a whole tfrecord file.
    """
    status = os.stat(file)
    return _places(file, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=4096)
def _places(file: str, size: int, changed: int) -> np.ndarray:
    del changed
    places, at = [], 0
    with open(file, "rb") as stream:
        while at < size:
            stream.seek(at)
            header = stream.read(HEADER.size)
            if len(header) < HEADER.size:
                raise _damaged(file, f"it ends within record {len(places):,}")
            length, checksum = HEADER.unpack(header)
            # A damaged length would lead to any place in the file.
            if checksum != masked_checksum(header[:8]):
                raise _damaged(file,
                               f"the length of record {len(places):,} does not have its checksum")
            begin = at + HEADER.size
            at = begin + length + CHECKSUM.size
            if at > size:
                raise _damaged(file, f"it ends within record {len(places):,}")
            places.append((begin, begin + length))
    return np.array(places, np.int64).reshape(-1, 2)


def read_record(file: str, number: int) -> bytes:
    """Reads the data of a record, in any thread; raises ConfigError if their checksum fails."""
    begin, end = record_places(file)[number].tolist()
    with open(file, "rb") as stream:
        stream.seek(begin)
        data = stream.read(end - begin + CHECKSUM.size)
    data, checksum = data[:end - begin], data[end - begin:]
    if checksum != CHECKSUM.pack(masked_checksum(data)):
        raise _damaged(file, f"record {number:,} does not have its checksum")
    return data


def _damaged(file: str, reason: str) -> ConfigError:
    return ConfigError(f"{file} is damaged: {reason}; prepare the data set again, or copy the file "
                       "again")


def _foreign(info: Any, reason: str) -> ConfigError:
    return ConfigError(f"{info.full_name} has a record that is not a tf.train.Example of its "
                       f"features ({reason}); prepare the data set again")


def open_tfrecord(info: Any, split: str, decoders: Any) -> Any:
    """Opens the examples of a split by index, as TFDS's reader of array_record has them.

    Args:
      info: TFDS's description of the set.
      split: as TFDS writes it.
      decoders: `SkipDecoding` for each feature that is not to be decoded.

    Raises:
      ValueError: for a split that does not exist.
      ConfigError: for files that are damaged or gone.
    """
    from google.protobuf.message import DecodeError
    from tensorflow_datasets import features  # Imported here: TFDS takes half a second.
    from tensorflow_datasets.core.data_sources import base

    class Examples(base.BaseDataSource):
        """Examples of the records, which TFDS decodes."""

        def _deserialize(self, record: bytes) -> Any:
            try:
                found = super()._deserialize(record)
            except (DecodeError, KeyError, AttributeError, ValueError) as error:
                raise _foreign(info, " ".join(str(error).split())[:120]) from error
            # Protobuf reads the record of another set as one without these features.
            missing = [key for key, value in found.items() if value is None
                           and isinstance(info.features[key], features.Image | features.ClassLabel)]
            if missing:
                raise _foreign(info, f"without {' and '.join(sorted(missing))}")
            return found

    try:
        # TFDS's reader, with these records in place of those of array_record.
        examples = Examples(dataset_info=info, split=split, decoders=decoders)
        examples.data_source = _Records(base.file_instructions(info, split))
        return examples
    except FileNotFoundError as error:
        raise ConfigError(f"{error.filename} is gone; prepare the data set again") from None
