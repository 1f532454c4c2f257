"""Labels that come with a set, whatever their values: time and memory follow the file, and numbers are kept."""

import time
import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
from image_files import image_file, noise, write_folder
from prepared import png, prepare
from tensorflow_datasets import features

from ganlab.config import ConfigError
from ganlab.data import SOURCES, Dataset, examine, import_images, list_images, list_prepared, load_source
from ganlab.data.importing import Form

LABELS = (20240131, 0, 10**9, 0)


@contextmanager
def little():
    """Fails where what is within takes much memory or time."""
    tracemalloc.start()
    begin = time.perf_counter()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**25 and time.perf_counter() - begin < 20


def write_set(folder, number, labels=LABELS):
    """A set of TFDS of n classes without names, whose pictures have these labels; the first pixel says which."""
    prepare(folder, "dates", {"image": features.Image(shape=(2, 2, 1)), "label": features.ClassLabel(
        num_classes=number)}, {"train": [{"image": png(np.full((2, 2), i, np.uint8)), "label": label}
                                         for i, label in enumerate(labels)]})


@pytest.mark.parametrize("number", [10**9 + 1, 2**62])
def test_a_set_of_a_billion_classes_has_those_that_occur(number, tmp_path, monkeypatch):
    write_set(tmp_path, number)
    with little():
        data = SOURCES["tfds"]("dates", data_dir=str(tmp_path))
        one = SOURCES["tfds"]("dates", only_class="20240131", data_dir=str(tmp_path))
        opened = SOURCES["imported"](str(tmp_path / "dates" / "3.0.2"))
        monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
        listing = list_prepared("dates")
        examine(data)
    assert data.class_names == opened.class_names == listing.class_names == ("0", "20240131", "1000000000")
    for images, labels, names in ((data.images[:], data.labels, data.class_names),
                                  (opened.images[:], opened.labels, opened.class_names)):
        assert {int(image[0, 0, 0]): int(names[label]) for image, label in zip(images, labels, strict=True)} == dict(
            enumerate(LABELS))
    assert one.class_names == ("20240131",) and one.images[:].tolist() == np.zeros((1, 2, 2, 1)).tolist()


@pytest.mark.parametrize("number", [3, 1000])
def test_classes_of_a_set_keep_their_numbers(number, tmp_path):
    write_set(tmp_path, number, (2, 0, 2, -1))
    data = SOURCES["tfds"]("dates", only_class="2", data_dir=str(tmp_path))
    assert sorted(data.images[:][:, 0, 0, 0].tolist()) == [0, 2]
    assert SOURCES["tfds"]("dates", data_dir=str(tmp_path)).class_names == ("all",)


def test_a_label_beyond_the_description_is_refused(tmp_path):
    write_set(tmp_path, 10**9 + 1)
    file = next(tmp_path.rglob("features.json"))
    file.write_text(file.read_text().replace(str(10**9 + 1), "7"))
    with pytest.raises(ConfigError, match="'dates', which has an example of class 1000000000, and .* has 7 classes"):
        SOURCES["tfds"]("dates", data_dir=str(tmp_path))


@pytest.mark.parametrize(("labels", "words"), [
    (np.array([0, 10**9, 0]), "an example of class 1000000000"), (np.array([0, 2**40, 0]), f"of class {2**40}"),
    (np.array([-2, 0, 0]), "an example of class -2"), (np.array([0.0, 1.0, 0.0]), "labels.npy has float64"),
    (np.array([[0], [1], [0]]), "labels.npy has int64")])
def test_an_imported_set_whose_labels_were_changed_is_refused_without_counting_to_them(labels, words, tmp_path):
    source = write_folder(tmp_path / "source", {f"{i % 2}/{i}.png": image_file(noise(i)) for i in range(3)})
    import_images(list_images(source), tmp_path / "set", Form(8))
    np.save(tmp_path / "set" / "labels.npy", labels)
    with little(), pytest.raises(ConfigError, match=words):
        SOURCES["imported"](str(tmp_path / "set"))


def outside(labels, names=("a", "b")):
    """A data source from outside, with labels as it likes."""
    return Dataset("outside", np.zeros((len(labels), 4, 4, 1), np.uint8), np.array(labels), names)


def shaped(shape, sources=None):
    """A data source from outside, of images of a shape."""
    return Dataset("shaped", np.zeros(shape, np.uint8), np.zeros(shape[0], np.int32), ("a",),
                   sources=None if sources is None else np.zeros(sources, np.uint8))


@pytest.mark.parametrize("kwargs", [{"shape": (5, 4, 4)}, {"shape": (5, 4, 4, 0)}, {"shape": (5,)},
                                    {"shape": (5, 4, 4, 1), "sources": (5, 4, 4)}])
def test_arrays_that_are_neither_images_nor_points_are_refused(kwargs):
    with pytest.raises(ConfigError, match=r"must be images \[n, height, width, channels\].* or points"):
        load_source(f"{__name__}:shaped", kwargs)
    assert len(load_source(f"{__name__}:shaped", {"shape": (5, 4, 4, 2)})) == 5


@pytest.mark.parametrize(("labels", "words"), [
    ([0, 20240131], "labels from 0 to 20240131 and 2 class_names"), ([0, 10**9], "from 0 to 1000000000"),
    ([-1, 0], "from -1 to 0"), ([0, 2], "from 0 to 2"), ([0.0, 1.0], "labels of float64"), ([[0], [1]], r"\[2, 1\]")])
def test_labels_of_a_source_from_outside_count_from_zero(labels, words):
    with pytest.raises(ConfigError, match=words):
        load_source(f"{__name__}:outside", {"labels": labels})
    assert len(load_source(f"{__name__}:outside", {"labels": [0, 1, 1]})) == 3
