"""Reads pickles without running them: a small machine for opcodes that calls only our functions.

Python's own `pickle.load` imports and calls whatever a file names. Here a name is only looked up in
a table of ours; a name that is not in it ends the reading before anything is done with it. What is
read is limited in steps, in bytes, in sizes of numbers and in everything else that a small file
could make large, and takes time in proportion to the file.

The opcodes are those of protocols 0 to 5, as `pickletools` of the standard library documents them.
"""

import pickletools
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

from ganlab.pretrained.errors import BadWeights, damaged, shown
from ganlab.pretrained.pickle_limits import Bounded, Limits, Steps

MOST_STEPS = 2**20
"""Most opcodes of one pickle, and elements that it has copied, unless its reader says else."""
MOST_BYTES = 2**26
"""Most bytes of one pickle, unless its reader says else. Weights are mostly outside of it."""
MOST_BITS = 1024
"""Most bits of an integer."""
MOST_MEMO = 2**32
"""The numbers by which a pickle remembers objects are below this."""
PROTOCOLS = range(6)
"""The protocols that are read."""

_CODE_OF = {"dnnlib": "code of StyleGAN's pickles", "torch_utils": "code of StyleGAN's pickles",
            "__torch__": "a TorchScript program"}
"""What the foreign packages that weight files often name contain."""


class Global(NamedTuple):
    """A name in a pickle, `module name`, and its meaning here: a function, or a constant."""

    name: str
    meaning: Any


class Record:
    """What a function of the table may return if its content is known only after the pickle.

    Attributes:
      nbytes: bytes of the arrays in the content.
    """

    __slots__ = ()
    nbytes = 0

    def build(self, state: Any) -> None:
        """Accepts the state that a BUILD opcode brings."""
        raise BadWeights("is damaged or unusual: gives a state to an object that has none; save it "
                         "again")

    def content(self) -> Any:
        """Returns a dict, list, tuple, plain value or array, once everything is read."""
        raise NotImplementedError


def read_pickle(file: BinaryIO, names: Mapping[str, Any],
                persistent: Callable[[Any], Any] | None = None,
                limits: Limits | None = None) -> Any:
    """Reads the pickle that begins at a file's position, and leaves the file after it.

    The result is made of None, bool, int, float, str, bytes, list, tuple, set, frozenset, dict, of
    `Global` where a name itself is the value, and of what the functions returned. Objects that are
    shared, or that hold themselves, are so in the result.

    Args:
      file: stands at the first opcode.
      names: what names mean: `{"module name": function or constant}`. All others are refused. The
        functions get their arguments unchecked.
      persistent: returns the object of a persistent id; without it such ids are refused.
      limits: most bytes and steps; MOST_BYTES and MOST_STEPS if it is left out.

    Raises:
      BadWeights: for a name that `names` lacks, a limit that is passed, a pickle that is damaged.
    """
    # The standard library only splits the bytes into opcodes; it runs none of them.
    limits = limits or Limits(MOST_BYTES, Steps(MOST_STEPS))
    machine = _Machine(names, persistent, limits.steps)
    opcodes = pickletools.genops(Bounded(file, limits))
    while True:
        try:
            opcode, argument, _ = next(opcodes)
        except BadWeights:
            raise
        except Exception as error:
            # genops raises ValueError and many others for what it cannot parse.
            raise BadWeights(f"is damaged or cut off ({shown(error)}); copy it again") from None
        if opcode.name == "STOP":
            return machine.pop()
        # Every opcode is a step of the machine, and steps are limited.
        machine.spend(1)
        _STEPS[opcode.name](machine, argument)


def plain_key(key: Any) -> Any:
    """Returns a key of a dict or member of a set if it is a simple value, or raises BadWeights.

    The hash of nested tuples can take longer than any file, and that of long integers can be made
    to collide.
    """
    if (key is None or type(key) in (bool, float, str, bytes)
            or type(key) is int and key.bit_length() <= 64):
        return key
    raise BadWeights(f"has a key of type {type(key).__name__}, where text and numbers of up to 64 "
                     "bits are read; save its state_dict() alone")


