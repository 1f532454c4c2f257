"""The features of a whole set of images: read once, in batches, and kept on the disk for sets that come again."""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganlab.config import ConfigError
from ganlab.evaluation.features import Features
from ganlab.evaluation.picture_sets import PictureSet

KEPT_BYTES = 2**28
"""Of images that are kept as they are, for measures of pixels."""


class SeenSet(NamedTuple):
    """What is kept of a set of images."""

    features: np.ndarray
    """[n, d] float32."""
    logits: np.ndarray | None
    """[n, c], where the features come with a classifier."""
    images: np.ndarray | None
    """The first images as they are, of at most `KEPT_BYTES`; None of sets that come from the cache or go there."""
    sha256: str
    """Of the content of all images."""

    def take(self, index: np.ndarray) -> "SeenSet":
        """The set of chosen examples, each as often as it is named."""
        return self._replace(features=self.features[index], logits=None if self.logits is None else self.logits[index])


def cache_folder() -> Path:
    """Where features are kept for this user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganlab" / "features"


def see(pictures: PictureSet, features: Features, advance: Callable[[int], None] = lambda number: None) -> SeenSet:
    """Features of a set: from the cache where they are, else made, and kept if the set has a key.

    Args:
      pictures: the images.
      features: what is seen of them.
      advance: told how many images more are done.

    Raises:
      ConfigError: for an image that does not read, or whose features are not finite; then nothing is kept.
    """
    if not (pictures.cache_key and features.worth_keeping):
        return _look(pictures, features, advance)
    key = json.dumps([pictures.cache_key, pictures.number, dict(features.identity)], sort_keys=True)
    file = cache_folder() / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"
    found = _read(file)
    if found is not None:
        advance(pictures.number)
        return found
    found = _look(pictures, features, advance)._replace(images=None)
    _keep(file, found)
    return found


def _look(pictures: PictureSet, features: Features, advance: Callable[[int], None]) -> SeenSet:
    seen, logits, kept, left, digest = [], [], [], KEPT_BYTES, hashlib.sha256()
    for start in range(0, pictures.number, features.batch_size):
        stop = min(start + features.batch_size, pictures.number)
        images = pictures.read(start, stop)
        digest.update(repr((images.shape[1:], images.dtype.str)).encode() * (not start))
        digest.update(np.ascontiguousarray(images).tobytes())
        found, scores = features.extract(images)
        if not np.all(np.isfinite(found)):
            first = start + int(np.argmin(np.all(np.isfinite(found), axis=1)))
            raise ConfigError(f"image {first:,} of {pictures.name} has features {features.name} that are not finite; "
                              "look whether the run diverged, or remove the image")
        seen.append(found)
        logits.append(scores)
        kept.append(images[:left // images[0].nbytes])
        left -= kept[-1].nbytes
        advance(stop - start)
    return SeenSet(np.concatenate(seen), None if logits[0] is None else np.concatenate(logits), np.concatenate(kept),
                   digest.hexdigest())


def _keep(file: Path, found: SeenSet) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Another process may be doing the same: each writes a file of its own, and the last one stays.
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    arrays = {name: value for name, value in found._asdict().items() if value is not None}
    try:
        with open(partial, "wb") as handle:
            np.savez(handle, **arrays)
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def _read(file: Path) -> SeenSet | None:
    """What a file of the cache holds; nothing where there is none or it is damaged."""
    try:
        with open(file, "rb") as handle, np.load(handle) as arrays:
            return SeenSet(arrays["features"], arrays["logits"] if "logits" in arrays else None, None,
                           str(arrays["sha256"]))
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None
