"""Bytes of foreign files as arrays: types by name, shapes that are checked, and reading without a second copy."""

import math
from typing import Any, BinaryIO

import ml_dtypes  # Comes with jax.
import numpy as np

from ganlab.output import counted
from ganlab.pretrained.errors import BadWeights, damaged, shown

_NUMBERS = ("b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "c8", "c16")
MOST_DIMENSIONS = 32
"""Of an array."""
MOST_NUMBERS = 2**56
"""Of an array: so many bytes fit into no file, and in whatever type their number fits into 64 bits."""
CHUNK = 2**20
"""Bytes read at once."""

DTYPES: dict[str, np.dtype] = {name: np.dtype(kind) for name, kind in {
    "bool": np.bool_, "uint8": np.uint8, "uint16": np.uint16, "uint32": np.uint32, "uint64": np.uint64,
    "int8": np.int8, "int16": np.int16, "int32": np.int32, "int64": np.int64,
    "float16": np.float16, "bfloat16": ml_dtypes.bfloat16, "float32": np.float32, "float64": np.float64,
    "float8_e4m3fn": ml_dtypes.float8_e4m3fn, "float8_e5m2": ml_dtypes.float8_e5m2,
    "complex64": np.complex64, "complex128": np.complex128}.items()}
"""Every type of number that is read."""


def whole_numbers(values: Any, what: str) -> tuple[int, ...]:
    """A list or tuple of a foreign file, which has to be one of up to MOST_DIMENSIONS numbers from 0 on."""
    if type(values) not in (list, tuple) or len(values) > MOST_DIMENSIONS:
        raise damaged(f"a {what} is no list of up to {MOST_DIMENSIONS} numbers")
    if any(type(value) is not int or not 0 <= value < MOST_NUMBERS for value in values):
        raise damaged(f"a {what} has what is no whole number, or a negative or huge one")
    return tuple(values)


def checked_shape(shape: Any) -> tuple[int, ...]:
    """A list or tuple of a foreign file as a shape of fewer than MOST_NUMBERS numbers."""
    sizes = whole_numbers(shape, "shape")
    if math.prod(size or 1 for size in sizes) >= MOST_NUMBERS:  # NumPy counts so, where sizes are 0 as well.
        raise damaged(f"a shape has a product of {MOST_NUMBERS:,} or more")
    return sizes


def number_dtype(text: str) -> np.dtype:
    """The type that NumPy writes as a text such as `<f4`, in its byte order; only of numbers, never of objects."""
    name = text.lstrip("<>|=")
    if name[:1] == "O":
        raise BadWeights("holds Python objects, which are no numbers and could be code; save its arrays as numbers")
    if name not in _NUMBERS or len(text) > len(name) + 1:
        raise BadWeights(f"holds values of type {shown(text, 20)}, and these are read: {', '.join(_NUMBERS)}; save "
                         "them as f4")
    return np.dtype(name).newbyteorder(text[0] if len(text) > len(name) else "=")


def read_bytes(stream: BinaryIO, nbytes: int) -> np.ndarray:
    """The next bytes of a stream, uint8 [nbytes]. Whoever calls has checked that the file can hold so many."""
    raw = np.empty(nbytes, np.uint8)
    view, done = memoryview(raw), 0
    while done < nbytes:
        got = stream.readinto(view[done:done + CHUNK])
        if not got:
            raise BadWeights(f"ends {counted(nbytes - done, 'byte')} too early; copy it anew, whole")
        done += got
    return raw


def as_numbers(raw: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Bytes uint8 [n] as numbers [n / itemsize], native in byte order; a copy only where the values need it."""
    if dtype == np.bool_:
        return raw != 0  # A byte of 2 as a bool is neither True nor False.
    numbers = raw.view(dtype)
    return numbers if dtype.isnative else numbers.astype(dtype.newbyteorder("="))


def read_array(stream: BinaryIO, dtype: np.dtype, shape: tuple[int, ...], order: str = "C") -> np.ndarray:
    """The next numbers of a stream in a shape, read-only. Whoever calls has checked that the file can hold them."""
    numbers = as_numbers(read_bytes(stream, math.prod(shape) * dtype.itemsize), dtype).reshape(shape, order=order)
    numbers.flags.writeable = False
    return numbers
