"""Files of safetensors: the length of a header, the header in JSON, the bytes of all tensors.

The format is the one that the README of https://github.com/huggingface/safetensors describes. It is
small enough to be read and written here, without the package.
"""

import itertools
import json
import math
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ganlab.output import counted, whole_file
from ganlab.pretrained.arrays import DTYPES, checked_shape, read_array, whole_numbers
from ganlab.pretrained.errors import BadWeights, WeightsError, damaged, shown

MOST_HEADER = 2**23
"""Most bytes of the header: enough for some 80,000 tensors."""
METADATA = "__metadata__"
"""The header's entry of texts, beside the tensors."""

TYPES = {"BOOL": "bool", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64",
         "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64", "F16": "float16",
         "BF16": "bfloat16", "F32": "float32", "F64": "float64", "F8_E4M3": "float8_e4m3fn",
         "F8_E5M2": "float8_e5m2", "C64": "complex64"}
"""Number types by their names in a header."""
ALIGNMENT = 8
"""The tensors begin at a multiple of this many bytes, so that a reader may map them into memory."""


def read_safetensors(file: BinaryIO, size: int) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Reads arrays, read-only in the file's order, and texts of the metadata (`__metadata__.KEY`).

    Raises:
      BadWeights: if the header is not one, or tensors overlap, leave gaps, or reach beyond the
        file.
    """
    header, start = _header(file, size)
    texts = header.pop(METADATA, {})
    if type(texts) is not dict or any(type(text) is not str for text in texts.values()):
        raise damaged(f"its {METADATA} is not a dict of texts")
    # Tensors must follow each other without gaps, each as large as its shape says.
    layout = sorted((_entry(name, entry) for name, entry in header.items()),
                    key=lambda entry: entry[3:])
    end = 0
    for name, dtype, shape, begin, stop in layout:
        if begin != end or stop - begin != math.prod(shape) * dtype.itemsize:
            raise damaged(f"tensor {shown(name)} of shape {shape} and {dtype} lies at bytes "
                          f"{begin:,} to {stop:,} behind one that ends at {end:,}")
        end = stop
    if start + end != size:
        raise BadWeights(f"has {counted(size - start, 'byte')} of tensors where its header says "
                         f"{end:,}; copy the whole file again")
    # Tensors are read in the order of their bytes.
    tensors = {name: read_array(file, dtype, shape) for name, dtype, shape, _, _ in layout}
    return tensors, {f"{METADATA}.{key}": text for key, text in texts.items()}


def _header(file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """Reads the header; returns it and where the tensors begin, which the file has then reached."""
    # The length comes first; a file without room for it ends within its header.
    head = file.read(8)
    length = struct.unpack("<Q", head)[0] if len(head) == 8 else size
    if length > MOST_HEADER:
        raise BadWeights(f"has a header of {length:,} bytes, more than the {MOST_HEADER:,} that "
                         "are read; save fewer tensors, or copy it again")
    if 8 + length > size:
        raise BadWeights("ends within its header; copy the whole file again")
    try:
        header = json.loads(file.read(length).decode(), object_pairs_hook=_once,
                            parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise damaged(f"its header is not JSON ({shown(error)})") from None
    if type(header) is not dict:
        raise damaged("its header is not a dict")
    return header, 8 + length


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key is given twice")
    return made


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not a number of JSON")


def _entry(name: str, entry: Any) -> tuple[str, np.dtype, tuple[int, ...], int, int]:
    """Returns name, type, shape, first byte and end of a tensor."""
    if type(entry) is not dict or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise damaged(f"tensor {shown(name)} has no dtype, shape and data_offsets in its header")
    # Types by name, then two places in the bytes.
    kind = entry["dtype"]
    if type(kind) is not str or kind not in TYPES:
        kind = shown(kind) if type(kind) is str else "that is not text"
        raise BadWeights(f"has tensor {shown(name)} of a type {kind}, and these are read: "
                         f"{', '.join(TYPES)}; save it as F32")
    offsets = whole_numbers(entry["data_offsets"], "place of a tensor")
    if len(offsets) != 2:
        raise damaged(f"tensor {shown(name)} lies at {counted(len(offsets), 'place')}")
    return name, DTYPES[TYPES[kind]], checked_shape(entry["shape"]), *offsets


def write_safetensors(path: Path, tensors: Mapping[str, np.ndarray],
                      texts: Mapping[str, str]) -> None:
    """Writes arrays by name, and texts by key as metadata.

    A crash, a full disk or a loss of power leaves the old file or the new one.

    Raises:
      WriteError: if the file cannot be written.
      WeightsError: for an array of a type that the format does not have.
    """
    parts = safetensors_parts(str(path), tensors, texts)
    with whole_file(path, lasting=True) as file:
        file.writelines(parts)


def safetensors_parts(name: str, tensors: Mapping[str, np.ndarray],
                      texts: Mapping[str, str]) -> Iterator[bytes]:
    """Returns the bytes of a file of safetensors: its header, then one array after another.

    The header is filled up with spaces to a multiple of ALIGNMENT, and the widest types come first,
    so that every tensor lies at a multiple of its number's size.

    Args:
      name: of the file, for messages.
      tensors: the arrays by name.
      texts: the metadata.

    Raises:
      WeightsError: for an array of a type that the format does not have.
    """
    # Types are refused before anything is written.
    kinds = {DTYPES[kind]: text for text, kind in TYPES.items()}
    for tensor, array in tensors.items():
        if array.dtype not in kinds or tensor == METADATA:
            raise WeightsError(f"{name} cannot hold {shown(tensor)} of type {array.dtype}; the "
                               f"types are {', '.join(TYPES)}, and no name is {METADATA}")
    # Places of the arrays, the widest numbers first.
    order = sorted(tensors, key=lambda tensor: (-tensors[tensor].dtype.itemsize, tensor))
    header: dict[str, Any] = {METADATA: dict(texts)}
    end = 0
    for tensor in order:
        array = tensors[tensor]
        header[tensor] = {"dtype": kinds[array.dtype], "shape": list(array.shape),
                          "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    # The header ends at a multiple of ALIGNMENT; arrays are converted to bytes one at a time.
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    head = struct.pack("<Q", len(text)) + text
    return itertools.chain([head], (tensors[tensor].tobytes() for tensor in order))
