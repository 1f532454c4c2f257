"""The features of a whole set of images: computed in batches, and cached for later use."""

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ganlab.data import NotFinite
from ganlab.evaluation.features import Features, area_means
from ganlab.evaluation.picture_sets import PictureSet
from ganlab.metrics import Moments, PowerSums, add_images, moments

KEPT_BYTES = 2**28
"""Bytes of images that are kept as they are, for measures of pixels."""
STEP_BYTES = 2**26
"""Bytes of images, as floats, that are seen at once."""
MOST_IMAGES_A_STEP = 500
SMALL_SIDE = 32
CACHED = ("number", "shape", "sha256", "features", "logits")
"""What is cached of a set; its labels are those of whoever asks."""


@dataclasses.dataclass(frozen=True)
class SeenSet:
    """What is kept of a set of images.

    Attributes:
      number: number of images.
      shape: shape of one.
      sha256: hash of the content of all.
      features: [n, d] float32; None where no metric looks at them.
      logits: [n, c], where the features come with a classifier.
      errors: mean absolute differences [n] from their partners, of values in [-1, 1]; None without
        partners.
      images: the first images as they are, at most `KEPT_BYTES`; None for sets that are cached.
      whole: all of them as they are; None where no metric looks at them.
      small: all of them uint8 [n, h, w, c], of at most `SMALL_SIDE` pixels a side, by means over
        areas; None where no metric looks at them.
      power: the sums of their power spectra; None where no metric looks at them.
      labels: int32 [n]; None where they have no classes.
      class_names: what the labels stand for.
    """

    number: int
    shape: tuple[int, ...]
    sha256: str
    features: np.ndarray | None
    logits: np.ndarray | None = None
    images: np.ndarray | None = None
    whole: np.ndarray | None = None
    errors: np.ndarray | None = None
    small: np.ndarray | None = None
    power: PowerSums | None = None
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()

    @functools.cached_property
    def moments(self) -> Moments:
        """Mean and covariance of the features."""
        return moments(self.features)

    def take(self, index: np.ndarray) -> "SeenSet":
        """Returns the set of chosen examples, with repetitions; of images, those that are kept."""
        kept = None if self.images is None else self.images[index[index < len(self.images)]]
        chosen = {name: None if getattr(self, name) is None else getattr(self, name)[index]
                  for name in ("features", "logits", "errors", "whole", "small", "labels")}
        return SeenSet(self.number, self.shape, self.sha256, images=kept,
                       class_names=self.class_names, **chosen)

    def with_labels(self, labels: np.ndarray, class_names: tuple[str, ...]) -> "SeenSet":
        """Returns the set with other numbers of the same classes."""
        return dataclasses.replace(self, labels=labels, class_names=class_names)


