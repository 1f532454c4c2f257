"""The images of a folder or of a zip file, in a fixed order, and their classes: by folders or by `dataset.json`."""

import dataclasses
import hashlib
import json
import os
import posixpath
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganlab.config import ConfigError
from ganlab.data.decoding import MOST_BYTES, SUFFIXES, BadImage

LABELS_FILE = "dataset.json"
"""The labels beside the images: `{"labels": [[path, class], ...]}`, StyleGAN's convention."""
ONE_CLASS = ("all",)
SKIPPED = "`ganlab data import --skip_bad` leaves all such out"

Stamp = tuple[int, int]
"""Size in bytes and time of change of a file: another stamp is another file."""


@dataclasses.dataclass(frozen=True)
class Listing:
    """Images that can be read by number, none of them yet.

    Attributes:
      source: the place, for messages.
      names: of each image [n], its path within the source.
      labels: int32 [n].
      class_names: by label; each has an image.
      read: the file of image i, as bytes; from several threads. Raises `BadImage`, or `ConfigError` where
        the file is no longer that which was listed.
      verify: raises `ConfigError` where the source is no longer that which was listed.
      left_out: names and reasons of what was bad and left out.
      others: how many files were no images.
      fingerprint: a hash of everything that was listed, sizes and times of change included.
    """

    source: str
    names: tuple[str, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]
    read: Callable[[int], bytes]
    verify: Callable[[], None]
    left_out: tuple[tuple[str, str], ...] = ()
    others: int = 0
    fingerprint: str = ""

    def __len__(self) -> int:
        return len(self.names)


class _Folder:
    """Files of a folder, by paths with `/`. Links are followed, none of them twice."""

    def __init__(self, path: Path):
        self.path = path

    def scan(self) -> tuple[dict[str, Stamp], set[str]]:
        """Stamps of all files that are not hidden, and the names of the first level's folders."""
        files, tops, waiting, seen = {}, set(), [("", self.path)], set()
        while waiting:
            prefix, folder = waiting.pop()
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                for entry in entries:
                    name = prefix + entry.name
                    if _hidden(name):
                        continue
                    if entry.is_dir():
                        waiting.append((f"{name}/", Path(entry.path)))
                        tops |= set() if prefix else {name}
                    elif entry.is_file():
                        files[name] = _stamp(entry.stat())
                    elif entry.is_symlink():
                        raise ConfigError(f"{entry.path} is a link to nothing; mend or remove it")
        return files, tops

    def read(self, name: str) -> bytes:
        """A file; OSError where it is gone."""
        with open(self.path / name, "rb") as file:
            return file.read(MOST_BYTES + 1)

    def stamp(self, name: str) -> Stamp:
        """What stands for the file's content."""
        return _stamp(os.stat(self.path / name))


class _Zip:
    """Files of a zip file. One folder that holds everything is not part of their paths."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except PermissionError:
            raise
        except Exception as error:  # BadZipFile, but of damaged directories also struct's, OSError, ValueError.
            raise ConfigError(f"{path} is no folder and no whole zip file ({error}); copy it anew, or unpack it and "
                              "name the folder") from None
        self._at = _stamp(os.stat(path))
        infos: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            _check_entry(path, info, infos)
            infos[info.filename] = info
        shown = {name for name in infos if not _hidden(name)}
        first = {name.partition("/")[0] for name in shown}
        self._prefix = f"{first.pop()}/" if len(first) == 1 and all("/" in name for name in shown) else ""
        self._infos = {name.removeprefix(self._prefix): infos[name] for name in shown}

    def scan(self) -> tuple[dict[str, Stamp], set[str]]:
        """Stamps of all files that are not hidden, and the names of the first level's folders."""
        files = {name: (info.file_size, info.CRC) for name, info in self._infos.items() if name and name[-1] != "/"}
        return files, {name.partition("/")[0] for name in self._infos if "/" in name}

    def read(self, name: str) -> bytes:
        """A file; BadImage where it does not unpack."""
        info = self._infos[name]
        if info.file_size > MOST_BYTES:
            raise BadImage(f"unpacks to {info.file_size:,} bytes, more than the {MOST_BYTES:,} that are read; store it "
                           "smaller")
        try:
            return self._zip.read(info)
        except Exception as error:  # Of zipfile and of every unpacker: BadZipFile, zlib.error, NotImplementedError.
            raise BadImage(f"does not unpack ({error}); make the zip file anew") from None

    def stamp(self, name: str) -> Stamp:
        """What stands for the file's content, as long as the zip file is the same."""
        if _stamp(os.stat(self.path)) != self._at:
            return (-1, -1)
        return self._infos[name].file_size, self._infos[name].CRC


