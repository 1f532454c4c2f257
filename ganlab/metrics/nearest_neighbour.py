"""A nearest-neighbour classifier on pixels: does a sample look like the class that was asked for?"""

from typing import NamedTuple

import numpy as np


class LabelAgreement(NamedTuple):
    """How often a classifier names the class that a sample was asked to show."""

    share: float
    """Over all samples, from 0 to 1."""
    by_class: dict[int, float]
    """Over the samples of each class."""


def nearest_labels(images: np.ndarray, reference: np.ndarray, reference_labels: np.ndarray,
                   block: int = 1000) -> np.ndarray:
    """The label [n] of the reference image nearest to each image in Euclidean distance of pixels.

    Args:
      images: [n, ...], of the same value range as `reference`.
      reference: [m, ...].
      reference_labels: [m].
      block: images compared at a time, which bounds the memory.
    """
    points = np.asarray(reference, np.float64).reshape(len(reference), -1)
    squares = np.sum(points**2, axis=1)
    nearest = []
    for start in range(0, len(images), block):
        queries = np.asarray(images[start:start + block], np.float64).reshape(-1, points.shape[1])
        # The squared norm of the query is the same for every reference and is left out.
        nearest.append(np.argmin(squares - 2 * queries @ points.T, axis=1))
    return reference_labels[np.concatenate(nearest)]


def label_agreement(images: np.ndarray, labels: np.ndarray, reference: np.ndarray,
                    reference_labels: np.ndarray) -> LabelAgreement:
    """Share of images whose nearest reference image has the label that was asked for, overall and by class."""
    right = nearest_labels(images, reference, reference_labels) == labels
    return LabelAgreement(float(np.mean(right)),
                          {int(label): float(np.mean(right[labels == label])) for label in np.unique(labels)})
