"""Precision, recall, density and coverage are those of the published definitions, whatever the blocks."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ganlab.metrics import PRDC, neighbour_radii, prdc, precision_recall

PARITY = np.load(Path(__file__).parents[1] / "parity" / "metrics.npz")
DRAW = np.random.Generator(np.random.PCG64(7))
CASES = ((0, 5), (1, 3), (2, 5))


@pytest.fixture(params=["float64", "float32"])
def products(request, monkeypatch):
    """Runs a test with products of either number type."""
    monkeypatch.setattr("ganlab.metrics.distances.PAIRS_IN_FLOAT64", 2**24 if request.param == "float64" else 0)
    return request.param


def samples(number, dimension=5, mean=0.0):
    return (mean + DRAW.normal(size=(number, dimension))).astype(np.float32)


@pytest.mark.parametrize(("case", "k"), CASES)
def test_all_four_are_the_official_numbers(case, k, products):
    found = prdc(PARITY[f"in/real{case}"], PARITY[f"in/fake{case}"], k)
    for name, value in found._asdict().items():
        assert value == pytest.approx(float(PARITY[f"out/{case}_k{k}_{name}"]), rel=1e-12), name


@pytest.mark.parametrize(("case", "k"), CASES)
def test_radii_are_the_official_numbers(case, k, products):
    found = neighbour_radii(PARITY[f"in/real{case}"], k)
    np.testing.assert_allclose(found, PARITY[f"out/{case}_radii_real"], rtol=1e-12)


def test_precision_and_recall_are_the_official_numbers(products):
    found = precision_recall(PARITY["in/fb"], PARITY["in/fa"])
    official = [PARITY[f"out/prc_{name}"] for name in ("precision", "recall", "f_score")]
    np.testing.assert_allclose([*found, found.f_score], official, rtol=1e-6)


def test_a_line_of_points_by_hand():
    real, fake = np.array([[0.0], [1.0], [3.0], [7.0]]), np.array([[1.5], [20.0], [20.5]])
    np.testing.assert_array_equal(neighbour_radii(real, 1), [1, 1, 2, 4])
    # 1.5 lies with 1 and 3 but 4.5 from 0 and 7; nothing else meets, and the fake 1.5 reaches 18.5 far.
    assert prdc(real, fake, k=1) == PRDC(1 / 3, 1.0, 2 / 3, 2 / 4)
    assert precision_recall(real, fake, k=1) == (1 / 3, 1.0)


def test_a_distance_equal_to_the_radius_is_inside_for_the_one_and_outside_for_the_other():
    real, fake = np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]])
    assert precision_recall(real, fake, k=1) == (0.5, 0.5)
    assert prdc(real, fake, k=1) == PRDC(0, 0, 0, 0)


@pytest.mark.parametrize("block", [7, 1000])
def test_identical_sets_are_wholly_in_each_other_as_one_array_or_two(block):
    features = samples(50)
    for other in (features, features.copy()):
        found = prdc(features, other, k=3, block=block)
        assert (found.precision, found.recall, found.coverage) == (1, 1, 1)
        # A neighbourhood holds its centre and the two nearest: the third is on the rim, which is outside.
        assert found.density == pytest.approx(1, rel=1e-12)
        assert precision_recall(features, other, block=block) == (1, 1)


def test_repeated_examples_have_a_radius_of_zero(products):
    features = np.repeat(samples(10, mean=100), 4, axis=0)
    np.testing.assert_array_equal(neighbour_radii(features, 3), 0)
    assert np.min(neighbour_radii(features, 4)) > 0.1


def test_sets_far_apart_share_nothing():
    real, fake = samples(30), samples(40, mean=100)
    assert prdc(real, fake) == PRDC(0, 0, 0, 0)
    assert precision_recall(real, fake).f_score == 0


@pytest.mark.parametrize("estimate", [precision_recall, prdc])
def test_precision_and_recall_swap_with_the_sets(estimate):
    real, fake = samples(60), 0.7 * samples(50, mean=0.3)
    there, back = estimate(real, fake, k=3), estimate(fake, real, k=3)
    assert (there.precision, there.recall) == (back.recall, back.precision)
    assert 0 < there.recall < there.precision <= 1


def test_order_and_a_common_shift_change_nothing():
    real, fake = samples(60), samples(50, mean=0.5)
    assert prdc(real + 8, fake + 8) == prdc(real, fake) == prdc(real[::-1], np.roll(fake, 9, axis=0))


@pytest.mark.parametrize("block", [1, 7, 60, 1000])
def test_blocks_change_nothing(block, products):
    real, fake = samples(60), samples(50, mean=0.5)
    assert prdc(real, fake, k=3, block=block) == prdc(real, fake, k=3)
    assert precision_recall(real, fake, block=block) == precision_recall(real, fake)
    expected = np.sort(cdist(real.astype(float), real.astype(float)), axis=1)[:, 3]
    np.testing.assert_allclose(neighbour_radii(real, 3, block), expected, rtol=1e-5)


def test_a_mean_far_from_zero_does_not_cancel_distances_in_float32(monkeypatch):
    monkeypatch.setattr("ganlab.metrics.distances.PAIRS_IN_FLOAT64", 0)
    features = DRAW.integers(0, 64, size=(60, 5)).astype(np.float32)
    # Whole numbers below 2^24 are exact in float32, so the shift itself rounds nothing.
    np.testing.assert_allclose(neighbour_radii(features + 2**20, 3), neighbour_radii(features, 3), rtol=1e-5)


def peak_memory(number, block):
    real, fake = samples(number, 8), samples(number, 8)
    tracemalloc.start()
    prdc(real, fake, block=block)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_is_bounded_by_the_block_and_not_by_the_pairs(monkeypatch):
    monkeypatch.setattr("ganlab.metrics.distances.PAIRS_IN_FLOAT64", 0)
    few, many = peak_memory(1000, 100), peak_memory(4000, 100)
    # Sixteen times the pairs; what grows is some numbers for each example, and a tile is 40 kB.
    assert many < few + 3000 * 8 * 40
    assert many < 4000 * 4000 * 4 / 20


@pytest.mark.parametrize(("k", "words"), [(30, "k=30 is given, and at most 29 is allowed"), (0, "k=0 is given")])
@pytest.mark.parametrize("estimate", [precision_recall, prdc])
def test_as_many_neighbours_as_examples_are_refused(estimate, k, words):
    for real, fake in ((samples(30), samples(40)), (samples(40), samples(30))):
        with pytest.raises(ValueError, match=words):
            estimate(real, fake, k=k)


def test_a_block_of_nothing_is_refused():
    with pytest.raises(ValueError, match="block=0"):
        neighbour_radii(samples(9), 3, block=0)
