"""A nearest-neighbour classifier of pixels: does a sample look like the wanted class?"""

from typing import NamedTuple

import numpy as np

from ganlab.metrics.distances import distinct, nearest


class LabelAgreement(NamedTuple):
    """How often a classifier names the class that a sample was asked to show."""

    share: float
    """Over all samples, from 0 to 1."""
    by_class: dict[int, float]
    """Over the samples of each class."""


def nearest_labels(images: np.ndarray, reference: np.ndarray, reference_labels: np.ndarray,
                   block: int = 1000) -> np.ndarray:
    """Returns the label [n] of the reference image nearest to each image, by distance of pixels.

    The distance is Euclidean; of equally near images the first one counts.

    Args:
      images: [n, ...], of the same value range as `reference`.
      reference: [m, ...].
      reference_labels: [m].
      block: images compared at a time, which limits the memory.
    """
    points, queries = (np.asarray(given, np.float64).reshape(len(given), -1)
                       for given in (reference, images))
    different = distinct(points)
    _, places = nearest(queries, different.features, 1, block)
    return reference_labels[different.first[places[:, 0]]]


def label_agreement(images: np.ndarray, labels: np.ndarray, reference: np.ndarray,
                    reference_labels: np.ndarray) -> LabelAgreement:
    """Computes the share of images whose nearest reference has the wanted label, also by class."""
    right = nearest_labels(images, reference, reference_labels) == labels
    return LabelAgreement(float(np.mean(right)), {int(label): float(np.mean(right[labels == label]))
                                                  for label in np.unique(labels)})