def pairs_of(items: Any) -> dict:
    """Makes a dict of a list or tuple of pairs, or of another dict."""
    if type(items) is dict:
        return dict(items)
    if type(items) not in (list, tuple) or any(type(pair) not in (list, tuple) or len(pair) != 2
                                               for pair in items):
        raise damaged("a dict is made of values that are not pairs")
    return {plain_key(key): value for key, value in items}


class _Machine:
    """A stack, the stacks below its marks, the memo, and what counts the steps."""

    def __init__(self, names: Mapping[str, Any], persistent: Callable[[Any], Any] | None,
                 steps: Steps):
        self.names, self.persistent = names, persistent
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.spend = steps.spend

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if not self.stack:
            raise damaged("its pickle takes more than it gave")
        return self.stack.pop()

    def take(self, number: int) -> list[Any]:
        """Takes the last objects off the stack, in the order in which they were given."""
        return [self.pop() for _ in range(number)][::-1]

    def fill(self, kind: type, items: list[Any]) -> None:
        """Adds items to the last object, which must be exactly of one type and stays."""
        target = self.pop()
        if type(target) is not kind:
            raise damaged(f"its pickle fills something that is not a {kind.__name__}")
        self.push(_filled(target, items))

    def mark(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Any]:
        """Takes everything above the last mark."""
        if not self.below:
            raise damaged("its pickle lacks a mark")
        items, self.stack = self.stack, self.below.pop()
        return items

    def remember(self, index: int) -> None:
        if not 0 <= index < MOST_MEMO:
            raise damaged("its pickle remembers an object by a number outside "
                          f"0..{MOST_MEMO - 1:,}")
        self.memo[index] = self.pop()
        self.push(self.memo[index])

    def recall(self, index: int) -> None:
        if index not in self.memo:
            raise damaged("its pickle recalls what it did not remember")
        self.push(self.memo[index])

    def integer(self, value: int) -> None:
        if value.bit_length() > MOST_BITS:
            raise BadWeights(f"holds an integer of {value.bit_length():,} bits, more than the "
                             f"{MOST_BITS:,} that are read; save its state_dict() alone")
        self.push(value)

    def name(self, module: Any, name: Any) -> None:
        """Looks a name up. Nothing is imported, whatever the name."""
        if type(module) is not str or type(name) is not str:
            raise damaged("its pickle gives a name that is not text")
        full = f"{module} {name}"
        # A name outside of the table ends the reading: it might be code.
        if full not in self.names:
            what = _CODE_OF.get(module.partition(".")[0])
            what = f", {what}" if what else ""
            raise BadWeights(f"names {shown(f'{module}.{name}')}{what}, which is not part of plain "
                             "weights, so none of it was run; if you trust it, load it with the "
                             "software that wrote it, and save the state_dict() of the network "
                             "alone")
        self.push(Global(full, self.names[full]))

    def call(self, target: Any, arguments: Any) -> None:
        """Calls a function of ours with whatever arguments."""
        if (type(target) is not Global or not callable(target.meaning)
                or type(arguments) is not tuple):
            raise damaged("its pickle calls something that is not a function")
        # Functions take as long as their arguments are, and a long one can be given again.
        self.spend(len(arguments) + sum(map(_length, arguments)))
        try:
            self.push(target.meaning(*arguments))
        except TypeError:
            raise damaged(f"{target.name.replace(' ', '.')} is called with arguments that it does "
                          "not take") from None

    def build(self) -> None:
        """Gives a state to an object; that of a dict, as `_metadata`, is ignored."""
        target, state = self.take(2)
        self.spend(len(state) + sum(map(_length, state)) if type(state) is tuple else 0)
        self.push(target)
        if isinstance(target, Record):
            target.build(state)
        elif type(target) is not dict:
            raise damaged("its pickle gives a state to an object that has none")

    def persist(self, number: Any) -> None:
        if self.persistent is None:
            raise BadWeights("refers to objects outside of its pickle, and there are none; copy "
                             "the whole file again")
        self.push(self.persistent(number))


