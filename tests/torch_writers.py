"""Writers of both formats of `torch.save`, without PyTorch, of safetensors, of zip and NumPy files with any content."""

import collections
import contextlib
import dataclasses
import io
import json
import pickle
import struct
import sys
import types
import zipfile

import numpy as np

from ganlab.pretrained.arrays import DTYPES
from ganlab.pretrained.pickled_names import STORAGES

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
SYSTEM = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


@dataclasses.dataclass
class Storage:
    """Bytes of tensors, as many numbers of a type as `count` says."""

    raw: bytes
    kind: str
    count: int
    key: str = "0"
    part: tuple = ()


@dataclasses.dataclass
class Tensor:
    """What becomes a call of `_rebuild_tensor_v2`."""

    storage: Storage
    offset: object
    shape: object
    strides: object


def tensor(array, key="0"):
    """A tensor that has its storage to itself."""
    kind = {name: kind for kind, name in STORAGES.items()}[array.dtype.name]
    storage = Storage(array.tobytes(), kind, array.size, key)
    return Tensor(storage, 0, array.shape, tuple(step // array.itemsize for step in array.strides))


@contextlib.contextmanager
def fake_torch():
    """Modules by which Python's pickler finds the names of PyTorch; none of them is there when a file is read."""
    torch, inner = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for kind in STORAGES:
        setattr(torch, kind, type(kind, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2():
        raise AssertionError("nothing calls this")

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    inner._rebuild_tensor_v2 = _rebuild_tensor_v2
    sys.modules |= {"torch": torch, "torch._utils": inner}
    try:
        yield torch, inner
    finally:
        del sys.modules["torch"], sys.modules["torch._utils"]


def pickled(tree, protocol=2):
    """The pickle of a tree of tensors, and its storages by key."""
    storages = {}
    with fake_torch() as (torch, inner):

        class Pickler(pickle.Pickler):
            def persistent_id(self, value):
                if not isinstance(value, Storage):
                    return None
                storages[value.key] = value
                return "storage", getattr(torch, value.kind), value.key, "cpu", value.count, *value.part

            def reducer_override(self, value):
                if not isinstance(value, Tensor):
                    return NotImplemented
                return inner._rebuild_tensor_v2, (value.storage, value.offset, value.shape, value.strides, False,
                                                  collections.OrderedDict())

        file = io.BytesIO()
        Pickler(file, protocol).dump(tree)
    return file.getvalue(), storages


def zip_bytes(entries, compression=zipfile.ZIP_STORED):
    """A zip file of bytes or texts by name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def torch_zip(tree, compression=zipfile.ZIP_STORED, protocol=2, **more):
    """A zip file of `torch.save`; more entries by name within it."""
    data, storages = pickled(tree, protocol)
    return torch_zip_of(data, {key: storage.raw for key, storage in storages.items()}, compression, **more)


def torch_zip_of(data, storages=None, compression=zipfile.ZIP_STORED, **more):
    """A zip file of `torch.save` around any pickle."""
    entries = {"archive/data.pkl": data, "archive/byteorder": "little", "archive/version": "3\n"}
    entries |= {f"archive/data/{key}": raw for key, raw in (storages or {}).items()}
    return zip_bytes(entries | {f"archive/{name}": content for name, content in more.items()}, compression)


def torch_legacy(tree, system=SYSTEM, keys=None):
    """A file of `torch.save` before 1.6."""
    data, storages = pickled(tree)
    return torch_legacy_of(data, storages, system, keys)


def torch_legacy_of(data, storages=None, system=SYSTEM, keys=None):
    """A file of `torch.save` before 1.6 around any pickle."""
    storages = storages or {}
    parts = [pickle.dumps(MAGIC, 2), pickle.dumps(PROTOCOL, 2), pickle.dumps(system, 2), data,
             pickle.dumps(sorted(storages) if keys is None else keys, 2)]
    for key in sorted(storages):
        itemsize = DTYPES[STORAGES[storages[key].kind]].itemsize
        parts += [struct.pack("<q", len(storages[key].raw) // itemsize), storages[key].raw]
    return b"".join(parts)


def safetensors(header, data=b""):
    """A file of safetensors with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(kind, shape, begin, end):
    """What a header of safetensors says of a tensor."""
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


def npy(array=None, header=None, data=b""):
    """A file of numpy.save, of an array or with any header."""
    if array is not None:
        file = io.BytesIO()
        np.save(file, array)
        return file.getvalue()
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text + data
