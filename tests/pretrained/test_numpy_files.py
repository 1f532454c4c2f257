"""Files of NumPy: numbers of every type and order, and headers that lie."""

import io
import struct
import zipfile

import numpy as np
import pytest
from torch_writers import npy, zip_bytes

from ganlab.pretrained import WeightsError, read_weights, zip_files

RAMP = np.arange(6, dtype=np.float32).reshape(2, 3)
ARRAYS = {"c": RAMP, "fortran": np.asfortranarray(RAMP), "scalar": np.array(2.5), "empty": np.zeros((0, 4)),
          "big": np.arange(3, dtype=">i8"), "half": RAMP.astype(np.float16), "bool": RAMP > 2, "view": RAMP[:, ::2],
          "complex": RAMP + 1j, "bytes": np.arange(5, dtype=np.uint8), "a/b": RAMP}


def read(tmp_path, data):
    path = tmp_path / "weights.bin"
    path.write_bytes(data)
    return read_weights(path)


def same(array, expected):
    np.testing.assert_array_equal(array, expected)
    return array.dtype == expected.dtype.newbyteorder("=") and not array.flags.writeable


@pytest.mark.parametrize("name", ARRAYS)
def test_one_array_is_read(name, tmp_path):
    weights = read(tmp_path, npy(ARRAYS[name]))
    assert list(weights.tensors) == ["array"] and not weights.rest
    assert same(weights.tensors["array"], ARRAYS[name])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_of_a_zip_file_are_read_by_name(save, tmp_path):
    file = io.BytesIO()
    save(file, **ARRAYS)
    weights = read(tmp_path, file.getvalue())
    assert list(weights.tensors) == list(ARRAYS)
    assert all(same(weights.tensors[name], array) for name, array in ARRAYS.items())


def test_headers_of_all_versions_and_of_python_2_are_read(tmp_path):
    for version in ((1, 0), (2, 0), (3, 0)):
        file = io.BytesIO()
        np.lib.format.write_array(file, RAMP, version)
        assert same(read(tmp_path, file.getvalue()).tensors["array"], RAMP)
    old = npy(header="{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }", data=RAMP.tobytes())
    assert same(read(tmp_path, old).tensors["array"], RAMP)


def header(descr="<f4", shape="(2,)", order="False"):
    return npy(header=f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}", data=bytes(8))


BAD = {
    "petabytes": (header(shape="(1000000, 1000000, 1000)"), "takes 4,000,000,000,000,000 bytes, and there are 8"),
    "an overflow": (header(shape=f"({2**40}, {2**40})"), "product of"),
    "a negative size": (header(shape="(-2,)"), "names no"),
    "a long number": (header(shape=f"({'9' * 2000},)"), "not whole numbers"),
    "too few bytes": (header(shape="(3,)"), "takes 12 bytes, and there are 8"),
    "a single byte": (header("|u1", "(1,)"), "takes 1 byte, and there are 8"),
    "too many bytes": (header(shape="(1,)"), "takes 4 bytes, and there are 8"),
    "objects": (header("|O"), "holds Python objects"), "texts": (header("<U2"), "values of type <U2"),
    "a long double": (header("<f16"), "values of type <f16"), "two orders": (header("<>f4"), "values of type <>f4"),
    "code": (npy(header="__import__('os').mkdir('x')"), "names no plain numbers"),
    "a record": (npy(np.zeros(2, [("a", "f4")])), "names no plain numbers"),
    "33 dimensions": (header(shape=f"({'1,' * 33})"), "up to 32"),
    "a damaged shape": (header(shape="(1 2)"), "not whole"),
    "a version": (b"\x93NUMPY\x04\0\x10\0" + bytes(50), "not an array of NumPy"), "an end": (npy(RAMP)[:9], "header"),
    "an end within the header": (npy(RAMP)[:40], "names no plain"),
    "a long header": (npy(header=" " * 5000), "4,096 bytes")}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("case", BAD)
def test_a_header_that_lies_is_refused(case, packed, tmp_path):
    data, words = BAD[case]
    with pytest.raises(WeightsError) as error:
        read(tmp_path, zip_bytes({"a.npy": data}) if packed else data)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_zip_file_of_other_things_is_none_of_arrays(tmp_path):
    with pytest.raises(WeightsError, match="neither of torch.save .* nor of numpy.savez"):
        read(tmp_path, zip_bytes({"a.npy": npy(RAMP), "b.txt": "text"}))


def test_zip_files_that_could_harm_are_refused(tmp_path):
    bomb = zip_bytes({"a.npy": npy(np.zeros(2**23))}, zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightsError, match="unpacks from .* to 67,108,992, more than"):
        read(tmp_path, bomb)
    for method in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2):
        with pytest.raises(WeightsError, match="stored and deflated ones are read"):
            read(tmp_path, zip_bytes({"a.npy": npy(RAMP)}, method))
    good = zip_bytes({"a.npy": npy(RAMP), "b.npy": npy(RAMP)})
    with pytest.raises(WeightsError, match="same name"):
        read(tmp_path, good.replace(b"b.npy", b"a.npy"))
    directory = good.index(b"PK\x01\x02")
    locked = bytearray(good)
    locked[directory + 8] |= 1
    with pytest.raises(WeightsError, match="is encrypted"):
        read(tmp_path, bytes(locked))


def test_a_single_file_is_counted_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_files, "MOST_ENTRIES", 0)
    with pytest.raises(WeightsError, match="holds 1 file, more than the 0"):
        read(tmp_path, zip_bytes({"a.npy": npy(RAMP)}))


def test_a_zip_file_whose_entries_lie_outside_of_it_is_refused(tmp_path):
    good = zip_bytes({"a.npy": npy(RAMP)})
    directory, end = good.index(b"PK\x01\x02"), good.index(b"PK\x05\x06")
    for place in (len(good) + 20, 2**63, 2**64 - 1):
        record, tail = bytearray(good[directory:end]), bytearray(good[end:])
        # The place is in 8 bytes behind the name.
        record[30:32], record[42:46] = (12).to_bytes(2, "little"), b"\xff" * 4
        record += struct.pack("<HHQ", 1, 8, place)
        tail[12:16] = len(record).to_bytes(4, "little")
        with pytest.raises(WeightsError, match="lies outside of it"):
            read(tmp_path, good[:directory] + record + tail)


def test_a_zip_file_whose_entries_lie_upon_each_other_is_refused(tmp_path):
    array = npy(np.zeros(1000))
    good = zip_bytes({"a.npy": array})
    directory, end = good.index(b"PK\x01\x02"), good.index(b"PK\x05\x06")
    one = good[directory:end]
    entries = b"".join(one.replace(b"a.npy", b"%c.npy" % letter) for letter in range(ord("a"), ord("k")))
    tail = bytearray(good[end:])
    tail[8:16] = (10).to_bytes(2, "little") * 2 + len(entries).to_bytes(4, "little")
    with pytest.raises(WeightsError, match="together larger than itself"):
        read(tmp_path, good[:directory] + entries + bytes(tail))
