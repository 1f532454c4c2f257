"""Pictures at a fraction of their side, as a training that grows shows them: means of blocks of pixels."""

import dataclasses

import numpy as np

from ganlab.data.dataset import Dataset, StoredImages

BYTES_AT_A_TIME = 2**24
"""Of the images whose means are computed at once."""


def reduced_images(images: np.ndarray, factor: int) -> np.ndarray:
    """Computes means [n, h / factor, w / factor, c] of blocks of pixels of images [n, h, w, c].

    Those of uint8 are rounded to whole levels, halves to the even one, as they are stored by level
    in the official code of Karras et al. 2018. `factor` divides both sides.
    """
    n, height, width, channels = images.shape
    blocks = images.reshape(n, height // factor, factor, width // factor, factor, channels)
    if images.dtype != np.uint8:
        return np.mean(blocks, axis=(2, 4), dtype=np.float32)
    # In whole numbers, so that nothing depends on the order of a sum.
    total = np.sum(blocks, axis=(2, 4), dtype=np.int32)
    level, rest = np.divmod(total, factor**2)
    up = (2 * rest > factor**2) | ((2 * rest == factor**2) & (level % 2 == 1))
    return (level + up).astype(np.uint8)


class ReducedImages:
    """A view of images at a fraction of their side, computed when they are asked for."""

    def __init__(self, images: np.ndarray | StoredImages, factor: int):
        """Views `images` [n, h, w, c], of which `factor` divides both sides."""
        self._images, self._factor = images, factor
        n, height, width, channels = images.shape
        self.shape = (n, height // factor, width // factor, channels)
        self.dtype = images.dtype
        self.nbytes = images.nbytes // factor**2
        self._at_a_time = max(BYTES_AT_A_TIME * max(n, 1) // max(images.nbytes, 1), 1)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: np.ndarray | slice | int) -> np.ndarray:
        if isinstance(index, (int, np.integer)):
            return self[np.array([index])][0]
        # Some at a time: sums take four times the bytes of the images.
        chosen = np.arange(len(self))[index]
        found = np.empty((len(chosen), *self.shape[1:]), self.dtype)
        for start in range(0, len(chosen), self._at_a_time):
            part = chosen[start:start + self._at_a_time]
            found[start:start + len(part)] = reduced_images(
                np.asarray(self._images[part]), self._factor)
        return found


def reduced(dataset: Dataset, factor: int) -> Dataset:
    """Returns a data set whose images are means of blocks of `factor` by `factor` pixels; the set
    itself for 1."""
    if factor == 1:
        return dataset
    return dataclasses.replace(dataset, images=ReducedImages(dataset.images, factor))
