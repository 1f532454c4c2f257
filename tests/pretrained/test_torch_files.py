"""Files of torch.save of both kinds: real ones, and those that PyTorch would never write."""

import io
import pickle
import struct
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch_writers as writers
from torch_writers import Storage, Tensor

from ganlab.pretrained import WeightsError, read_weights
from ganlab.pretrained.pickled_names import STORAGES

FILES = Path(__file__).parent / "files"
WHOLE = np.arange(12, dtype=np.float32).reshape(3, 4)


def read(tmp_path, data):
    path = tmp_path / "weights.bin"
    path.write_bytes(data)
    return read_weights(path)


def refusal(tmp_path, data):
    """The one sentence that a file is refused with, without its path."""
    with pytest.raises(WeightsError) as error:
        read(tmp_path, data)
    assert "\n" not in str(error.value) and str(error.value).startswith(str(tmp_path))
    return str(error.value).removeprefix(str(tmp_path))


@pytest.mark.parametrize("name", ["zip.pt", "legacy.pt"])
def test_files_of_pytorch_hold_what_was_saved(name):
    weights = read_weights(FILES / name)
    expected = {
        "state_dict.0.weight": np.arange(18, dtype=np.float32).reshape(2, 1, 3, 3),
        "state_dict.1.weight": np.ones(2, np.float32), "state_dict.1.bias": np.zeros(2, np.float32),
        "state_dict.1.running_mean": np.zeros(2, np.float32), "state_dict.1.running_var": np.ones(2, np.float32),
        "state_dict.1.num_batches_tracked": np.array(0, np.int64),
        "params_ema.0.weight": np.arange(18, dtype=np.float32).reshape(2, 1, 3, 3),
        "params_ema.1.weight": np.ones(2, np.float32), "params_ema.1.bias": np.zeros(2, np.float32),
        "whole": WHOLE, "row": WHOLE[1], "turned": WHOLE.T[::2], "expanded": np.ones((2, 3), np.float32),
        "half": np.array([1.5, -2], np.float16), "bfloat16": np.array([1.5, -2], ml_dtypes.bfloat16),
        "bool": np.array([True, False]), "int64": np.array([-(2**40), 5]), "scalar": np.array(3.25, np.float32),
        "empty": np.zeros((0, 3), np.float32), "uint16": np.array([1, 65535], np.uint16), "numpy": WHOLE}
    assert list(weights.tensors) == list(expected)
    for key, array in weights.tensors.items():
        assert array.dtype == expected[key].dtype and not array.flags.writeable
        np.testing.assert_array_equal(array, expected[key], strict=True)
    assert weights.rest == {"epoch": 7, "lr": 1e-3, "betas.0": 0.5, "betas.1": 0.99, "name": "tiny", "none": None,
                            "dtype": "torch.float16", "args.size": 64}
    assert np.shares_memory(weights.tensors["row"], weights.tensors["whole"])


WRITERS = {"zip": writers.torch_zip, "legacy": writers.torch_legacy}


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("kind", STORAGES)
def test_every_storage_type_is_read(form, kind, tmp_path):
    values = np.array([0, 1, 100]).astype(np.dtype(STORAGES[kind]))
    array = read(tmp_path, WRITERS[form]({"a": writers.tensor(values)})).tensors["a"]
    np.testing.assert_array_equal(array, values, strict=True)


@pytest.mark.parametrize("form", WRITERS)
def test_tensors_are_views_of_their_storages(form, tmp_path):
    storage = Storage(WHOLE.tobytes(), "FloatStorage", 12)
    weights = read(tmp_path, WRITERS[form]({
        "all": Tensor(storage, 0, (3, 4), (4, 1)), "turned": Tensor(storage, 1, (3, 2), (1, 4)),
        "one": Tensor(storage, 11, (), ()), "odd step": Tensor(storage, 3, (1, 2), (2**50, 1)),
        "spread": Tensor(storage, 5, (2, 3), (0, 0)), "none": Tensor(storage, 12, (0,), (1,))}))
    np.testing.assert_array_equal(weights.tensors["turned"], [[1, 5], [2, 6], [3, 7]])
    np.testing.assert_array_equal(weights.tensors["spread"], np.full((2, 3), 5))
    np.testing.assert_array_equal(weights.tensors["odd step"], [[3, 4]])
    assert weights.tensors["one"] == 11 and weights.tensors["none"].shape == (0,)
    assert np.shares_memory(weights.tensors["all"], weights.tensors["turned"])


