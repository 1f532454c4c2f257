"""Data sets that stay on a disk: imported ones; and folders and zip files, imported when they are first used."""

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ganlab.config import ConfigError
from ganlab.data.dataset import Dataset
from ganlab.data.decoding import BadImage, decode_image, with_channels
from ganlab.data.importing import Form, import_images
from ganlab.data.listing import list_images
from ganlab.data.record_writer import INFO, LABELS, ORIGIN, data_name
from ganlab.data.tfds import class_number, image_and_label, label_of_examples, open_records


class RecordImages:
    """Images of TFDS's records, decoded when they are asked for: `StoredImages` of `ganlab.data.dataset`."""

    dtype = np.dtype(np.uint8)

    def __init__(self, place: str, records: Any, key: str, channels: int, chosen: np.ndarray | None = None):
        """Images of a data set.

        Args:
          place: for messages.
          records: TFDS's reader, whose images come as their files.
          key: of the image in an example.
          channels: 1 or 3.
          chosen: which examples these are; None for all.

        Raises:
          ConfigError: where the first image cannot be read.
        """
        self._place, self._records, self._key, self._channels = place, records, key, channels
        self._chosen = np.arange(len(records)) if chosen is None else chosen
        self._size: tuple[int, ...] | None = None
        self._size = self._read(int(self._chosen[0])).shape
        self.shape = (len(self._chosen), *self._size)
        self.nbytes = int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: np.ndarray | slice | int) -> np.ndarray:
        """Images uint8 [k, h, w, c] of indices or of a slice, or [h, w, c] of one index."""
        wanted = self._chosen[index]
        numbers = np.atleast_1d(wanted)
        images = np.empty((*numbers.shape, *self.shape[1:]), np.uint8)
        for image, number in zip(images.reshape(-1, *self.shape[1:]), numbers.reshape(-1), strict=True):
            image[:] = self._read(int(number))
        return images if np.ndim(wanted) else images[0]

    def _read(self, number: int) -> np.ndarray:
        try:
            pixels = with_channels(decode_image(self._records[number][self._key]), self._channels)
        except BadImage as error:
            raise ConfigError(f"{self._place}: image {number} {error}") from None
        except (OSError, RuntimeError) as error:  # Of array_record's reader.
            raise _damaged(f"{self._place}: image {number} cannot be read", error) from error
        if self._size not in (None, pixels.shape):
            raise ConfigError(f"{self._place} has images of several sizes, as {self._size[1]}x{self._size[0]} and "
                              f"{pixels.shape[1]}x{pixels.shape[0]} (image {number}); bring all to one by `ganlab data "
                              "import`")
        return pixels


def imported(path: str, split: str = "train", only_class: str = "") -> Dataset:
    """A data set that `ganlab data import` has made, or any other of TFDS's in array_record with images of one size.

    Args:
      path: its folder.
      split: as TFDS writes it: `train`, `train[:90%]`.
      only_class: keeps the examples of one class, given by its name or number; empty for all.

    Returns:
      Images on the disk, and labels in memory.

    Raises:
      ConfigError: where there is no such data set, or it is damaged.
    """
    place = Path(path).expanduser()
    given = f"config.data.kwargs.path is {path!r}"
    if not (place / INFO).exists():
        what = "is no data set" if place.exists() else "does not exist"
        raise ConfigError(f"{given}, which {what}; make one by `ganlab data import SOURCE {path} --resolution=64`")
    builder = _opened(given, place)
    try:
        image, label = image_and_label(given, builder.info)
        records = open_records(str(place), builder, split)
        labels = _labels(place, builder, split, records, label)
        class_names = tuple(builder.info.features[label].names) if label else ()
        chosen = None
        if only_class:
            number = class_number(str(place), only_class, class_names)
            chosen = np.flatnonzero(labels == number)
            if not len(chosen):
                raise ConfigError(f"config.data.kwargs.only_class is {only_class!r}, of which {place} has no image in "
                                  f"{split}; take another split or class")
            labels, class_names = np.zeros(len(chosen), np.int32), (class_names[number],)
        elif not class_names or np.any(labels < 0):
            labels, class_names = np.zeros_like(labels), ("all",)
        images = RecordImages(str(place), records, image, builder.info.features[image].shape[-1], chosen)
    except (OSError, RuntimeError, ValueError) as error:
        raise _damaged(given, error) from error
    return Dataset(builder.name, images, labels, class_names)


def _opened(given: str, place: Path) -> Any:
    """TFDS's builder of the set in a folder."""
    from tensorflow_datasets.core.read_only_builder import builder_from_directory  # Here: TFDS takes half a second.

    try:
        return builder_from_directory(place)
    except Exception as error:  # Of protobuf, of JSON, of TFDS, all after a file that was written whole.
        raise _damaged(given, error) from error


def _damaged(what: str, error: Exception) -> ConfigError:
    reason = " ".join(str(error).split())[:200]
    return ConfigError(f"{what}: the data set is damaged ({reason}); make it anew by `ganlab data import SOURCE DEST "
                       "--overwrite`")


def _labels(place: Path, builder: Any, split: str, records: Any, label: str) -> np.ndarray:
    """Labels int32 of a split: those beside the records where an import left them, else read once."""
    if not label:
        return np.zeros(len(records), np.int32)
    if not (place / LABELS).exists():
        return label_of_examples(records, label)
    every, lengths = np.load(place / LABELS), builder.info.splits["train"].shard_lengths
    if len(every) != sum(lengths):
        raise ValueError(f"{LABELS} has {len(every)} labels of {sum(lengths)} images")
    starts = np.concatenate([[0], np.cumsum(lengths)])
    parts = []
    for part in builder.info.splits[split].file_instructions:
        shard = int(str(part.filename).rsplit("-of-", 1)[0].rsplit("-", 1)[1])
        parts.append(every[starts[shard] + part.skip:][:part.take if part.take >= 0 else lengths[shard] - part.skip])
    return np.concatenate(parts)


def folder(path: str, resolution: int, crop: str = "centre", background: str = "black", channels: int = 3,
           split: str = "train", only_class: str = "") -> Dataset:
    """A folder or zip file of images, with classes as `list_images` finds them.

    It is imported once, into `$XDG_CACHE_HOME/ganlab/data` (or `~/.cache/ganlab/data`), and opened from
    there as long as no file in it changes.

    Args:
      path: of the folder or zip file.
      resolution: side of the images in pixels; 0 leaves images of one size as they are.
      crop: what is kept of images that are not square: `centre`, `centre-wide` or `none`.
      background: colour under what is transparent.
      channels: 3 for colours, 1 for grey.
      split: as TFDS writes it: `train[:90%]`.
      only_class: keeps the examples of one class, given by its name or number; empty for all.

    Raises:
      ConfigError: as `import_images`.
    """
    form = Form(resolution, crop, background, channels)
    form.check("config.data.kwargs.")
    place = Path(path).expanduser().resolve()
    listing = list_images(place)
    made_from = json.dumps([str(place), listing.fingerprint, resolution, crop, background, channels])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ganlab" / "data"
    stored = cache / f"{place.stem or 'images'}-{hashlib.sha256(made_from.encode()).hexdigest()[:16]}"
    if not (stored / ORIGIN).exists():
        try:
            import_images(listing, stored, form, wait=True)
        except ConfigError:
            if not (stored / INFO).exists():  # Else another process has imported it while this one waited.
                raise
    return dataclasses.replace(imported(str(stored), split, only_class), name=data_name(place.with_suffix("")))
