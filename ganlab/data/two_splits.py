"""Two splits of a set of TFDS as two kinds of pictures, to be translated without pairs."""

import dataclasses

from ganlab.data.dataset import Dataset
from ganlab.data.tfds import tfds


def two_splits(name: str, resolution: int, split: str = "trainB", source_split: str = "trainA",
               data_dir: str = "") -> Dataset:
    """Opens unpaired pictures of a set of TFDS whose splits are kinds, as cycle_gan/horse2zebra.

    Args:
      name: as TFDS writes it.
      resolution: side in pixels, see `tfds`.
      split: the split of the images.
      source_split: the split of the sources that are translated to them.
      data_dir: folder of prepared sets; empty for that of TFDS.

    Returns:
      Images and sources on the disk, uint8 [n, resolution, resolution, c].

    Raises:
      ConfigError: as `tfds`.
    """
    images, sources = (tfds(name, part, resolution=resolution, data_dir=data_dir)
                       for part in (split, source_split))
    return dataclasses.replace(images, sources=sources.images, paired=False)
