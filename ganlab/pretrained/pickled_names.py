"""What the names in pickles of weights mean: functions that make tensors, arrays, dicts or numbers.

The functions check whatever a file gives them.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from ganlab.output import counted
from ganlab.pretrained.arrays import (
    DTYPES,
    as_numbers,
    checked_shape,
    number_dtype,
    whole_numbers,
)
from ganlab.pretrained.errors import BadWeights, damaged
from ganlab.pretrained.pickle_machine import Global, Record, pairs_of, plain_key

STORAGES = {"FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16",
            "BFloat16Storage": "bfloat16", "LongStorage": "int64", "IntStorage": "int32",
            "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8",
            "BoolStorage": "bool", "ComplexFloatStorage": "complex64",
            "ComplexDoubleStorage": "complex128"}
"""Number types by PyTorch's typed storages."""
ALIASES = {"float": "float32", "double": "float64", "half": "float16", "long": "int64",
           "int": "int32", "short": "int16"}
"""Number types by PyTorch's other names for them."""
MOST_TEXT = 100
"""Most characters of the name of a device."""


@dataclasses.dataclass
class Storage:
    """Bytes of a file that tensors are views of.

    Attributes:
      nbytes: how many bytes.
      itemsize: bytes of each number.
      raw: uint8 [nbytes], once they are read.
    """

    nbytes: int
    itemsize: int
    raw: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Numbers(Record):
    """A storage, or a part of one: `count` numbers of one type from number `start` on."""

    storage: Storage
    dtype: np.dtype
    start: int
    count: int

    def content(self) -> Any:
        """Refuses: a storage has the bytes of tensors, whose types and shapes are elsewhere."""
        raise BadWeights("holds a storage that is part of no tensor; save tensors")


class Tensor(Record):
    """A view of numbers that are read later; it is certain to lie within them."""

    def __init__(self, numbers: Any, offset: Any, shape: Any, strides: Any):
        if type(numbers) is not Numbers:
            raise damaged("a tensor has no storage")
        self._numbers, self._shape = numbers, checked_shape(shape)
        strides = whole_numbers(strides, "stride")
        self._offset, = whole_numbers([offset], "storage offset")
        if len(self._shape) != len(strides):
            raise damaged("a tensor has another number of sizes than of strides")
        # The stride of an axis with one element is never used, and may be anything.
        self._strides = [step if size > 1 else 0
                         for size, step in zip(self._shape, strides, strict=True)]
        # The last number of the view must be within the storage.
        end = self._offset
        if 0 not in self._shape:
            end += 1 + sum((size - 1) * step
                           for size, step in zip(self._shape, self._strides, strict=True))
        if end > numbers.count:
            raise damaged(f"a tensor of shape {self._shape} ends at number {end:,} of a storage of "
                          f"{numbers.count:,}")
        self.nbytes = math.prod(self._shape) * numbers.dtype.itemsize
        self._array: np.ndarray | None = None

    def content(self) -> np.ndarray:
        """Returns the array, read-only; the same one each time."""
        if self._array is None:
            numbers, dtype = self._numbers, self._numbers.dtype
            start = (numbers.start + self._offset) * dtype.itemsize
            end = (numbers.start + numbers.count) * dtype.itemsize
            base = numbers.storage.raw[start:end].view(np.uint8 if dtype == np.bool_ else dtype)
            view = np.lib.stride_tricks.as_strided(
                base, self._shape, [step * dtype.itemsize for step in self._strides])
            # A bool whose byte is 2 is neither.
            self._array = np.asarray(view != 0) if dtype == np.bool_ else view
            self._array.flags.writeable = False
        return self._array


