"""Writes images and labels as a data set of TFDS in array_record: as a whole, or not at all."""

import contextlib
import dataclasses
import errno
import fcntl
import functools
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ganlab.config import ConfigError
from ganlab.output.files import is_full

SPLIT = "train"
SHARD_BYTES = 2**26
"""Bytes of one file: writers notice a full disk only when they close it."""
LABELS = "labels.npy"
"""Beside the records: the labels int32 [n] of the split, known without reading all records."""
ORIGIN = "import.json"
"""Beside the records: what the data set was made from."""
INFO = "dataset_info.json"
"""TFDS's description, written last: without it nothing opens."""
FIRST_VERSION = "1.0.0"
_VERSION = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}")


@dataclasses.dataclass
class RecordWriter:
    """Appends PNG files to the shards of a split; `finish` makes a data set of them.

    Attributes:
      folder: where the files are written.
      name: of the data set, as TFDS wants names: lower case, digits and _.
      version: of the data set, as TFDS wants versions: three numbers.
      written: examples until now.
      nbytes: of the records until now.
    """

    folder: Path
    name: str
    version: str = FIRST_VERSION
    written: int = 0
    nbytes: int = 0
    _lengths: list[int] = dataclasses.field(default_factory=list)
    _sizes: list[int] = dataclasses.field(default_factory=list)
    _open: Any = None

    def __post_init__(self) -> None:
        # While TFDS is imported, imports of all threads are replaced by its own, which break those
        # of Pillow: so it is imported here, before any thread decodes.
        _serializer()

    def add(self, png: bytes, label: int) -> None:
        """Appends an example: a PNG file and its label."""
        record = _serializer()({"image": png, "label": label})
        # A new shard begins once the last one has been closed.
        if self._open is None:
            self._open = records_file(self._shard(len(self._lengths)))
            self._lengths.append(0)
            self._sizes.append(0)
        self._open.write(record)
        self._lengths[-1] += 1
        self._sizes[-1] += len(record)
        self.written, self.nbytes = self.written + 1, self.nbytes + len(record)
        if self._sizes[-1] >= SHARD_BYTES:
            self.close()

    def close(self) -> None:
        """Closes the open shard."""
        if self._open is not None:
            shard, self._open = self._open, None
            shard.close()

    def finish(self, labels: np.ndarray, class_names: tuple[str, ...], shape: tuple[int, int, int],
               origin: dict[str, Any]) -> None:
        """Closes the last shard and writes labels int32 [n], `origin` and TFDS's description."""
        from tensorflow_datasets import core, features

        self.close()
        # Names of shards contain their total, which is known only now.
        for number in range(len(self._lengths)):
            self._shard(number).rename(self._shard(number, len(self._lengths)))
        np.save(self.folder / LABELS, labels)
        (self.folder / ORIGIN).write_text(json.dumps(origin, indent=1) + "\n")
        template = core.ShardedFileTemplate(dataset_name=self.name, data_dir=self.folder,
                                            split=SPLIT, filetype_suffix="array_record")
        identity = core.dataset_info.DatasetIdentity(self.name, core.Version(self.version),
                                                     str(self.folder), "ganlab")
        info = core.DatasetInfo(
            builder=identity, description=f"Images that ganlab imported from {origin['source']}.",
            features=features.FeaturesDict({
                "image": features.Image(shape=shape, encoding_format="png"),
                "label": features.ClassLabel(names=class_names)}),
            supervised_keys=("image", "label"), split_dict=core.splits.SplitDict([core.SplitInfo(
                name=SPLIT, shard_lengths=self._lengths, num_bytes=self.nbytes,
                filename_template=template)]))
        # Last, because the set opens once the description is there.
        info.set_file_format("array_record")
        info.write_to_directory(self.folder)
        for file in self.folder.iterdir():
            with open(file, "rb") as stored:
                # A name must not outlive a loss of power that its content does not.
                os.fsync(stored.fileno())

    def _shard(self, number: int, total: int | None = None) -> Path:
        of = "" if total is None else f"-of-{total:05}"
        return self.folder / f"{self.name}-{SPLIT}.array_record-{number:05}{of}"


