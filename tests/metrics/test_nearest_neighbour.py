"""Label agreement: a classifier names what it knows."""

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from ganlab.data import SOURCES
from ganlab.metrics import label_agreement, nearest_labels


def test_the_reference_itself_agrees_fully():
    data = SOURCES["digits"]()
    found = label_agreement(data.images, data.labels, data.images, data.labels)
    assert found.share == 1.0 and set(found.by_class.values()) == {1.0} and len(found.by_class) == 10


def test_labels_are_those_of_scikit_learns_nearest_neighbour():
    data = SOURCES["digits"]()
    flat = data.images.reshape(len(data), -1).astype(float)
    classifier = KNeighborsClassifier(n_neighbors=1).fit(flat[:1000], data.labels[:1000])
    mine = nearest_labels(data.images[1000:], data.images[:1000], data.labels[:1000], block=100)
    np.testing.assert_array_equal(mine, classifier.predict(flat[1000:]))


def test_agreement_is_counted_by_the_class_that_was_asked_for():
    reference, labels = np.array([[0.0], [10.0]]), np.array([0, 1])
    found = label_agreement(np.array([[1.0], [9.0], [9.5], [0.5]]), np.array([0, 0, 1, 1]), reference, labels)
    assert found.share == 0.5 and found.by_class == {0: 0.5, 1: 0.5}
