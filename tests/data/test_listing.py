"""Folders and zip files of images: the same listing of both, and a sentence for whatever cannot be one."""

import errno
import json
import os
import re
import zipfile

import numpy as np
import pytest
from image_files import image_file, mutated, noise, write_folder, write_zip

from ganlab.config import ConfigError
from ganlab.data import list_images
from ganlab.data.decoding import BadImage

PNG = image_file(noise(0))
CLASSES = {"dogs/b.png": PNG, "cats/x/c.JPG": PNG + b"1", "cats/a.webp": PNG + b"2", "dogs/a.jpeg": PNG + b"3"}
FLAT = {"b.png": PNG, "a.png": PNG, "more/c.png": PNG}


def labels_file(labels):
    return {"dataset.json": json.dumps({"labels": labels})}


@pytest.fixture(params=["folder", "zip", "zip of the folder"])
def source(request, tmp_path):
    """Writes files as a folder, or in a zip file, and gives its path."""
    def write(files):
        if request.param == "folder":
            return write_folder(tmp_path / "source", files)
        prefix = "source/" if request.param == "zip of the folder" else ""
        return write_zip(tmp_path / "source.zip", {prefix + name: content for name, content in files.items()})
    return write


def pairs(listing):
    """Class names by path."""
    return {name: listing.class_names[label] for name, label in zip(listing.names, listing.labels, strict=True)}


def test_classes_are_the_folders_of_the_first_level_and_order_is_that_of_paths(source):
    listing = list_images(source({**CLASSES, "notes.txt": "no image", ".hidden.png": PNG, "__MACOSX/cats/._a.png": PNG,
                                  "cats/.thumbnails/a.png": PNG}))
    assert listing.names == tuple(sorted(CLASSES)) and listing.class_names == ("cats", "dogs")
    assert pairs(listing) == {name: name.partition("/")[0] for name in CLASSES}
    assert listing.labels.dtype == np.int32
    assert [listing.read(i) for i in range(len(listing))] == [CLASSES[name] for name in listing.names]
    assert (listing.others, listing.left_out) == (1, ())
    listing.verify()


def test_without_folders_there_is_one_class(source):
    listing = list_images(source({"b.png": PNG, "a.png": PNG}))
    assert pairs(listing) == {"a.png": "all", "b.png": "all"} and listing.class_names == ("all",)


@pytest.mark.parametrize(("labels", "names"), [
    ([["b.png", 1], ["a.png", 0], ["more/c.png", 10]], None),
    ([["b.png", "red"], ["./a.png", "blue"], ["more\\c.png", "red"]], ("blue", "red"))])
def test_the_file_of_labels_gives_numbers_or_names(source, labels, names):
    labels = labels + [[f"{i}.png", i] for i in range(2, 10)] if names is None else labels
    images = {f"{i}.png": PNG for i in range(2, 10)} if names is None else {}
    listing = list_images(source({**FLAT, **images, **labels_file(labels)}))
    # Numbers are ordered as such: 10 is after 9.
    assert listing.class_names == (names or tuple(map(str, range(11))))
    assert pairs(listing) == {path.replace("\\", "/").removeprefix("./"): str(label) for path, label in labels}
    if names is None:
        assert all(listing.labels[listing.names.index(path)] == label for path, label in labels)


def test_null_labels_are_one_class_wherever_the_images_are(source):
    listing = list_images(source({**FLAT, **labels_file(None)}))
    assert listing.class_names == ("all",) and listing.names == ("a.png", "b.png", "more/c.png")


def test_only_the_file_of_labels_at_the_top_counts(source):
    listing = list_images(source({**CLASSES, "cats/dataset.json": "[]"}))
    assert listing.class_names == ("cats", "dogs") and listing.others == 1


