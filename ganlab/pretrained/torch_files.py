"""Files of `torch.save`, without PyTorch: zip files (since 1.6), and older ones of pickles.

Both hold a pickle of nested dicts whose tensors name storages by persistent ids, and the bytes of
the storages outside of it: in the zip file one entry each, `NAME/data/KEY`; in the older files one
after another after the pickle, each after the count of its numbers. The formats are those that
`torch/serialization.py` reads and writes.
"""

import io
import struct
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np

from ganlab.output import counted
from ganlab.pretrained.arrays import read_bytes, whole_numbers
from ganlab.pretrained.errors import BadWeights, damaged, shown
from ganlab.pretrained.flattening import Plain, flatten
from ganlab.pretrained.pickle_limits import Limits
from ganlab.pretrained.pickle_machine import MOST_BYTES, Global, read_pickle
from ganlab.pretrained.pickled_names import NAMES, RELU, Numbers, Storage
from ganlab.pretrained.zip_files import Archive

MAGIC = 0x1950A86A20F9469CFC6C
"""The first pickle of a file before 1.6."""
PROTOCOL = 1001
"""The second one."""
PICKLE = "/data.pkl"
"""The end of the name of the entry that describes the tensors."""

Flat = tuple[dict[str, np.ndarray], dict[str, Plain]]
"""Arrays and plain values by name."""


class _Storages:
    """The storages that a pickle names, by key."""

    def __init__(self) -> None:
        self.by_key: dict[str, Storage] = {}

    def persistent(self, number: Any) -> Numbers | Global:
        """Returns what a persistent id means.

        It is ("storage", type, key, device, count, None or (key, start, count)), or in files before
        1.6 ("module", class, file name, source text), of which the class is kept.
        """
        if (type(number) is tuple and len(number) == 4 and number[0] == "module"
                and type(number[1]) is Global and number[1].name == RELU):
            return number[1]
        if type(number) is not tuple or len(number) not in (5, 6) or number[0] != "storage":
            raise BadWeights("refers to something that is not a storage of numbers, such as the "
                             "code of a module; save its state_dict() alone")
        _, kind, key, _, count, *part = number
        if (type(kind) is not Global or not isinstance(kind.meaning, np.dtype)
                or type(key) is not str):
            raise damaged("a storage has no type or no key")
        # All tensors that share a storage must agree on its size.
        dtype, (count,) = kind.meaning, whole_numbers([count], "size of a storage")
        storage = self.by_key.setdefault(key, Storage(count * dtype.itemsize, dtype.itemsize))
        if storage.nbytes != count * dtype.itemsize:
            raise damaged(f"storage {shown(key, 20)} has two sizes")
        if not part or part[0] is None:
            return Numbers(storage, dtype, 0, count)
        # A view of a part, as old files write it, must be within the storage.
        if type(part[0]) is not tuple or len(part[0]) != 3:
            raise damaged(f"a part of storage {shown(key, 20)} has no place")
        start, length = whole_numbers(part[0][1:], "part of a storage")
        if start + length > count:
            raise damaged(f"a part of storage {shown(key, 20)} lies outside of it")
        return Numbers(storage, dtype, start, length)

    def nbytes(self) -> int:
        """Returns the bytes of all storages."""
        return sum(storage.nbytes for storage in self.by_key.values())


def read_torch_zip(archive: Archive) -> Flat:
    """Reads arrays and plain values of a zip file of `torch.save`.

    Arrays are read-only and share memory as tensors did.

    Raises:
      BadWeights: for another file, or a damaged one.
    """
    # What is not plain weights of a common machine is refused before it is read.
    folder = torch_folder(archive.sizes)
    if any(name.startswith(f"{folder}/code/") or name == f"{folder}/constants.pkl"
           for name in archive.sizes):
        raise BadWeights("is a TorchScript program, of which nothing is run; load it where you "
                         "trust it, and save its state_dict() with torch.save")
    order = f"{folder}/byteorder"
    if (archive.sizes.get(order, 6) > 10
            or order in archive.sizes and archive.bytes_of(order).tobytes() != b"little"):
        raise BadWeights("was written on a machine of the other byte order (big-endian); save it "
                         "again on a common one")
    if archive.sizes[folder + PICKLE] > MOST_BYTES:
        raise BadWeights(f"has a pickle of more than {MOST_BYTES:,} bytes, the most that is read; "
                         "save its state_dict() alone")
    storages = _Storages()
    tree = read_pickle(io.BytesIO(archive.bytes_of(folder + PICKLE)), NAMES, storages.persistent)
    # The sizes of all storages are checked before any of them is read.
    entries = {key: f"{folder}/data/{key}" for key in storages.by_key}
    for key, storage in storages.by_key.items():
        size = archive.sizes.get(entries[key])
        if size != storage.nbytes:
            raise damaged(f"storage {shown(key, 20)} should have "
                          f"{counted(storage.nbytes, 'byte')} and "
                          f"{'is missing' if size is None else f'has {size:,}'}")
    for key, storage in storages.by_key.items():
        storage.raw = archive.bytes_of(entries[key])
    return flatten(tree, storages.nbytes())