def _check_entry(path: Path, info: zipfile.ZipInfo, known: Mapping[str, Any]) -> None:
    name = info.filename
    parts = name.replace("\\", "/").split("/")
    if not parts[0] or ":" in parts[0] or ".." in parts:
        raise ConfigError(f"{path} holds {name!r}, a path that leads out of it; make the zip file anew from within the "
                          "folder of images")
    if info.flag_bits & 1:
        raise ConfigError(f"{path} is encrypted ({name!r}); unpack it and name the folder")
    if name in known:
        raise ConfigError(f"{path} holds {name!r} twice; make the zip file anew")


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def list_images(path: str | Path, skip_bad: bool = False) -> Listing:
    """The images of a folder or zip file, sorted by path, with the classes that they are in.

    Images are all files whose names end in `SUFFIXES`, at any depth; hidden ones are left out. Their
    classes are those of `dataset.json` at the top, whose `labels` may be null for one class; without
    it, the folders of the first level, or one class where there are none.

    Args:
      path: of the folder or of the zip file.
      skip_bad: leaves out labels of missing files, images without a label and classes without images,
        instead of refusing them.

    Raises:
      ConfigError: naming the file, with a remedy.
    """
    path = Path(path)
    if not path.exists():
        raise ConfigError(f"{path} does not exist; name a folder or a zip file of images")
    store = _store(path)
    files, folders = store.scan()
    names = sorted(filter(_is_image, files))
    if not names:
        raise ConfigError(f"{path} has no images (files that end in {', '.join(SUFFIXES)}) among its {len(files):,} "
                          "files; name the folder or zip file that holds them")
    classes = _classes_of_file(store, names) if LABELS_FILE in files else _classes_of_folders(path, names, folders)
    chosen, class_names, bad = classes
    _check_names(path, [*names, *class_names])
    if bad and not skip_bad:
        name, reason = bad[0]
        more = f" (and {len(bad) - 1:,} more like it)" if len(bad) > 1 else ""
        raise ConfigError(f"{path / name if path.is_dir() else f'{path}: {name}'} {reason}{more}; or {SKIPPED}")
    kept = tuple(name for name in names if name in chosen)
    if not kept:
        raise ConfigError(f"{path} has no image with a label; see {LABELS_FILE}")
    number = {name: i for i, name in enumerate(class_names)}
    listed = json.dumps([[(name, files[name]) for name in kept], [chosen[name] for name in kept], class_names])
    return Listing(
        str(path), kept, np.array([number[chosen[name]] for name in kept], np.int32), class_names,
        lambda i: _read_unchanged(store, kept[i], files[kept[i]]), lambda: _verify(store, path, files), tuple(bad),
        len(files) - len(names) - (LABELS_FILE in files), hashlib.sha256(listed.encode()).hexdigest())


def _check_names(path: Path, names: list[str]) -> None:
    """Refuses names that no text can hold, or of which TFDS, which writes classes in lines, would make two."""
    for name in names:
        if name.splitlines() != [name] or name != name.encode(errors="replace").decode():
            raise ConfigError(f"{path} has the name {name!r}, which is no line of UTF-8; rename it")


def _store(path: Path) -> _Folder | _Zip:
    return _Folder(path) if path.is_dir() else _Zip(path)


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _read_unchanged(store: _Folder | _Zip, name: str, stamp: Stamp) -> bytes:
    try:
        data = store.read(name)
        now: Stamp | None = store.stamp(name)
    except FileNotFoundError:
        now = None
    except OSError as error:
        raise BadImage(f"cannot be read ({error.strerror}); take the right to, or look after the disk") from None
    if now != stamp:
        raise _changed(store.path, name, "is gone" if now is None else "was changed")
    return data


