"""Pickles are read as Python would where they hold plain values, and never do what Python would with names."""

import io
import pickle
import pickletools

import pytest

from ganlab.pretrained import pickle_machine
from ganlab.pretrained.errors import BadWeights
from ganlab.pretrained.pickle_machine import Global, Record, read_pickle
from ganlab.pretrained.pickled_names import NAMES

PLAIN = {"list": [1, -2, 300, 70_000, 2**40, -(2**100), True, None, 2.5, float("inf")], "": (), "one": (1,),
         "two": (1, 2), "three": (1, 2, 3), "four": (1, 2, 3, 4), "text": "ä\n\ud800" * 300, 5: {1.5: [[]], None: {}},
         "bytes": b"\0\xff" * 200, "set": {1, "a"}, "frozen": frozenset([2]), b"key": [{}, {"a": 1, "b": 2}]}


def read(data, names=NAMES, **options):
    return read_pickle(io.BytesIO(data), names, **options)


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_are_what_python_reads(protocol):
    assert read(pickle.dumps(PLAIN, protocol)) == PLAIN


def test_texts_of_python_2_and_old_opcodes_are_read():
    assert read(b"(dp0\nS'a\\n'\np1\nI01\nsS'b'\nF2.5\nsS'c'\nL7L\nsS'd'\n(I1\nI2\nlsS'e'\n(lp2\nI3\nas.") == {
        "a\n": True, "b": 2.5, "c": 7, "d": [1, 2], "e": [3]}
    assert read(b"\x80\x02U\x03abcT\x02\0\0\0de\x86.") == ("abc", "de")
    assert read(b"I9\n0(I2\n1I3\n2I4\n0\x86.") == (3, 3)  # POP, POP_MARK and DUP.


def test_what_is_shared_stays_shared_and_what_holds_itself_does():
    inner = []
    first, second = read(pickle.dumps([inner, inner]))
    assert first is second
    inner.append(inner)
    loop = read(pickle.dumps(inner))
    assert loop[0] is loop


def test_every_opcode_has_a_step():
    assert {code.name for code in pickletools.opcodes} == {*pickle_machine._STEPS, "STOP"}


def test_names_call_functions_of_the_table_alone():
    calls = []
    names = {"os system": lambda *arguments: calls.append(arguments) or "ours", "os sep": "constant"}
    for data in (b"cos\nsystem\n(I1\nI2\ntR.", b"(I1\nI2\nios\nsystem\n.", b"(cos\nsystem\nI1\nI2\no.",
                 b"\x80\x02cos\nsystem\nK\x01K\x02\x86\x81.", b"\x80\x04\x8c\x02os\x8c\x06system\x93K\x01K\x02\x86R."):
        assert read(data, names) == "ours"
    assert calls == [(1, 2)] * 5
    assert read(b"cos\nsep\n.", names) == Global("os sep", "constant")
    for data in (b"cos\nsep\n)R.", b"I1\n)R.", b"cos\nsystem\nI1\nR.", b"(o."):
        with pytest.raises(BadWeights, match="calls something that is not a function"):
            read(data, names)


def test_a_function_with_other_arguments_is_damage():
    with pytest.raises(BadWeights, match="f.g is called with arguments that it does not take"):
        read(b"cf\ng\nI1\n\x85R.", {"f g": lambda: None})


def test_states_reach_records_and_nothing_else():
    class Kept(Record):
        def build(self, state):
            self.state = state

    assert read(b"\x80\x02cx\ny\n)RK\x05b.", {"x y": Kept}).state == 5
    state = b"}X\x09\0\0\0__class__K\x01sb."
    result = read(b"\x80\x02ccollections\nOrderedDict\n)R" + state)
    assert type(result) is dict and result == {}
    for target in (b"]", b")", b"K\x01", b"cnumpy\nndarray\n"):
        with pytest.raises(BadWeights, match="gives a state to an object that has none"):
            read(b"\x80\x02" + target + state)


def test_persistent_ids_are_asked_for_or_refused():
    assert read(b"\x80\x02K\x05Q.", persistent=lambda number: number + 1) == 6
    assert read(b"Pname\n.", persistent=str.upper) == "NAME"
    with pytest.raises(BadWeights, match="outside of its pickle"):
        read(b"\x80\x02K\x05Q.")


def test_a_file_stands_behind_its_pickle():
    file = io.BytesIO(pickle.dumps([1]) + pickle.dumps({"a": 2}, 0) + b"rest")
    assert [read_pickle(file, {}), read_pickle(file, {}), file.read()] == [[1], {"a": 2}, b"rest"]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_takes_nonsense_for_its_arguments(name):
    for arguments in (b")", b"]\x85", b"N\x85", b"X\x01\0\0\0\xc3\x85", b"}\x85", b"]N\x86", b"NN\x86", b"]]]\x87",
                      b"(NNNNt", b"(NNNNNNt", b"(]]]]]]]t", b"(NNNNNNNNt"):
        module, _, last = name.partition(" ")
        try:
            result = read(f"c{module}\n{last}\n".encode() + arguments + b"R.")
            if isinstance(result, Record):
                result.content()
        except BadWeights as error:
            assert "\n" not in str(error)


DAMAGED = {
    "nothing": (b"", "cut off"), "no STOP": (b"\x80\x02]", "cut off"), "an empty stack": (b".", "more than it gave"),
    "no such opcode": (b"\xff.", "damaged or cut off"), "half a number": (b"\x80\x02J\0", "cut off"),
    "a lacking memo": (b"h\x05.", "recalls what it did not remember"), "no mark": (b"t.", "lacks a mark"),
    "a key alone": (b"}(K\x01u.", "key without a value"), "a list as a dict": (b"]K\x01K\x02s.", "not a dict"),
    "a dict as a list": (b"}K\x01a.", "not a list"), "a list as a set": (b"](K\x01\x90.", "not a set"),
    "protocol 6": (b"\x80\x06N.", "protocol 6"), "a name of bytes": (b"C\x01aC\x01b\x93.", "not text"),
    "a list as a key": (b"}]Ns.", "key of type list"), "a tuple as a key": (b"})Ns.", "key of type tuple"),
    "a list in a set": (b"\x8f(]\x90.", "key of type list"), "an extension": (b"\x82\x01.", "number of a registry"),
    "a buffer": (b"\x97.", "buffer outside"), "keywords": (b"N)}\x92.", "keyword arguments"),
    "a negative memo": (b"Np-1\n.", "outside 0..4,294,967,295"),
    "a surrogate as bytes": (b"\x80\x02c_codecs\nencode\nX\x03\0\0\0\xe2\x82\xacX\x06\0\0\0latin1\x86R.", "not their text"),
    "another codec": (b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x05\0\0\0rot13\x86R.", "not their text")}


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_told(case):
    data, words = DAMAGED[case]
    with pytest.raises(BadWeights) as error:
        read(data)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_refusals_name_what_was_named_in_one_plain_line():
    with pytest.raises(BadWeights, match="^names posix.system, which is not part of plain weights, so none of it"):
        read(b"cposix\nsystem\n.")
    with pytest.raises(BadWeights, match="dnnlib.tflib.network.Network, code of StyleGAN's pickles"):
        read(b"cdnnlib.tflib.network\nNetwork\n.")
    with pytest.raises(BadWeights) as error:
        read(b"\x80\x04\x8c\x0cos\x1b[2J\n\xe2\x80\xaeXX\x8c\xff" + b"n" * 255 + b"\x93.")
    assert str(error.value).isprintable() and len(str(error.value)) < 400
