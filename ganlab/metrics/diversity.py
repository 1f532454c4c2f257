"""How far apart samples are, as a cheap sign of collapse while a generator trains."""

import numpy as np


def mean_distance(images: np.ndarray) -> float:
    """Computes the mean Euclidean distance of two different images of [n, ...], n at least 2."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    squares = (flat**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * flat @ flat.T, 0.0))
    np.fill_diagonal(distances, 0.0)  # Rounding leaves a little more.
    return float(distances.sum() / (len(flat) * (len(flat) - 1)))
