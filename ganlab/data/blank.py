"""A stand-in for data that is not here."""

import numpy as np

from ganlab.data.classes import ONE_CLASS
from ganlab.data.dataset import Dataset


def blank(side: int = 256, channels: int = 3, source_channels: int = 3) -> Dataset:
    """Makes one black image and its black source, for weights that came without their data.

    Args:
      side: side of both in pixels.
      channels: channels of the image.
      source_channels: channels of the source.

    Returns:
      uint8 images [1, side, side, channels] and sources [1, side, side, source_channels].
    """
    return Dataset("blank", np.zeros((1, side, side, channels), np.uint8), np.zeros(1, np.int32),
                   ONE_CLASS, sources=np.zeros((1, side, side, source_channels), np.uint8))
