"""What a data source returns, and the two forms of an image: uint8 at rest, [-1, 1] inside."""

import dataclasses

import jax.numpy as jnp
import numpy as np

from ganlab.types import Array


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A data set that fits in memory.

    `images` is uint8 [n, h, w, c], or float32 [n, d] for points, which networks see as
    they are. `labels` is int32 [n]; all zero where there is one class.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    centers: np.ndarray | None = None
    """The modes [m, d] of a mixture, and below its standard deviation; None for images."""
    deviation: float | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one example, without the batch."""
        return self.images.shape[1:]

    @property
    def num_classes(self) -> int:
        """Number of classes, at least 1."""
        return len(self.class_names)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that live on the device, by the names that batches use."""
        return {"image": self.images, "label": self.labels}


def to_float(images: Array) -> Array:
    """uint8 0..255 to floats in [-1, 1]; floats pass unchanged."""
    return images.astype(float) / 127.5 - 1.0 if images.dtype == jnp.uint8 else images.astype(float)


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Floats in [-1, 1] to uint8 0..255, rounded and clipped."""
    return np.clip(np.round((np.asarray(images, np.float32) + 1.0) * 127.5), 0, 255).astype(np.uint8)


