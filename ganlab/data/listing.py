"""The images of a folder or zip file in a fixed order, with their classes."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ganlab.config import ConfigError
from ganlab.data.classes import LABELS_FILE, classes_of_file, classes_of_folders
from ganlab.data.decoding import SUFFIXES, BadImage
from ganlab.data.stores import Folder, Stamp, Zip, open_store
from ganlab.output import counted

SKIPPED = "`ganlab data import --skip_bad` leaves all of these out"


@dataclasses.dataclass(frozen=True)
class Listing:
    """Images that can be read by number; none has been read yet.

    Attributes:
      source: the place, for messages.
      names: path of each image [n] within the source.
      labels: int32 [n].
      class_names: by label; each has an image.
      read: returns the file of image i as bytes; from several threads. Raises `BadImage`, or
        `ConfigError` if the file has changed since it was listed.
      verify: raises `ConfigError` if the source has changed since it was listed.
      left_out: names and reasons of what was bad and left out.
      others: how many files were not images.
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


def list_images(path: str | Path, skip_bad: bool = False) -> Listing:
    """Lists the images of a folder or zip file, sorted by path, with their classes.

    Images are all files whose names end in `SUFFIXES`, at any depth, except hidden ones and those
    that systems put beside them (`ganlab.data.stores.hidden`). Their classes are those of
    `dataset.json` at the top, whose `labels` may be null for one class; without it, the folders of
    the first level, or one class if there are none. Classes named by whole numbers are ordered by
    value, others as text.

    Args:
      path: the folder or zip file.
      skip_bad: leaves out links to nothing, folders that cannot be read, labels of missing files,
        images without a label and classes without images, instead of refusing them.

    Raises:
      ConfigError: naming the file, with a remedy.
    """
    path = Path(path)
    if not path.exists():
        raise ConfigError(f"{path} does not exist; name a folder or a zip file of images")
    # All files by path; what cannot be read is reported below, with the other bad ones.
    store = open_store(path)
    files, folders, broken = store.scan()
    if LABELS_FILE in dict(broken):  # Without it, the classes would be different ones.
        raise ConfigError(f"{path / LABELS_FILE} {dict(broken)[LABELS_FILE]}")
    names = sorted(filter(_is_image, files))
    if not names:
        raise ConfigError(f"{path} has no images (files that end in {', '.join(SUFFIXES)}) among "
                          f"its {counted(len(files), 'file')}; name the folder or zip file that "
                          "holds them")
    # Classes by the file of labels or by folders, with names that TFDS can store.
    chosen, class_names, bad = (
        classes_of_file(path, lambda: store.read(LABELS_FILE), names) if LABELS_FILE in files
        else classes_of_folders(path, names, folders))
    _check_names(path, [*names, *class_names])
    for name in class_names:
        if name != name.strip():  # TFDS would read another name than was written.
            raise ConfigError(f"{path} has the class {name!r}, which begins or ends with a space; "
                              "rename it")
    # The first bad file ends the listing, or all are left out.
    bad = [(name if name.isprintable() else repr(name), reason) for name, reason in broken] + bad
    if bad and not skip_bad:
        name, reason = bad[0]
        more = f" (and {len(bad) - 1:,} more like it)" if len(bad) > 1 else ""
        raise ConfigError(f"{path / name if path.is_dir() else f'{path}: {name}'} {reason}{more}; "
                          f"or {SKIPPED}")
    kept = tuple(name for name in names if name in chosen)
    if not kept:
        raise ConfigError(f"{path} has no image with a label; see {LABELS_FILE}")
    # The fingerprint changes with anything that an import of this listing would see.
    number = {name: i for i, name in enumerate(class_names)}
    listed = json.dumps(
        [[(name, files[name]) for name in kept], [chosen[name] for name in kept], class_names])
    return Listing(str(path), kept, np.array([number[chosen[name]] for name in kept], np.int32),
                   class_names, lambda i: _read_unchanged(store, kept[i], files[kept[i]]),
                   lambda: _verify(store, path, files), tuple(bad),
                   len(files) - len(names) - (LABELS_FILE in files),
                   hashlib.sha256(listed.encode()).hexdigest())


def _check_names(path: Path, names: list[str]) -> None:
    """Refuses names that are not a line of text: TFDS stores class names as lines."""
    for name in names:
        if name.splitlines() != [name] or name != name.encode(errors="replace").decode():
            raise ConfigError(f"{path} has the name {name!r}, which is not a line of UTF-8; rename "
                              "it")


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _read_unchanged(store: Folder | Zip, name: str, stamp: Stamp) -> bytes:
    try:
        data = store.read(name)
        # The stamp is read after the data: a change in between shows too.
        now: Stamp | None = store.stamp(name)
    except FileNotFoundError:
        now = None
    except OSError as error:
        raise BadImage(f"cannot be read ({error.strerror}); give yourself the right to, or check "
                       "the disk") from None
    if now != stamp:
        raise _changed(store.path, name, "is gone" if now is None else "was changed")
    return data


def _changed(path: Path, name: str, what: str) -> ConfigError:
    return ConfigError(f"{path}: {name} {what} during the import, so that the data set would be "
                       "neither the old nor the new one; import again when nothing else writes "
                       "there")


def _verify(store: Folder | Zip, path: Path, files: dict[str, Stamp]) -> None:
    try:
        now = open_store(path).scan().files
    except FileNotFoundError:
        now = {}
    # Only what an import reads counts: images, and the file of labels.
    for name in sorted(files.keys() | now.keys()):
        if (name == LABELS_FILE or _is_image(name)) and files.get(name) != now.get(name):
            both = name in now and name in files
            raise _changed(path, name,
                           "was changed" if both else "is gone" if name in files else "is new")
