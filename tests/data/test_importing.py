"""Imports: what TFDS reads afterwards is what was there; what goes wrong leaves nothing, or what was there before."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow_datasets
from image_files import image_file, noise, raw_png, write_folder, write_zip
from tensorflow_datasets import features

from ganlab.config import ConfigError
from ganlab.data import SOURCES, Form, import_images, list_images, list_prepared, record_writer
from ganlab.data.decoding import decode_image
from ganlab.data.resizing import resize
from prepared import CLASS_NAMES, SIZES, cifar10_examples

pytestmark = pytest.mark.filterwarnings("ignore")

FORM = Form(8)
PICTURES = {f"{'cats' if i % 3 else 'dogs'}/{i:02}.png": image_file(noise(i, 16, 12 + i)) for i in range(12)}
BAD = {
    "cats/truncated.jpg": (image_file(noise(1, 64, 64), "jpeg")[:900], "is damaged"),
    "cats/empty.png": (b"", "is empty (0 bytes)"),
    "cats/text.png": (b"These are no pixels.", "is not an image of a known kind"),
    "dogs/one.png": (image_file(noise(2, 1, 1)), "is of 1x1 pixels"),
    "dogs/line.png": (image_file(noise(2, 1, 300)), "is of 300x1 pixels, of which 1x1 are kept"),
    "dogs/bomb.png": (raw_png(30_000, 30_000, 8, 2, [b"\0"]), "has 900,000,000 pixels; the limit is 67,108,864"),
}


def read(place):
    """Images [n, h, w, c], labels [n] and class names as TFDS alone reads them."""
    builder = tensorflow_datasets.builder_from_directory(place)
    examples = list(builder.as_data_source("train"))
    return (np.stack([example["image"] for example in examples]), np.array([example["label"] for example in examples]),
            builder.info.features["label"].names)


@pytest.fixture
def source(tmp_path):
    return write_folder(tmp_path / "source", PICTURES)


def nothing_left(tmp_path):
    """Whether only the source is there."""
    return [file.name for file in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_what_tfds_reads_is_every_image_resized_with_its_label_in_the_order_of_paths(kind, tmp_path):
    path = (write_folder(tmp_path / "source", PICTURES) if kind == "folder" else
            write_zip(tmp_path / "source.zip", PICTURES))
    seen = []
    found = import_images(list_images(path), tmp_path / "My Set.1", FORM, progress=lambda *done: seen.append(done))
    images, labels, names = read(tmp_path / "My Set.1")
    paths = sorted(PICTURES)
    np.testing.assert_array_equal(images, [resize(decode_image(PICTURES[name]), 8) for name in paths])
    assert [names[label] for label in labels] == [name.split("/")[0] for name in paths]
    assert found.per_class == {"cats": 8, "dogs": 4} and found.shape == (8, 8, 3)
    assert seen == [(i, 12) for i in range(1, 13)]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(["My Set.1", path.name])


def test_nothing_of_tensorflow_or_ganlab_is_needed_to_read_it(source, tmp_path):
    import_images(list_images(source), tmp_path / "set", FORM)
    code = ("import sys, tensorflow_datasets as tfds\n"
            "source = tfds.builder_from_directory(sys.argv[1]).as_data_source('train')\n"
            "print(len(source), source[5]['image'].shape, 'tensorflow' in sys.modules, 'ganlab' in sys.modules)")
    command = [sys.executable, "-c", code, str(tmp_path / "set")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "12 (8, 8, 3) False False"


@pytest.mark.parametrize("version", ["1.0.0", "3.2.10"])
def test_tfds_finds_by_its_name_what_lies_in_a_folder_of_a_name_and_a_version(version, source, tmp_path):
    place = tmp_path / "sets" / "my_photos" / version
    import_images(list_images(source), place, FORM)
    images, labels, _ = read(place)
    found = tensorflow_datasets.data_source("my_photos", split="train", data_dir=tmp_path / "sets", download=False)
    np.testing.assert_array_equal([example["image"] for example in found], images)
    assert [example["label"] for example in found] == labels.tolist()
    info = tensorflow_datasets.builder("my_photos", data_dir=tmp_path / "sets").info
    assert (info.name, str(info.version)) == ("my_photos", version)
    # By its name for ganlab too.
    np.testing.assert_array_equal(SOURCES["tfds"]("my_photos", data_dir=str(tmp_path / "sets")).images[:], images)


def test_other_folders_are_named_by_themselves(source, tmp_path):
    for folder, name in (("photos", "photos"), ("1.0", "images_1_0"), ("01.0.0", "images_01_0_0")):
        import_images(list_images(source), tmp_path / folder, FORM)
        info = tensorflow_datasets.builder_from_directory(tmp_path / folder).info
        assert (info.name, str(info.version)) == (name, "1.0.0")


def test_many_shards_are_one_split_in_order(source, tmp_path, monkeypatch):
    import_images(list_images(source), tmp_path / "one", FORM)
    monkeypatch.setattr(record_writer, "SHARD_BYTES", 600)
    import_images(list_images(source), tmp_path / "many", FORM)
    assert len(list((tmp_path / "many").glob("*.array_record-*-of-*"))) > 3
    for one, many in zip(read(tmp_path / "one"), read(tmp_path / "many"), strict=True):
        np.testing.assert_array_equal(one, many)


def test_channels_background_and_crop_are_those_asked_for(tmp_path):
    clear = np.zeros((10, 20, 4), np.uint8)
    folder = write_folder(tmp_path / "source", {"a.png": image_file(clear), "b.png": image_file(noise(1, 10, 20, 1))})
    found = import_images(list_images(folder), tmp_path / "set", Form(8, "centre-wide", "#ff0000", 1))
    images = read(tmp_path / "set")[0]
    assert images.shape == (2, 8, 8, 1) and (found.grey, found.enlarged) == (1, 0)
    np.testing.assert_array_equal(images[0, 1:7], np.full((6, 8, 1), 76))  # The luma of red, between black bars.
    np.testing.assert_array_equal(images[0, [0, 7]], 0)


def test_smaller_images_are_enlarged_and_counted(tmp_path):
    sizes = [(4, 4), (8, 8), (40, 3)]
    files = {f"{i}.png": image_file(noise(i, height, width)) for i, (height, width) in enumerate(sizes)}
    found = import_images(list_images(write_folder(tmp_path / "source", files)), tmp_path / "set", FORM)
    assert found.enlarged == 2 and len(read(tmp_path / "set")[0]) == 3


def test_the_set_says_what_it_was_made_from(source, tmp_path):
    write_folder(source, {"cats/empty.png": b""})
    listing = list_images(source)
    import_images(listing, tmp_path / "set", FORM, skip_bad=True)
    origin = json.loads((tmp_path / "set" / "import.json").read_text())
    assert origin["left_out"] == [["cats/empty.png", "is empty (0 bytes); copy it again"]]
    expected = {"source": str(source), "resolution": 8, "crop": "centre", "background": "black", "channels": 3,
                "per_class": {"cats": 8, "dogs": 4}, "enlarged": 0, "listing": listing.fingerprint}
    assert {key: origin[key] for key in expected} == expected


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_with_the_remedy_and_leaves_nothing(name, source, tmp_path):
    data, words = BAD[name]
    write_folder(source, {name: data})
    with pytest.raises(ConfigError) as error:
        import_images(list_images(source), tmp_path / "set", FORM)
    text = str(error.value)
    assert text.startswith(f"{source}: {name} {words}") and "\n" not in text
    assert text.endswith("; or `ganlab data import --skip_bad` leaves all of these out")
    assert nothing_left(tmp_path)


def test_bad_files_are_left_out_counted_and_listed_where_that_is_asked_for(source, tmp_path):
    write_folder(source, {name: data for name, (data, _) in BAD.items()})
    (source / "mice").mkdir()
    found = import_images(list_images(source, skip_bad=True), tmp_path / "set", FORM, skip_bad=True)
    assert {name for name, _ in found.left_out} == {*BAD, "mice"}
    assert all(BAD[name][1] in reason for name, reason in found.left_out if name in BAD)
    images, labels, names = read(tmp_path / "set")
    assert names == ["cats", "dogs"] and len(images) == len(labels) == len(PICTURES)


def test_a_class_of_which_nothing_is_left_is_refused(source, tmp_path):
    write_folder(source, {"mice/a.png": b"", "mice/b.png": b"x"})
    with pytest.raises(ConfigError, match=r"no image of class mice can be used; the first, mice/a.png, is empty"):
        import_images(list_images(source), tmp_path / "set", FORM, skip_bad=True)
    assert nothing_left(tmp_path)


@pytest.mark.parametrize(("form", "words"), [
    (Form(8, "none"), r"cats/01.png is of 13x16 pixels, not square.*take crop=centre"),
    (Form(0, "none"), r"cats/02.png is of 14x16 pixels, those before of 13x16; give the resolution"),
    (Form(200), r"cats/01.png is of 13x16 pixels, of which 13x13 are kept; at least 25 each way"),
    (Form(-1), "--resolution is -1"), (Form(8, "center"), r"--crop 'center' is unknown \(did you mean centre\?\)"),
    (Form(8, channels=2), r"--channels is 2; it takes 1 \(grey\) or 3"), (Form(8, background="blakc"), "'blakc'"),
])
def test_what_does_not_fit_is_answered_with_what_would(form, words, source, tmp_path):
    with pytest.raises(ConfigError, match=words):
        import_images(list_images(source), tmp_path / "set", form)
    assert nothing_left(tmp_path)


def test_images_of_one_size_are_kept_as_they_are(tmp_path):
    files = {f"{i}.png": image_file(noise(i, 5, 9)) for i in range(3)}
    import_images(list_images(write_folder(tmp_path / "source", files)), tmp_path / "set", Form(0, "none"))
    np.testing.assert_array_equal(read(tmp_path / "set")[0], [noise(i, 5, 9) for i in range(3)])


@pytest.mark.parametrize("when", [1, 12])
@pytest.mark.parametrize(("change", "words"), [
    (lambda folder: (folder / "dogs/09.png").write_bytes(PICTURES["dogs/00.png"]), "dogs/09.png was changed"),
    (lambda folder: (folder / "dogs/09.png").unlink(), "dogs/09.png is gone"),
    (lambda folder: (folder / "cats/new.png").write_bytes(b""), "cats/new.png is new"),
])
def test_a_folder_that_changes_meanwhile_is_refused_by_name(when, change, words, source, tmp_path):
    def progress(done, total):
        if done == when:
            change(source)

    with pytest.raises(ConfigError, match=f"{words} during the import.*import again"):
        import_images(list_images(source), tmp_path / "set", FORM, skip_bad=True, progress=progress)
    assert nothing_left(tmp_path)


class Full:
    """Stands for array_record's writer on a disk that fills up: by words, as it reports that, or by number."""

    def __init__(self, error, at):
        self.error, self.at, self.calls = error, at, 0

    def write(self, record):
        self.calls += 1
        if self.at == "write" and self.calls > 5:
            raise self.error

    def close(self):
        if self.at == "close":
            raise self.error


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EDQUOT, "Quota"),
                                   RuntimeError("write() failed: No space left on device; writing x; at byte 65536")])
