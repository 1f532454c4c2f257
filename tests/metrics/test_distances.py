"""Every comparison of distances is that of differences in float64, however products are rounded."""

import numpy as np
import pytest

from ganlab.metrics import (
    PRDC, PrecisionRecall, distances, memorized, nearest_labels, neighbour_radii, prdc, precision_recall)

K = 3


@pytest.fixture
def draw():
    return np.random.Generator(np.random.PCG64(11))


@pytest.fixture(params=["float64", "float32"])
def products(request, monkeypatch):
    """Runs a test with products of either number type."""
    monkeypatch.setattr(distances, "PAIRS_IN_FLOAT64", 2**24 if request.param == "float64" else 0)


def by_differences(a, b):
    return np.sqrt(np.sum((a[:, None].astype(float) - b[None].astype(float))**2, axis=-1))


def by_formulas(real, fake, k=K):
    """The official formulas of both metrics, the whole matrix of distances at once."""
    radii, fake_radii = (np.partition(by_differences(each, each), k, axis=1)[:, k] for each in (real, fake))
    apart = by_differences(real, fake)
    inside, in_fake = apart < radii[:, None], apart < fake_radii
    closed, closed_in_fake = apart <= radii[:, None], apart <= fake_radii
    return (PRDC(np.mean(np.any(inside, 0)), np.mean(np.any(in_fake, 1)), np.mean(np.sum(inside, 0) / k),
                 np.mean(np.min(apart, 1) < radii)),
            PrecisionRecall(np.mean(np.any(closed, 0)), np.mean(np.any(closed_in_fake, 1))))


def whole_numbers(draw):
    """Sets in which every distance is exact, many are equal, and a third of the fakes are copies of reals."""
    real, fake = draw.integers(0, 4, size=(60, 6)), draw.integers(1, 4, size=(50, 6))
    return real, np.concatenate([fake, real[:20]])


def with_copies(draw, dimension=40):
    """Sets of numbers that round, in which copies of real examples and of fakes are exactly on many rims."""
    real = draw.normal(3, 1, size=(60, dimension)).astype(np.float32)
    fake = np.concatenate([real[:30], draw.normal(3, 0.8, size=(30, dimension)).astype(np.float32)])
    return real, np.concatenate([fake, fake[20:40]])


@pytest.mark.parametrize("sets", [whole_numbers, with_copies])
@pytest.mark.parametrize("block", [3, 17, 1000])
def test_ties_are_counted_as_the_official_formulas_count_them_whatever_the_blocks(sets, block, draw, products):
    real, fake = sets(draw)
    expected = by_formulas(real, fake)
    found = prdc(real, fake, K, block), precision_recall(real, fake, K, block)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-14)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-14)
    np.testing.assert_allclose(neighbour_radii(real, K, block),
                               np.partition(by_differences(real, real), K, axis=1)[:, K], rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.float32, np.float64, np.longdouble])
def test_number_types_change_nothing(dtype, draw):
    real, fake = whole_numbers(draw)
    assert prdc(real.astype(dtype), fake, K) == prdc(real, fake.astype(dtype), K) == prdc(real, fake, K)


@pytest.mark.parametrize("shift", [8, -8, 1000])
def test_a_common_shift_changes_nothing(shift, draw, products):
    for sets in (whole_numbers, with_copies):
        real, fake = (each.astype(float) for each in sets(draw))
        assert prdc(real + shift, fake + shift, K) == prdc(real, fake, K)
        assert precision_recall(real + shift, fake + shift, K) == precision_recall(real, fake, K)
        np.testing.assert_array_equal(neighbour_radii(real + shift, K), neighbour_radii(real, K))
        np.testing.assert_array_equal(memorized(real + shift, fake + shift), memorized(real, fake))


def test_a_copy_of_a_neighbour_is_on_the_rim_that_the_neighbour_sets(draw, products):
    """A fake that is a copy of the k-th neighbour is at the radius to the bit, so outside the open ball."""
    real = draw.normal(5, 1, size=(80, 33)).astype(np.float32)
    fake = real[np.argsort(by_differences(real, real), axis=1)[:, K]]
    for centre, example in zip(real, fake, strict=True):
        sets = real, np.concatenate([example[None], np.full((K + 1, 33), 1e3, np.float32) + np.arange(K + 1)[:, None]])
        radius = neighbour_radii(real, K)[np.flatnonzero(np.all(real == centre, axis=1))]
        np.testing.assert_array_equal(np.sqrt(distances.nearest(centre[None], sets[1], 1)[0][0]), radius)
    shares = by_formulas(real, fake)
    assert prdc(real, fake, K) == pytest.approx(shares[0], rel=1e-14)
    assert prdc(real, real.copy(), K).density == 1  # The example itself and its k - 1 nearest are inside.


