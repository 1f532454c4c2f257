"""Folders and zip files as other systems write them: the same listing, whatever lies beside the pictures."""

import os
import re
import zipfile

import pytest
from image_files import image_file, noise, write_folder, write_zip

from ganlab.config import ConfigError
from ganlab.data import list_images
from ganlab.data.stores import IGNORED

PNG = image_file(noise(0))
CLASSES = {"cats/a.png": PNG, "cats/x/c.JPG": PNG + b"1", "dogs/b.png": PNG + b"2"}


def renamed(path, change):
    """A zip file of `CLASSES` whose names are written in another way."""
    return write_zip(path, {change(name): content for name, content in CLASSES.items()})


SPELLINGS = {
    "Windows": lambda name: name.replace("/", "\\"),
    "Windows, the folder": lambda name: "pictures\\" + name.replace("/", "\\"),
    "Windows, mixed": lambda name: "pictures/" + name.replace("/", "\\", 1),
    "from within": lambda name: "./" + name,
    "from within, Windows": lambda name: ".\\" + name.replace("/", "\\"),
    "doubled": lambda name: "pictures//" + name.replace("/", "/./"),
    "with colons": lambda name: "12:30/" + name,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_zip_file_is_the_same_listing_however_its_paths_are_written(spelling, tmp_path):
    listing = list_images(renamed(tmp_path / "a.zip", SPELLINGS[spelling]))
    assert listing.names == tuple(sorted(CLASSES)) and listing.class_names == ("cats", "dogs")
    assert [listing.read(i) for i in range(len(listing))] == [CLASSES[name] for name in listing.names]
    listing.verify()


def test_labels_hidden_folders_and_empty_ones_are_seen_in_a_zip_file_of_windows(tmp_path):
    files = {"top\\a\\1.png": PNG, "top\\b\\2.png": PNG, "top\\.git\\3.png": PNG, "top\\__MACOSX\\4.png": PNG}
    labels = '{"labels": [["a\\\\1.png", "red"], ["b/2.png", "blue"]]}'
    listing = list_images(write_zip(tmp_path / "labels.zip", {**files, "top\\dataset.json": labels}))
    assert (listing.names, listing.class_names) == (("a/1.png", "b/2.png"), ("blue", "red"))
    path = write_zip(tmp_path / "empty.zip", {**files, "top\\mice\\": ""})
    with pytest.raises(ConfigError, match="mice is a class with no images"):
        list_images(path)


def test_names_that_become_one_are_refused(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"cats/a.png": PNG, "cats\\a.png": PNG})
    with pytest.raises(ConfigError, match="holds 'cats/a.png' twice"):
        list_images(path)
    with zipfile.ZipFile(path, "w") as file:  # Folders may be named as often as they like.
        for name in ("cats/", "cats\\", "cats/a.png", "dogs/b.png"):
            file.writestr(name, PNG if name.endswith("png") else b"")
    assert list_images(path).class_names == ("cats", "dogs")


@pytest.mark.parametrize("place", ["folder", "zip"])
@pytest.mark.parametrize("name", sorted(IGNORED | {"@eaDir", "__MACOSX", "Thumbs.db", ".DS_Store", ".thumbnails"}))
def test_what_systems_leave_beside_pictures_is_no_class_and_no_file(name, place, tmp_path):
    kinds = {name, name.upper()}
    litter = {f"{kind}/a.png": PNG for kind in kinds} | {f"cats/{kind}/SYNO@.png": PNG for kind in kinds} | {
        f"dogs/x/{kind}": b"" for kind in kinds}
    write = write_folder if place == "folder" else write_zip
    listing = list_images(write(tmp_path / f"source.{place}", {**CLASSES, **litter}))
    assert listing.names == tuple(sorted(CLASSES)) and listing.class_names == ("cats", "dogs") and not listing.others
    # Beside a folder that holds everything it does not count either, and without classes it makes none.
    flat = write(tmp_path / f"flat.{place}", {"a.png": PNG, f"{name}/a.png": PNG})
    assert list_images(flat).class_names == ("all",)
    one = write_zip(tmp_path / "one.zip", {**{f"top/{path}": PNG for path in CLASSES}, name: b""})
    assert list_images(one).class_names == ("cats", "dogs")


def broken(folder):
    """Links that lead nowhere, as files and folders, at the top and below, and to themselves."""
    (folder / "cats" / "z.png").symlink_to(folder / "gone.png")
    (folder / "dogs" / "more").symlink_to(folder / "gone")
    (folder / "mice").symlink_to(folder / "gone")
    (folder / "cats" / "self.png").symlink_to(folder / "cats" / "self.png")
    return {"cats/z.png", "dogs/more", "mice", "cats/self.png"}


def test_links_to_nothing_are_refused_or_left_out_and_listed(tmp_path):
    folder = write_folder(tmp_path / "source", CLASSES)
    names = broken(folder)
    with pytest.raises(ConfigError, match=r"source/cats/self.png .*--skip_bad` leaves all of these out"):
        list_images(folder)
    listing = list_images(folder, skip_bad=True)
    assert listing.names == tuple(sorted(CLASSES)) and {name for name, _ in listing.left_out} == names
    assert all("fix or remove it" in reason for _, reason in listing.left_out)
    listing.verify()


def test_a_file_of_labels_that_is_a_link_to_nothing_is_never_left_out(tmp_path):
    folder = write_folder(tmp_path / "source", CLASSES)
    (folder / "dataset.json").symlink_to(tmp_path / "gone")
    with pytest.raises(ConfigError, match="dataset.json is a link to nothing"):
        list_images(folder, skip_bad=True)


def test_a_folder_that_cannot_be_read_is_refused_or_left_out(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "source", {**CLASSES, "locked/a.png": PNG})
    scandir = os.scandir

    def locked(path):
        if os.path.basename(path) == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", locked)
    with pytest.raises(ConfigError, match=re.escape("locked cannot be read (Permission denied); fix or remove it")):
        list_images(folder)
    listing = list_images(folder, skip_bad=True)
    assert listing.class_names == ("cats", "dogs") and [name for name, _ in listing.left_out] == ["locked"]