@pytest.mark.parametrize("at", ["write", "close"])
def test_a_disk_that_fills_up_is_one_sentence_and_leaves_nothing(error, at, source, tmp_path, monkeypatch):
    monkeypatch.setattr(record_writer, "records_file", lambda path: Full(error, at))
    with pytest.raises(ConfigError, match=f"the disk of {tmp_path}/set is full .*; nothing was left there; make room"):
        import_images(list_images(source), tmp_path / "set", FORM)
    assert nothing_left(tmp_path)


def test_a_disk_that_fills_up_with_the_labels_leaves_the_old_set(source, tmp_path, monkeypatch):
    import_images(list_images(source), tmp_path / "set", FORM)
    before = read(tmp_path / "set")

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(ConfigError, match="is full"):
        import_images(list_images(source), tmp_path / "set", Form(4), overwrite=True)
    np.testing.assert_array_equal(read(tmp_path / "set")[0], before[0])


def test_other_mistakes_of_the_writer_are_not_hidden(source, tmp_path, monkeypatch):
    monkeypatch.setattr(record_writer, "records_file", lambda path: Full(RuntimeError("a bug"), "write"))
    with pytest.raises(RuntimeError, match="a bug"):
        import_images(list_images(source), tmp_path / "set", FORM)
    assert nothing_left(tmp_path)


