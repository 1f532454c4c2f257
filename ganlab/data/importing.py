"""Imports images of any size and kind as a data set of one size, decoded and resized only once."""

import collections
import contextlib
import dataclasses
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging

from ganlab.config import ConfigError, unknown
from ganlab.data.decoding import (
    MODES,
    BadImage,
    decode_image,
    encode_png,
    with_channels,
)
from ganlab.data.listing import SKIPPED, Listing
from ganlab.data.record_writer import (
    RecordWriter,
    data_name,
    named_folder,
    whole_or_nothing,
)
from ganlab.data.resizing import CROPS, MOST_ENLARGED, crop_size, resize

AHEAD = 4  # Images per thread that are being decoded or wait to be written.


@dataclasses.dataclass(frozen=True)
class Form:
    """What images are converted to.

    Attributes:
      resolution: side in pixels; 0 keeps images as they are, which must then be of one size.
      crop: a name of `CROPS`.
      background: under what is transparent: a name or #rrggbb, as in CSS.
      channels: 1 for grey or 3 for colours.
    """

    resolution: int
    crop: str = "centre"
    background: str = "black"
    channels: int = 3

    def check(self, prefix: str) -> tuple[int, int, int]:
        """Checks all values and returns the background as R, G, B.

        Args:
          prefix: what stands before the names in messages: `--`, or the path of the config's keys.

        Raises:
          ConfigError: for a value that is not allowed.
        """
        from PIL import ImageColor  # Imported here: other sources need not wait for it.

        if self.resolution < 0 or self.resolution > 8192:
            raise ConfigError(f"{prefix}resolution is {self.resolution}; it takes the side of the "
                              "images in pixels, up to 8192, or 0 to leave images of one size as "
                              "they are")
        if self.crop not in CROPS:
            raise unknown(f"{prefix}crop", self.crop, CROPS)
        if self.channels not in MODES:
            raise ConfigError(f"{prefix}channels is {self.channels}; it takes 1 (grey) or 3 "
                              "(colours)")
        try:
            return ImageColor.getrgb(self.background)[:3]
        except ValueError:
            raise ConfigError(f"{prefix}background is {self.background!r}; it takes a colour such "
                              "as black, white or #8090a0") from None


