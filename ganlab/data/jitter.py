"""Random changes of pictures each time that they are shown: mirroring, and crops of larger ones."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.config import ConfigError
from ganlab.data.dataset import Dataset, StoredImages, to_float
from ganlab.data.order import position_bit, position_draw
from ganlab.types import Array


class Jitter(NamedTuple):
    """What is drawn for each picture, each time that it is shown.

    Attributes:
      flip: whether half of them are mirrored left to right.
      crop: side of the squares that are cut out of them at random places; 0 shows them whole.
    """

    flip: bool = False
    crop: int = 0

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> "Jitter":
        """Reads the jitter of a config's section `data`."""
        return cls(section["flip"], section["crop"])


def jittered(pictures: Array, key: Array, positions: Array, jitter: Jitter) -> Array:
    """Converts pictures [slots, b, h, w, c] to floats in [-1, 1], cropped and mirrored.

    Points become floats. Draws belong to the positions [slots, b] in the stream of `key`: what
    shares a position (a pair) is cropped and mirrored together, and each epoch draws again.
    """
    if jitter.crop:
        # Corners are uniform over all places where the square fits.
        corners = (position_draw(key, positions, axis, size - jitter.crop + 1).astype(jnp.int32)
                   for axis, size in enumerate(pictures.shape[2:4]))
        cut = jax.vmap(jax.vmap(lambda picture, top, left: jax.lax.dynamic_slice(
            picture, (top, left, 0), (jitter.crop, jitter.crop, picture.shape[-1]))))
        pictures = cut(pictures, *corners)
    pictures = to_float(pictures)
    if jitter.flip:
        # One bit a position, for all pixels of its picture.
        bit = position_bit(key, positions).reshape(positions.shape + (1,) * (pictures.ndim - 2))
        pictures = jnp.where(bit == 1, jnp.flip(pictures, axis=-2), pictures)
    return pictures


def with_crops(dataset: Dataset, side: int) -> Dataset:
    """Returns a data set of which crops of `side` pixels are shown; the set itself for 0.

    Its streams hold whole pictures, from which training cuts squares at random places. Its images
    and sources, by which it is sampled, compared and measured, are the centres of these.

    Raises:
      ConfigError: for points, for a crop that is larger than the pictures, and for pairs of two
        sizes.
    """
    if not side:
        return dataset
    # Points cannot be cropped.
    if len(dataset.image_shape) != 3:
        raise ConfigError(f"config.data.crop is {side}, but {dataset.name} holds points, which "
                          "have nothing to crop; set it to 0")
    # A crop must fit into all pictures, and pairs are cropped at the same place.
    shapes = {"images": dataset.image_shape, "sources": dataset.source_shape}
    sizes = {name: shape[:2] for name, shape in shapes.items() if shape is not None}
    for name, size in sizes.items():
        if side > min(size):
            raise ConfigError(f"config.data.crop is {side}, larger than the {name} of "
                              f"{dataset.name}, which have {size[1]}x{size[0]} pixels; use at most "
                              f"{min(size)}, or load them larger")
    if dataset.paired and len(set(sizes.values())) > 1:
        found = " and ".join(f"{name} of {size[1]}x{size[0]}" for name, size in sizes.items())
        raise ConfigError(f"config.data.crop is {side}, but {dataset.name} has pairs of {found} "
                          "pixels, which cannot be cropped alike; load both at one size, or set it "
                          "to 0")
    return dataclasses.replace(dataset, images=_centres(dataset.images, side), whole=dataset,
                               sources=None if dataset.sources is None
                               else _centres(dataset.sources, side))


def _centres(images: np.ndarray | StoredImages, side: int) -> "np.ndarray | StoredImages":
    rows, columns = (slice((size - side) // 2, (size - side) // 2 + side)
                     for size in images.shape[1:3])
    if isinstance(images, np.ndarray):
        return images[:, rows, columns]
    return CentreCrops(images, rows, columns)


@dataclasses.dataclass(frozen=True)
class CentreCrops:
    """The centres of images on a disk, cut when they are asked for (see `StoredImages`)."""

    images: StoredImages
    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, ...]:
        """[n, side, side, c]."""
        number, _, _, channels = self.images.shape
        return (number, self.rows.stop - self.rows.start, self.columns.stop - self.columns.start,
                channels)

    @property
    def dtype(self) -> np.dtype:
        """That of the images."""
        return self.images.dtype

    @property
    def nbytes(self) -> int:
        """Bytes that they would take in memory."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: np.ndarray | slice | int) -> np.ndarray:
        return self.images[index][..., self.rows, self.columns, :]

    def content_hash(self, index: np.ndarray) -> str:
        """Returns a text that changes with these crops; empty if the images have none."""
        whole = self.images.content_hash(index) if hasattr(self.images, "content_hash") else ""
        return f"{whole} cropped to {self.shape[1]}" if whole else ""
