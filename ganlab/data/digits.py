"""The handwritten digits that ship with scikit-learn."""

import numpy as np

from ganlab.data.dataset import Dataset


def digits() -> Dataset:
    """1,797 handwritten digits of 8x8 grey pixels in 10 classes, bundled with scikit-learn."""
    from sklearn.datasets import load_digits  # Imported here: it takes a second that toy data need not pay.

    bunch = load_digits()
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    return Dataset("digits", images, bunch.target.astype(np.int32), tuple(str(i) for i in range(10)))