def test_an_interrupted_import_leaves_nothing(source, tmp_path):
    def progress(done, total):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_images(list_images(source), tmp_path / "set", FORM, progress=progress)
    assert nothing_left(tmp_path)


def test_the_writer_has_imported_tfds_before_a_thread_decodes(tmp_path):
    # TFDS replaces Python's import while it is imported, and a picture decoded meanwhile counted as damaged.
    code = ("import sys\nfrom pathlib import Path\nfrom ganlab.data.record_writer import RecordWriter\n"
            f"RecordWriter(Path({str(tmp_path)!r}), 'set')\nassert 'tensorflow_datasets.core' in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=os.getcwd())


KILLED = """
import os, signal, sys
from pathlib import Path
from ganlab.data import Form, import_images, list_images, record_writer

def progress(done, total):
    if done == 9:
        os.kill(os.getpid(), signal.SIGKILL)

record_writer.SHARD_BYTES = 500
import_images(list_images(sys.argv[1]), Path(sys.argv[2]), Form(8), progress=progress, overwrite=True)
"""


def test_a_killed_import_leaves_nothing_that_opens_and_the_next_one_clears_it(source, tmp_path):
    place = tmp_path / "set"

    def killed():
        done = subprocess.run([sys.executable, "-c", KILLED, str(source), str(place)], cwd=os.getcwd())
        assert done.returncode == -signal.SIGKILL
        partial = tmp_path / ".set.partial"
        assert list(partial.iterdir())
        with pytest.raises(tensorflow_datasets.core.dataset_info.DatasetInfoFileError):
            tensorflow_datasets.builder_from_directory(partial)

    killed()
    assert not place.exists()
    import_images(list_images(source), place, FORM)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["set", "source"]
    before = read(place)
    killed()
    np.testing.assert_array_equal(read(place)[0], before[0])


def test_a_set_between_two_names_is_found_again(source, tmp_path):
    import_images(list_images(source), tmp_path / "set", FORM)
    (tmp_path / "set").rename(tmp_path / ".set.old")  # As a process leaves it that is killed just then.
    with pytest.raises(ConfigError, match="is a data set already"):
        import_images(list_images(source), tmp_path / "set", FORM)
    assert len(read(tmp_path / "set")[0]) == 12


def test_a_place_is_new_or_empty_or_a_data_set_to_overwrite(source, tmp_path):
    place = tmp_path / "set"
    place.mkdir()
    import_images(list_images(source), place, FORM)
    with pytest.raises(ConfigError, match="set is a data set already; name a new folder, or replace it by --overwrite"):
        import_images(list_images(source), place, FORM)
    import_images(list_images(source), place, Form(4), overwrite=True)
    assert read(place)[0].shape == (12, 4, 4, 3)
    for wrong in (write_folder(tmp_path / "home", {"letter.txt": "dear"}), tmp_path / "home" / "letter.txt"):
        with pytest.raises(ConfigError, match="is a folder of other things|is a file"):
            import_images(list_images(source), wrong, FORM, overwrite=True)
    assert (tmp_path / "home" / "letter.txt").read_text() == "dear"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["home", "set", "source"]


def test_two_imports_into_one_place_do_not_meet(source, tmp_path):
    started, go_on, ends = threading.Event(), threading.Event(), []

    def progress(done, total):
        started.set()
        go_on.wait(60)

    def first():
        ends.append(import_images(list_images(source), tmp_path / "set", FORM, progress=progress))

    thread = threading.Thread(target=first)
    thread.start()
    started.wait(60)
    with pytest.raises(ConfigError, match="another import writes .*set; wait for it"):
        import_images(list_images(source), tmp_path / "set", FORM)
    go_on.set()
    thread.join()
    assert ends and len(read(tmp_path / "set")[0]) == 12


def test_few_images_are_in_memory_at_a_time(tmp_path, monkeypatch):
    """However far the writer is behind, no more than a few images for each thread are decoded ahead of it."""
    files = {f"{i:03}.png": image_file(noise(i, 8, 8)) for i in range(100)}
    listing = list_images(write_folder(tmp_path / "source", files))
    begun, most = [], []
    monkeypatch.setattr("ganlab.data.importing.decode_image", lambda *given: begun.append(0) or decode_image(*given))
    import_images(listing, tmp_path / "set", FORM, progress=lambda done, total: most.append(len(begun) - done))
    assert len(begun) == 100 and max(most) <= 4 * os.cpu_count()


@pytest.mark.usefixtures("prepared_data")
def test_a_set_of_tfds_is_imported_by_its_name(tmp_path):
    import_images(list_prepared("cifar10"), tmp_path / "set", Form(16))
    images, labels, names = read(tmp_path / "set")
    assert tuple(names) == CLASS_NAMES and images.shape == (SIZES["train"], 16, 16, 3)
    written = {resize(image, 16).tobytes(): label for image, label in zip(*cifar10_examples("train"), strict=True)}
    assert {image.tobytes(): label for image, label in zip(images, labels, strict=True)} == written


def test_the_description_has_the_shape_and_the_names(source, tmp_path):
    import_images(list_images(source), tmp_path / "set", FORM)
    info = tensorflow_datasets.builder_from_directory(tmp_path / "set").info
    assert info.features["image"].shape == (8, 8, 3) and isinstance(info.features["label"], features.ClassLabel)
    assert info.supervised_keys == ("image", "label") and info.splits["train"].num_examples == 12
