"""The handwritten digits that ship with scikit-learn."""

import numpy as np

from ganlab.data.dataset import Dataset


def digits() -> Dataset:
    """Loads scikit-learn's 1,797 handwritten digits of 8x8 grey pixels in 10 classes."""
    # Imported here: it takes a second that toy data need not pay.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    return Dataset("digits", images, bunch.target.astype(np.int32),
                   tuple(str(i) for i in range(10)))
