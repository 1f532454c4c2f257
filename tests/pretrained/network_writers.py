"""Writers of pickles of networks from opcodes, without the official code, with anything in them."""

import pickle
import struct

from torch_writers import MAGIC, PROTOCOL, SYSTEM

HEAD = b"\x80\x04"
PERSISTENT = b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n"
LOAD = b"ctorch.storage\n_load_from_bytes\n"


def text(value):
    """The opcode of a text."""
    data = str(value).encode()
    return b"X" + struct.pack("<I", len(data)) + data


def raw(data):
    """The opcode of bytes."""
    return b"B" + struct.pack("<I", len(data)) + data


def whole(number):
    """The opcode of a whole number."""
    return b"J" + struct.pack("<i", number)


def mapping(**values):
    """A dict of texts and opcodes."""
    return b"}(" + b"".join(text(name) + value for name, value in values.items()) + b"u"


def meta(class_name="Generator", state=b"}", **values):
    """What a persistent object is made of; `state` is opcodes, as other values are."""
    return mapping(**{"type": text("class"), "version": whole(6), "module_src": text("pass"),
                      "class_name": text(class_name), "state": state} | values)


def persistent(class_name="Generator", state=b"}", **values):
    """A persistent object."""
    return PERSISTENT + meta(class_name, state, **values) + b"\x85R"


def network(state=b"}", **more):
    """A pickle of {"G": a persistent object, ...}."""
    return HEAD + mapping(G=persistent(state=state), **more) + b"."


def storage_file(data, count, kind="FloatStorage", tree=None, claimed=None):
    """A file of torch.save before 1.6 of a storage alone, or of any pickle."""
    named = (b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text("0") + text("cpu") +
             (b"\x8a\x08" + struct.pack("<q", count)) + b"NtQ")
    parts = [pickle.dumps(MAGIC, 2), pickle.dumps(PROTOCOL, 2), pickle.dumps(SYSTEM, 2),
             b"\x80\x02" + (named if tree is None else tree) + b".", pickle.dumps(["0"], 2)]
    return b"".join(parts) + struct.pack("<q", count if claimed is None else claimed) + data


def tensor(file, offset=0, shape=(), strides=()):
    """A tensor over the storage of a file."""
    sizes, steps = (b"(" + b"".join(map(whole, numbers)) + b"t" for numbers in (shape, strides))
    return (b"ctorch._utils\n_rebuild_tensor_v2\n(" + LOAD + raw(file) + b"\x85R" +
            whole(offset) + sizes + steps + b"\x89}tR")
