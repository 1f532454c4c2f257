"""Reads published pickles of whole networks as plain records: nothing that they name is run.

StyleGAN2-ADA, StyleGAN3 and R3GAN publish a dict of networks and plain values; StyleGAN, StyleGAN2
and PGGAN of TensorFlow a tuple of the generator, the critic and the averaged generator.
"""

import dataclasses
import hashlib
import io
import pickletools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganlab.pretrained import pickle_machine
from ganlab.pretrained.errors import BadWeights, damaged, shown
from ganlab.pretrained.flattening import FREE_BYTES, MOST_NESTING, MOST_UNFOLDING, flatten
from ganlab.pretrained.network_records import (
    NETWORKS,
    PERSISTENT,
    NetworkNames,
    PickledModule,
    PickledVariables,
)
from ganlab.pretrained.opening import opened
from ganlab.pretrained.pickle_limits import Limits, Steps
from ganlab.pretrained.pickle_machine import Global, Record, read_pickle
from ganlab.pretrained.pickled_names import Array, Tensor

BYTES_PER_STEP = 64
"""Bytes of a file that allow one step, if that is more than MOST_STEPS in all. Pickles of tensors
need half of these steps."""
MOST_VALUES = 2**18
"""Most plain values of one file; what is in two places counts twice."""
TELLING = (PERSISTENT, *NETWORKS, "training.networks Generator", "training.networks Discriminator")
"""Names by which a pickle of networks is told from other weight files."""
HEAD = 2**16
"""Bytes in which the first of these names is looked for."""
TUPLE = ("G", "D", "G_ema")
"""What TensorFlow's tuple holds; Gs, the averaged generator, is called as in PyTorch's files."""


class PickledNetwork(NamedTuple):
    """Holds what a pickle says of one network.

    Attributes:
      class_name: the official class, or for TensorFlow the function that builds the network, such
        as `Generator` or `G_main`.
      module: where the file says that the class is from; empty if it does not.
      arguments: what the network was made with, by name: plain values, dicts, lists and tuples;
        positional ones under `args`. R3GAN's files do not have them: there they are simple
        attributes of the network and, by dotted names, of what is in it.
      tensors: read-only arrays by name. Of PyTorch as in a state_dict, such as
        `synthesis.b4.conv1.weight`, with the buffers that it would leave out; of TensorFlow such as
        `4x4/Dense/weight`, and those of a component as `synthesis/4x4/Const/const`. They share the
        memory into which the file was read.
      classes: of PyTorch, the names of its class and of all classes of the modules within it.
    """

    class_name: str
    module: str
    arguments: Mapping[str, Any]
    tensors: Mapping[str, np.ndarray]
    classes: frozenset[str] = frozenset()


class NetworkPickle(NamedTuple):
    """Holds what a file says.

    Attributes:
      contents: `{"G": PickledNetwork, "D": ..., "G_ema": ..., "training_set_kwargs": {...}, ...}`.
      sha256: of the file, in hexadecimal digits.
    """

    contents: dict[str, Any]
    sha256: str


