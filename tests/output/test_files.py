"""Files are written whole or not at all, and a place that cannot be written is answered with its name."""

import contextlib
import errno
import os
import resource
from pathlib import Path

import numpy as np
import pytest
import runs_on_disk
from PIL import Image

from ganlab.cli.report_command import write_report
from ganlab.cli.sample_command import _write_files
from ganlab.storage.checksums import write_checksums
from ganlab.evaluation import add_results
from ganlab.output import FULL, WriteError, whole_file, whole_folder, write_atomically, writing
from ganlab.output.files import is_full
from ganlab.pretrained import write_safetensors
from ganlab.report.pictures import save_animation, save_png
from ganlab.report.run_study import study_of_runs

LIMIT = 2000
NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


@contextlib.contextmanager
def full_disk(most=LIMIT):
    """Lets no file grow beyond a number of bytes; Python ignores SIGXFSZ, so that writing more is an error."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def save_arrays(path):
    with whole_file(path) as file:
        np.savez_compressed(file, images=NOISE)


def animate(path):
    frames = [path.parent.parent / f"frame{number}.png" for number in range(2)]
    with full_disk(-1):
        for frame in frames:
            Image.fromarray(np.random.default_rng(0).permutation(NOISE)).save(frame)
    save_animation(path, frames)


def sum_up(path):
    with full_disk(-1):
        for number in range(100):
            (path.parent / str(number)).write_bytes(b"")
    try:
        write_checksums(path.parent)
    finally:
        for number in range(100):
            (path.parent / str(number)).unlink()


# What writes a file whose name it is given.
WRITERS = {
    "a.png": lambda path: save_png(path, NOISE),
    "a.gif": animate,
    "a.npz": save_arrays,
    "a.txt": lambda path: write_atomically(path, "x" * 5000),
    "a.safetensors": lambda path: write_safetensors(path, {"a": NOISE}, {}),
    "results.json": lambda path: add_results(path, runs_on_disk.records("hinge", 0, steps=range(20))),
    "report.html": lambda path: write_report(path.parent, study_of_runs(runs_on_disk.runs()), "x" * 5000),
    "sha256.json": sum_up,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_answered_with_the_place_and_leaves_what_was_there(name, tmp_path):
    folder = tmp_path / "made"
    folder.mkdir()
    old = b"[]" if name.endswith("json") else b"old"
    (folder / name).write_bytes(old)
    before = sorted(folder.iterdir())
    with full_disk(), pytest.raises(WriteError, match="make room") as caught:
        WRITERS[name](folder / name)
    assert caught.value.errno in FULL and str(folder) in caught.value.filename
    assert sorted(folder.iterdir()) == before and (folder / name).read_bytes() == old


@pytest.mark.parametrize("was_there", [False, True])
def test_a_folder_that_does_not_fit_is_emptied_so_that_the_same_command_runs_again(was_there, tmp_path):
    folder = tmp_path / "made"
    if was_there:
        folder.mkdir()
    samples = np.random.default_rng(0).uniform(-1, 1, (5, 64, 64, 3)).astype(np.float32)
    samples[:3] = 0
    names = [f"{number:06}" for number in range(5)]
    with full_disk(), pytest.raises(WriteError, match="make room") as caught:
        _write_files(folder, samples, names)
    assert Path(caught.value.filename).parent == folder and "000003" in caught.value.filename
    assert not folder.exists() or was_there and not list(folder.iterdir())
    _write_files(folder, samples, names)
    assert len(list(folder.iterdir())) == 5


def test_a_folder_is_emptied_of_folders_too_whatever_ends_the_body(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "made") as folder:
        with whole_file(folder / "a/b/c") as file:
            file.write(b"x")
        (folder / "link").symlink_to(outside)
        raise KeyboardInterrupt
    assert sorted(tmp_path.iterdir()) == [outside] and (outside / "kept").exists()


def test_what_is_lasting_is_flushed_before_it_takes_its_name_and_its_folder_after(tmp_path, monkeypatch):
    done = []
    flush, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (done.append(os.readlink(f"/proc/self/fd/{number}")), flush(number)))
    monkeypatch.setattr(os, "replace", lambda old, new: (done.append("renamed"), rename(old, new)))
    for write in (lambda path: write_safetensors(path, {"a": np.zeros(3)}, {}), lambda path: write_atomically(path, "x")):
        done.clear()
        write(tmp_path / "a")
        assert done == [str(tmp_path / "a.partial"), "renamed", str(tmp_path)]


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere/file")
    for text in ("first", "second"):
        write_atomically(tmp_path / "link", text)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "elsewhere/file").read_text() == "second"
    with whole_file(Path(os.devnull)) as file:
        file.write(b"x")
    assert Path(os.devnull).is_char_device() and not Path(f"{os.devnull}.partial").exists()


def test_the_outermost_names_the_place_and_says_what_to_do_once():
    with pytest.raises(WriteError) as caught, writing(Path("outer"), "wait"), writing(Path("inner")):
        raise OSError(errno.ENOSPC, "full")
    assert str(caught.value) == "[Errno 28] full; wait: 'outer'" and caught.value.errno == errno.ENOSPC


def test_paths_that_are_not_text_can_be_written(tmp_path):
    write_atomically(tmp_path / "a", "\udcfc")
    assert (tmp_path / "a").read_bytes() == b"\xfc"


@pytest.mark.parametrize("number", FULL)
def test_a_full_disk_is_known_by_its_number_and_by_its_words(number):
    words = os.strerror(number)
    assert is_full(OSError(number, words)) and is_full(RuntimeError(f"writing failed: {words}"))
    assert not is_full(OSError(errno.EACCES, os.strerror(errno.EACCES)))
