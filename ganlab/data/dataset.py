"""What a data source returns, and the two forms of an image: uint8 at rest, [-1, 1] inside."""

import dataclasses
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.config import ConfigError
from ganlab.data.streams import Stream, Streams
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
class DataFacts:
    """What a system may know of the data: shapes and counts, without an example.

    Attributes:
      image_shape: of one image or point.
      num_classes: at least 1.
      source_shape: of one picture that is translated; None where there are none.
      paired: whether source i belongs to image i.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 1
    source_shape: tuple[int, ...] | None = None
    paired: bool = True

    def example(self) -> dict[str, jax.ShapeDtypeStruct]:
        """Returns the shapes of one example of a batch, as networks see it."""
        float_type = jnp.zeros(()).dtype
        found = {"image": jax.ShapeDtypeStruct(self.image_shape, float_type),
                 "label": jax.ShapeDtypeStruct((), jnp.int32)}
        if self.source_shape is not None:
            found["source"] = jax.ShapeDtypeStruct(self.source_shape, float_type)
        return found


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
    partners: Stream | None = None
    """A stream of examples that come in pairs with those of the same class, see `partners`."""
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

    @property
    def facts(self) -> DataFacts:
        """What a system may know of it."""
        source_shape = None if self.source_shape is None else tuple(self.source_shape)
        return DataFacts(tuple(self.image_shape), self.num_classes, source_shape, self.paired)

    def streams(self) -> Streams:
        """Declares the arrays by their names in raw batches, in groups that share an order.

        Pictures are whole, not crops.
        """
        if self.whole is not None:
            return self.whole.streams()
        first = {"image": self.images, "label": self.labels}
        if self.sources is None:
            found = (Stream(first),)
        elif self.paired:
            found = (Stream({**first, "source": self.sources}, ("image", "source")),)
        else:
            found = (Stream(first), Stream({"source": self.sources}, ("source",)))
        return found if self.partners is None else (*found, self.partners)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays in memory."""
        return sum(array.nbytes for stream in self.streams() for array in stream.values())


PICTURE_CHANNELS = (1, 3)
"""Channels of what files and screens show: grey, or colours."""


def as_pictures(images: np.ndarray) -> np.ndarray:
    """Returns images [n, h, w, c] as what can be shown: unchanged if they are grey or colours, else
    their channels beside each other in grey, [n, h, c w, 1]."""
    number, height, width, channels = images.shape
    if channels in PICTURE_CHANNELS:
        return images
    return np.moveaxis(images, -1, 2).reshape(number, height, channels * width, 1)


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


