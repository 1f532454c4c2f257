"""Prepared TFDS data: every pixel and label as it was written, and a sentence for whatever is not there."""

import re
import shlex
import shutil

import numpy as np
import pytest
import tensorflow_datasets
from absl import flags
from prepared import CLASS_NAMES, SIZES, cifar10_examples, png, prepare, prepare_cifar10, to_riegeli
from tensorflow_datasets import features

from ganlab.cli import data_prepare_command
from ganlab.config import ConfigError
from ganlab.data import SOURCES
from ganlab.systems import load_data
from tiny import tiny_config

tfds = SOURCES["tfds"]
pytestmark = pytest.mark.usefixtures("prepared_data")


def by_bytes(images, labels):
    """Labels by image: TFDS shuffles what it writes."""
    return {image.tobytes(): int(label) for image, label in zip(images, labels, strict=True)}


@pytest.mark.parametrize("split", SIZES)
def test_pixels_labels_and_class_names_are_those_that_were_written(split):
    data = tfds("cifar10", split)
    assert data.images.shape == (SIZES[split], 32, 32, 3) and data.images.dtype == np.uint8
    assert by_bytes(data.images, data.labels) == by_bytes(*cifar10_examples(split))
    assert (data.name, data.class_names) == ("cifar10", CLASS_NAMES)


def test_splits_are_sliced_and_summed_as_tfds_writes_them():
    train, test = tfds("cifar10"), tfds("cifar10", "test")
    for split, parts in (("train[:25%]", [train.images[:10]]), ("train[-3:]", [train.images[-3:]]),
                         ("train[90%:]+test", [train.images[36:], test.images])):
        np.testing.assert_array_equal(tfds("cifar10", split).images, np.concatenate(parts))


@pytest.mark.parametrize(("only_class", "number"), [("frog", 6), ("6", 6), ("airplane", 0)])
def test_one_class_by_its_name_or_number_is_all_that_is_kept(only_class, number):
    whole, frogs = tfds("cifar10"), tfds("cifar10", only_class=only_class)
    np.testing.assert_array_equal(frogs.images, whole.images[whole.labels == number])
    np.testing.assert_array_equal(frogs.labels, np.zeros(4, np.int32))
    assert frogs.class_names == (CLASS_NAMES[number],)


