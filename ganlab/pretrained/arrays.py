"""Bytes of foreign files as arrays: types by name, checked shapes, and reading without a copy."""

import math
from typing import Any, BinaryIO

import ml_dtypes  # Comes with jax.
import numpy as np

from ganlab.output import counted
from ganlab.pretrained.errors import BadWeights, damaged, shown

_NUMBERS = ("b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "c8", "c16")
MOST_DIMENSIONS = 32
"""Most dimensions of an array."""
MOST_NUMBERS = 2**56
"""An array has fewer numbers: no file holds as many, and 64 bits count their bytes."""
CHUNK = 2**20
"""Bytes read at once."""

DTYPES: dict[str, np.dtype] = {name: np.dtype(kind) for name, kind in {
    "bool": np.bool_, "uint8": np.uint8, "uint16": np.uint16, "uint32": np.uint32,
    "uint64": np.uint64, "int8": np.int8, "int16": np.int16, "int32": np.int32, "int64": np.int64,
    "float16": np.float16, "bfloat16": ml_dtypes.bfloat16, "float32": np.float32,
    "float64": np.float64, "float8_e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8_e5m2": ml_dtypes.float8_e5m2, "complex64": np.complex64,
    "complex128": np.complex128}.items()}
"""All types of numbers that are read."""


def whole_numbers(values: Any, what: str) -> tuple[int, ...]:
    """Returns a foreign list of up to MOST_DIMENSIONS whole numbers from 0 on, or refuses it."""
    if type(values) not in (list, tuple) or len(values) > MOST_DIMENSIONS:
        raise damaged(f"a {what} is not a list of up to {MOST_DIMENSIONS} numbers")
    if any(type(value) is not int or not 0 <= value < MOST_NUMBERS for value in values):
        raise damaged(f"a {what} holds something that is not a whole number, or is negative or "
                      "huge")
    return tuple(values)


def checked_shape(shape: Any) -> tuple[int, ...]:
    """Returns a foreign list as a shape of fewer than MOST_NUMBERS numbers, or refuses it."""
    sizes = whole_numbers(shape, "shape")
    if math.prod(size or 1 for size in sizes) >= MOST_NUMBERS:
        # As NumPy counts, also if sizes are 0.
        raise damaged(f"a shape has a product of {MOST_NUMBERS:,} or more")
    return sizes


def number_dtype(text: str) -> np.dtype:
    """Returns the type that NumPy writes as `<f4`, in its byte order; only types of numbers."""
    name = text.lstrip("<>|=")
    if name[:1] == "O":
        raise BadWeights("holds Python objects, which are not numbers and could be code; save its "
                         "arrays as numbers")
    if name not in _NUMBERS or len(text) > len(name) + 1:
        raise BadWeights(f"holds values of type {shown(text, 20)}, and these are read: "
                         f"{', '.join(_NUMBERS)}; save them as f4")
    return np.dtype(name).newbyteorder(text[0] if len(text) > len(name) else "=")


def read_bytes(stream: BinaryIO, nbytes: int) -> np.ndarray:
    """Reads uint8 [nbytes] of a stream; the caller has checked that the file can hold as many."""
    raw = np.empty(nbytes, np.uint8)
    view, done = memoryview(raw), 0
    while done < nbytes:
        # Into the array itself, so that the bytes are never twice in memory.
        got = stream.readinto(view[done:done + CHUNK])
        if not got:
            raise BadWeights(f"ends {counted(nbytes - done, 'byte')} too early; copy the whole "
                             "file again")
        done += got
    return raw


def as_numbers(raw: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Converts bytes uint8 [n] to numbers in native byte order; copies only if it must."""
    if dtype == np.bool_:
        return raw != 0  # A byte of 2 as a bool is neither True nor False.
    numbers = raw.view(dtype)
    return numbers if dtype.isnative else numbers.astype(dtype.newbyteorder("="))


def read_array(stream: BinaryIO, dtype: np.dtype, shape: tuple[int, ...],
               order: str = "C") -> np.ndarray:
    """Reads numbers of a stream, read-only; the caller has checked that the file can hold them."""
    numbers = as_numbers(read_bytes(stream, math.prod(shape) * dtype.itemsize),
                         dtype).reshape(shape, order=order)
    numbers.flags.writeable = False
    return numbers