def records_file(path: Path) -> Any:
    """Opens the writer of a file of records."""
    from array_record.python import array_record_module

    # One record a group, so that each is read alone; PNG files do not get smaller.
    return array_record_module.ArrayRecordWriter(str(path), "group_size:1,uncompressed")


@functools.cache
def _serializer() -> Callable[[dict[str, Any]], bytes]:
    """Returns TFDS's serializer of examples; labels look the same for any number of classes."""
    from tensorflow_datasets import features
    from tensorflow_datasets.core import example_serializer

    form = features.FeaturesDict(
        {"image": features.Image(), "label": features.ClassLabel(num_classes=1)})
    return example_serializer.ExampleSerializer(form.get_serialized_info()).serialize_example


def named_folder(path: Path) -> tuple[Path, str]:
    """Returns the folder that names the data set in `path`, and its version.

    TFDS finds a set by its name where it lies in `NAME/VERSION`, as in photos/1.0.0; elsewhere it
    is named by its own folder and has the first version.
    """
    return (path.parent, path.name) if _VERSION.fullmatch(path.name) else (path, FIRST_VERSION)


def data_name(path: Path) -> str:
    """Returns a name of TFDS's kind for the data set in a folder."""
    words = re.sub(r"[^a-z0-9]+", "_", named_folder(path)[0].name.lower()).strip("_")
    return words if words[:1].isalpha() else f"images_{words}".rstrip("_")


@contextlib.contextmanager
def whole_or_nothing(place: Path, overwrite: bool, wait: bool = False) -> Iterator[Path]:
    """Gives a new folder that takes the name `place` if the body succeeds, and is removed if not.

    The folder is beside `place`. Leftovers of an import that was killed are removed by the next
    one. A data set that is overwritten stays until the new one is complete.

    Args:
      place: a new or empty folder, or a data set to overwrite.
      overwrite: whether a data set may be there.
      wait: waits for another process that writes the same place, instead of refusing.

    Raises:
      ConfigError: if `place` may not be written, or the disk is full.
    """
    place = place.absolute()
    partial, old = (place.with_name(f".{place.name}.{state}") for state in ("partial", "old"))
    place.parent.mkdir(parents=True, exist_ok=True)
    with _alone(place, wait):
        # What a killed import left is put back, or removed.
        if old.exists() and not place.exists():
            old.rename(place)  # It was killed between the two renamings below.
        check_place(place, overwrite)
        for left in (partial, old):
            shutil.rmtree(left, ignore_errors=True)
        try:
            partial.mkdir()
            yield partial
            # The old set makes way only for a complete one.
            if (place / INFO).exists():
                place.rename(old)
            partial.rename(place)
            shutil.rmtree(old, ignore_errors=True)
        # A full disk is answered in a sentence, whichever library noticed it.
        except (OSError, RuntimeError) as error:
            if not is_full(error):
                raise
            raise ConfigError(f"the disk of {place} is full ({os.strerror(errno.ENOSPC)}); nothing "
                              "was left there; make room or name a place on another disk") from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def check_place(place: Path, overwrite: bool) -> None:
    """Refuses a place that is neither new nor empty, nor a data set that may be overwritten."""
    if place.is_file():
        raise ConfigError(f"{place} is a file; name a new folder")
    if not place.exists() or not any(place.iterdir()):
        return
    # Only a data set may be overwritten, and only if that is asked for.
    if not (place / INFO).exists():
        raise ConfigError(f"{place} is a folder of other things; name a new one")
    if not overwrite:
        raise ConfigError(f"{place} is a data set already; name a new folder, or replace it by "
                          "--overwrite")


@contextlib.contextmanager
def _alone(place: Path, wait: bool) -> Iterator[None]:
    """Holds a lock that the system drops with the process, whatever ends it."""
    path = place.with_name(f".{place.name}.lock")
    while True:
        with open(path, "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise ConfigError(f"another import writes {place}; wait for it or name another "
                                  "folder") from None
            # Whoever held it has removed it: this process locked a file that others do not see.
            if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                continue
            try:
                yield
            finally:
                path.unlink()
            return