def read_network_pickle(path: str | Path) -> NetworkPickle:
    """Reads a published pickle of networks: each as a record, everything else as plain values.

    Neither the source text in such a file nor anything that it names is run or imported. Reading
    takes little more memory than the file's size, and time in proportion to it.

    Raises:
      WeightsError: one sentence with the file, what is wrong with it, and what to do.
    """
    with opened(path) as (file, size):
        first = file.read(1)
        if first != b"\x80":
            found = f"begins with {shown(first.decode('latin-1'))!r}" if first else "is empty"
            raise BadWeights(f"{found}, and a pickle of networks begins with '\\x80'; name a .pkl "
                             "of StyleGAN, StyleGAN2, StyleGAN2-ADA, StyleGAN3, PGGAN or R3GAN")
        file.seek(0)
        # Tensors are within the pickle, so that it may be as large as the file, and no larger.
        steps = Steps(max(pickle_machine.MOST_STEPS, size // BYTES_PER_STEP))
        limits = Limits(size, steps, f"ends within its pickle, at byte {size:,}; copy the whole "
                                     "file again")
        contents = _networks(read_pickle(file, NetworkNames(limits), limits=limits), size)
        # Of the same open file, so that it is the hash of what was read.
        file.seek(0)
        return NetworkPickle(contents, hashlib.file_digest(file, "sha256").hexdigest())


def read_snapshot(path: str) -> tuple[dict[str, PickledNetwork], str]:
    """Reads the networks G, D and G_ema of a snapshot by PyTorch's code, and the hash of the file.

    The average alone can make a run: G and D may be missing.

    Raises:
      WeightsError: as `read_network_pickle`, and for a file without an average.
    """
    read, sha256 = read_network_pickle(path)
    networks = {name: read[name] for name in ("G", "D", "G_ema")
                if isinstance(read.get(name), PickledNetwork)}
    if "G_ema" not in networks:
        raise WeightsError(f"{path} holds no averaged generator (G_ema), but "
                           f"{', '.join(read) or 'nothing'}; name a network snapshot")
    return networks, sha256


def is_network_pickle(path: str | Path) -> bool:
    """Returns whether a file is a pickle of networks, by the first names in it; reads little of it.

    False for other weight files, and for a path without a file.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False
    if head[:1] != b"\x80":
        return False
    try:
        return any(name in TELLING for name in _names(head))
    except Exception:
        # Not a pickle, or cut within an opcode: genops raises many kinds of errors for that.
        return False


def _names(head: bytes) -> Iterator[str]:
    """Finds the names, as `module name`, in the first bytes of a pickle."""
    texts = ["", ""]
    # The standard library only splits the bytes into opcodes; it runs none of them.
    for opcode, argument, _ in pickletools.genops(io.BytesIO(head)):
        if opcode.name in ("GLOBAL", "INST"):
            yield argument
        elif opcode.name == "STACK_GLOBAL":
            yield " ".join(texts)
        elif type(argument) is str:
            texts = [texts[1], argument]


def _networks(tree: Any, size: int) -> dict[str, Any]:
    """Makes networks and plain values of what a pickle holds."""
    # TensorFlow's files are a tuple, whose parts have names only in its code.
    if type(tree) is tuple:
        kind, joint = PickledVariables, "/"
        if len(tree) != len(TUPLE) or any(type(value) is not kind for value in tree):
            raise BadWeights("holds a tuple that is not (G, D, Gs) of TensorFlow's networks; name "
                             "a .pkl of StyleGAN, StyleGAN2 or PGGAN")
        tree = dict(zip(TUPLE, tree, strict=True))
    else:
        kind, joint = PickledModule, "."
    # What holds no network, or has no names for them, is another kind of file.
    if type(tree) is not dict or not any(type(value) is kind for value in tree.values()):
        raise BadWeights("is a pickle without networks such as G, D and G_ema, which pickles of "
                         "StyleGAN, StyleGAN2-ADA, PGGAN and R3GAN hold; read it as a file of "
                         "weights, or name another one")
    if any(type(key) is not str or not key.isidentifier() for key in tree):
        raise damaged("its networks and values have names that are not words")
    # Networks become records of arrays and arguments, everything else plain values.
    records = {key: value for key, value in tree.items() if type(value) is kind}
    networks = _gathered(records, size, joint)
    plain = _Plain(MOST_VALUES, MOST_UNFOLDING * size + FREE_BYTES)
    return {key: PickledNetwork(value.class_name, value.module,
                                _arguments(value, plain) or networks[key][1], networks[key][0],
                                _classes(value))
            if key in records else plain.value(value, key) for key, value in tree.items()}


def _gathered(records: dict[str, Any], size: int, joint: str) -> dict[str, tuple[dict, dict]]:
    """Returns arrays and settings of each network, by names; limits are of the whole file."""
    networks: dict[str, tuple[dict, dict]] = {key: ({}, {}) for key in records}
    for place, flat in enumerate(flatten(records, size, joint)):
        for name, value in flat.items():
            key, _, inner = name.partition(joint)
            if inner and type(value) is not dict:  # As a module without anything is.
                networks[key][place][inner] = value
    return networks


def _classes(record: PickledModule | PickledVariables) -> frozenset[str]:
    """Returns the names of the classes of a network and of all modules within it."""
    if not isinstance(record, PickledModule):
        return frozenset()
    # Each once: a module may be in many places, or hold itself.
    found, waiting = {id(record): record}, [record]
    while waiting:
        for inner in waiting.pop().content().values():
            if isinstance(inner, PickledModule) and id(inner) not in found:
                found[id(inner)] = inner
                waiting.append(inner)
    return frozenset(module.class_name for module in found.values())


def _arguments(record: PickledModule | PickledVariables, plain: "_Plain") -> dict[str, Any]:
    """Returns what a network was made with, as far as the file says so."""
    state, what = record.state(), f"the arguments of a {record.class_name}"
    named = state.get("static_kwargs" if isinstance(record, PickledVariables) else "_init_kwargs",
                      {})
    args = state.get("_init_args", ())
    if type(named) is not dict or type(args) is not tuple:
        raise damaged(f"{what} are not values by name")
    return plain.value({**named, **({"args": args} if args else {})}, what, lists=True)


@dataclasses.dataclass
class _Plain:
    """Makes plain values of what a pickle holds, within limits."""

    values_left: int
    nbytes_left: int

    def value(self, value: Any, where: str, lists: bool = False, depth: int = 0) -> Any:
        """Returns plain values, dicts, lists, tuples and arrays; arrays as lists if `lists`."""
        # Every value counts, and nesting is bounded: a small pickle may hold one value many times.
        self._spend(1, 0)
        if depth > MOST_NESTING:
            raise BadWeights(f"holds values nested more than {MOST_NESTING} deep, or within "
                             "themselves; save it again without them")
        if isinstance(value, Global):
            return value.name.replace(" ", ".")
        if isinstance(value, (Array, Tensor)):
            return self._array(value, lists)
        # A network where none belongs, or a part of one.
        if isinstance(value, Record):
            kind = getattr(value, "class_name", "storage or number type")
            raise BadWeights(f"holds a {shown(kind)} within {shown(where)}, where plain values "
                             "are read; save it again without that")
        if type(value) is dict:
            return {key: self.value(inner, where, lists, depth + 1)
                    for key, inner in value.items()}
        if type(value) in (list, tuple):
            return type(value)([self.value(inner, where, lists, depth + 1) for inner in value])
        if type(value) in (set, frozenset):
            self._spend(len(value), 0)
            return frozenset(value)
        return value

    def _array(self, record: Array | Tensor, lists: bool) -> Any:
        # Before the array is made: one of many numbers may be a view of one.
        self._spend(0, record.nbytes)
        array = record.content()
        if array.ndim == 0 and isinstance(record, Array):
            return array.item()  # A NumPy scalar.
        if not lists:
            return array
        self._spend(array.size, 0)
        return array.tolist()

    def _spend(self, values: int, nbytes: int) -> None:
        self.values_left -= values
        self.nbytes_left -= nbytes
        if self.values_left < 0 or self.nbytes_left < 0:
            raise BadWeights(f"holds more than {MOST_VALUES:,} values beside its networks, or "
                             f"arrays that unfold to more than {MOST_UNFOLDING} times its size; "
                             "save it again without them")