def test_a_class_that_is_called_by_a_digit_is_meant_by_its_name(tmp_path):
    prepare(tmp_path, "numbers", {"image": features.Image(shape=(2, 2, 1)), "label": features.ClassLabel(names="321")},
            {"train": [{"image": png(np.full((2, 2), i, np.uint8)), "label": i} for i in range(3)]})
    data = tfds("numbers", only_class="1", data_dir=str(tmp_path))
    np.testing.assert_array_equal(data.images, np.full((1, 2, 2, 1), 2))


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Two grey images of 4x7 pixels, the second constant, and one upright; unlabelled, beside an image that is none."""
    folder = tmp_path_factory.mktemp("wide")
    rows = np.arange(28, dtype=np.uint8).reshape(4, 7) * 8
    flat = np.full((4, 7), 77, np.uint8)
    for name, images in (("wide", [rows, flat]), ("mixed", [rows, rows.T])):
        prepare(folder, name, {
            "image": features.Image(shape=(None, None, 1)), "mask": features.Image(), "label": features.ClassLabel(
                num_classes=2), "attributes": {"old": np.bool_},
            "boxes": features.Sequence({"box": features.BBoxFeature()})},
            {"train": [{"image": png(image), "mask": png(image), "label": -1, "attributes": {"old": True},
                        "boxes": [{"box": features.BBox(0.0, 0.0, 1.0, 1.0)}]} for image in images]},
            supervised_keys=("image", "label"))
    return str(folder), rows, flat


def test_the_input_is_the_image_and_examples_without_a_label_are_one_class(wide):
    folder, rows, flat = wide
    data = tfds("wide", data_dir=folder)
    assert by_bytes(data.images, data.labels) == by_bytes([rows, flat], [0, 0])
    assert data.images.shape == (2, 4, 7, 1) and data.class_names == ("all",)


def test_a_resolution_takes_the_central_square_and_the_means_of_areas(wide):
    folder, rows, flat = wide
    data = tfds("wide", resolution=2, data_dir=folder)
    square = rows[:, 1:5]  # Of three columns too many, one is cut at the left and two at the right.
    means = square.reshape(2, 2, 2, 2).mean(axis=(1, 3)).astype(np.uint8)
    assert by_bytes(data.images, [0, 0]) == by_bytes([means, np.full((2, 2), 77, np.uint8)], [0, 0])
    assert by_bytes(tfds("mixed", resolution=2, data_dir=folder).images, [0, 0]) == by_bytes([means, means.T], [0, 0])
    same = tfds("wide", resolution=4, data_dir=folder).images
    assert by_bytes(same, [0, 0]) == by_bytes([rows[:, 1:5], flat[:, 1:5]], [0, 0])


def test_an_image_that_grows_keeps_its_level_and_its_slopes(wide):
    folder, rows, _ = wide
    images = tfds("wide", resolution=16, data_dir=folder).images[:][..., 0].astype(int)
    flat, slope = sorted(images, key=np.std)
    assert np.all(flat == 77)
    # Far from the frame a plane stays a plane: 8 grey levels a column of the old are 2 a column of the new.
    assert np.all(np.isin(np.diff(slope[:, 6:10], axis=1), [1, 2, 3]))
    assert np.all(np.diff(slope, axis=0) >= -1)


def test_nothing_is_written_on_the_terminal(capfd, caplog):
    tfds("cifar10", resolution=8)
    assert capfd.readouterr() == ("", "") and not caplog.records


@pytest.fixture(scope="module")
def riegeli(prepared_data, tmp_path_factory):
    """The tiny CIFAR-10 in a format that is not read."""
    folder = tmp_path_factory.mktemp("riegeli")
    shutil.copytree(prepared_data / "cifar10", folder / "cifar10")
    to_riegeli(folder)
    return folder


def sentence(**kwargs):
    """What the mistake is answered with."""
    with pytest.raises(ConfigError) as error:
        load_data(tiny_config(data={"source": "tfds", "kwargs": {"name": "cifar10", **kwargs}}))
    text = str(error.value)
    assert text.startswith("config.data.kwargs.") and "\n" not in text
    return text


@pytest.mark.parametrize("given", ["as data_dir", "as TFDS_DATA_DIR"])
@pytest.mark.parametrize("state", ["missing", "riegeli"])
def test_what_is_not_prepared_is_after_the_command_of_the_sentence(state, given, request, tmp_path, monkeypatch):
    folder = tmp_path / "data" if state == "missing" else request.getfixturevalue("riegeli")
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder if given == "as TFDS_DATA_DIR" else tmp_path / "other"))
    kwargs = {"data_dir": str(folder)} if given == "as data_dir" else {}
    text = sentence(**kwargs)
    assert f" in {folder}" in text and "pip install tensorflow" in text and text.endswith(":data=glyphs")
    # No network and no TensorFlow here: the tiny set stands for what TFDS would download and write.
    asked = []

    class Builder:
        """Stands for TFDS's writer."""

        url_infos = {}

        def __init__(self, name, data_dir, file_format):
            asked.append((name, file_format))
            self.data_dir = data_dir

        def download_and_prepare(self, download_dir, download_config):
            """Writes the tiny set where the real one would be."""
            asked.append(download_dir)
            prepare_cifar10(self.data_dir)

    monkeypatch.setattr(tensorflow_datasets, "builder", Builder)
    command = shlex.split(re.search(r"`(ganlab data prepare .*?)`", text)[1])[3:]
    values = flags.FlagValues()
    data_prepare_command.define_flags(values, [])
    values.set_gnu_getopt(True)
    data_prepare_command.prepare(*values(["prepare", *command])[1:], values.data_dir, values.download_dir)
    assert asked == [("cifar10", "array_record"), f"{folder}/downloads"]
    if state == "riegeli":
        named = "config.data.kwargs.data_dir" if given == "as data_dir" else "TFDS_DATA_DIR"
        assert f"name that folder in {named}," in text
        kwargs = {"data_dir": f"{folder}/array_record"}
    assert len(tfds("cifar10", **kwargs)) == SIZES["train"]
    shutil.rmtree(folder / "array_record", ignore_errors=True)


