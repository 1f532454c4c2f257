"""Which images of a set are nearest to others, in the eyes of some features."""

import numpy as np

from ganlab.config import ConfigError
from ganlab.evaluation.extraction import STEP_BYTES, see
from ganlab.evaluation.features import Features
from ganlab.evaluation.picture_sets import PictureSet
from ganlab.metrics import nearest
from ganlab.output import counted


def nearest_images(images: np.ndarray, pictures: PictureSet, features: Features,
                   count: int, block_bytes: int = STEP_BYTES) -> np.ndarray:
    """Returns the places [n, count] in a set of the pictures nearest to images [n, h, w, c].

    The nearest is first, and of equally near pictures the first of the set; distances are Euclidean
    between features. Features that are worth keeping are those of the cache; others, which may be
    large, are computed for as many pictures at a time as have features of `block_bytes`.

    Raises:
      ConfigError: for a set of fewer than `count` pictures, and as `see` for pictures that have no
        features.
    """
    if pictures.number < count:
        raise ConfigError(f"{pictures.name} has {counted(pictures.number, 'image')}, and the "
                          f"{count} nearest are asked for; ask for fewer")
    queries, _ = features.extract(images)
    if features.worth_keeping:
        return nearest(queries, see(pictures, features).features, count)[1]
    squared = np.full((len(images), 0), np.inf)
    places = np.zeros((len(images), 0), int)
    block = max(count, block_bytes // queries[0].nbytes)
    for start in range(0, pictures.number, block):
        # The nearest so far stand before those of this block, so that they are first of equals.
        found, _ = features.extract(pictures.read(start, min(start + block, pictures.number)))
        near, place = nearest(queries, found, min(count, len(found)))
        squared = np.concatenate([squared, near], axis=1)
        order = np.argsort(squared, axis=1, kind="stable")[:, :count]
        places = np.take_along_axis(
            np.concatenate([places, start + place], axis=1), order, axis=1)
        squared = np.take_along_axis(squared, order, axis=1)
    return places
