"""Images in the records of a prepared data set, read and decoded when they are asked for."""

import hashlib
from typing import Any

import numpy as np

from ganlab.config import ConfigError
from ganlab.data.decoding import BadImage, decode_image, with_channels
from ganlab.data.resizing import resize


class RecordImages:
    """Images of TFDS's records, decoded when they are asked for (see `StoredImages`)."""

    dtype = np.dtype(np.uint8)

    def __init__(self, place: str, records: Any, key: str, channels: int,
                 chosen: np.ndarray | None = None, resolution: int = 0):
        """Reads the first image, whose shape is that of all.

        Args:
          place: for messages.
          records: TFDS's reader, whose images come as their files.
          key: name of the image in an example.
          channels: 1 or 3.
          chosen: which examples these are; None for all.
          resolution: side to which the central square of each is resized; 0 keeps images of one
            size as they are.

        Raises:
          ConfigError: if the first image cannot be read.
        """
        self._place, self._records, self._key, self._channels = place, records, key, channels
        self._chosen = np.arange(len(records)) if chosen is None else chosen
        self._resolution = resolution
        self._size: tuple[int, ...] | None = None
        self._size = self._read(int(self._chosen[0])).shape
        self.shape = (len(self._chosen), *self._size)
        self.nbytes = int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: np.ndarray | slice | int) -> np.ndarray:
        """Returns images uint8 [k, h, w, c] of indices or of a slice, or [h, w, c] of one index."""
        wanted = self._chosen[index]
        numbers = np.atleast_1d(wanted)
        images = np.empty((*numbers.shape, *self.shape[1:]), np.uint8)
        for image, number in zip(images.reshape(-1, *self.shape[1:]), numbers.reshape(-1),
                                 strict=True):
            image[:] = self._read(int(number))
        return images if np.ndim(wanted) else images[0]

    def content_hash(self, index: np.ndarray) -> str:
        """Hashes the files of chosen images, undecoded, and the form that they are decoded to."""
        digest = hashlib.sha256(repr((self._channels, self._resolution, self.shape[1:])).encode())
        for number in self._chosen[index]:
            digest.update(self._records[int(number)][self._key])
        return digest.hexdigest()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Returns all images, in memory."""
        del copy
        return self[:].astype(dtype or self.dtype, copy=False)

    def _read(self, number: int) -> np.ndarray:
        try:
            pixels = with_channels(decode_image(self._records[number][self._key]), self._channels)
            pixels = resize(pixels, self._resolution, "centre") if self._resolution else pixels
        except BadImage as error:
            raise ConfigError(f"{self._place}: image {number} {error}") from None
        except (OSError, RuntimeError) as error:  # Of array_record's reader.
            raise damaged(f"{self._place}: image {number} cannot be read", error) from error
        if self._size not in (None, pixels.shape):
            raise ConfigError(f"{self._place} has images of several sizes, as "
                              f"{self._size[1]}x{self._size[0]} and "
                              f"{pixels.shape[1]}x{pixels.shape[0]} (image {number}); give a "
                              "resolution, or bring all to one size by `ganlab data import`")
        return pixels


def damaged(what: str, error: Exception) -> ConfigError:
    """Makes the error for a data set that was complete once and can no longer be read."""
    reason = " ".join(str(error).split())[:200]
    return ConfigError(f"{what}: the data set is damaged ({reason}); import it again by `ganlab "
                       "data import SOURCE DEST --overwrite`")