def test_parts_of_storages_count_from_their_start(tmp_path):
    def part(*place):
        return {"a": Tensor(Storage(WHOLE.tobytes(), "FloatStorage", 12, part=(place,)), 1, (3,), (1,))}

    np.testing.assert_array_equal(read(tmp_path, writers.torch_legacy(part("view", 4, 4))).tensors["a"], [5, 6, 7])
    for place, words in ((("view", 4, 3), "ends at number 4 of a storage of 3"), (("view", 4, 9), "lies outside of it"),
                         (("view", -4, 9), "negative"), (("view", 4), "has no place")):
        assert words in refusal(tmp_path, writers.torch_legacy(part(*place)))


def test_a_tensor_of_two_names_is_one_array(tmp_path):
    tied = writers.tensor(WHOLE)
    weights = read(tmp_path, writers.torch_zip({"first": tied, "second": {"again": tied}}))
    assert weights.tensors["first"] is weights.tensors["second.again"]


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_files_may_be_compressed(compression, tmp_path):
    data = writers.torch_zip({"a": writers.tensor(WHOLE)}, compression)
    np.testing.assert_array_equal(read(tmp_path, data).tensors["a"], WHOLE)


def test_bytes_of_bools_other_than_1_are_true(tmp_path):
    data = writers.torch_zip({"a": Tensor(Storage(b"\0\x02\xff", "BoolStorage", 3), 0, (3,), (1,))})
    assert read(tmp_path, data).tensors["a"].tolist() == [False, True, True]


OUTSIDE = {
    "behind the end": (0, (13,), (1,), "ends at number 13 of a storage of 12"),
    "by its offset": (12, (1,), (1,), "ends at number 13"), "by its strides": (0, (3, 4), (5, 1), "ends at number 14"),
    "before the start": (-1, (2,), (1,), "negative"), "backwards": (11, (3,), (-1,), "negative"),
    "by a huge stride": (0, (2,), (2**62,), "huge"), "by an overflow": (0, (2**33, 2**31), (0, 0), "product"),
    "by sizes alone": (0, (3,), (4, 1), "another number of sizes"), "by a text": ("a", (3,), (1,), "not a whole number"),
    "in 40 dimensions": (0, (1,) * 40, (1,) * 40, "up to 32"), "by a bool": (0, (True,), (1,), "not a whole number"),
    "without a shape": (0, None, (1,), "not a list"), "to petabytes": (0, (2**50,), (0,), "unfold to more than 8 times"),
    "to gigabytes": (3, (2**15, 2**15), (0, 0), "unfold to more than 8 times its size; save them as copies")}


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("case", OUTSIDE)
def test_no_tensor_reaches_outside_of_its_storage(case, form, tmp_path):
    offset, shape, strides, words = OUTSIDE[case]
    storage = Storage(WHOLE.tobytes(), "FloatStorage", 12)
    assert words in refusal(tmp_path, WRITERS[form]({"a": Tensor(storage, offset, shape, strides)}))


def test_many_small_unfoldings_are_counted_together(tmp_path):
    storage = Storage(bytes(4), "FloatStorage", 1)
    spread = Tensor(storage, 0, (2**22,), (0,))  # 16 MiB
    assert len(read(tmp_path, writers.torch_zip([spread] * 3)).tensors) == 3
    assert "unfold" in refusal(tmp_path, writers.torch_zip([spread] * 5))


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("count", [11, 13, 2**40, 2**60, -1])
def test_a_storage_is_as_long_as_its_pickle_says(form, count, tmp_path):
    storage = Storage(WHOLE.tobytes(), "FloatStorage", count)
    text = refusal(tmp_path, WRITERS[form]({"a": Tensor(storage, 0, (2,), (1,))}))
    if form == "zip" and 0 < count < 2**50:
        assert f"storage 0 should have {count * 4:,} bytes and has 48" in text