def _changed(path: Path, name: str, what: str) -> ConfigError:
    return ConfigError(f"{path}: {name} {what} during the import, so that the data set would be neither the old nor "
                       "the new one; import again when nothing else writes there")


def _verify(store: _Folder | _Zip, path: Path, files: dict[str, Stamp]) -> None:
    try:
        now = _store(path).scan()[0]
    except FileNotFoundError:
        now = {}
    for name in sorted(files.keys() | now.keys()):
        if (name == LABELS_FILE or _is_image(name)) and files.get(name) != now.get(name):
            what = "is gone" if name not in now else "is new" if name not in files else "was changed"
            raise _changed(path, name, what)


Classes = tuple[dict[str, str], tuple[str, ...], list[tuple[str, str]]]
"""The class of each image by its name, all classes in their order, and what is bad with the reason."""


def _classes_of_folders(path: Path, names: list[str], folders: set[str]) -> Classes:
    inside = {name: name.partition("/")[0] for name in names if "/" in name}
    if not inside:
        return dict.fromkeys(names, ONE_CLASS[0]), ONE_CLASS, _empty(folders)
    if len(inside) < len(names):
        loose = next(name for name in names if name not in inside)
        raise ConfigError(f"{path} has images at its top ({loose}) and in folders ({min(inside.values())}), so that "
                          "their classes are unclear; move all into folders of their classes, or write beside them "
                          f'{LABELS_FILE} of {{"labels": null}} for one class')
    class_names = tuple(sorted(set(inside.values())))
    return inside, class_names, _empty(folders - set(class_names))


def _empty(folders: set[str]) -> list[tuple[str, str]]:
    return [(name, "is a class with no images; put some into it or remove it") for name in sorted(folders)]


def _classes_of_file(store: _Folder | _Zip, names: list[str]) -> Classes:
    where = f"{store.path}: {LABELS_FILE}"
    try:
        content = json.loads(store.read(LABELS_FILE))
    except (ValueError, RecursionError, BadImage) as error:
        raise ConfigError(f"{where} is no JSON ({error}); write {_EXAMPLE}") from None
    if not isinstance(content, dict) or "labels" not in content:
        raise ConfigError(f'{where} has no "labels"; write {_EXAMPLE}')
    if content["labels"] is None:
        return dict.fromkeys(names, ONE_CLASS[0]), ONE_CLASS, []
    given = _label_pairs(where, content["labels"])
    kinds = {type(label) for label in given.values()}
    if len(kinds) > 1:
        raise ConfigError(f"{where} has classes by number and classes by name; write all of one kind")
    listed = set(names)
    bad = [(name, f"has a label in {LABELS_FILE} but is no image file there; add the file or take its label out")
           for name in given if name not in listed]
    bad += [(name, f"has no label in {LABELS_FILE}; add one") for name in names if name not in given]
    chosen = {name: str(given[name]) for name in names if name in given}
    classes = sorted({given[name] for name in chosen})
    if kinds == {int} and classes:
        missing = sorted(set(range(max(given.values()) + 1)) - set(classes))[:1000]
        bad += [(LABELS_FILE, f"gives no image class {label}, a class with no images; number the classes from 0 "
                 "without gaps") for label in missing]
    return chosen, tuple(map(str, classes)), bad


_EXAMPLE = '{"labels": [["cats/1.png", 0], ...]}, or {"labels": null} for one class'


def _label_pairs(where: str, labels: Any) -> dict[str, int | str]:
    """Classes by path, in the order of the file."""
    if not isinstance(labels, list):
        raise ConfigError(f'{where} has "labels" that are no list; write {_EXAMPLE}')
    given: dict[str, int | str] = {}
    for pair in labels:
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise ConfigError(f"{where} has the label {str(pair)[:80]}, which is no pair of path and class; write "
                              f"{_EXAMPLE}")
        path, label = posixpath.normpath(pair[0].replace("\\", "/")), pair[1]
        if type(label) not in (int, str) or type(label) is int and label < 0 or label == "":
            raise ConfigError(f"{where} gives {path} the class {str(label)[:80]}; a class is a number from 0 on, or a "
                              "name")
        if given.setdefault(path, label) != label:
            raise ConfigError(f"{where} gives {path} two classes, {given[path]} and {label}; leave one of them")
    return given