def torch_folder(names: Mapping[str, Any]) -> str | None:
    """Returns the folder that holds everything in a zip file of `torch.save`; None in others."""
    folders = [name.removesuffix(PICKLE)
               for name in names if name.endswith(PICKLE) and name.count("/") == 1]
    return folders[0] if len(folders) == 1 else None


def read_torch_legacy(file: BinaryIO, size: int) -> Flat:
    """Reads arrays and plain values of a file of `torch.save` before 1.6, or of a plain pickle.

    A plain pickle holds dicts of NumPy arrays.

    Raises:
      BadWeights: for another file, or a damaged one.
    """
    first = read_pickle(file, NAMES)
    # A plain pickle begins with its object, a file of torch.save with a number.
    if type(first) is not int:
        return flatten(first, size)
    if first != MAGIC or read_pickle(file, NAMES) != PROTOCOL:
        raise BadWeights("is a pickle of a number, not of weights; name a file of torch.save, "
                         "safetensors or NumPy")
    tree, nbytes = _read_sections(file, size, NAMES, None, read_bytes)
    return flatten(tree, nbytes)


def read_torch_storage(raw: bytes, names: Mapping[str, Any], limits: Limits) -> Numbers:
    """Reads a storage of a file of `torch.save` before 1.6 that holds nothing else; copies nothing.

    Pickles that were not written by `torch.save` have such a file within them for each tensor.

    Args:
      raw: the whole file; the storage's numbers are a view of it.
      names: what names mean, as for `read_pickle`.
      limits: of all its pickles together.

    Raises:
      BadWeights: for another file, or a damaged one.
    """
    file = io.BytesIO(raw)
    # The file begins with pickles of two numbers.
    for number in (MAGIC, PROTOCOL):
        found = read_pickle(file, names, limits=limits)
        if type(found) is not int or found != number:
            raise damaged("a storage within its pickle is not a file of torch.save before 1.6")

    def taken(stream: BinaryIO, nbytes: int) -> np.ndarray:
        return np.frombuffer(raw, np.uint8)[stream.tell():stream.seek(nbytes, io.SEEK_CUR)]

    tree, _ = _read_sections(file, len(raw), names, limits, taken)
    if type(tree) is not Numbers:
        raise damaged("a file of torch.save within its pickle holds something else than a storage")
    return tree


def _read_sections(file: BinaryIO, size: int, names: Mapping[str, Any], limits: Limits | None,
                   read: Callable[[BinaryIO, int], np.ndarray]) -> tuple[Any, int]:
    """Reads what follows the magic number and the version; the tree, and all storages' bytes."""
    # Pickles in a row: the machine, the tensors, the keys of storages.
    system = read_pickle(file, names, limits=limits)
    if type(system) is not dict or system.get("little_endian") is not True:
        raise BadWeights("was written on a machine of the other byte order (big-endian); save it "
                         "again on a common one")
    storages = _Storages()
    tree = read_pickle(file, names, storages.persistent, limits)
    # The storages follow in the order of these keys, which must be those of the tensors.
    keys = read_pickle(file, names, limits=limits)
    if (type(keys) is not list or any(type(key) is not str for key in keys)
            or sorted(keys) != sorted(storages.by_key)):
        raise damaged("its storages are not those that its tensors name")
    for key in keys:
        storages.by_key[key].raw = _read_storage(file, size, storages.by_key[key], read)
    return tree, storages.nbytes()


def _read_storage(file: BinaryIO, size: int, storage: Storage,
                  read: Callable[[BinaryIO, int], np.ndarray]) -> np.ndarray:
    head = file.read(8)
    if len(head) < 8 or file.tell() + storage.nbytes > size:
        raise BadWeights(f"ends within its tensors, at byte {size:,}; copy the whole file again")
    count, = struct.unpack("<q", head)
    if count * storage.itemsize != storage.nbytes:
        raise damaged(f"a storage has {counted(count, 'number')} where its tensors say "
                      f"{storage.nbytes // storage.itemsize:,}")
    return read(file, storage.nbytes)
