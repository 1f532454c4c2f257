"""Pictures to be translated, from folders and zip files: paired by name or side, or unpaired."""

import dataclasses
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np

from ganlab.config import ConfigError, unknown
from ganlab.data.dataset import Dataset
from ganlab.data.decoding import BadImage, decode_image, with_channels
from ganlab.data.importing import Form
from ganlab.data.listing import Listing, list_images
from ganlab.data.resizing import resize
from ganlab.data.stores import user_path

SIDES = ("left", "right")
NAMED = 3  # Files in a sentence; of more, it gives their number.


def two_folders(path: str, source_path: str, resolution: int, paired: bool = True,
                crop: str = "centre", background: str = "black", channels: int = 3,
                source_channels: int = 3) -> Dataset:
    """Loads two folders or zip files: images, and the sources that are translated to them.

    Pairs have the same path in both, but for the suffix: `cats/1.png` and `cats/1.jpg`. Unpaired
    ones may be of any number and name, as CycleGAN's trainB and trainA.

    Args:
      path: the folder or zip file of images, whose classes are found as by the source `folder`.
      source_path: the folder or zip file of sources.
      resolution: side of both in pixels.
      paired: whether the source of each image is the one of its name.
      crop: what is kept of pictures that are not square: `centre`, `centre-wide` or `none`.
      background: colour under what is transparent.
      channels: of images: 3 for colours, 1 for grey.
      source_channels: of sources, the same.

    Returns:
      uint8 images [n, resolution, resolution, channels] and sources, all in memory, sorted by path.

    Raises:
      ConfigError: for pictures without a partner, and for whatever cannot be listed or read.
    """
    # Both kinds get one size, each with its own channels.
    form = Form(resolution, crop, background, channels)
    source_form = dataclasses.replace(form, channels=source_channels)
    listing, sources = (list_images(user_path(place)) for place in (path, source_path))
    # Pairs have the order of the images; unpaired sources keep their own.
    order = _partners(listing, sources) if paired else np.arange(len(sources))
    return Dataset(Path(path).stem, _read(listing, range(len(listing)), form), listing.labels,
                   listing.class_names, sources=_read(sources, order, source_form, "source_"),
                   paired=paired)


def side_by_side(path: str, resolution: int, source_side: str = "left", crop: str = "centre",
                 background: str = "black", channels: int = 3, source_channels: int = 3) -> Dataset:
    """Loads pictures that hold source and image side by side, one half each, as those of pix2pix.

    Args:
      path: the folder or zip file, whose classes are found as by the source `folder`.
      resolution: side of both halves in pixels.
      source_side: which half is the source: `left` or `right`.
      crop: what is kept of halves that are not square: `centre`, `centre-wide` or `none`.
      background: colour under what is transparent.
      channels: of images: 3 for colours, 1 for grey.
      source_channels: of sources, the same.

    Returns:
      uint8 images [n, resolution, resolution, channels] and as many sources, all in memory, sorted
      by path.

    Raises:
      ConfigError: for a picture of an odd number of columns, and for whatever cannot be listed or
        read.
    """
    if source_side not in SIDES:
        raise unknown("config.data.kwargs.source_side", source_side, SIDES)
    listing = list_images(user_path(path))

    def half(side: str) -> Callable[[np.ndarray], np.ndarray]:
        return lambda pixels: _half(pixels, side)

    # The halves are decoded one after the other, each in its own form.
    image_side = SIDES[1 - SIDES.index(source_side)]
    # Images and sources have the same order, since they come from the same files.
    images = _read(listing, range(len(listing)), Form(resolution, crop, background, channels),
                   part=half(image_side))
    sources = _read(listing, range(len(listing)),
                    Form(resolution, crop, background, source_channels), "source_",
                    half(source_side))
    return Dataset(Path(path).stem, images, listing.labels, listing.class_names, sources=sources)


def _half(pixels: np.ndarray, side: str) -> np.ndarray:
    """Cuts the left or right half of pixels [h, w, c]."""
    width = pixels.shape[1]
    if width % 2:
        raise BadImage(f"is {width} pixels wide, an odd number, so that it does not hold two "
                       "pictures of one size; remove it, or name two folders by the source "
                       "two_folders")
    return pixels[:, :width // 2] if side == "left" else pixels[:, width // 2:]


def _partners(listing: Listing, sources: Listing) -> np.ndarray:
    """Returns the number of each image's source [n]."""
    number, image = (_by_name(found) for found in (sources, listing))
    # Every picture needs a partner, in both directions.
    for kind, has, misses, other in (("images", image, number, sources),
                                     ("sources", number, image, listing)):
        lone = sorted(has.keys() - misses.keys())
        if lone:
            names = f"{', '.join(lone[:NAMED])}{', ...' if len(lone) > NAMED else ''}"
            raise ConfigError(f"{len(lone):,} of {len(has):,} {kind} have no partner of the same "
                              f"name in {other.source} ({names}); add the partners, remove these, "
                              "or set config.data.kwargs.paired to False")
    return np.array([number[name] for name in image])


def _by_name(listing: Listing) -> dict[str, int]:
    """Returns numbers by path without suffix, in the order of the listing."""
    found: dict[str, int] = {}
    for i, path in enumerate(listing.names):
        name = str(PurePosixPath(path).with_suffix(""))
        if name in found:
            raise ConfigError(f"{listing.source} has {listing.names[found[name]]} and {path}, so "
                              "that partners by name are unclear; remove one of them")
        found[name] = i
    return found


def _read(listing: Listing, order: range | np.ndarray, form: Form, prefix: str = "",
          part: Callable[[np.ndarray], np.ndarray] = lambda pixels: pixels) -> np.ndarray:
    """Decodes a part of each picture of a listing, in a given order: uint8 [n, h, w, c]."""
    background = form.check(f"config.data.kwargs.{prefix}")
    images = None
    # The first picture sets the size, and the array is filled in place.
    for place, i in enumerate(order):
        try:
            pixels = part(with_channels(decode_image(listing.read(i), background), form.channels))
            pixels = resize(pixels, form.resolution, form.crop if form.resolution else "none")
        except BadImage as error:
            raise ConfigError(f"{listing.source}: {listing.names[i]} {error}") from None
        if images is None:
            images = np.empty((len(order), *pixels.shape), np.uint8)
        if pixels.shape != images.shape[1:]:
            raise ConfigError(f"{listing.source}: {listing.names[i]} is of "
                              f"{pixels.shape[1]}x{pixels.shape[0]} pixels, those before of "
                              f"{images.shape[2]}x{images.shape[1]}; set "
                              "config.data.kwargs.resolution to the side that all should have")
        images[place] = pixels
    return images
