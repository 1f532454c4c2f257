"""What is not a set of features is refused in a sentence, by every estimator."""

import numpy as np
import pytest

from ganlab.metrics import (
    checked_pair, inception_score, kernel_distance, moments, neighbour_radii, prdc, precision_recall,
    sliced_wasserstein, squared_mmd)

GOOD = np.random.Generator(np.random.PCG64(8)).normal(size=(40, 5)).astype(np.float32)

OF_ONE = {
    "moments": moments,
    "inception_score": inception_score,
    "neighbour_radii": lambda features: neighbour_radii(features, 3),
}
OF_TWO = {
    "checked_pair": checked_pair,
    "kernel_distance": lambda real, fake: kernel_distance(real, fake, subset_size=10),
    "prdc": prdc,
    "precision_recall": precision_recall,
    "sliced_wasserstein": sliced_wasserstein,
    "squared_mmd": squared_mmd,
}


def spoiled(value):
    bad = GOOD.copy()
    bad[[3, 17], 2] = value
    return bad


BAD = {
    "a NaN": (spoiled(np.nan), "2 of 40 .* features hold a NaN or an infinity"),
    "infinity": (spoiled(np.inf), "2 of 40 .* features hold a NaN or an infinity"),
    "images": (GOOD.reshape(40, 5, 1), r"shape \[40, 5, 1\]"),
    "one vector": (GOOD[0], r"shape \[5\]"),
    "complex": (GOOD.astype(complex), "complex128"),
    "no dimension": (GOOD[:, :0], r"shape \[40, 0\]"),
    "nothing": (GOOD[:0], "0 .* features are too few"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("name", OF_ONE)
def test_bad_features_are_refused(name, case):
    OF_ONE[name](GOOD)
    bad, words = BAD[case]
    with pytest.raises(ValueError, match=words):
        OF_ONE[name](bad)


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("name", OF_TWO)
def test_bad_features_are_refused_on_either_side_and_named(name, case):
    OF_TWO[name](GOOD, GOOD + 1)
    bad, words = BAD[case]
    with pytest.raises(ValueError, match=words) as real:
        OF_TWO[name](bad, GOOD)
    with pytest.raises(ValueError, match=words) as fake:
        OF_TWO[name](GOOD, bad)
    assert "real features" in str(real.value) and "fake features" in str(fake.value)


@pytest.mark.parametrize("name", OF_TWO)
def test_mismatched_dimensions_are_refused(name):
    with pytest.raises(ValueError, match="real features have 5 dimensions and fake features 4"):
        OF_TWO[name](GOOD, GOOD[:, :4])


def test_large_but_finite_features_and_whole_numbers_are_taken():
    largest = np.full((3, 4), np.finfo(np.float64).max)
    assert checked_pair(largest, largest)[0] is largest
    assert checked_pair(np.arange(6).reshape(3, 2), np.eye(2))[0].dtype == np.float64
