"""What a data source returns, and the two forms of an image: uint8 at rest, [-1, 1] inside."""

import dataclasses
from typing import Protocol

import jax.numpy as jnp
import numpy as np

from ganlab.config import ConfigError
from ganlab.output import agreeing, counted
from ganlab.types import Array


class StoredImages(Protocol):
    """Images on a disk, indexed like an array in memory and decoded when they are asked for.

    Reading must be safe from several threads.
    """

    shape: tuple[int, ...]
    """[n, h, w, c]."""
    dtype: np.dtype
    nbytes: int
    """Bytes that the images would take in memory."""

    def __len__(self) -> int:
        """Returns the number of images."""
        ...

    def __getitem__(self, index: np.ndarray | slice | int) -> np.ndarray:
        """Returns the images [k, h, w, c] of indices [k] or of a slice, or one image [h, w, c]."""
        ...


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A data set, in memory or on a disk.

    `images` is uint8 [n, h, w, c], or float32 [n, d] for points, which networks see as
    they are. `labels` is int32 [n]; all zero where there is one class.
    """

    name: str
    images: np.ndarray | StoredImages
    labels: np.ndarray
    class_names: tuple[str, ...]
    centers: np.ndarray | None = None
    """The modes [m, d] of a mixture, and below its standard deviation; None for images."""
    deviation: float | None = None
    sources: np.ndarray | StoredImages | None = None
    """Pictures that are translated to `images`: one for each, or any number of unpaired ones."""
    paired: bool = True
    """Whether source i belongs to image i."""
    whole: "Dataset | None" = None
    """If pictures are crops: the same data with whole pictures, of which training cuts its own."""

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one example, without the batch."""
        return self.images.shape[1:]

    @property
    def source_shape(self) -> tuple[int, ...] | None:
        """Shape of one source, without the batch; None where there are none."""
        return None if self.sources is None else self.sources.shape[1:]

    @property
    def num_classes(self) -> int:
        """Number of classes, at least 1."""
        return len(self.class_names)

    def streams(self) -> tuple[dict[str, np.ndarray | StoredImages], ...]:
        """Returns the arrays by their names in raw batches, in groups that share an order.

        Pictures are whole, not crops.
        """
        if self.whole is not None:
            return self.whole.streams()
        first = {"image": self.images, "label": self.labels}
        if self.sources is None:
            return (first,)
        if self.paired:
            return ({**first, "source": self.sources},)
        return first, {"source": self.sources}

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays in memory."""
        return sum(array.nbytes for stream in self.streams() for array in stream.values())


def finite_images(images: np.ndarray) -> np.ndarray:
    """Returns bool [n]: whether all numbers of each of images [n, ...] are finite."""
    images = np.asarray(images, np.float32)
    return np.isfinite(images).all(axis=tuple(range(1, images.ndim)))


def to_float(images: Array) -> Array:
    """Converts uint8 0..255 to floats in [-1, 1]; floats pass unchanged."""
    return images.astype(float) / 127.5 - 1.0 if images.dtype == jnp.uint8 else images.astype(float)


class NotFinite(ConfigError):
    """Samples, or their features, that are not finite: what made them has diverged."""


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Converts images [n, ...] of floats in [-1, 1] to uint8 0..255, rounded and clipped.

    Raises:
      NotFinite: for images that are not finite, which would become black or white ones.
    """
    finite = finite_images(images)
    if not finite.all():
        bad = int(np.sum(~finite))
        raise NotFinite(f"{bad:,} of {counted(len(finite), 'image')} that the network makes "
                        f"{agreeing(bad, 'is', 'are')} not finite, the first of them number "
                        f"{int(np.argmin(finite)):,}; take an earlier checkpoint by --step, or "
                        "other weights")
    # -1 becomes 0, 1 becomes 255, and values beyond are clipped.
    levels = np.round((np.asarray(images, np.float32) + 1.0) * 127.5)
    return np.clip(levels, 0, 255).astype(np.uint8)