def test_storages_that_are_missing_or_have_two_sizes_are_told(tmp_path):
    data, _ = writers.pickled({"a": writers.tensor(WHOLE)})
    assert "storage 0 should have 48 bytes and is missing" in refusal(tmp_path, writers.torch_zip_of(data))
    assert "are not those that its tensors name" in refusal(tmp_path, writers.torch_legacy_of(data))
    two = {"a": writers.tensor(WHOLE), "b": writers.tensor(WHOLE[:1])}
    assert "storage 0 has two sizes" in refusal(tmp_path, writers.torch_zip(two))


def test_legacy_storages_belong_to_the_file(tmp_path):
    good = writers.torch_legacy({"a": writers.tensor(WHOLE)})
    assert "ends within its tensors" in refusal(tmp_path, good[:-1])
    assert "ends within its tensors" in refusal(tmp_path, good[:-50])
    at = len(good) - 56
    other = good[:at] + struct.pack("<q", 11) + good[at + 8:]
    assert "has 11 numbers where its tensors say 12" in refusal(tmp_path, other)
    twice = writers.torch_legacy({"a": writers.tensor(WHOLE)}, keys=["0", "0"])
    assert "are not those" in refusal(tmp_path, twice)


def test_files_of_the_other_byte_order_are_refused(tmp_path):
    assert "big-endian" in refusal(tmp_path, writers.torch_zip({}, byteorder="big"))
    assert "big-endian" in refusal(tmp_path, writers.torch_legacy({}, system={"little_endian": False}))


def test_torchscript_is_refused_as_such(tmp_path):
    assert "is a TorchScript program" in refusal(tmp_path, writers.torch_zip({}, **{"code/__torch__.py": "1"}))


def test_check_sums_count_unless_there_are_none(tmp_path):
    data = writers.torch_zip({"a": writers.tensor(WHOLE)})
    at = data.index(WHOLE.tobytes())
    assert "does not unpack" in refusal(tmp_path, data[:at] + b"\1" + data[at + 1:])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            data = data.replace(struct.pack("<I", info.CRC), bytes(4))
    np.testing.assert_array_equal(read(tmp_path, data).tensors["a"], WHOLE)


def test_pickles_of_numpy_arrays_are_read_as_well(tmp_path):
    arrays = {"c": WHOLE, "fortran": np.asfortranarray(WHOLE), "big": np.arange(3, dtype=">i4"), "none": WHOLE[:0],
              "bools": np.array([True, False]), "number": np.float32(1.5)}
    for protocol in range(2, 6):
        weights = read(tmp_path, pickle.dumps(arrays, protocol))
        assert weights.rest == {"number": 1.5} and list(weights.tensors) == list(arrays)[:-1]
        for name, array in weights.tensors.items():
            assert array.dtype.isnative and not array.flags.writeable
            np.testing.assert_array_equal(array, arrays[name])
    assert "Python objects" in refusal(tmp_path, pickle.dumps(np.array([{}, 1])))
    assert "type U3" in refusal(tmp_path, pickle.dumps(np.array(["abc"])))


@pytest.mark.parametrize("name", ["biggan-32-c10", "biggan-32-flat"])
def test_an_activation_among_options_is_its_name_and_no_other_module_is_read(name, tmp_path):
    path = FILES / name / "state_dict.pth"
    found = read_weights(path)
    assert found.tensors == {} and found.rest["config.G_activation"] == found.rest["config.D_activation"] == "ReLU"
    # The source text of the older format is dropped.
    assert not any("source text" in str(value) for value in found.rest.values())
    other = path.read_bytes().replace(b"activation\nReLU", b"activation\nTanh")
    if name == "biggan-32-flat":
        assert "names torch.nn.modules.activation.Tanh" in refusal(tmp_path, other)
