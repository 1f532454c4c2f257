"""Sets of images that are compared, of data, folders or generators, read a part at a time."""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganlab.config import ConfigError
from ganlab.data import (
    BadImage,
    Dataset,
    StoredImages,
    decode_image,
    list_images,
    resize,
    spread,
    with_channels,
)
from ganlab.output import counted

MOST_IMAGES = 50_000
"""Number of real images, and of samples, of a published FID."""


@dataclasses.dataclass(frozen=True)
class PictureSet:
    """Images, or points, that are read in their order.

    Attributes:
      name: what they are, in a few words.
      number: how many.
      read: `(start, stop) -> images`, uint8 [k, h, w, c], or float32 points [k, d].
      identity: what is known of them besides their content, in JSON's types.
      cache_key: changes when they do; empty for sets that are not used again.
      partners: `(start, stop) -> images` that these should have become; None if that is unknown.
      labels: int32 [number]; None where they have no classes.
      class_names: what the labels stand for.
    """

    name: str
    number: int
    read: Callable[[int, int], np.ndarray]
    identity: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    cache_key: str = ""
    partners: Callable[[int, int], np.ndarray] | None = None
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()


def data_pictures(dataset: Dataset, source: Mapping[str, Any], number: int = 0) -> PictureSet:
    """Returns the images of a data set: up to `MOST_IMAGES`, or `number`, spread evenly over it.

    Args:
      dataset: the images.
      source: what the config says of them (`config.data`).
      number: how many; 0 for the default.

    Raises:
      ConfigError: for more images than there are.
    """
    if number > len(dataset):
        raise ConfigError(f"--real_number={number:,}, but {dataset.name} has "
                          f"{counted(len(dataset), 'image')}; ask for fewer")
    chosen = spread(len(dataset), number or MOST_IMAGES)
    images = dataset.images
    # What a protocol says of the images, besides a hash of their content.
    split = _splits(source).get("split", "train")
    crop = source.get("crop", 0)
    identity = {"split": split, "resize": "none"}
    if crop:
        identity["crop"] = f"centre, {crop}x{crop}"
    return PictureSet(f"{dataset.name} {split}" if "split" in source["kwargs"] else dataset.name,
                      len(chosen), lambda start, stop: images[chosen[start:stop]], identity,
                      content_key(images, chosen), labels=np.asarray(dataset.labels)[chosen],
                      class_names=tuple(dataset.class_names))


def content_key(images: np.ndarray | StoredImages, chosen: np.ndarray) -> str:
    """Returns a text that changes with chosen images; empty for images on a disk without a hash."""
    if isinstance(images, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(images[chosen])).hexdigest()
    return images.content_hash(chosen) if hasattr(images, "content_hash") else ""


def source_identity(dataset: Dataset, source: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what is known of the sources of a data set: split, number, and perhaps a hash.

    `source` is what the config says of the data (`config.data`).
    """
    splits, sources = _splits(source), dataset.sources
    found = {"split": splits.get("source_split", splits.get("split", "train")),
             "number": len(sources)}
    key = content_key(sources, spread(len(sources), MOST_IMAGES))
    return found | ({"sha256": key[:16]} if key else {})


def _splits(source: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns what holds the splits of a source, from `judged_data` or the config."""
    return source.get("splits") or source["kwargs"]


def folder_pictures(path: str, resolution: int = 0, number: int = 0) -> PictureSet:
    """Returns the images of a folder or zip file, in the order of their names.

    Args:
      path: the folder or zip file; its folders of the first level are classes, if there are
        several.
      resolution: side of the square that each is cropped and resized to; 0 keeps images of one size
        as they are.
      number: how many, spread evenly; 0 for all up to `MOST_IMAGES`.

    Raises:
      ConfigError: for an empty or missing folder, for fewer images than asked for, and while
        reading for an image that does not decode, or of another size than those before.
    """
    # Files are listed now and decoded when they are compared.
    listing = list_images(Path(path).expanduser())
    if number > len(listing):
        raise ConfigError(f"{path} has {counted(len(listing), 'image')}, not the {number:,} asked "
                          "for; ask for fewer")
    chosen = spread(len(listing), number or MOST_IMAGES)
    shape: list[tuple[int, ...]] = []

    def one(index: int) -> np.ndarray:
        try:
            pixels = decode_image(listing.read(index))
        except BadImage as error:
            raise ConfigError(f"{path}: {listing.names[index]} {error}") from None
        pixels = with_channels(resize(pixels, resolution) if resolution else pixels, 3)
        # The first image sets the size of all.
        shape[:] = shape or [pixels.shape]
        if pixels.shape != shape[0]:
            raise ConfigError(f"{path}: {listing.names[index]} is of "
                              f"{pixels.shape[1]}x{pixels.shape[0]} pixels, those before of "
                              f"{shape[0][1]}x{shape[0][0]}; --resolution=N crops and resizes all "
                              "alike")
        return pixels

    # The cache's key changes with the files and with what is made of them.
    key = hashlib.sha256(repr((listing.fingerprint, resolution, len(chosen))).encode()).hexdigest()
    name = Path(path).expanduser().resolve().stem
    return PictureSet(
        name, len(chosen), lambda start, stop: np.stack([one(i) for i in chosen[start:stop]]),
        {"split": "all", "resize": f"centre, {resolution}x{resolution}" if resolution else "none"},
        key, **({"labels": listing.labels[chosen], "class_names": listing.class_names}
                if len(listing.class_names) > 1 else {}))
