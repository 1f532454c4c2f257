"""Data sets that stay on a disk: imported ones, and folders and zip files."""

import dataclasses
import hashlib
import json
import os
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from ganlab.config import ConfigError
from ganlab.data.dataset import Dataset
from ganlab.data.importing import Form, import_images
from ganlab.data.listing import list_images
from ganlab.data.record_writer import INFO, LABELS, ORIGIN, data_name
from ganlab.data.records import RecordImages, damaged
from ganlab.data.stores import user_path
from ganlab.data.tfds import (
    class_number,
    image_and_label,
    label_of_examples,
    numbered,
    open_records,
)
from ganlab.output import counted


def imported(path: str, split: str = "train", only_class: str = "") -> Dataset:
    """Opens a data set that `ganlab data import` made, or any of TFDS's in array_record.

    Args:
      path: its folder.
      split: as TFDS writes it: `train`, `train[:90%]`.
      only_class: keeps the examples of one class, given by its name or number; empty for all.

    Returns:
      Images on the disk, all of one size, and labels in memory.

    Raises:
      ConfigError: if the data set does not exist, or is damaged.
    """
    place = user_path(path)
    given = f"config.data.kwargs.path is {path!r}"
    if not (place / INFO).exists():
        what = "is not a data set" if place.exists() else "does not exist"
        command = shlex.join(["ganlab", "data", "import", "SOURCE", path, "--resolution=64"])
        raise ConfigError(f"{given}, which {what}; make one by `{command}`")
    builder = _opened(given, place)
    # The set was complete once: whatever does not read from here on is damaged.
    try:
        image, label = image_and_label(given, builder.info)
        records = open_records(str(place), builder, split)
        labels, class_names = numbered(given, builder.info, label,
                                       _labels(place, builder, split, records, label))
        # All examples, or one class, which is then the only one; unlabelled examples make all of
        # them one class.
        chosen = None
        if only_class:
            number = class_number(str(place), only_class, class_names)
            chosen = np.flatnonzero(labels == number)
            if not len(chosen):
                raise ConfigError(f"config.data.kwargs.only_class is {only_class!r}, of which "
                                  f"{place} has no image in {split}; take another split or class")
            labels, class_names = np.zeros(len(chosen), np.int32), (class_names[number],)
        elif not class_names or np.any(labels < 0):
            labels, class_names = np.zeros_like(labels), ("all",)
        images = RecordImages(str(place), records, image, builder.info.features[image].shape[-1],
                              chosen)
    except (OSError, RuntimeError, ValueError) as error:
        raise damaged(given, error) from error
    return Dataset(builder.name, images, labels, class_names)


def _opened(given: str, place: Path) -> Any:
    """Opens TFDS's builder of the set in a folder."""
    # Here: TFDS takes half a second.
    from tensorflow_datasets.core.read_only_builder import builder_from_directory

    try:
        return builder_from_directory(place)
    except Exception as error:
        # From protobuf, JSON or TFDS, although the file was written completely.
        raise damaged(given, error) from error


def _labels(place: Path, builder: Any, split: str, records: Any, label: str) -> np.ndarray:
    """Returns integer labels [n] of a split: from beside the records, else from the records."""
    if not label or not (place / LABELS).exists():
        return label_of_examples(records, label)
    every, lengths = np.load(place / LABELS), builder.info.splits["train"].shard_lengths
    if every.ndim != 1 or every.dtype.kind not in "iu":
        raise ValueError(f"{LABELS} has {every.dtype} {list(every.shape)}, not a whole number for "
                         "each image")
    if len(every) != sum(lengths):
        raise ValueError(f"{LABELS} has {counted(len(every), 'label')} of "
                         f"{counted(sum(lengths), 'image')}")
    # A split such as train[:90%] is parts of shards, so its labels are parts of all labels.
    starts = np.concatenate([[0], np.cumsum(lengths)])
    parts = []
    for part in builder.info.splits[split].file_instructions:
        shard = int(str(part.filename).rsplit("-of-", 1)[0].rsplit("-", 1)[1])
        count = part.take if part.take >= 0 else lengths[shard] - part.skip
        parts.append(every[starts[shard] + part.skip:][:count])
    return np.concatenate(parts)


def folder(path: str, resolution: int, crop: str = "centre", background: str = "black",
           channels: int = 3, split: str = "train", only_class: str = "") -> Dataset:
    """Opens a folder or zip file of images, with classes as `list_images` finds them.

    It is imported once, into `$XDG_CACHE_HOME/ganlab/data` (or `~/.cache/ganlab/data`), and opened
    from there as long as no file in it changes.

    Args:
      path: the folder or zip file.
      resolution: side of the images in pixels; 0 keeps images of one size as they are.
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
    place = user_path(path).resolve()
    listing = list_images(place)
    # The copy in the cache is found by all that decides what it holds.
    made_from = json.dumps(
        [str(place), listing.fingerprint, resolution, crop, background, channels])
    cache = user_path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "ganlab" / "data"
    digest = hashlib.sha256(made_from.encode()).hexdigest()[:16]
    stored = cache / f"{place.stem or 'images'}-{digest}"
    # On first use it is imported, unless another process does so meanwhile.
    if not (stored / ORIGIN).exists():
        try:
            import_images(listing, stored, form, wait=True)
        except ConfigError:
            if not (stored / INFO).exists():
                # Otherwise another process imported it while this one waited.
                raise
    return dataclasses.replace(imported(str(stored), split, only_class),
                               name=data_name(place.with_suffix("")))
