"""A stand-in for data that is not here."""

import numpy as np

from ganlab.data.classes import ONE_CLASS
from ganlab.data.dataset import Dataset


def blank(side: int = 256, channels: int = 3, source_channels: int = 3) -> Dataset:
    """One black image and its source, as black: for weights that came without the data that they learned from.

    Args:
      side: of both in pixels.
      channels: of the image.
      source_channels: of the source.

    Returns:
      uint8 images [1, side, side, channels] and sources [1, side, side, source_channels].
    """
    return Dataset("blank", np.zeros((1, side, side, channels), np.uint8), np.zeros(1, np.int32), ONE_CLASS,
                   sources=np.zeros((1, side, side, source_channels), np.uint8))
