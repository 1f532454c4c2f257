"""Data sets on a disk: indexed as arrays are, trained on as those in memory are, and imported once."""

import json
import shlex
import shutil
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import pytest
from image_files import image_file, noise, write_folder, write_zip
from prepared import CLASS_NAMES, png, prepare
from tensorflow_datasets import features

from ganlab.config import ConfigError
from ganlab.data import SOURCES, Dataset, Form, HostReader, import_images, list_images, record_writer, stored
from ganlab.systems import load_data
from tiny import tiny_config

imported, folder = SOURCES["imported"], SOURCES["folder"]

PICTURES = {f"{'cats' if i % 3 else 'dogs'}/{i:02}.png": noise(i, 8, 8) for i in range(20)}
IMAGES = np.stack([PICTURES[name] for name in sorted(PICTURES)])
LABELS = np.array([name.startswith("dogs") for name in sorted(PICTURES)], np.int32)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Where `folder` keeps what it imports."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ganlab" / "data"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of pictures in two classes, and the data set that was imported of it in several shards."""
    source = write_folder(tmp_path_factory.mktemp("pictures") / "My Pictures",
                          {name: image_file(pixels) for name, pixels in PICTURES.items()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_writer, "SHARD_BYTES", 700)
        import_images(list_images(source), source.parent / "set", Form(8))
    assert len(list((source.parent / "set").glob("*array_record*"))) > 5
    return source, source.parent / "set"


@pytest.fixture(params=["imported", "folder", "zip"])
def dataset(request, pictures, tmp_path):
    """The pictures by each of the sources that read a disk."""
    if request.param == "imported":
        return imported(str(pictures[1]))
    if request.param == "folder":
        return folder(str(pictures[0]), resolution=8)
    files = {name: image_file(pixels) for name, pixels in PICTURES.items()}
    return folder(str(write_zip(tmp_path / "My Pictures.zip", files)), resolution=8)


def test_pictures_and_classes_are_those_of_the_source_in_the_order_of_paths(dataset):
    assert isinstance(dataset, Dataset) and dataset.name in ("set", "my_pictures")
    assert dataset.class_names == ("cats", "dogs") and dataset.labels.dtype == np.int32
    assert len(dataset) == 20 and dataset.image_shape == (8, 8, 3) and dataset.images.dtype == np.uint8
    np.testing.assert_array_equal(dataset.images[:], IMAGES)
    np.testing.assert_array_equal(dataset.labels, LABELS)


@pytest.mark.parametrize("index", [0, -1, 7, np.int64(3), slice(3, 17, 4), slice(None, None, -1), slice(5, 5),
                                   np.array([4, 4, 19, -2]), np.array([[0, 1], [2, 3]]), np.array([], np.int64),
                                   LABELS == 1], ids=str)
def test_they_are_indexed_as_the_array_would_be(pictures, index):
    images = imported(str(pictures[1])).images
    np.testing.assert_array_equal(images[index], IMAGES[index])
    assert images[index].dtype == np.uint8
    assert (images.shape, images.nbytes, len(images)) == (IMAGES.shape, IMAGES.nbytes, len(IMAGES))


def test_an_index_outside_is_an_error_as_of_an_array(pictures):
    for index in (20, np.array([3, 20])):
        with pytest.raises(IndexError):
            imported(str(pictures[1])).images[index]


def test_threads_read_at_once(pictures):
    images = imported(str(pictures[1])).images
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda i: images[np.array([i, 19 - i])], list(range(20)) * 5))
    np.testing.assert_array_equal(read, [IMAGES[[i, 19 - i]] for i in range(20)] * 5)


def test_batches_are_those_of_the_same_data_in_memory(pictures):
    key = jax.random.key(3)
    read = [HostReader.of(({"image": images, "label": LABELS},), key, slots=2, batch_size=4).read(40)
            for images in (IMAGES, imported(str(pictures[1])).images)]
    jax.tree.map(np.testing.assert_array_equal, *read)


@pytest.mark.parametrize(("split", "part"), [
    ("train[:25%]", slice(5)), ("train[5:13]", slice(5, 13)), ("train[-3:]", slice(17, 20)),
    ("train[90%:]", slice(18, 20))])
def test_parts_of_a_split_have_their_labels(pictures, split, part):
    data = imported(str(pictures[1]), split)
    np.testing.assert_array_equal(data.images[:], IMAGES[part])
    np.testing.assert_array_equal(data.labels, LABELS[part])


def test_sums_of_parts_have_their_labels(pictures):
    data = imported(str(pictures[1]), "train[15:]+train[:4]")
    np.testing.assert_array_equal(data.images[:], np.concatenate([IMAGES[15:], IMAGES[:4]]))
    np.testing.assert_array_equal(data.labels, np.concatenate([LABELS[15:], LABELS[:4]]))


@pytest.mark.parametrize("only_class", ["dogs", "1"])
def test_one_class_is_all_that_is_kept(pictures, only_class):
    for data in (imported(str(pictures[1]), only_class=only_class),
                 folder(str(pictures[0]), resolution=8, only_class=only_class)):
        np.testing.assert_array_equal(data.images[:], IMAGES[LABELS == 1])
        np.testing.assert_array_equal(data.images[[0, -1]], IMAGES[LABELS == 1][[0, -1]])
        assert data.class_names == ("dogs",) and not data.labels.any() and len(data.labels) == len(data)


@pytest.mark.usefixtures("prepared_data")
def test_whatever_tfds_has_prepared_is_opened_by_its_folder(prepared_data):
    (place,) = (prepared_data / "cifar10").iterdir()
    stays, whole = imported(str(place)), SOURCES["tfds"]("cifar10")
    np.testing.assert_array_equal(stays.images[:], whole.images)
    np.testing.assert_array_equal(stays.labels, whole.labels)
    assert stays.class_names == CLASS_NAMES


def test_a_folder_is_imported_once_and_again_when_it_changes(pictures, tmp_path, monkeypatch):
    imports = []
    monkeypatch.setattr(stored, "import_images",
                        lambda *given, **more: imports.append(1) or import_images(*given, **more))
    source = shutil.copytree(pictures[0], tmp_path / "copy")
    for _ in range(2):
        assert len(folder(str(source), resolution=8)) == 20
    assert len(imports) == 1
    folder(str(source), resolution=8, crop="none")
    folder(str(source), resolution=4)
    assert len(imports) == 3
    write_folder(source, {"mice/a.png": image_file(noise(99, 8, 8))})
    changed = folder(str(source), resolution=8)
    assert len(imports) == 4 and changed.class_names == ("cats", "dogs", "mice") and len(changed) == 21


def test_a_folder_that_another_process_has_imported_meanwhile_is_opened(pictures, monkeypatch):
    def late(*given, **more):
        import_images(*given, **more)  # That of the other process, for which this one waits.
        import_images(*given, **more)

    monkeypatch.setattr(stored, "import_images", late)
    assert len(folder(str(pictures[0]), resolution=8)) == 20


def test_an_import_that_fails_leaves_nothing_in_the_cache(pictures, tmp_path, cache):
    source = write_folder(shutil.copytree(pictures[0], tmp_path / "copy"), {"cats/bad.png": b"no"})
    with pytest.raises(ConfigError, match=r"copy: cats/bad.png is not an image .*ganlab data import --skip_bad"):
        folder(str(source), resolution=8)
    assert not list(cache.iterdir())


def sentence(source, **kwargs):
    """What the mistake is answered with."""
    with pytest.raises(ConfigError) as error:
        load_data(tiny_config(data={"source": source, "kwargs": kwargs}))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_no_data_set_is_answered_with_the_command_that_makes_one(pictures, tmp_path):
    for path, words in ((tmp_path / "none", "does not exist"), (pictures[0], "is not a data set")):
        assert sentence("imported", path=str(path)) == (
            f"config.data.kwargs.path is {str(path)!r}, which {words}; make one by `ganlab data import SOURCE "
            f"{shlex.quote(str(path))} --resolution=64`")


@pytest.mark.parametrize(("kwargs", "words"), [
    ({"split": "test"}, "config.data.kwargs.split is 'test', which"), ({"only_class": "dgos"}, "did you mean dogs?"),
    ({"split": "train[1:2]", "only_class": "dogs"}, "has no image in train[1:2]")])
def test_mistakes_about_an_imported_set_name_the_key(pictures, kwargs, words):
    assert words in sentence("imported", path=str(pictures[1]), **kwargs)


@pytest.mark.parametrize(("kwargs", "words"), [
    ({"crop": "center"}, "config.data.kwargs.crop 'center' is unknown (did you mean centre?)"),
    ({"resolution": -4}, "config.data.kwargs.resolution is -4"), ({"channels": 4}, "config.data.kwargs.channels is 4"),
    ({"background": "b"}, "config.data.kwargs.background is 'b'"), ({"path": "/nothing"}, "/nothing does not exist")])
def test_mistakes_about_a_folder_name_the_key(pictures, kwargs, words):
    assert sentence("folder", **{"path": str(pictures[0]), "resolution": 8, **kwargs}).startswith(words)


def labels_cut(place):
    np.save(place / "labels.npy", LABELS[:7])


def labels_junk(place):
    (place / "labels.npy").write_bytes(b"junk")


def shard_gone(place):
    min(place.glob("*array_record*")).unlink()


def shard_cut(place):
    file = min(place.glob("*array_record*"))
    file.write_bytes(file.read_bytes()[:1000])


def info_junk(place):
    (place / "dataset_info.json").write_text("{")


@pytest.mark.parametrize("damage", [labels_cut, labels_junk, shard_gone, shard_cut, info_junk])
def test_a_damaged_set_is_told_to_be_made_again(damage, pictures, tmp_path):
    place = shutil.copytree(pictures[1], tmp_path / "set")
    damage(place)
    text = sentence("imported", path=str(place))
    assert text.endswith("import it again by `ganlab data import SOURCE DEST --overwrite`")


def test_a_record_that_is_damaged_is_told_when_it_is_read(pictures, tmp_path):
    place = shutil.copytree(pictures[1], tmp_path / "set")
    images = imported(str(place)).images
    last = max(place.glob("*array_record*"))
    content = bytearray(last.read_bytes())
    start = content.rindex(b"IHDR")
    content[start:start + 100] = bytes(100)
    last.write_bytes(content)
    np.testing.assert_array_equal(images[:5], IMAGES[:5])
    with pytest.raises(ConfigError, match="image 19 cannot be read: the data set is damaged"):
        images[19]


def test_images_of_several_sizes_and_damaged_ones_are_named_when_they_are_read(tmp_path):
    for name, bad in (("sizes", png(noise(1, 3, 4))), ("damaged", b"junk")):
        prepare(tmp_path, name, {"image": features.Image(shape=(None, None, 3))},
                {"train": [{"image": png(noise(0, 4, 4))}] * 5 + [{"image": bad}]})
        (place,) = (tmp_path / name).iterdir()
        words = "4x4 and 4x3|4x3 and 4x4" if name == "sizes" else r"image \d is not an image of a known kind"
        with pytest.raises(ConfigError, match=words):
            imported(str(place)).images[:]


def test_the_set_in_the_cache_says_what_it_is_of(pictures, cache):
    folder(str(pictures[0]), resolution=8)
    (place,) = cache.iterdir()
    assert json.loads((place / "import.json").read_text())["source"] == str(pictures[0])