ALL = [["a.png", 0], ["b.png", 0], ["more/c.png", 1]]
BAD = {
    "an empty folder": ({"notes.txt": ""}, r"source(\.zip)? has no images \(files that end in \.png"),
    "loose images": ({**CLASSES, "z.png": PNG},
                     r'images at its top \(z\.png\) and in folders \(cats\).*"labels": null'),
    "no JSON": ({**FLAT, "dataset.json": "{"}, "dataset.json is not JSON"),
    "deep JSON": ({**FLAT, "dataset.json": "[" * 100_000}, "dataset.json is not JSON"),
    "no labels": ({**FLAT, "dataset.json": "{}"}, 'has no "labels"; write'),
    "a list": ({**FLAT, "dataset.json": "[]"}, 'has no "labels"; write'),
    "labels by name": ({**FLAT, **labels_file({"a.png": 1})}, "that are not a list"),
    "no pairs": ({**FLAT, **labels_file(["a.png"])}, "has the label a.png, which is not a pair"),
    "a vector": ({**FLAT, **labels_file([["a.png", [0, 1]]])}, r"gives a.png the class \[0, 1\]; a class is a number"),
    "a negative number": ({**FLAT, **labels_file([["a.png", -1]])}, "gives a.png the class -1"),
    "truth": ({**FLAT, **labels_file([["a.png", True]])}, "gives a.png the class True"),
    "two kinds": ({**FLAT, **labels_file([["a.png", 0], ["b.png", "x"]])}, "by number and classes by name"),
    "two classes": ({**FLAT, **labels_file([["a.png", 0], ["./a.png", 1]])}, "gives a.png two classes, 0 and 1"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("skip_bad", [False, True])
def test_what_is_no_set_of_images_is_refused_by_name(source, case, skip_bad):
    files, words = BAD[case]
    with pytest.raises(ConfigError, match=words) as error:
        list_images(source(files), skip_bad)
    assert "\n" not in str(error.value)


SKIPPED = {
    "a label of a missing file": ({**FLAT, **labels_file([*ALL, ["gone.png", 1]])}, "gone.png", "has a label in"),
    "a label outside": ({**FLAT, **labels_file([*ALL, ["../a.png", 1]])}, "../a.png", "has a label in"),
    "an image without a label": ({**FLAT, **labels_file([ALL[0], ALL[2]])}, "b.png", "has no label in dataset.json"),
    "a number without images": ({**FLAT, **labels_file([*ALL[:2], ["more/c.png", 2]])}, "dataset.json",
                                "gives no image class 1, a class with no images"),
    "a folder without images": ({**CLASSES, "mice/notes.txt": ""}, "mice", "is a class with no images"),
}


@pytest.mark.parametrize("case", SKIPPED)
def test_what_can_be_left_out_is_refused_or_left_out_and_listed(source, case):
    files, name, words = SKIPPED[case]
    path = source(files)
    with pytest.raises(ConfigError, match=re.escape(f"{name} {words}")) as error:
        list_images(path)
    assert str(error.value).endswith("--skip_bad` leaves all of these out")
    listing = list_images(path, skip_bad=True)
    assert [left for left, _ in listing.left_out] == [name] and words in listing.left_out[0][1]
    # Every class that is left has an image, and the classes have kept their names.
    assert set(listing.labels) == set(range(len(listing.class_names)))
    assert "1" in listing.class_names or "cats" in listing.class_names or case == "a number without images"


@pytest.mark.parametrize("name", [b"cats\xff/a.png", b"cats/\xe4.png", b"two\nlines/a.png"])
def test_names_that_are_no_line_of_text_are_refused(name, tmp_path):
    write_folder(tmp_path / "source", {**CLASSES, os.fsdecode(name): PNG})
    with pytest.raises(ConfigError, match=r"has the name '.*\\.*', which is not a line of UTF-8; rename it"):
        list_images(tmp_path / "source")


def test_an_empty_folder_of_a_class_is_seen(tmp_path):
    folder = write_folder(tmp_path / "source", CLASSES)
    (folder / "mice").mkdir()
    with pytest.raises(ConfigError, match="source/mice is a class with no images; put some into it or remove it"):
        list_images(folder)


def test_the_fingerprint_is_of_everything_that_is_listed(source, tmp_path):
    first = list_images(source(CLASSES))
    assert list_images(first.source).fingerprint == first.fingerprint
    for files in ({**CLASSES, "cats/a.webp": PNG + b"other"}, {**CLASSES, "cats/new.png": PNG}):
        assert list_images(source(files)).fingerprint != first.fingerprint


@pytest.mark.parametrize("name", ["/etc/a.png", "../a.png", "x/../../a.png", "..\\a.png", "C:\\a.png", "\\a.png"])
def test_paths_that_lead_out_of_a_zip_file_are_refused_by_name(name, tmp_path):
    path = write_zip(tmp_path / "source.zip", {"a.png": PNG, name: PNG})
    with pytest.raises(ConfigError, match=re.escape(f"{path} holds {name!r}, a path that leads out of it")):
        list_images(path, skip_bad=True)


def test_a_zip_file_that_is_encrypted_or_holds_a_name_twice_is_refused(tmp_path):
    path = tmp_path / "source.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.png", PNG)
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("a.png", PNG)
    with pytest.raises(ConfigError, match="holds 'a.png' twice"):
        list_images(path)
    data = bytearray(write_zip(path, {"a.png": PNG}).read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1  # The bit of encryption in the directory.
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"is encrypted \('a.png'\); unpack it"):
        list_images(path)


def test_a_file_that_is_no_zip_file_and_a_place_that_is_nothing(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    with pytest.raises(ConfigError, match="is neither a folder nor a whole zip file"):
        list_images(tmp_path / "a.png")
    with pytest.raises(ConfigError, match="does not exist; name a folder or a zip file"):
        list_images(tmp_path / "nothing")


def test_links_are_followed_and_loops_end(tmp_path):
    folder = write_folder(tmp_path / "source", CLASSES)
    elsewhere = write_folder(tmp_path / "elsewhere", {"m.png": PNG})
    (folder / "mice").symlink_to(elsewhere)
    (folder / "cats" / "loop").symlink_to(folder)
    assert "mice/m.png" in list_images(folder).names and len(list_images(folder)) == len(CLASSES) + 1
    (folder / "cats" / "z.png").symlink_to(tmp_path / "nothing")
    with pytest.raises(ConfigError, match=r"cats/z.png is a link to nothing"):
        list_images(folder)


def test_a_file_that_is_not_the_one_listed_is_named(tmp_path):
    folder = write_folder(tmp_path / "source", CLASSES)
    for change, words in ((lambda file: file.write_bytes(PNG), "was changed"), (os.remove, "is gone")):
        listing = list_images(folder)
        change(folder / "cats" / "a.webp")
        for look in (listing.verify, lambda listing=listing: listing.read(0)):
            with pytest.raises(ConfigError, match=f"cats/a.webp {words} during the import"):
                look()
    listing = list_images(folder)
    write_folder(folder, {"cats/notes.txt": "no image"})
    listing.verify()
    write_folder(folder, {"cats/new.png": PNG})
    with pytest.raises(ConfigError, match="cats/new.png is new during the import"):
        listing.verify()


def test_a_file_that_cannot_be_read_is_a_bad_image(tmp_path, monkeypatch):
    listing = list_images(write_folder(tmp_path / "source", CLASSES))

    def broken(*arguments):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("builtins.open", broken)
    with pytest.raises(BadImage, match=r"cannot be read \(Input/output error\)"):
        listing.read(0)


def test_a_zip_file_that_is_replaced_is_named(tmp_path):
    path = write_zip(tmp_path / "source.zip", CLASSES)
    listing = list_images(path)
    write_zip(tmp_path / "other.zip", {**CLASSES, "cats/a.webp": PNG}).replace(path)
    with pytest.raises(ConfigError, match=r"cats/a.webp was changed during the import"):
        listing.verify()
    with pytest.raises(ConfigError, match=r"cats/a.webp was changed during the import"):
        listing.read(0)


def test_a_zip_entry_that_does_not_unpack_is_a_bad_image(tmp_path, monkeypatch):
    path = write_zip(tmp_path / "source.zip", {"a.png": PNG, "b.png": noise(1, 99, 99).tobytes()})
    data = bytearray(path.read_bytes())
    start = data.index(b"b.png") + 200
    data[start:start + 50] = bytes(50)
    path.write_bytes(data)
    listing = list_images(path)
    assert listing.read(0) == PNG
    with pytest.raises(BadImage, match="does not unpack"):
        listing.read(1)
    monkeypatch.setattr("ganlab.data.stores.MOST_BYTES", 1000)
    with pytest.raises(BadImage, match="unpacks to 29,403 bytes, more than the 1,000"):
        listing.read(1)


def test_damaged_zip_files_and_labels_end_in_a_listing_or_in_a_sentence(tmp_path):
    path = tmp_path / "source.zip"
    whole = write_zip(path, {**FLAT, **labels_file(ALL)}).read_bytes()
    text = labels_file(ALL)["dataset.json"].encode()
    rng, ends = np.random.default_rng(0), {"listing": 0, "sentence": 0}
    for number in range(1000):
        if number % 2:
            write_zip(path, {**FLAT, "dataset.json": mutated(rng, text)})
        else:
            path.write_bytes(mutated(rng, whole))
        try:
            listing = list_images(path, skip_bad=True)
            for i in range(len(listing)):
                try:
                    listing.read(i)
                except BadImage:
                    pass
            ends["listing"] += 1
        except ConfigError as error:
            assert "\n" not in str(error)
            ends["sentence"] += 1
    assert min(ends.values()) > 100