def absolute_errors(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Computes mean absolute differences [n], in [-1, 1], of images [n, ...], uint8 or floats."""
    one, other = (np.float32(images) / 127.5 - 1 if images.dtype == np.uint8 else images
                  for images in (one, other))
    return np.mean(np.abs(one - other).reshape(len(one), -1), axis=1)


def cache_folder() -> Path:
    """Returns the folder where features are cached for this user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganlab" / "features"


def see(pictures: PictureSet, features: Features | None,
        advance: Callable[[int], None] = lambda number: None, small: bool = False,
        whole: bool = False, power: bool = False) -> SeenSet:
    """Sees a set of images: from the cache, else computes it and caches it if it has a key.

    Args:
      pictures: the images.
      features: what is computed of them; None for the images alone.
      advance: called with the number of images that have been done since the last call.
      small: whether reduced images are kept, too.
      whole: whether all images are kept as they are, too, whatever memory they take.
      power: whether the sums of their power spectra are kept, too.

    Raises:
      ConfigError: for an image that cannot be read, or whose features are not finite; then nothing
        is cached.
    """
    classes = {"labels": pictures.labels, "class_names": pictures.class_names}
    if features is None or not (pictures.cache_key and features.worth_keeping):
        return dataclasses.replace(_look(pictures, features, advance, small, whole, power),
                                   **classes)
    # A file in the cache belongs to these images, their number and these features.
    key = json.dumps([pictures.cache_key, pictures.number, dict(features.identity)], sort_keys=True)
    file = cache_folder() / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"
    found = _read(file)
    if found is None:
        found = dataclasses.replace(_look(pictures, features, advance, small, whole, power),
                                    images=None)
        _keep(file, found)
    else:
        advance(pictures.number)
        if small or whole or power:  # They are not cached: reading them again is fast.
            again = _look(pictures, None, lambda _: None, small, whole, power)
            found = dataclasses.replace(found, small=again.small, whole=again.whole,
                                        power=again.power)
    return dataclasses.replace(found, **classes)


def reduced(images: np.ndarray) -> np.ndarray:
    """Returns images uint8 [n, h, w, c] with sides of at most `SMALL_SIDE`, by means over areas."""
    sides = [min(side, SMALL_SIDE) for side in images.shape[1:3]]
    if list(images.shape[1:3]) == sides:
        return images
    rows, columns = (area_means(*each) for each in zip(sides, images.shape[1:3], strict=True))
    means = np.einsum("ih,jw,bhwc->bijc", rows, columns, np.float32(images), optimize=True)
    return np.uint8(np.clip(np.round(means), 0, 255))


def _look(pictures: PictureSet, features: Features | None,
          advance: Callable[[int], None], small: bool, whole: bool, power: bool) -> SeenSet:
    first = pictures.read(0, 1)
    every = np.empty((pictures.number, *first.shape[1:]), first.dtype) if whole else None
    # A step that fits into memory, whatever the size of the images.
    step = int(np.clip(STEP_BYTES // (4 * first[0].size), 1, MOST_IMAGES_A_STEP))
    seen, logits, errors, kept, left, digest = [], [], [], [], KEPT_BYTES, hashlib.sha256()
    shrunk, powers = [], None
    digest.update(repr((first.shape[1:], first.dtype.str)).encode())
    for start in range(0, pictures.number, step):
        stop = min(start + step, pictures.number)
        # Images are hashed as they come, so that the protocol names exactly what was measured.
        images = pictures.read(start, stop)
        digest.update(np.ascontiguousarray(images).tobytes())
        if features is not None:
            found, scores = features.extract(images, step)
            _require_finite(found, start, pictures, features)
            seen.append(found)
            logits.append(scores)
        # Pairs have errors, and measures of pixels need the first images as they are.
        if pictures.partners is not None:
            errors.append(absolute_errors(images, pictures.partners(start, stop)))
        if small and images.ndim == 4:
            shrunk.append(reduced(images))
        if power and images.ndim == 4:
            powers = add_images(powers, images)
        if whole:
            every[start:stop] = images
        if left >= images[0].nbytes:
            kept.append(images[:left // images[0].nbytes].copy())  # A view would keep all of them.
            left -= kept[-1].nbytes
        advance(stop - start)
    return SeenSet(pictures.number, first.shape[1:], digest.hexdigest(),
                   np.concatenate(seen) if seen else None,
                   np.concatenate(logits) if logits and logits[0] is not None else None,
                   np.concatenate(kept), every, np.concatenate(errors) if errors else None,
                   np.concatenate(shrunk) if shrunk else None, powers)


def _require_finite(found: np.ndarray, start: int, pictures: PictureSet,
                    features: Features) -> None:
    finite = np.all(np.isfinite(found), axis=1)
    if not np.all(finite):
        raise NotFinite(f"image {start + int(np.argmin(finite)):,} of {pictures.name} has features "
                        f"{features.name} that are not finite; look whether the run diverged, or "
                        "remove the image")


def _keep(file: Path, found: SeenSet) -> None:
    # Another process may do the same: each writes a file of its own, and the last one stays.
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    arrays = {name: value for name in CACHED if (value := getattr(found, name)) is not None}
    # A cache that cannot be written only costs the next evaluation time.
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(partial, "wb") as handle:
                np.savez(handle, **arrays)
            os.replace(partial, file)
        finally:
            partial.unlink(missing_ok=True)


def _read(file: Path) -> SeenSet | None:
    """Reads a file of the cache; returns None if it is missing or damaged."""
    try:
        with open(file, "rb") as handle, np.load(handle) as arrays:
            return SeenSet(int(arrays["number"]), tuple(map(int, arrays["shape"])),
                           str(arrays["sha256"]), arrays["features"],
                           arrays["logits"] if "logits" in arrays else None)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None
