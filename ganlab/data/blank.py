"""A stand-in for data that is not here."""

import numpy as np

from ganlab.data.classes import ONE_CLASS
from ganlab.data.dataset import Dataset


def blank(side: int = 256, channels: int = 3, source_channels: int = 3,
          classes: int = 1) -> Dataset:
    """Makes a black image and its black source of each class, for weights without their data.

    Args:
      side: side of both in pixels.
      channels: channels of the image.
      source_channels: channels of the source; 0 for no sources.
      classes: number of classes.

    Returns:
      uint8 images [classes, side, side, channels], sources [classes, side, side, source_channels].
    """
    sources = (np.zeros((classes, side, side, source_channels), np.uint8)
               if source_channels else None)
    names = ONE_CLASS if classes == 1 else tuple(map(str, range(classes)))
    return Dataset("blank", np.zeros((classes, side, side, channels), np.uint8),
                   np.arange(classes, dtype=np.int32), names, sources=sources)
