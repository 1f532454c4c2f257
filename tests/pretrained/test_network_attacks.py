"""Pickles of networks that want to do harm do nothing: nothing is run, no memory or time eaten."""

import contextlib
import os
import pickle
import struct
import sys
import tracemalloc
from pathlib import Path

import pytest
from network_writers import (
    HEAD,
    LOAD,
    PERSISTENT,
    mapping,
    meta,
    network,
    persistent,
    raw,
    storage_file,
    tensor,
    text,
    whole,
)

from ganlab.pretrained import PickledNetwork, WeightsError, read_network_pickle

FILES = Path(__file__).parent / "files"
NAMES = sorted(path.stem for path in FILES.glob("*.pkl"))
WATCHED = ("import", "open", "os.", "socket.", "subprocess.", "exec", "compile", "pickle.",
           "ctypes.", "shutil.")
_recorded: list | None = None


def _record(event, arguments):
    if _recorded is not None and event.startswith(WATCHED):
        _recorded.append((event, arguments))


# It cannot be taken away again, and does nothing while nothing is recorded.
sys.addaudithook(_record)


@contextlib.contextmanager
def recorded(path):
    """What the interpreter is seen to do, but for opening one file."""
    global _recorded
    events: list = []
    _recorded = everything = []
    try:
        yield events
    finally:
        _recorded = None
        events += [event for event in everything if event[0] != "open" or event[1][0] != str(path)]


@pytest.fixture
def attempt(tmp_path):
    """Reads a pickle that has to be refused, and returns the sentence; nothing else happens."""

    def refused(data):
        path = tmp_path / "network.pkl"
        path.write_bytes(network())
        read_network_pickle(path)  # Whatever is imported at first is imported now.
        path.write_bytes(data)
        with recorded(path) as events, pytest.raises(WeightsError) as error:
            read_network_pickle(path)
        words = str(error.value)
        assert events == [] and words.startswith(str(path)) and words.isprintable()
        return words.removeprefix(str(path))

    return refused


MODULE = b"cR3GAN.Networks\nGenerator\n)\x81"
VARIABLES = b"ctfutil\nNetwork\n)\x81"


def mkdir(path):
    return b"cos\nmkdir\n" + text(path) + b"\x85R"


CODE = {
    "a function": mkdir,
    "a command": lambda path: b"cos\nsystem\n" + text(f"mkdir {path}") + b"\x85R",
    "evaluation": lambda path:
        b"cbuiltins\neval\n" + text(f"__import__('os').mkdir({str(path)!r})") + b"\x85R",
    "an old instance": lambda path: b"(" + text(path) + b"ios\nmkdir\n",
    "a name in two texts": lambda path:
        text("os") + text("mkdir") + b"\x93" + text(path) + b"\x85R"}
PLACES = {
    "the state": lambda call: network(mapping(a=call)),
    "the description": lambda call: HEAD + mapping(G=persistent(more=call)) + b".",
    "the class's name": lambda call: HEAD + mapping(G=persistent(name=call)) + b".",
    "an argument": lambda call: network(mapping(_init_kwargs=mapping(a=call))),
    "beside the networks": lambda call: network(a=call),
    "TensorFlow's state": lambda call:
        HEAD + VARIABLES + mapping(variables=call) + b"b."}


@pytest.mark.parametrize("code", CODE)
def test_no_code_is_run(code, tmp_path, attempt):
    harm = tmp_path / "harm"
    call = CODE[code](harm)
    pickle.loads(HEAD + call + b".")
    assert harm.exists()  # The attack is one.
    harm.rmdir()
    for place in PLACES.values():
        assert "none of it was run" in attempt(place(call)) and not harm.exists()


def test_source_text_is_never_run_or_kept(tmp_path):
    harm, path = tmp_path / "harm", tmp_path / "network.pkl"
    source = text(f"import os\nos.mkdir({str(harm)!r})")
    state = mapping(version=whole(2), build_func_name=text("G_paper"), variables=b"]",
                    static_kwargs=b"}", build_module_src=source)
    built = VARIABLES + state + b"b"
    for data, expected in ((mapping(G_ema=persistent(module_src=source)),
                            PickledNetwork("Generator", "", {}, {}, frozenset(["Generator"]))),
                           (built + b"q\0h\0h\0\x87", PickledNetwork("G_paper", "tfutil", {}, {}))):
        path.write_bytes(network())
        read_network_pickle(path)  # Whatever is imported at first is imported now.
        path.write_bytes(HEAD + data + b".")
        with recorded(path) as events:
            assert read_network_pickle(path).contents["G_ema"] == expected
        assert events == [] and not harm.exists()


