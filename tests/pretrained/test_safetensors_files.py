"""Files of safetensors: every type, and every way in which a header can lie."""

import json

import ml_dtypes
import numpy as np
import pytest
from torch_writers import entry, safetensors

from ganlab.pretrained import WeightsError, read_weights, write_safetensors
from ganlab.pretrained.arrays import DTYPES
from ganlab.pretrained.safetensors_files import TYPES


def read(tmp_path, data):
    path = tmp_path / "weights.bin"
    path.write_bytes(data)
    return read_weights(path)


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_is_read(kind, tmp_path):
    values = np.array([[0, 1], [1, 0]]).astype(DTYPES[TYPES[kind]])
    end = values.nbytes
    header = {"a.weight": entry(kind, [2, 2], 0, end), "b": entry("F32", [], end, end + 4),
              "c": entry("F32", [0, 5], end + 4, end + 4), "__metadata__": {"format": "pt"}}
    weights = read(tmp_path, safetensors(header, values.tobytes() + np.float32(2.5).tobytes()))
    np.testing.assert_array_equal(weights.tensors["a.weight"], values, strict=True)
    assert weights.tensors["b"] == np.float32(2.5) and weights.tensors["c"].shape == (0, 5)
    assert weights.rest == {"__metadata__.format": "pt"}
    assert not any(array.flags.writeable for array in weights.tensors.values())


def test_bytes_mean_what_the_format_says(tmp_path):
    weights = read(tmp_path, b"\x3a\0\0\0\0\0\0\0" + b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}   ' +
                   b"\xc0\x3f\x00\xc0")
    np.testing.assert_array_equal(weights.tensors["a"], np.array([1.5, -2], ml_dtypes.bfloat16), strict=True)


