"""Zip files that cannot do harm: what they unpack to is checked before anything is read."""

import contextlib
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from ganlab.output import counted
from ganlab.pretrained.arrays import read_bytes
from ganlab.pretrained.errors import BadWeights, damaged, shown

MOST_ENTRIES = 2**17
"""Most entries of a zip file."""
MOST_RATIO = 32
"""How many times its own size a zip file may unpack to."""
FREE_BYTES = 2**24
"""Bytes to which a zip file may unpack in any case."""


class Archive:
    """The entries of a zip file, stored or deflated, within the limits, and read one by one.

    Attributes:
      sizes: unpacked bytes of all entries, by name.
    """

    def __init__(self, file: BinaryIO, size: int):
        try:
            self._zip = zipfile.ZipFile(file)
        except Exception as error:
            # BadZipFile, but for damaged directories also struct's, OSError, ValueError.
            raise BadWeights(f"is not a whole zip file ({shown(error)}), as PyTorch and NumPy "
                             "write them; copy the whole file again") from None
        # The directory is read and nothing else: all limits are checked on it.
        infos = self._zip.infolist()
        if len(infos) > MOST_ENTRIES:
            raise BadWeights(f"holds {counted(len(infos), 'file')}, more than the "
                             f"{MOST_ENTRIES:,} that are read; save fewer arrays")
        for info in infos:
            _check_entry(info, size)
        # Entries of an attack overlap; those of a whole file are side by side.
        if sum(info.compress_size for info in infos) > size:
            raise damaged("its files are together larger than itself")
        unpacked, most = sum(info.file_size for info in infos), MOST_RATIO * size + FREE_BYTES
        if unpacked > most:
            raise BadWeights(f"unpacks from {counted(size, 'byte')} to {unpacked:,}, more than the "
                             f"{most:,} that are unpacked of so small a file; save it without "
                             "compression")
        # torch.save leaves check sums out where it is told to.
        if not any(info.CRC for info in infos):
            for info in infos:
                info.CRC = None
        self._infos = {info.filename: info for info in infos}
        if len(self._infos) < len(infos):
            raise damaged("two of its files have the same name")
        self.sizes = {name: info.file_size for name, info in self._infos.items()}

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Opens an entry as a stream; whatever is wrong with its bytes becomes `BadWeights`."""
        try:
            with self._zip.open(self._infos[name]) as stream:
                yield stream
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError,
                NotImplementedError, RuntimeError, ValueError) as error:
            raise BadWeights(f"does not unpack ({shown(name)}: {shown(error)}); copy it "
                             "again") from None

    def bytes_of(self, name: str) -> np.ndarray:
        """Reads a whole entry, uint8 [size]."""
        with self.open(name) as stream:
            return read_bytes(stream, self.sizes[name])


def _check_entry(info: zipfile.ZipInfo, size: int) -> None:
    if not 0 <= info.header_offset < size:
        raise damaged("one of its files lies outside of it")
    if info.flag_bits & 1:
        raise BadWeights("is encrypted; unpack it and pack it again without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadWeights(f"is packed by method {info.compress_type} of zip files, and stored and "
                         "deflated ones are read; save it without compression")
    # The bytes of a stored entry are the entry itself, so both sizes are the same.
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        raise damaged("one of its files has two sizes")
