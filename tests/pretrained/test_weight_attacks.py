"""Weight files that want to do harm do nothing: nothing is run, opened or imported, and no memory or time is eaten.

Every attack on code is first shown to work where Python's own `pickle.load` reads it.
"""

import contextlib
import io
import os
import pickle
import struct
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch_writers as writers
from torch_writers import Storage, Tensor

from ganlab.pretrained import WeightsError, read_weights
from ganlab.pretrained.pickled_names import NAMES

WATCHED = ("import", "open", "os.", "socket.", "subprocess.", "exec", "compile", "pickle.", "ctypes.", "shutil.")
_recorded: list | None = None


def _record(event, arguments):
    if _recorded is not None and event.startswith(WATCHED):
        _recorded.append((event, arguments))


sys.addaudithook(_record)  # It cannot be taken away again, and does nothing while nothing is recorded.


@contextlib.contextmanager
def recorded():
    """What the interpreter is seen to do: files, sockets, processes, imports, code."""
    global _recorded
    _recorded = events = []
    try:
        yield events
    finally:
        _recorded = None


class Evil:
    """An object whose state is what makes a folder."""

    def __setstate__(self, state):
        os.mkdir(state)


class Made:
    """An object that makes a folder when it is made."""

    def __new__(cls, path):
        os.mkdir(path)
        return super().__new__(cls)