def _length(value: Any) -> int:
    if type(value) in (list, tuple, dict, set, frozenset):
        return len(value)
    # Characters are copied that much faster.
    return len(value) // 128 if type(value) in (str, bytes) else 0


def _filled(target: Any, items: list[Any]) -> Any:
    """Adds items to a list, set or dict; those of a dict are keys and values in turn."""
    if type(target) is list:
        target.extend(items)
    elif type(target) is set:
        target.update(map(plain_key, items))
    elif len(items) % 2:
        raise damaged("its pickle has a key without a value")
    else:
        target.update(zip(map(plain_key, items[::2]), items[1::2], strict=True))
    return target


def _pop(machine: _Machine, _: Any) -> None:
    if machine.stack:
        machine.pop()
    else:
        machine.pop_mark()


def _protocol(machine: _Machine, number: int) -> None:
    if number not in PROTOCOLS:
        raise BadWeights(f"is a pickle of protocol {number}, and 0 to {PROTOCOLS[-1]} are read; "
                         "save it with one of these")


def _old_instance(machine: _Machine, pair: str) -> None:
    machine.name(*pair.split(" ", 1))
    machine.call(machine.pop(), tuple(machine.pop_mark()))


def _old_object(machine: _Machine, _: Any) -> None:
    items = machine.pop_mark()
    machine.call(items[0] if items else None, tuple(items[1:]))


def _refused(what: str) -> Callable[[_Machine, Any], None]:
    def step(machine: _Machine, _: Any) -> None:
        raise BadWeights(f"holds {what}, which weights do not need; save its state_dict() alone")
    return step


_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE",
                     "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
                     "BINBYTES8"), _Machine.push),
    **dict.fromkeys(("INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4"),
                    _Machine.integer),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.recall),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _refused("a name by the number of a registry")),
    **dict.fromkeys(("NEXT_BUFFER", "READONLY_BUFFER"), _refused("a buffer outside of its pickle")),
    "NEWOBJ_EX": _refused("an object made with keyword arguments"),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "BYTEARRAY8": lambda machine, value: machine.push(bytes(value)),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_SET": lambda machine, _: machine.push(set()),
    "LIST": lambda machine, _: machine.push(machine.pop_mark()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_mark())),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.take(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.take(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.take(3))),
    "DICT": lambda machine, _: machine.push(_filled({}, machine.pop_mark())),
    "FROZENSET": lambda machine, _: machine.push(frozenset(_filled(set(), machine.pop_mark()))),
    "APPEND": lambda machine, _: machine.fill(list, machine.take(1)),
    "APPENDS": lambda machine, _: machine.fill(list, machine.pop_mark()),
    "SETITEM": lambda machine, _: machine.fill(dict, machine.take(2)),
    "SETITEMS": lambda machine, _: machine.fill(dict, machine.pop_mark()),
    "ADDITEMS": lambda machine, _: machine.fill(set, machine.pop_mark()),
    "MARK": lambda machine, _: machine.mark(),
    "POP": _pop,
    "POP_MARK": lambda machine, _: machine.pop_mark(),
    "DUP": lambda machine, _: machine.stack.extend([machine.pop()] * 2),
    "MEMOIZE": lambda machine, _: machine.remember(len(machine.memo)),
    "GLOBAL": lambda machine, pair: machine.name(*pair.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.name(*machine.take(2)),
    "REDUCE": lambda machine, _: machine.call(*machine.take(2)),
    "NEWOBJ": lambda machine, _: machine.call(*machine.take(2)),
    "INST": _old_instance,
    "OBJ": _old_object,
    "BUILD": lambda machine, _: machine.build(),
    "PERSID": _Machine.persist,
    "BINPERSID": lambda machine, _: machine.persist(machine.pop()),
    "PROTO": _protocol,
    "FRAME": lambda machine, _: None}