A, B = entry("F32", [2], 0, 8), entry("F32", [1], 8, 12)
BAD = {
    "overlap": ({"a": A, "b": entry("F32", [1], 4, 8)}, 8, "behind one that ends at 8"),
    "a gap": ({"a": A, "b": entry("F32", [1], 12, 16)}, 16, "behind one that ends at 8"),
    "more bytes than its shape": ({"a": entry("F32", [1], 0, 8)}, 8, "lies at bytes 0 to 8"),
    "backwards": ({"a": entry("F32", [1], 8, 4)}, 8, "lies at bytes 8 to 4"),
    "a short file": ({"a": A, "b": B}, 11, "11 bytes of tensors where its header says 12"),
    "a single byte": ({"a": entry("U8", [2], 0, 2)}, 1, "has 1 byte of tensors where its header says 2"),
    "one offset": ({"a": A | {"data_offsets": [0]}}, 8, "lies at 1 place"),
    "a long file": ({"a": A, "b": B}, 13, "13 bytes of tensors"),
    "petabytes": ({"a": entry("F32", [2**48], 0, 2**50)}, 8, "8 bytes of tensors where its header says"),
    "an overflow": ({"a": entry("F32", [2**40, 2**40], 0, 8)}, 8, "product"),
    "a negative size": ({"a": entry("F32", [-2], 0, 8)}, 8, "negative"),
    "half a size": ({"a": entry("F32", [2.0], 0, 8)}, 8, "not a whole number"),
    "an infinite size": (b'{"a":{"dtype":"F32","shape":[Infinity],"data_offsets":[0,8]}}', 8, "not a number of JSON"),
    "an unknown type": ({"a": entry("Q4", [2], 0, 8)}, 8, "tensor a of a type Q4"),
    "a type that is a list": ({"a": entry(["F32"], [2], 0, 8)}, 8, "not text"),
    "three offsets": ({"a": A | {"data_offsets": [0, 8, 8]}}, 8, "3 places"),
    "no offsets": ({"a": {"dtype": "F32", "shape": [2]}}, 8, "no dtype, shape and data_offsets"),
    "no entry": ({"a": 5}, 8, "no dtype, shape"),
    "numbers as metadata": ({"__metadata__": {"a": 1}}, 0, "not a dict of texts"),
    "two of a name": (b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":5}', 1, "given twice"),
    "no JSON": (b"{" + b"x" * 30, 8, "its header is not JSON"), "no text": (b"{\xff\xfe}", 8, "its header is not JSON"),
    "deep nesting": (b'{"a":' + b"[" * 100_000, 8, "its header is not JSON"),
    "a long number": (b'{"a":' + b"9" * 10_000 + b"}", 8, "its header is not JSON")}


@pytest.mark.parametrize("case", BAD)
def test_a_header_that_lies_is_refused(case, tmp_path):
    header, nbytes, words = BAD[case]
    with pytest.raises(WeightsError) as error:
        read(tmp_path, safetensors(header, bytes(nbytes)))
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_header_cannot_be_longer_than_the_file_or_the_limit(tmp_path):
    for length, words in ((2**63, "more than the 8,388,608 that are read"), (1000, "ends within its header")):
        with pytest.raises(WeightsError, match=words):
            read(tmp_path, length.to_bytes(8, "little") + b'{"a": 5}')


def test_what_is_written_reads_back_to_the_same_bits(tmp_path):
    rng = np.random.default_rng(0)
    tensors = {f"{kind}.values": (rng.standard_normal((3, 5)) > 0 if name == "bool" else np.frombuffer(
        rng.bytes(15 * DTYPES[name].itemsize), DTYPES[name]).reshape(3, 5)) for kind, name in TYPES.items()}
    tensors |= {"scalar": np.float32(-0.0).reshape(()), "none": np.zeros((0, 4), np.int8),
                "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T}
    write_safetensors(tmp_path / "file", tensors, {"round": "7", "words": "ä\n"})
    found = read_weights(tmp_path / "file")
    assert found.rest == {"__metadata__.round": "7", "__metadata__.words": "ä\n"}
    assert set(found.tensors) == set(tensors)
    for name, array in tensors.items():
        read = found.tensors[name]
        assert (read.dtype, read.shape, read.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("letters", range(8))
def test_every_tensor_lies_at_a_multiple_of_its_numbers_size(letters, tmp_path):
    tensors = {"a" * (letters + 1): np.zeros(3, np.int8), "b": np.zeros(5, np.float64), "c": np.zeros(1, np.float16),
               "d": np.zeros(3, np.float32)}
    write_safetensors(tmp_path / "file", tensors, {})
    data = (tmp_path / "file").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    assert length % 8 == 0 and header.pop("__metadata__") == {}
    for name, entry in header.items():
        assert (8 + length + entry["data_offsets"][0]) % tensors[name].dtype.itemsize == 0


def test_bytes_are_those_that_the_format_says(tmp_path):
    write_safetensors(tmp_path / "file", {"a": np.array([1.5, -2], np.float32)}, {"k": "v"})
    text = b'{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    padded = text + b" " * (-len(text) % 8)
    assert (tmp_path / "file").read_bytes() == (len(padded).to_bytes(8, "little") + padded
                                                + b"\x00\x00\xc0\x3f\x00\x00\x00\xc0")


@pytest.mark.parametrize("dtype", ["complex128", "U3", ">f4", "O"])
def test_a_type_that_the_format_does_not_have_is_refused_and_nothing_is_written(dtype, tmp_path):
    with pytest.raises(WeightsError, match="cannot hold a of type"):
        write_safetensors(tmp_path / "file", {"a": np.zeros(2, dtype)}, {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("length", [0x80, 0x1F8B, 0x4B50, 0x8B1F])
def test_a_header_as_long_as_another_formats_first_bytes_is_not_taken_for_that(length, tmp_path):
    text = json.dumps({"a": entry("U8", [1], 0, 1)}).encode().ljust(length)
    assert read(tmp_path, length.to_bytes(8, "little") + text + b"7").tensors["a"] == [0x37]