@dataclasses.dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
      shape: of each image, [h, w, c].
      per_class: images by class.
      left_out: names and reasons of what was bad.
      enlarged: images that were smaller than the resolution.
      grey: images without colour in their files.
    """

    shape: tuple[int, int, int]
    per_class: dict[str, int]
    left_out: tuple[tuple[str, str], ...]
    enlarged: int
    grey: int


@dataclasses.dataclass(frozen=True)
class _Prepared:
    png: bytes
    shape: tuple[int, int, int]
    enlarged: bool
    grey: bool


def import_images(listing: Listing, place: Path, form: Form, skip_bad: bool = False,
                  overwrite: bool = False, progress: Callable[[int, int], None] | None = None,
                  wait: bool = False) -> Imported:
    """Imports the images of a listing as a data set, in its order.

    What is at `place` afterwards opens by `tfds.builder_from_directory(place).as_data_source()` as
    well, without ganlab and without TensorFlow: features `image` and `label`, one split `train`.
    Where `place` ends in NAME/VERSION, `tfds.data_source(NAME)` finds it by its name. A few images
    are in memory at a time, however many there are.

    Args:
      listing: the images and their labels.
      place: a new or empty folder.
      form: what the images are converted to.
      skip_bad: leaves out and lists files that are not usable images, instead of stopping at the
        first.
      overwrite: replaces a data set that is at `place`, once the new one is whole.
      progress: called with images done and their total, after each.
      wait: waits for another import into the same place, instead of refusing.

    Raises:
      ConfigError: naming the file and the remedy, for a file that cannot be used, a source that
        changes meanwhile, a place that is not free or a disk that is full. Nothing is left at
        `place` then.
    """
    background = form.check("--")
    results = _in_order(lambda i: _prepare(listing, i, form, background), len(listing))
    # The folder takes its name only when everything below has succeeded.
    with whole_or_nothing(place, overwrite, wait) as folder, _quiet(), contextlib.closing(results):
        writer = RecordWriter(folder, data_name(place.absolute()), named_folder(place)[1])
        labels, left_out, done = [], list(listing.left_out), collections.Counter()
        shape = None
        for i, made in enumerate(results):
            # Without a resolution, all images must have the size of the first.
            if isinstance(made, _Prepared) and shape not in (None, made.shape):
                made = BadImage(f"is of {made.shape[1]}x{made.shape[0]} pixels, those before of "
                                f"{shape[1]}x{shape[0]}; give the resolution to bring all to")
            # A bad image ends the import, or is left out and listed.
            if isinstance(made, BadImage):
                if not skip_bad:
                    raise ConfigError(f"{listing.source}: {listing.names[i]} {made}; or {SKIPPED}")
                left_out.append((listing.names[i], str(made)))
            else:
                shape = made.shape
                writer.add(made.png, int(listing.labels[i]))
                labels.append(listing.labels[i])
                done.update(enlarged=made.enlarged, grey=made.grey)
            if progress:
                progress(i + 1, len(listing))
        # Files that changed meanwhile, or a class without usable images, end the import too.
        listing.verify()
        counts = np.bincount(np.array(labels, np.int64), minlength=len(listing.class_names))
        _check_counts(listing, counts, left_out)
        # What was done is kept beside the records.
        found = Imported(shape, dict(zip(listing.class_names, counts.tolist(), strict=True)),
                         tuple(left_out), done["enlarged"], done["grey"])
        writer.finish(np.array(labels, np.int32), listing.class_names, shape,
                      _origin(listing, form, found))
    return found


def _origin(listing: Listing, form: Form, found: Imported) -> dict[str, Any]:
    return {"source": listing.source, **dataclasses.asdict(form), "per_class": found.per_class,
            "enlarged": found.enlarged, "left_out": found.left_out, "listing": listing.fingerprint}


def _check_counts(listing: Listing, counts: np.ndarray, left_out: list[tuple[str, str]]) -> None:
    """Refuses classes that have lost all their images."""
    reasons = dict(left_out)
    for label in np.flatnonzero(counts == 0):
        first = next(listing.names[i] for i in np.flatnonzero(listing.labels == label))
        raise ConfigError(f"{listing.source}: no image of class {listing.class_names[label]} can "
                          f"be used; the first, {first}, {reasons[first]}; fix them or take the "
                          "class out")


def _prepare(listing: Listing, i: int, form: Form,
             background: tuple[int, int, int]) -> _Prepared | BadImage:
    try:
        pixels = decode_image(listing.read(i), background)
        height, width, channels = pixels.shape
        wide, high = crop_size(width, height, form.crop)
        _check_size(width, height, wide, high, form)
        # Channels come first: resizing grey takes a third of the time.
        made = resize(with_channels(pixels, form.channels), form.resolution, form.crop)
        return _Prepared(encode_png(made), made.shape, wide < form.resolution, channels == 1)
    except BadImage as error:
        return error


def _check_size(width: int, height: int, wide: int, high: int, form: Form) -> None:
    """Refuses pictures that would be distorted, or whose kept part `wide` x `high` is too small."""
    if form.crop == "none" and form.resolution and width != height:
        raise BadImage(f"is of {width}x{height} pixels, not square, which crop=none would distort; "
                       "take crop=centre")
    if min(wide, high) < 2 or wide * MOST_ENLARGED < form.resolution:
        least = max(2, -(-form.resolution // MOST_ENLARGED))
        raise BadImage(f"is of {width}x{height} pixels, of which {wide}x{high} are kept; at least "
                       f"{least} each way are needed for a resolution of {form.resolution}, as a "
                       f"picture grows {MOST_ENLARGED} times at most; remove it")


def _in_order(work: Callable[[int], Any], total: int) -> Iterator[Any]:
    """Yields `work(0)` to `work(total - 1)`, run by threads a few ahead; Pillow frees the GIL."""
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        waiting: collections.deque = collections.deque()
        try:
            for i in range(total):
                # Results come in order, and at most AHEAD of each thread wait in memory.
                waiting.append(pool.submit(work, i))
                if len(waiting) >= AHEAD * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences Pillow's warnings, which are of files that it reads nevertheless, and TFDS's log."""
    verbosity = logging.get_verbosity()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        logging.set_verbosity(logging.ERROR)
        try:
            yield
        finally:
            logging.set_verbosity(verbosity)
