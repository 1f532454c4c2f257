"""Files of NumPy: one array (.npy) and zip files of several (.npz); numbers only, no pickles.

The format is the one of `numpy.lib.format`. Its header is read here by one pattern, because NumPy
makes room for whatever size a header claims before it checks how long the file is.
"""

import math
import re
import struct
from typing import BinaryIO

import numpy as np

from ganlab.output import agreeing, counted
from ganlab.pretrained.arrays import checked_shape, number_dtype, read_array
from ganlab.pretrained.errors import BadWeights, damaged
from ganlab.pretrained.flattening import ALONE
from ganlab.pretrained.zip_files import Archive

MAGIC = b"\x93NUMPY"
"""The first bytes of a file of one array."""
SUFFIX = ".npy"
"""The end of the names of arrays in a zip file."""
MOST_HEADER = 2**12
"""Most bytes of the header of an array."""

_HEADER = re.compile(r"\{'descr': '([^']{1,20})', 'fortran_order': (True|False), "
                     r"'shape': \(([\dL, ]*)\),? ?\}\s*")
_LENGTHS = {1: "<H", 2: "<I", 3: "<I"}  # By version of the format.


def read_npy(file: BinaryIO, size: int) -> tuple[dict[str, np.ndarray], dict[str, None]]:
    """Reads the array of a file, read-only, by the name `array`; there are no other values.

    Raises:
      BadWeights: if it does not hold numbers, or not as many as its header says.
    """
    return {ALONE: _read_array(file, size)}, {}


def read_npz(archive: Archive) -> tuple[dict[str, np.ndarray], dict[str, None]]:
    """Reads the arrays of a zip file, read-only, by their names without `.npy`.

    Raises:
      BadWeights: if one does not hold numbers, or not as many as its header says.
    """
    tensors = {}
    for name, size in archive.sizes.items():
        with archive.open(name) as stream:
            tensors[name.removesuffix(SUFFIX)] = _read_array(stream, size)
    return tensors, {}


def _read_array(stream: BinaryIO, size: int) -> np.ndarray:
    # The beginning has a version, which says how wide the length of the header is.
    start = stream.read(8)
    if start[:6] != MAGIC or len(start) < 8 or start[6] not in _LENGTHS:
        raise BadWeights("holds something that is not an array of NumPy; save it with numpy.save "
                         "or numpy.savez")
    form = _LENGTHS[start[6]]
    head = stream.read(struct.calcsize(form))
    length = struct.unpack(form, head)[0] if len(head) == struct.calcsize(form) else MOST_HEADER + 1
    if length > MOST_HEADER:
        raise damaged(f"the header of an array has more than {MOST_HEADER:,} bytes")
    # One pattern for the header, which Python could run as code.
    header = _HEADER.fullmatch(stream.read(length).decode("latin-1"))
    if header is None:
        raise BadWeights("holds an array whose header names no plain numbers and shape; save plain "
                         "arrays with numpy.save or numpy.savez")
    dtype = number_dtype(header[1])
    sizes = [text.strip().removesuffix("L") for text in header[3].split(",")]  # Python 2 wrote 3L.
    if not all(text.isascii() and text.isdigit() and len(text) < 20 for text in sizes if text):
        raise damaged("the header of an array has a shape that is not whole numbers")
    shape = checked_shape([int(text) for text in sizes if text])
    # What the header claims must be what the file holds, before memory is reserved for it.
    nbytes, given = math.prod(shape) * dtype.itemsize, size - 8 - len(head) - length
    if nbytes != given:
        raise BadWeights(f"holds an array of shape {shape} and {dtype.name}, which takes "
                         f"{counted(nbytes, 'byte')}, and there {agreeing(given, 'is', 'are')} "
                         f"{given:,}; copy the whole file again")
    return read_array(stream, dtype, shape, "F" if header[2] == "True" else "C")
