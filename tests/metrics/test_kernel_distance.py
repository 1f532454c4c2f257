"""The kernel distance is unbiased: that of equal distributions is 0 on average."""

from pathlib import Path

import numpy as np
import pytest

from ganlab.metrics import kernel_distance, squared_mmd

PARITY = np.load(Path(__file__).parents[1] / "parity" / "metrics.npz")
DRAW = np.random.Generator(np.random.PCG64(6))


def samples(number, mean=0.0):
    return (mean + DRAW.normal(size=(number, 4))).astype(np.float32)


def test_it_is_the_official_number_for_the_official_seed():
    found = kernel_distance(PARITY["in/fb"], PARITY["in/fa"], subsets=20, subset_size=100, seed=2020)
    np.testing.assert_allclose(found, [PARITY["out/kid_mean"], PARITY["out/kid_std"]], rtol=1e-6)


def test_two_pairs_of_numbers_by_hand():
    # k(x, y) = (x y + 1)^3: 8 for x = 1 and y = 1, 1 for x = 1 and y = 0, 27 for x = 1 and y = 2.
    found = squared_mmd(np.array([[1.0], [1.0]]), np.array([[0.0], [2.0]]))
    assert found == pytest.approx(8 + 1 - 2 * (1 + 27) / 2)


def test_it_is_unbiased_for_equal_distributions_and_for_different_sizes():
    values = [squared_mmd(samples(12), samples(20)) for _ in range(1500)]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * error
    assert np.min(values) < -10 * error


def test_small_sets_estimate_on_average_what_large_ones_do():
    real, fake = samples(400), samples(400, mean=0.5)
    subsets = kernel_distance(real, fake, subsets=400, subset_size=20)
    assert abs(subsets.mean - squared_mmd(real, fake)) < 4 * subsets.deviation / np.sqrt(400)


def test_one_subset_of_everything_is_the_estimate_from_all():
    real, fake = samples(30), samples(30, mean=1)
    found = kernel_distance(real, fake, subsets=3, subset_size=30)
    assert found.mean == pytest.approx(squared_mmd(real, fake), rel=1e-12)
    assert found.deviation == pytest.approx(0, abs=1e-12)


def test_it_is_symmetric_and_free_of_the_order():
    real, fake = samples(30), samples(40, mean=1)
    assert squared_mmd(real, fake) == pytest.approx(squared_mmd(fake[::-1], real), rel=1e-12)


def test_blocks_do_not_change_it():
    real, fake = samples(30), samples(40, mean=1)
    assert squared_mmd(real, fake, block=7) == pytest.approx(squared_mmd(real, fake), rel=1e-12)


@pytest.mark.parametrize(("options", "words"), [
    ({"subset_size": 31}, "subset_size=31 is given, and at most 30 is allowed"),
    ({"subset_size": 1}, "subset_size=1 is given"),
    ({"subset_size": 10, "subsets": 0}, "subsets=0 is given"),
])
def test_subsets_that_cannot_be_drawn_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        kernel_distance(samples(40), samples(30), **options)
