"""Sets of images that are compared: of a data set, of a folder or zip file, of a generator. None holds them all."""

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
"""As many real images, and samples, as a published FID takes."""


@dataclasses.dataclass(frozen=True)
class PictureSet:
    """Images, or points, that are read in their order.

    Attributes:
      name: what they are, in a few words.
      number: how many.
      read: `(start, stop) -> images`, uint8 [k, h, w, c], or float32 points [k, d].
      identity: what is known of them besides their content, of JSON's types.
      cache_key: changes when they do; empty for sets that do not come again.
      partners: `(start, stop) -> images` that these should have become; None where nobody knows.
    """

    name: str
    number: int
    read: Callable[[int, int], np.ndarray]
    identity: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    cache_key: str = ""
    partners: Callable[[int, int], np.ndarray] | None = None


def data_pictures(dataset: Dataset, source: Mapping[str, Any], number: int = 0) -> PictureSet:
    """The images of a data set: all up to `MOST_IMAGES`, or `number` of them, spread evenly over it.

    Args:
      dataset: the images.
      source: what the config says of them (`config.data`).
      number: how many; 0 for the default.

    Raises:
      ConfigError: for more than there are.
    """
    if number > len(dataset):
        raise ConfigError(f"--real_number={number:,}, but {dataset.name} has {counted(len(dataset), 'image')}; "
                          "ask for fewer")
    chosen = spread(len(dataset), number or MOST_IMAGES)
    images = dataset.images
    split = _splits(source).get("split", "train")
    crop = source.get("crop", 0)
    identity = {"split": split, "resize": "none"} | ({"crop": f"centre, {crop}x{crop}"} if crop else {})
    return PictureSet(f"{dataset.name} {split}" if "split" in source["kwargs"] else dataset.name, len(chosen),
                      lambda start, stop: images[chosen[start:stop]], identity, content_key(images, chosen))


def content_key(images: np.ndarray | StoredImages, chosen: np.ndarray) -> str:
    """What changes when chosen images of a data set do; empty for images on a disk that cannot tell."""
    if isinstance(images, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(images[chosen])).hexdigest()
    return images.content_hash(chosen) if hasattr(images, "content_hash") else ""


def source_identity(dataset: Dataset, source: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the sources of a data set, which are translated: split, number, and a hash where they have one.

    `source` is what the config says of the data (`config.data`).
    """
    splits, sources = _splits(source), dataset.sources
    found = {"split": splits.get("source_split", splits.get("split", "train")), "number": len(sources)}
    key = content_key(sources, spread(len(sources), MOST_IMAGES))
    return found | ({"sha256": key[:16]} if key else {})


def _splits(source: Mapping[str, Any]) -> Mapping[str, Any]:
    """What holds the splits of a source, by `judged_data` or by the config."""
    return source.get("splits") or source["kwargs"]


def folder_pictures(path: str, resolution: int = 0, number: int = 0) -> PictureSet:
    """The images of a folder or zip file, in the order of their names.

    Args:
      path: the folder or zip file; classes do not matter.
      resolution: side of the square that each is cropped and resized to; 0 leaves images of one size as they are.
      number: how many; 0 for all up to `MOST_IMAGES`. Spread evenly.

    Raises:
      ConfigError: for an empty or missing folder, for fewer images than asked for, and while reading for an image that
        does not decode, or of another size than those before.
    """
    listing = list_images(Path(path).expanduser())
    if number > len(listing):
        raise ConfigError(f"{path} has {counted(len(listing), 'image')}, not the {number:,} asked for; ask for fewer")
    chosen = spread(len(listing), number or MOST_IMAGES)
    shape: list[tuple[int, ...]] = []

    def one(index: int) -> np.ndarray:
        try:
            pixels = decode_image(listing.read(index))
        except BadImage as error:
            raise ConfigError(f"{path}: {listing.names[index]} {error}") from None
        pixels = with_channels(resize(pixels, resolution) if resolution else pixels, 3)
        shape[:] = shape or [pixels.shape]
        if pixels.shape != shape[0]:
            raise ConfigError(f"{path}: {listing.names[index]} is of {pixels.shape[1]}x{pixels.shape[0]} pixels, those "
                              f"before of {shape[0][1]}x{shape[0][0]}; --resolution=N crops and resizes all alike")
        return pixels

    key = hashlib.sha256(repr((listing.fingerprint, resolution, len(chosen))).encode()).hexdigest()
    name = Path(path).expanduser().resolve().stem
    return PictureSet(name, len(chosen), lambda start, stop: np.stack([one(i) for i in chosen[start:stop]]),
                      {"split": "all", "resize": f"centre, {resolution}x{resolution}" if resolution else "none"}, key)
