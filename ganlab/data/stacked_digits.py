"""Three digits as the three colours of one image: a thousand modes that can be counted."""

import numpy as np

from ganlab.data.dataset import Dataset
from ganlab.data.digits import digits


def stacked_digits(size: int = 128_000, seed: int = 0) -> Dataset:
    """Stacks three random `digits` as red, green and blue: uint8 [size, 8, 8, 3] in 1,000 classes.

    Classes are "000" to "999". The twin of Stacked-MNIST that needs no download (Metz et al. 2017,
    "Unrolled generative adversarial networks"; Srivastava et al. 2017, "VEEGAN"; Lin et al. 2018,
    "PacGAN", section 4.2): a label is 100 red + 10 green + blue, and every mode is about equally
    likely. The default size is that of PacGAN's training set. `ganlab.metrics.count_stacked_modes`
    counts the modes of samples.

    Args:
      size: number of images. The first images of a larger set are those of a smaller one.
      seed: chooses the digits.
    """
    single = digits()
    index = np.random.Generator(np.random.PCG64(seed)).integers(len(single), size=(size, 3))
    images = np.stack([single.images[index[:, channel], :, :, 0] for channel in range(3)], axis=-1)
    labels = single.labels[index] @ np.array([100, 10, 1], np.int32)
    return Dataset("stacked_digits", images, labels, tuple(f"{mode:03d}" for mode in range(1000)))
