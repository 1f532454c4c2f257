"""A stand-in for data that is not here."""

import numpy as np

from ganlab.data.classes import ONE_CLASS
from ganlab.data.dataset import Dataset


def blank(side: int = 256, channels: int = 3, source_channels: int = 3,
          classes: int = 1, number: int = 1) -> Dataset:
    """Makes black images and their black sources of each class, for weights without their data.

    Args:
      side: side of both in pixels.
      channels: channels of the image.
      source_channels: channels of the source; 0 for no sources.
      classes: number of classes.
      number: images of each class.

    Returns:
      uint8 images [n, side, side, channels] and sources [n, side, side, source_channels].
    """
    total = classes * number
    sources = np.zeros((total, side, side, source_channels), np.uint8) if source_channels else None
    names = ONE_CLASS if classes == 1 else tuple(map(str, range(classes)))
    return Dataset("blank", np.zeros((total, side, side, channels), np.uint8),
                   np.arange(total, dtype=np.int32) % classes, names, sources=sources)
