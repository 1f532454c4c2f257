"""Names of classes, their order, and labels whose cost follows the file that holds them."""

import json
import random
import time
import tracemalloc

import numpy as np
import pytest
from image_files import image_file, noise, write_folder

from ganlab.config import ConfigError
from ganlab.data import list_images
from ganlab.data.classes import find_class, in_order

PNG = image_file(noise(0))


@pytest.mark.parametrize("names", [
    [str(i) for i in range(12)], [str(i) for i in range(1, 103)], ["9", "10", "20240131", "1000000000"],
    [f"{i:02}" for i in range(12)], ["7", "08", "9", "010"], ["2", "10", "cats", "dogs10", "dogs9"],
    ["0", "00", "1", "9" * 5000, "1" + "0" * 5000]])
def test_whole_numbers_are_ordered_by_value_before_all_other_names(names):
    shuffled = random.Random(0).sample(names, len(names))
    assert in_order(shuffled) == tuple(names)


@pytest.mark.parametrize("by", ["folders", "names of a file", "numbers of a file"])
def test_classes_zero_to_eleven_have_the_labels_that_they_are_called_by(by, tmp_path):
    files = {f"{'' if by == 'folders' else 'x'}{i}/a.png": PNG for i in range(12)}
    if by != "folders":
        labels = [[f"x{i}/a.png", i if by.startswith("numbers") else str(i)] for i in range(12)]
        files["dataset.json"] = json.dumps({"labels": labels})
    listing = list_images(write_folder(tmp_path / "source", files))
    assert listing.class_names == tuple(map(str, range(12)))
    assert {name.lstrip("x"): int(label) for name, label in zip(listing.names, listing.labels, strict=True)} == {
        f"{i}/a.png": i for i in range(12)}


@pytest.mark.parametrize(("text", "names", "label"), [
    ("dogs", ("cats", "dogs"), 1), ("1", ("cats", "dogs"), 1), ("2", ("cats", "dogs"), None),
    ("10", tuple(map(str, range(1, 11))), 9), ("0", tuple(map(str, range(1, 11))), None),
    ("20240131", ("0", "20240131"), 1), ("1", ("0", "20240131"), None), ("x", (), None), ("0", (), None),
    ("\u00b2", ("a", "b", "c"), None), ("\u0662", ("a", "b", "c"), None), ("9" * 5000, ("a",), None),
    ("", ("a",), None),
])
def test_a_class_is_meant_by_its_name_and_by_its_number_where_names_are_no_numbers(text, names, label):
    assert find_class(text, names) == label


@pytest.mark.parametrize(("labels", "missing"), [
    ((0, 20240131), "20,240,130 of the classes 0 to 20240131 (1 to 20240130)"),
    ((0, 10**9), "999,999,999 of the classes 0 to 1000000000 (1 to 999999999)"),
    ((0, 2**63 - 1), f"{2**63 - 2:,} of the classes"),
    ((5, 7, 9, 11, 20), "16 of the classes 0 to 20 (0 to 4, 6, 8, ...)"),
    ((1, 2), "class 0, a class with no images"),
])
def test_the_cost_of_labels_follows_the_file_and_their_gaps_are_counted(labels, missing, tmp_path):
    files = {f"{label}.png": PNG for label in labels}
    text = json.dumps({"labels": [[f"{label}.png", label] for label in labels]})
    folder = write_folder(tmp_path / "source", {**files, "dataset.json": text})
    tracemalloc.start()
    begin = time.perf_counter()
    with pytest.raises(ConfigError) as error:
        list_images(folder)
    listing = list_images(folder, skip_bad=True)
    assert tracemalloc.get_traced_memory()[1] < 2**22 and time.perf_counter() - begin < 5
    tracemalloc.stop()
    assert missing in str(error.value) and "more like it" not in str(error.value)
    assert [name for name, _ in listing.left_out] == ["dataset.json"] and missing in listing.left_out[0][1]
    assert listing.class_names == tuple(map(str, labels))
    np.testing.assert_array_equal(listing.labels[[listing.names.index(f"{label}.png") for label in labels]],
                                  np.arange(len(labels)))


@pytest.mark.parametrize("label", [2**63, -1, 1e9, 0.5, True, [0], None])
def test_a_label_that_is_no_number_of_a_class_is_refused(label, tmp_path):
    text = json.dumps({"labels": [["a.png", label]]})
    with pytest.raises(ConfigError, match=r"gives a.png the class .*; a class is a number from 0 to 2\^63 - 1, or"):
        list_images(write_folder(tmp_path / "source", {"a.png": PNG, "dataset.json": text}))


def test_a_class_whose_name_would_be_read_as_another_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="the class ' cats', which begins or ends with a space"):
        list_images(write_folder(tmp_path / "source", {" cats/a.png": PNG, "dogs/b.png": PNG}))