class Reduced:
    """An object that is made by making a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def text(value):
    data = str(value).encode()
    return b"X" + struct.pack("<I", len(data)) + data


def evil_state(path):
    evil = Evil()
    evil.__dict__["path"] = path
    return b"\x80\x02c" + f"{__name__}\nEvil\n".encode() + b")\x81" + text(path) + b"b."


GETATTR = b"c__builtin__\ngetattr\n"
CODE = {
    "REDUCE": lambda path: b"cos\nmkdir\n" + text(path) + b"\x85R.",
    "REDUCE of a command": lambda path: b"cos\nsystem\n" + text(f"mkdir {path}") + b"\x85R.",
    "INST": lambda path: b"(" + text(path) + b"ios\nmkdir\n.",
    "OBJ": lambda path: b"(cos\nmkdir\n" + text(path) + b"o.",
    "NEWOBJ": lambda path: b"\x80\x02c" + f"{__name__}\nMade\n".encode() + text(path) + b"\x85\x81.",
    "BUILD with __setstate__": evil_state,
    "__reduce__": lambda path: pickle.dumps(Reduced(path), 4),
    "STACK_GLOBAL": lambda path: text("os") + text("mkdir") + b"\x93" + text(path) + b"\x85R.",
    "STACK_GLOBAL with dots": lambda path:
        b"\x80\x04" + text("shutil") + text("os.mkdir") + b"\x93" + text(path) + b"\x85R.",
    "getattr": lambda path: GETATTR + b"cshutil\nos\n" + text("mkdir") + b"\x86R" + text(path) + b"\x85R.",
    "getattr of what is allowed": lambda path: GETATTR + b"ccollections\nOrderedDict\n" + text("__init__") + b"\x86R0" +
        b"cos\nmkdir\n" + text(path) + b"\x85R.",
    "eval": lambda path: b"c__builtin__\neval\n" + text(f"__import__('os').mkdir({str(path)!r})") + b"\x85R.",
    "exec": lambda path: b"c__builtin__\nexec\n" + text(f"import os; os.mkdir({str(path)!r})") + b"\x85R.",
    "a file": lambda path: b"cos\nmknod\n" + text(path) + b"\x85R.",
    "a process": lambda path: b"csubprocess\ncheck_call\n(" + b"(" + text("mkdir") + text(path) + b"ltR.",
    "within a dict": lambda path: b"}" + text("weight") + b"cos\nmkdir\n" + text(path) + b"\x85Rs."}
NETWORK = {
    "a socket": b"csocket\ncreate_connection\n(" + text("127.0.0.1") + b"K\x09\x86G" + struct.pack(">d", 0.01) + b"tR.",
    "an import": b"cwave\nopen\n."}
WRAPPED = {"pickle": lambda data: data if data[:1] == b"\x80" else b"\x80\x02" + data,
           "torch zip": writers.torch_zip_of, "torch legacy": writers.torch_legacy_of}


def refused(path, data):
    """Reads a file that has to be refused; what the interpreter did, but for opening that file, and the sentence."""
    path.write_bytes(WRAPPED["torch zip"](b"}."))
    read_weights(path)  # Whatever is imported at first is imported now.
    path.write_bytes(data)
    with recorded() as events, pytest.raises(WeightsError) as error:
        read_weights(path)
    return [event for event in events if event[:1] != ("open",) or event[1][0] != str(path)], str(error.value)


@pytest.mark.parametrize("name", CODE)
def test_no_code_is_run(name, tmp_path):
    harm = tmp_path / "harm"
    with recorded() as events, contextlib.suppress(Exception):
        pickle.loads(CODE[name](harm))
    assert harm.exists() and events  # The attack is one.
    harm.rmdir() if harm.is_dir() else harm.unlink()
    for wrap in WRAPPED.values():
        events, words = refused(tmp_path / "weights.pt", wrap(CODE[name](harm)))
        assert events == [] and not harm.exists() and "none of it was run" in words


@pytest.mark.parametrize("name", NETWORK)
def test_nothing_is_connected_or_imported(name, tmp_path):
    with recorded() as events, contextlib.suppress(Exception):
        pickle.loads(NETWORK[name])
    assert {"a socket": "socket.connect", "an import": "pickle.find_class"}[name] in dict(events)
    for wrap in WRAPPED.values():
        events, words = refused(tmp_path / "weights.pt", wrap(NETWORK[name]))
        assert events == [] and "none of it was run" in words


def test_crafted_names_are_not_those_of_the_table(tmp_path):
    for module, name in (("collections OrderedDict", ""), ("", "collections OrderedDict"),
                         ("collections ", "OrderedDict"), ("collections", " OrderedDict"),
                         ("collections", "OrderedDict.__init__.__globals__"),
                         ("torch._utils", "_rebuild_tensor_v2.__globals__"), ("torch.storage\n", "UntypedStorage"),
                         ("collections.OrderedDict", "__class__"), ("torch", "load"), ("torch.hub", "load")):
        data = b"\x80\x04" + text(module) + text(name) + b"\x93)R."
        events, words = refused(tmp_path / "weights.pt", data)
        assert events == [] and "none of it was run" in words


def test_tensors_made_by_other_functions_are_refused(tmp_path):
    call = b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n("
    for function in (b"ccollections\nOrderedDict\n", b"ctorch\nfloat32\n", b"cnumpy\nndarray\n", b"N", text("os")):
        events, words = refused(tmp_path / "weights.pt", call + function + b"N)NtR.")
        assert events == [] and "a tensor is made by something that does not make tensors" in words


def test_states_change_no_class(tmp_path):
    before = dict(vars(NAMES["argparse Namespace"]))
    for state in (b"}" + text("build") + b"Ns", b"N}" + text("build") + b"Ns\x86"):
        data = b"\x80\x02cargparse\nNamespace\n" + state + b"b."
        assert "gives a state to an object that has none" in refused(tmp_path / "weights.pt", data)[1]
    assert dict(vars(NAMES["argparse Namespace"])) == before


def long_integer(nbytes, given=None):
    return b"\x8b" + struct.pack("<i", nbytes) + b"\x7f" * (nbytes if given is None else given)


PAIRS = b"(" + b"K\x01K\x01\x86" * 1000 + b"lq\0"  # A list of 1,000 pairs, remembered.
EATING = {
    "lists doubled 60 times": (b"]" + b"q\0(h\0h\0l" * 60 + b".", "values, or names"),
    "tuples doubled 60 times": (b")" + b"2\x86" * 60 + b".", "values, or names"),
    "tuples doubled 5,000 times": (b")" + b"2\x86" * 5_000 + b".", "nested more than 64 deep"),
    "doubled tuples as a key": (b"})" + b"2\x86" * 60 + b"Ns.", "key of type tuple"),
    "a list that holds itself": (b"]q\0h\0a.", "nested more than 64 deep"),
    "a dict that holds itself twice": (b"}q\0(K\x01h\0K\x02h\0u.", "nested more than 64 deep"),
    "30,000 nested tuples": (b")" + b"\x85" * 30_000 + b".", "nested more than 64 deep"),
    "15,000 nested lists": (b"]" * 15_000 + b"a" * 14_999 + b".", "nested more than 64 deep"),
    "marks without end": (b"(" * 40_000 + b".", "steps to read"),
    "sets without end": (b"\x8f" * 40_000 + b".", "steps to read"),
    "a list of 100,000 names of one long key": (b"}" + text("n" * 100_000) + b"(" + b"N" * 1000 + b"ls.", "letters"),
    "an integer said to have 2 GB": (long_integer(2**31 - 1, 10) + b".", "more than 67,108,864 bytes"),
    "an integer of a negative length": (long_integer(-5, 10) + b".", "cut off"),
    "an integer of 1 MB": (long_integer(2**20) + b".", "8,388,607 bits, more than the 1,024"),
    "an integer of a million digits": (b"L" + b"9" * 1_000_000 + b"L\n.", "cut off"),
    "a text of 2^60 bytes": (b"\x8d" + struct.pack("<Q", 2**60) + b".", "more than 67,108,864 bytes"),
    "bytes of 4 GB": (b"B\xff\xff\xff\xff.", "more than 67,108,864 bytes"),
    "a bytearray of 2^63 bytes": (b"\x96" + struct.pack("<Q", 2**63) + b".", "cut off"),
    "a huge number to remember by": (b"Np" + b"9" * 1000 + b"\n.", "outside 0..4,294,967,295"),
    "a dict copied 10,000 times": (PAIRS + b"ccollections\nOrderedDict\nq\1" + b"h\1h\0\x85R0" * 10_000 + b".",
                                   "steps to read"),
    "a text copied 100,000 times": (text("a" * 100_000) + b"q\0c_codecs\nencode\nq\1" +
                                    (b"h\1h\0" + text("latin1") + b"\x86R") * 20_000 + b".", "steps to read"),
    "numbers whose hashes collide": (b"}(" + b"".join(b"\x8a\x20" + (1 + i * (2**61 - 1)).to_bytes(32, "little") + b"N"
                                                     for i in range(2**60, 2**60 + 10_000)) + b"u.", "key of type int")}


def peak_of(read):
    """Bytes that were held at once, at most."""
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", EATING)
def test_no_small_pickle_takes_much_memory_or_time(name, tmp_path, monkeypatch):
    # What is traced is slow, and memory goes with the limits: these are 32 times below the true ones.
    monkeypatch.setattr("ganlab.pretrained.pickle_machine.MOST_STEPS", 2**15)
    monkeypatch.setattr("ganlab.pretrained.flattening.MOST_VALUES", 2**13)
    monkeypatch.setattr("ganlab.pretrained.flattening.MOST_LETTERS", 2**21)
    data, words = EATING[name]
    path = tmp_path / "weights.pt"
    path.write_bytes(b"\x80\x02" + data)

    def read():
        with pytest.raises(WeightsError) as error:
            read_weights(path)
        assert words in str(error.value) and "\n" not in str(error.value)

    assert peak_of(read) < 2**23 + 6 * len(data)


def test_a_huge_number_to_remember_by_takes_no_room(tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"\x80\x02}r\xff\xff\xff\xff.")
    assert peak_of(lambda: read_weights(path)) < 2**20


def bomb_of_zeros():
    entries = {"archive/data.pkl": b"}.", "archive/data/0": bytes(2**26)}
    return writers.zip_bytes(entries, zipfile.ZIP_DEFLATED)


def claims():
    """Small files that say of themselves to be huge."""
    storage = Storage(bytes(4), "FloatStorage", 1)
    huge = Storage(bytes(4), "FloatStorage", 2**48)
    pages = {"a": Tensor(huge, 0, (2**48,), (1,))}
    return {"a zip bomb": bomb_of_zeros(), "a stride of 0": writers.torch_zip([Tensor(storage, 0, (2**40,), (0,))]),
            "a storage of petabytes": writers.torch_zip(pages), "a legacy storage": writers.torch_legacy(pages),
            "a NumPy header": writers.npy(header=f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({2**50},), }}"),
            "a safetensors header": writers.safetensors({"a": writers.entry("F32", [2**48], 0, 2**50)}),
            "a pickled array": pickle.dumps(np.zeros(2)).replace(b"K\x02\x85", b"J\xff\xff\xff\x7f\x85")}


@pytest.mark.parametrize("name", claims())
def test_no_claim_of_size_is_believed(name, tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(claims()[name])

    def read():
        with pytest.raises(WeightsError):
            read_weights(path)

    assert peak_of(read) < 2**21


def test_reading_takes_the_memory_of_the_file_once(tmp_path):
    values = np.arange(2**22, dtype=np.float32)  # 16 MiB
    file = io.BytesIO()
    np.savez(file, a=values)
    files = {"zip": writers.torch_zip({"a": writers.tensor(values)}), "npz": file.getvalue(),
             "legacy": writers.torch_legacy({"a": writers.tensor(values)}), "npy": writers.npy(values),
             "safetensors": writers.safetensors({"a": writers.entry("F32", [2**22], 0, 2**24)}, values.tobytes())}
    for name, data in files.items():
        path = tmp_path / name
        path.write_bytes(data)
        assert peak_of(lambda path=path: read_weights(path)) < 1.2 * values.nbytes