@pytest.mark.parametrize("dimension", [1, 5, 700])
@pytest.mark.parametrize(("scale", "mean"), [(1, 0), (1e-30, 0), (1e12, 1e12), (1, 1e4)])
def test_bounds_hold_the_distance_by_differences(dimension, scale, mean, draw, monkeypatch):
    a = (mean + scale * draw.normal(size=(40, dimension))).astype(np.float32)
    b = np.concatenate([a[:10], (mean + scale * draw.normal(size=(30, dimension))).astype(np.float32)])
    for pairs in (0, 2**24):
        monkeypatch.setattr(distances, "PAIRS_IN_FLOAT64", pairs)
        for row, column, tile in distances.tiles(a, b, 16):
            i, j = np.indices(tile.least.shape).reshape(2, -1)
            apart, least = tile.squared(i, j), tile.least.ravel().astype(float)
            assert np.all(least <= apart) and np.all(apart <= least + 2 * (tile.a_slack[i] + tile.b_slack[j]))
            np.testing.assert_array_equal(apart.reshape(tile.least.shape), distances_of(a[row], b[column]))
            np.testing.assert_array_equal(tile.swapped.squared(j, i), apart)


def distances_of(a, b):
    return np.stack([np.sum((a.astype(float) - one.astype(float))**2, axis=1) for one in b], axis=1)


def test_products_of_any_rounding_give_the_same_bits(draw, monkeypatch):
    """Other libraries round otherwise: whatever they return within the bound, no number moves."""
    real, fake = with_copies(draw)
    calls = {"prdc": lambda: prdc(real, fake, K), "precision_recall": lambda: precision_recall(real, fake, K),
             "radii": lambda: neighbour_radii(fake, K), "memorized": lambda: memorized(real, fake, 0.9),
             "labels": lambda: nearest_labels(fake, real, np.arange(len(real)) % 7)}
    expected = {name: call() for name, call in calls.items()}
    make = distances._tile

    def rounded_otherwise(*arguments):
        tile = make(*arguments)
        # From anywhere between the lowest and the highest that the bound allows, far beyond real rounding.
        tile.a_slack, tile.b_slack = tile.a_slack + 0.5, tile.b_slack + 0.5
        tile.least = tile.least - 2 * draw.random(tile.least.shape)
        return tile

    monkeypatch.setattr(distances, "_tile", rounded_otherwise)
    for name, call in calls.items():
        np.testing.assert_array_equal(call(), expected[name], err_msg=name)


def test_a_product_that_overflows_leaves_its_pairs_open(draw, monkeypatch):
    monkeypatch.setattr(distances, "PAIRS_IN_FLOAT64", 0)
    real, fake = with_copies(draw)
    with np.errstate(over="ignore", invalid="ignore"):
        huge = prdc(real * np.float32(2**70), fake * np.float32(2**70), K)
    assert huge == prdc(real, fake, K)


def test_of_equally_near_ones_the_first_is_taken(draw, products):
    reference = np.array([[0, 3], [4, 5], [4, 1], [0, 3], [8, 3]], np.float32)
    values, places = distances.nearest(np.array([[4, 3]], np.float32), reference, 5, block=2)
    np.testing.assert_array_equal(values, [[4, 4, 16, 16, 16]])
    np.testing.assert_array_equal(places, [[1, 2, 0, 3, 4]])
    assert nearest_labels(np.array([[4, 3]]), reference, np.array([5, 6, 7, 8, 9])) == [6]
    # All corners are equally near the middle, and products of 0.1 do not round alike.
    corners = 0.1 * (np.indices((2,) * 9).reshape(9, -1).T + 31)
    np.testing.assert_array_equal(nearest_labels(np.stack([corners.mean(0)] * 3), corners, np.arange(len(corners))),
                                  np.argmin(distances_of(corners.mean(0)[None], corners)))


def test_near_copies_are_told_apart_in_float32(draw, monkeypatch):
    monkeypatch.setattr(distances, "PAIRS_IN_FLOAT64", 0)
    train = draw.normal(size=(50, 30)).astype(np.float32)
    train = np.concatenate([train, train[:25] + np.float32(1e-4)])
    fake = train[:25] + np.float32(1e-5)
    # The nearest is 1e-5 away and the second 9e-5, in each dimension.
    assert np.all(memorized(train, fake)) and not np.any(memorized(train, fake, ratio=0.1))


@pytest.mark.parametrize("spread", [0, 1e-4])
def test_a_collapsed_generator_costs_no_differences_of_all_pairs(spread, draw, monkeypatch):
    monkeypatch.setattr(distances, "PAIRS_IN_FLOAT64", 0)
    measured = []
    squared = distances.Tile.squared
    monkeypatch.setattr(distances.Tile, "squared", lambda self, i, j: (measured.append(len(i)), squared(self, i, j))[1])
    real = draw.normal(size=(400, 20)).astype(np.float32)
    fake = (real[:1] + spread * draw.normal(size=(400, 20))).astype(np.float32)
    found = prdc(real, fake, K, block=200)
    assert sum(measured) < 400 * 400 / 4
    assert found == pytest.approx(by_formulas(real, fake)[0], rel=1e-12)


def test_the_different_rows_stand_in_the_order_of_their_first():
    rows = np.array([[2.0, 0.0], [1.0, 0.0], [2.0, -0.0], [1.0, 0.0], [0.0, 1.0]], np.float32)
    found = distances.distinct(rows)
    np.testing.assert_array_equal(found.features, rows[[0, 1, 4]])
    np.testing.assert_array_equal(found.features[found.inverse], rows)
    np.testing.assert_array_equal(found.counts, [2, 2, 1])
    np.testing.assert_array_equal(found.first, [0, 1, 4])