OUTSIDE = ["os system", "torch load", "torch.hub load", "torch.nn Linear",
           "torch.nn.modules.linear bilinear", "torch.nn.modules.linear Linear.forward",
           "torch.nn.modules.linear __import__", "torch.nn.modulesX Linear",
           "training.networks make", "training.networks.os System", "training Generator",
           "R3GAN Networks", "XR3GAN.Networks Generator", "dnnlib.util open_url",
           "dnnlib.util EasyDict.__init__", "dnnlib.tflib Network",
           "torch_utils.persistence persistent_class", "torch_utils.persistence _src_to_module",
           "torch_utils.custom_ops get_plugin", "tfutil Network.__init__",
           "collections OrderedDict.__class__", "training.networks Ge\u0308n",
           "training.networks G en", "pickle loads", "builtins getattr"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_names_outside_of_the_table_are_refused_and_told(name, attempt):
    module, _, last = name.partition(" ")
    words = attempt(network(a=text(module) + text(last) + b"\x93"))
    assert "none of it was run" in words and "save the state_dict()" in words
    if name.isascii():
        assert f"names {module}.{last.replace(' ', '.')}, and of such a pickle only" in words


def test_names_are_never_called_with_arguments(attempt):
    for name in (b"cR3GAN.Networks\nGenerator\n", b"ctorch.nn.modules.linear\nLinear\n",
                 b"ctfutil\nNetwork\n"):
        assert "arguments that it does not take" in attempt(network(a=name + b"K\1\x85R"))
        assert "arguments that it does not take" in attempt(network(a=name + b"K\1\x85\x81"))
        assert "calls something that is not a function" in attempt(network(a=name + b")\x81)R"))


TORCH_FILE = storage_file(bytes(16), 4)
DOUBLED = b")" + b"2\x86" * 60  # A tuple that as text, or taken apart, has no end.


def within(file):
    """A pickle with a file of torch.save in it."""
    return network(a=LOAD + raw(file) + b"\x85R")


def buffers(**values):
    return mapping(_buffers=mapping(**values))


def modules(**values):
    return mapping(_modules=mapping(**values))


def arguments(value):
    return mapping(_init_kwargs=mapping(a=value))


def chain(*states):
    """A pickle of modules, each of which finds the one before it in the memo."""
    made = b"0".join(persistent(state=state) + b"q\0" for state in (b"}", *states))
    return HEAD + made + b"0" + mapping(G=b"h\0") + b"."


def many(number, value):
    return {str(name): value for name in range(number)}


FILES_WITHIN = {
    "a file": (within(storage_file(b"", 0, tree=LOAD + raw(TORCH_FILE) + b"\x85R")),
               "a file of torch.save within another"),
    "code": (within(storage_file(b"", 0, tree=mkdir("/x"))), "none of it was run"),
    "a class": (within(storage_file(b"", 0, tree=MODULE)), "none of it was run"),
    "a tree": (within(storage_file(b"", 0, tree=b"}")), "storages"),
    "half a storage": (within(TORCH_FILE[:-1]), "ends within its tensors"),
    "half a pickle": (within(TORCH_FILE[:60]), "cut off"),
    "nothing": (within(b""), "cut off"),
    "text": (network(a=LOAD + text("abc") + b"\x85R"), "has no bytes"),
    "two sizes of a storage": (within(storage_file(bytes(16), 4, claimed=2**40)),
                               "has 1,099,511,627,776 numbers where its tensors say 4")}
SIZES = {
    "a huge storage": (network(buffers(a=tensor(storage_file(b"", 2**50), 0, (2**30,), (1,)))),
                       "ends within its tensors"),
    "a tensor beyond its storage": (network(buffers(a=tensor(TORCH_FILE, 1, (2, 2), (2, 1)))),
                                    "ends at number 5 of a storage of 4"),
    "a negative stride": (network(buffers(a=tensor(TORCH_FILE, 3, (4,), (-1,)))), "is negative"),
    "a stride of 0": (network(buffers(a=tensor(TORCH_FILE, 0, (2**30, 2**20), (0, 0)))), "unfold"),
    "a stride of 0 beside networks": (network(a=tensor(TORCH_FILE, 0, (2**30, 2**20), (0, 0))),
                                      "unfold"),
    "many numbers as an argument": (network(arguments(tensor(TORCH_FILE, 0, (2**19,), (0,)))),
                                    "values beside its networks"),
    "bytes said to be 1 GB": (network(a=b"\x8e" + struct.pack("<Q", 2**30)),
                              "ends within its pickle, at byte"),
    "doubled modules": (chain(*[modules(a=b"h\0", b=b"h\0")] * 60), "values, or names"),
    "wide modules": (chain(buffers(**many(20_000, b"N")), *[modules(**many(5_000, b"h\0"))] * 2),
                     "values, or names"),
    "modules without end": (chain(*[modules(a=b"h\0")] * 200), "nested more than 64 deep"),
    "a module within itself": (HEAD + mapping(G=MODULE + b"q\0" + modules(a=b"h\0") + b"b") + b".",
                               "nested more than 64 deep"),
    "a doubled value": (network(a=DOUBLED), "values beside its networks"),
    "a value within itself": (network(a=b"]q\0h\0a"), "nested more than 64 deep")}
# The file around a storage takes most of the first one's steps.
ENDLESS = {
    "one storage": HEAD + LOAD + b"q\0" + raw(TORCH_FILE) + b"\x85q\1" + b"h\0h\1R" * 2_000 + b".",
    "classes": HEAD + b"".join(b"cR3GAN.A\nA%d\n" % number for number in range(20_000)) + b".",
    "records": HEAD + b"cR3GAN.A\nA\nq\0" + b"h\0)\x81" * 20_000 + b".",
    "networks": HEAD + b"ctfutil\nNetwork\nq\0" + b"h\0)\x81" * 20_000 + b"."}
STATES = {
    "an unknown class": (HEAD + persistent("SuperGenerator") + b".", "class SuperGenerator, which "
                         "is not known; these are read: Generator, MappingNetwork"),
    "an unknown builder": (
        HEAD + VARIABLES + mapping(version=whole(2), build_func_name=text("G_x"), variables=b"]") +
        b"bq\0h\0h\0\x87.", "built by G_x, which is not known; these are read: G_paper"),
    "another version": (HEAD + persistent(version=whole(7)) + b".", "version 7, and 6 is read"),
    "a version without end": (HEAD + persistent(version=DOUBLED) + b".",
                              "version of type tuple, and 6 is read"),
    "a class name without end": (
        HEAD + PERSISTENT + meta("x", b"}") + text("class_name") + DOUBLED + b"s\x85R.",
        "class of type tuple, which is not known"),
    "another version of TensorFlow's": (HEAD + VARIABLES + mapping(version=whole(9)) + b"b.",
                                        "version 9, and these are read: 1, 2"),
    "another type": (HEAD + persistent(type=text("function")) + b".", "not a class with a state"),
    "no description": (HEAD + PERSISTENT + b"N\x85R.", "not a class with a state"),
    "a state that is a list": (network(b"]"), "not a class with a state"),
    "two states": (HEAD + MODULE + b"}b}b.", "not one dict"),
    "no state": (HEAD + mapping(G=MODULE) + b".", "lacks its state"),
    "a state for a persistent object": (HEAD + persistent() + b"}b.", "not one dict"),
    "modules that are arrays": (network(modules(a=tensor(TORCH_FILE))), "_modules of another kind"),
    "arrays that are modules": (network(buffers(a=persistent())), "_buffers of another kind"),
    "arrays that are numbers": (network(buffers(a=b"K\1")), "_buffers of another kind"),
    "modules in a list": (network(mapping(_modules=b"]")), "not values by name"),
    "one name twice": (
        network(mapping(_buffers=mapping(a=tensor(TORCH_FILE)), _modules=mapping(a=persistent()))),
        "two things one name"),
    "a network within a value": (network(a=b"]" + persistent() + b"a"),
                                 "a Generator within a, where plain values"),
    "a network as an argument": (network(arguments(persistent())), "plain values are read"),
    "arguments in a list": (network(mapping(_init_kwargs=b"]")), "not values by name"),
    "variables without arrays": (
        HEAD + VARIABLES + mapping(version=whole(2), build_func_name=text("G_paper"),
                                   variables=b"](" + text("a") + b"K\1\x86e") + b"bq\0h\0h\0\x87.",
        "not pairs of a name and an array")}
CRAFTED = FILES_WITHIN | SIZES | STATES


@pytest.mark.parametrize("case", CRAFTED)
def test_crafted_pickles_are_refused_in_a_sentence(case, attempt):
    data, words = CRAFTED[case]
    assert words in attempt(data)


@pytest.mark.parametrize("case", ENDLESS)
def test_steps_are_counted_within_and_without(case, attempt, monkeypatch):
    # Memory and time go with the steps, of which there are 32 times fewer here.
    monkeypatch.setattr("ganlab.pretrained.pickle_machine.MOST_STEPS", 2**15)
    assert "takes more than 32,768 steps to read" in attempt(ENDLESS[case])


@pytest.mark.parametrize("case", SIZES)
def test_no_claim_of_size_is_believed(case, attempt, monkeypatch):
    monkeypatch.setattr("ganlab.pretrained.flattening.MOST_VALUES", 2**10)
    monkeypatch.setattr("ganlab.pretrained.network_pickles.MOST_VALUES", 2**10)
    tracemalloc.start()
    try:
        attempt(SIZES[case][0])
        assert tracemalloc.get_traced_memory()[1] < 2**21 + 16 * len(SIZES[case][0])
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", NAMES)
def test_files_that_are_cut_are_refused_in_a_sentence(name, attempt):
    data = (FILES / f"{name}.pkl").read_bytes()
    for end in (1, 2, 40, len(data) // 7, len(data) // 3, len(data) // 2, len(data) - 1):
        words = attempt(data[:end])
        assert "copy" in words and ("cut off" in words or "ends within" in words)


def test_reading_takes_the_memory_of_the_file_once(tmp_path):
    size = 2**24
    path = tmp_path / "network.pkl"
    path.write_bytes(network(mapping(_buffers=mapping(
        a=tensor(storage_file(os.urandom(size), size // 4), 0, (size // 4,), (1,))))))
    tracemalloc.start()
    try:
        assert read_network_pickle(path).contents["G"].tensors["a"].nbytes == size
        assert tracemalloc.get_traced_memory()[1] < 1.2 * size
    finally:
        tracemalloc.stop()