class Array(Record):
    """A NumPy array, whose type, shape and bytes come with BUILD, or at once."""

    def __init__(self) -> None:
        self._made: np.ndarray | None = None

    def build(self, state: Any) -> None:
        """Accepts (1, shape, dtype, Fortran's order or not, bytes), as `ndarray.__reduce__`."""
        if self._made is not None or type(state) is not tuple or len(state) != 5:
            raise damaged("an array of NumPy has a state of another kind")
        _, shape, dtype, fortran, raw = state
        self.fill(raw, dtype, shape, "F" if fortran is True else "C")

    def fill(self, raw: Any, dtype: Any, shape: Any, order: str) -> "Array":
        """Accepts the bytes, or the text of them that Python 2 wrote."""
        if type(dtype) is not _Dtype:
            raise damaged("an array of NumPy has no number type")
        # What the pickle says must agree with the bytes that it brings.
        raw, shape, dtype = _raw(raw), checked_shape(shape), dtype.dtype
        if len(raw) != math.prod(shape) * dtype.itemsize:
            raise damaged(f"an array of shape {shape} has {counted(len(raw), 'byte')}")
        self._made = as_numbers(np.frombuffer(raw, np.uint8), dtype).reshape(shape, order=order)
        self._made.flags.writeable = False
        self.nbytes = self._made.nbytes
        return self

    def content(self) -> np.ndarray:
        """Returns the array, read-only."""
        if self._made is None:
            raise damaged("an array of NumPy lacks its bytes")
        return self._made


class _Dtype(Record):
    """A number type of NumPy's, whose byte order comes with BUILD."""

    def __init__(self, text: Any, *_: Any):
        if type(text) is not str or len(text) > MOST_TEXT:
            raise damaged("a number type of NumPy has no name")
        self.dtype = number_dtype(text)

    def build(self, state: Any) -> None:
        """Accepts (version, byte order, ...), as `dtype.__reduce__` gives it."""
        if type(state) is not tuple or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise damaged("a number type of NumPy has no byte order")
        self.dtype = self.dtype.newbyteorder(state[1])

    def content(self) -> str:
        """Returns its name."""
        return self.dtype.name


class _Namespace(Record):
    """The options of a program that `argparse` read, often saved beside weights."""

    def __init__(self) -> None:
        self._values: dict = {}

    def build(self, state: Any) -> None:
        """Accepts a dict of the options."""
        if type(state) is not dict:
            raise damaged("a Namespace has a state that is not a dict")
        self._values = state

    def content(self) -> dict:
        """Returns the dict of the options."""
        return self._values


class _Activation(Record):
    """A module of PyTorch without weights, which programs save among their options."""

    def __init__(self, *_: Any) -> None:
        self._built = False

    def build(self, state: Any) -> None:
        """Accepts the dict of the module's attributes, once; nothing of it is kept."""
        if self._built or type(state) is not dict:
            raise damaged("an activation has a state that is not one dict")
        self._built = True

    def content(self) -> str:
        """Returns the name of its class."""
        return "ReLU"


RELU = "torch.nn.modules.activation ReLU"
"""The one module that is read: BigGAN-PyTorch saves it among its options."""


def _raw(raw: Any) -> bytes:
    if type(raw) is str:
        return _encoded(raw, "latin1")
    if type(raw) is not bytes:
        raise damaged("an array of NumPy has no bytes")
    return raw


def _array(*_: Any) -> Array:
    """Makes an array to be built, as `_reconstruct(ndarray, (0,), b"b")` does."""
    return Array()


def scalar_array(dtype: Any, raw: Any = b"") -> Record:
    """Makes an array without dimensions of a NumPy scalar, so that its type is kept."""
    return Array().fill(raw, dtype, (), "C")


def _scalar(dtype: Any, raw: Any = b"") -> int | float | complex | bool:
    return scalar_array(dtype, raw).content().item()


def _frombuffer(raw: Any, dtype: Any, shape: Any, order: Any) -> Array:
    return Array().fill(raw, dtype, shape, "F" if order == "F" else "C")


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    return Tensor(storage, offset, shape, strides)


def _tensor_v2(storage: Any, offset: Any, shape: Any, strides: Any, needs_gradient: Any, hooks: Any,
               metadata: Any = None) -> Tensor:
    if metadata:
        raise BadWeights("holds a tensor that is conjugated or negated in place; save it as a copy")
    return Tensor(storage, offset, shape, strides)