@pytest.mark.parametrize(("kwargs", "words"), [
    ({"name": "cifr10"}, "did you mean cifar10?"),
    ({"name": "cifar 10"}, "not written as TFDS writes names"),
    ({"only_class": "frg"}, "did you mean frog?"),
    ({"only_class": "10"}, "allowed: airplane"),
    ({"split": "trian"}, "did you mean train?"),
    ({"split": "train[:90"}, "it has train (40 examples), test (10 examples)"),
    ({"split": "train[5:200]"}, "it has train (40 examples)"),
    ({"split": "train[9:3]"}, "that are not empty"),
    ({"split": "train[:1]", "only_class": "frog"}, "no example of class 6"),
    ({"resolution": -1}, "resolution is -1"),
    ({"resolution": "32"}, "it takes a int"),
])
def test_mistakes_are_answered_in_a_sentence_that_names_the_key(kwargs, words):
    text = sentence(**kwargs)
    assert words in text
    assert any(text.startswith(f"config.data.kwargs.{key} ") for key in kwargs)


def test_sizes_that_differ_are_answered_with_the_resolution(wide):
    text = sentence(name="mixed", data_dir=wide[0])
    assert "several sizes" in text and "7x4" in text and "4x7" in text and "give a resolution" in text


IMAGE = features.Image(shape=(2, 2, 3))
PNG = png(np.zeros((2, 2, 3), np.uint8))


@pytest.mark.parametrize(("forms", "example", "words"), [
    ({"left": IMAGE, "right": IMAGE}, {"left": PNG, "right": PNG}, "several features of kind Image (left, right)"),
    ({"image": IMAGE, "one": features.ClassLabel(num_classes=2), "two": features.ClassLabel(num_classes=2)},
     {"image": PNG, "one": 1, "two": 1}, "several features of kind ClassLabel (one, two)"),
    ({"text": features.Text()}, {"text": "x"}, "no feature of kind Image (text Text)"),
    ({"image": features.Image(shape=(2, 2, 3), dtype=np.uint16)}, {"image": PNG}, "images are uint16 of 3 channels"),
    ({"image": features.Image(shape=(2, 2, 4))}, {"image": PNG}, "images are uint8 of 4 channels"),
], ids=["images", "labels", "text", "uint16", "alpha"])
def test_a_set_that_is_not_one_image_an_example_is_told_what_it_has(forms, example, words, tmp_path):
    prepare(tmp_path, "other", forms, {"train": [example]})
    assert words in sentence(name="other", data_dir=str(tmp_path))


def test_a_set_without_labels_is_one_class_of_which_none_can_be_chosen(tmp_path):
    prepare(tmp_path, "plain", {"image": IMAGE}, {"train": [{"image": PNG}] * 9})
    data = tfds("plain", data_dir=str(tmp_path))
    assert data.class_names == ("all",) and not data.labels.any() and len(data) == 9
    assert "plain has no classes" in sentence(name="plain", only_class="frog", data_dir=str(tmp_path))


def test_two_splits_are_two_kinds_of_pictures(prepared_data):
    images, sources = (tfds("cifar10", split=split, resolution=8) for split in ("test", "train"))
    found = SOURCES["two_splits"]("cifar10", resolution=8, split="test", source_split="train")
    assert not found.paired and found.source_shape == found.image_shape == (8, 8, 3)
    np.testing.assert_array_equal(found.images[np.arange(3)], images.images[np.arange(3)])
    np.testing.assert_array_equal(found.sources[np.arange(3)], sources.images[np.arange(3)])
    assert len(found.sources) == len(sources) != len(found)
