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
from ganlab.evaluation.features import Features
from ganlab.evaluation.picture_sets import PictureSet
from ganlab.metrics import Moments, moments

KEPT_BYTES = 2**28
"""Bytes of images that are kept as they are, for measures of pixels."""
STEP_BYTES = 2**26
"""Bytes of images, as floats, that are seen at once."""
MOST_IMAGES_A_STEP = 500


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
    """

    number: int
    shape: tuple[int, ...]
    sha256: str
    features: np.ndarray | None
    logits: np.ndarray | None = None
    images: np.ndarray | None = None
    errors: np.ndarray | None = None

    @functools.cached_property
    def moments(self) -> Moments:
        """Mean and covariance of the features."""
        return moments(self.features)

    def take(self, index: np.ndarray) -> "SeenSet":
        """Returns the set of chosen examples, with repetitions; of images, those that are kept."""
        kept = None if self.images is None else self.images[index[index < len(self.images)]]
        return SeenSet(self.number, self.shape, self.sha256,
                       None if self.features is None else self.features[index],
                       None if self.logits is None else self.logits[index], kept,
                       None if self.errors is None else self.errors[index])


def absolute_errors(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Computes mean absolute differences [n], in [-1, 1], of images [n, ...], uint8 or floats."""
    one, other = (np.float32(images) / 127.5 - 1 if images.dtype == np.uint8 else images
                  for images in (one, other))
    return np.mean(np.abs(one - other).reshape(len(one), -1), axis=1)


def cache_folder() -> Path:
    """Returns the folder where features are cached for this user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganlab" / "features"


def see(pictures: PictureSet, features: Features | None,
        advance: Callable[[int], None] = lambda number: None) -> SeenSet:
    """Sees a set of images: from the cache, else computes it and caches it if it has a key.

    Args:
      pictures: the images.
      features: what is computed of them; None for the images alone.
      advance: called with the number of images that have been done since the last call.

    Raises:
      ConfigError: for an image that cannot be read, or whose features are not finite; then nothing
        is cached.
    """
    if features is None or not (pictures.cache_key and features.worth_keeping):
        return _look(pictures, features, advance)
    # A file in the cache belongs to these images, their number and these features.
    key = json.dumps([pictures.cache_key, pictures.number, dict(features.identity)], sort_keys=True)
    file = cache_folder() / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"
    found = _read(file)
    if found is not None:
        advance(pictures.number)
        return found
    found = dataclasses.replace(_look(pictures, features, advance), images=None)
    _keep(file, found)
    return found


def _look(pictures: PictureSet, features: Features | None,
          advance: Callable[[int], None]) -> SeenSet:
    first = pictures.read(0, 1)
    # A step that fits into memory, whatever the size of the images.
    step = int(np.clip(STEP_BYTES // (4 * first[0].size), 1, MOST_IMAGES_A_STEP))
    seen, logits, errors, kept, left, digest = [], [], [], [], KEPT_BYTES, hashlib.sha256()
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
        if left >= images[0].nbytes:
            kept.append(images[:left // images[0].nbytes].copy())  # A view would keep all of them.
            left -= kept[-1].nbytes
        advance(stop - start)
    return SeenSet(pictures.number, first.shape[1:], digest.hexdigest(),
                   np.concatenate(seen) if seen else None,
                   np.concatenate(logits) if logits and logits[0] is not None else None,
                   np.concatenate(kept), np.concatenate(errors) if errors else None)


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
    arrays = {name: value for name, value in vars(found).items() if value is not None}
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