def _tensor_v3(storage: Any, offset: Any, shape: Any, strides: Any, needs_gradient: Any, hooks: Any,
               dtype: Any, metadata: Any = None) -> Tensor:
    """Makes a tensor of a type without a storage type: its storage is one of bytes."""
    if (type(dtype) is not Global or not isinstance(dtype.meaning, np.dtype)
            or type(storage) is not Numbers):
        raise damaged("a tensor has no storage or number type")
    if storage.dtype != np.uint8 or storage.start:
        raise damaged("a tensor has a type beside that of its storage")
    numbers = Numbers(storage.storage, dtype.meaning, 0, storage.count // dtype.meaning.itemsize)
    return _tensor_v2(numbers, offset, shape, strides, needs_gradient, hooks, metadata)


def _parameter(tensor: Any, *_: Any) -> Tensor:
    if type(tensor) is not Tensor:
        raise damaged("a parameter is not a tensor")
    return tensor


def _with_attributes(function: Any, kind: Any, arguments: Any, *_: Any) -> Any:
    """Makes a tensor that has attributes, which are left out."""
    if (type(function) is not Global or function.meaning not in _REBUILDS
            or type(arguments) is not tuple or len(arguments) > 10):
        raise damaged("a tensor is made by something that does not make tensors")
    return function.meaning(*arguments)


_REBUILDS = (_tensor, _tensor_v2, _tensor_v3, _parameter)


def _ordered_dict(items: Any = ()) -> dict:
    return pairs_of(items)


def _default_dict(factory: Any = None, items: Any = ()) -> dict:
    return pairs_of(items)


def _set(items: Any = ()) -> set:
    if type(items) not in (list, tuple, set, frozenset):
        raise damaged("a set is made of something that is not a list")
    return set(map(plain_key, items))


def _encoded(text: Any, codec: Any) -> bytes:
    """Makes bytes, as protocols below 3 write them."""
    if type(text) is not str or codec not in ("latin1", "latin-1"):
        raise damaged("bytes are made of something that is not their text")
    try:
        return text.encode("latin-1")
    except UnicodeError:
        raise damaged("bytes are made of something that is not their text") from None


def _size(sizes: Any = ()) -> tuple[int, ...]:
    return checked_shape(sizes)


def _text(text: Any, index: Any = None) -> str:
    """Names a device or a layout."""
    if type(text) is not str or len(text) > MOST_TEXT or type(index) not in (int, type(None)):
        raise damaged("a device or layout has no name")
    return text if index is None else f"{text}:{index}"


def _twice(first: str, second: str, names: dict[str, Any]) -> dict[str, Any]:
    """Returns names of one module under both of its names."""
    return {f"{module} {name}": meaning for module in (first, second)
            for name, meaning in names.items()}


NAMES: dict[str, Any] = {
    "torch._utils _rebuild_tensor": _tensor,
    "torch._utils _rebuild_tensor_v2": _tensor_v2,
    "torch._utils _rebuild_tensor_v3": _tensor_v3,
    "torch._utils _rebuild_parameter": _parameter,
    "torch._utils _rebuild_parameter_with_state": _parameter,
    "torch._tensor _rebuild_from_type_v2": _with_attributes,
    "torch Tensor": None,
    "torch.nn.parameter Parameter": None,
    "torch.nn.parameter Buffer": None,
    **{f"torch {name}": DTYPES[kind] for name, kind in STORAGES.items()},
    "torch.storage UntypedStorage": DTYPES["uint8"],
    "torch UntypedStorage": DTYPES["uint8"],
    **{f"torch {name}": dtype for name, dtype in DTYPES.items()},
    **{f"torch {alias}": DTYPES[name] for alias, name in ALIASES.items()},
    "torch Size": _size,
    "torch device": _text,
    "torch.serialization _get_layout": _text,
    "collections OrderedDict": _ordered_dict,
    "collections defaultdict": _default_dict,
    "argparse Namespace": _Namespace,
    RELU: _Activation,
    "_codecs encode": _encoded,
    **_twice("builtins", "__builtin__",
             {"set": _set, "frozenset": lambda items=(): frozenset(_set(items)),
              "bytes": lambda: b"", "dict": lambda: {}, "list": lambda: []}),
    "numpy dtype": _Dtype,
    "numpy ndarray": None,
    **_twice("numpy.core.multiarray", "numpy._core.multiarray",
             {"_reconstruct": _array, "scalar": _scalar}),
    **_twice("numpy.core.numeric", "numpy._core.numeric", {"_frombuffer": _frombuffer})}
"""Every name that a pickle of weights may give, as `module name`: functions and values."""
