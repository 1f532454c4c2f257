"""The order of data: every epoch a permutation, every permutation alike, and no memory."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from ganlab.data import gather_batches, shuffled_index

# The size is traced, so that tests of one shape share a program.
index_of = jax.jit(shuffled_index)
index_of_keys = jax.jit(jax.vmap(shuffled_index, in_axes=(0, None, None)))
SURPRISE = 1e-4  # Below this p the draws are called not uniform: seeds are fixed, so a test passes always or never.


@functools.cache
def epochs(seed, size, count, first=0):
    """Indices [count, size] of whole epochs."""
    positions = np.arange(first * size, (first + count) * size, dtype=np.uint32)
    return np.asarray(index_of(jax.random.key(seed), positions, size)).reshape(count, size)


# From the first epoch, and from one whose positions are beyond the range of int32.
@pytest.mark.parametrize("size, first, count", [
    (1, 0, 3), (1, 2**31, 3), (2, 0, 20), (7, 0, 20), (7, 2**31 // 7, 20), (1797, 0, 100), (1_000_000, 2147, 1)])
def test_every_epoch_is_a_permutation(size, first, count):
    orders = epochs(0, size, count, first)
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(size), (count, 1)))


def test_a_set_of_almost_2_to_the_31_repeats_nothing():
    index = np.asarray(index_of(jax.random.key(0), np.arange(100_000, dtype=np.uint32), 2**31 - 1))
    assert index.dtype == np.int32
    assert index.min() >= 0
    assert len(np.unique(index)) == index.size
    # Of this many uniform draws one is above any 99.9% mark except with a chance of e^-100.
    assert index.max() > 0.999 * 2**31


def test_epochs_and_keys_have_different_orders():
    orders = np.concatenate([epochs(seed, 1797, 2) for seed in range(3)])
    # Two random orders agree in one place on average, and in more than 12 with a chance below 1e-9.
    for number, order in enumerate(orders):
        assert np.all(np.sum(orders[number + 1:] == order, axis=1) <= 12)


def test_both_words_of_a_key_matter():
    words = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.uint32)
    orders = index_of_keys(jax.random.wrap_key_data(words), np.arange(64, dtype=np.uint32), 64)
    assert len(np.unique(orders, axis=0)) == len(words)


STREAMS = 20_000


@functools.cache
def orders(size, stream):
    """Orders [STREAMS, size] of one epoch for many keys, or of many epochs for one key."""
    if stream == "epochs of a key":
        return epochs(5, size, STREAMS)
    keys = {"seeds": jax.vmap(jax.random.key)(jnp.arange(STREAMS)),
            "split keys": jax.random.split(jax.random.key(5), STREAMS)}[stream]
    return np.asarray(index_of_keys(keys, jnp.arange(size, dtype=jnp.uint32), size))


def chi_square_p(observed, expected, freedom, scale=1.0):
    return scipy.stats.chi2.sf(scale * np.sum((observed - expected) ** 2 / expected), freedom)


streams = pytest.mark.parametrize("stream", ["seeds", "split keys", "epochs of a key"])
sizes = pytest.mark.parametrize("size", [5, 8])


@streams
@sizes
def test_every_example_takes_every_place_as_often(size, stream):
    order = orders(size, stream)
    places = np.stack([np.bincount(order[:, place], minlength=size) for place in range(size)])
    # Rows and columns of the counts have fixed sums, and entries of one permutation repel each
    # other: (n - 1)^2 degrees of freedom after a factor (n - 1) / n.
    assert chi_square_p(places, STREAMS / size, (size - 1) ** 2, (size - 1) / size) > SURPRISE


@streams
@sizes
def test_every_ordered_pair_are_neighbours_as_often(size, stream):
    order = orders(size, stream)
    off_diagonal = ~np.eye(size, dtype=bool)
    for place in range(size - 1):
        pairs = np.bincount(order[:, place] * size + order[:, place + 1], minlength=size**2).reshape(size, size)
        cells = size * (size - 1)
        # Bonferroni: each of the places tried may surprise by its share.
        assert chi_square_p(pairs[off_diagonal], STREAMS / cells, cells - 1) > SURPRISE / (size - 1)


@streams
def test_every_order_of_five_comes_as_often(stream):
    code = orders(5, stream) @ 5 ** np.arange(5)
    counts = np.unique(code, return_counts=True)[1]
    assert counts.size == 120
    assert chi_square_p(counts, STREAMS / 120, 119) > SURPRISE


@sizes
def test_the_order_of_an_epoch_tells_nothing_of_the_next(size):
    order = orders(size, "epochs of a key")
    pairs = np.bincount(order[:-1, 0] * size + order[1:, 0], minlength=size**2)
    assert chi_square_p(pairs, (STREAMS - 1) / size**2, size**2 - 1) > SURPRISE


@pytest.mark.parametrize("size, first, count", [(1797, 0, 100), (1_000_000, 2147, 1)])
def test_no_more_examples_keep_their_place_or_their_neighbour_than_by_chance(size, first, count):
    # Too few rounds of the shuffle show here first: a round leaves half of the places, and half of
    # the neighbours. By chance one example an epoch is in place, and two are followed by the
    # example next to them in the data, either way.
    order = epochs(0, size, count, first)
    in_place = np.sum(order == np.arange(size))
    neighbours = np.sum(np.abs(np.diff(order, axis=1)) == 1)
    for found, chance in ((in_place, count), (neighbours, 2 * count)):
        assert scipy.stats.poisson.sf(found - 1, chance) > SURPRISE
        assert scipy.stats.poisson.cdf(found, chance) > SURPRISE


def test_places_are_uniform_in_a_set_of_the_size_of_digits():
    # The first place of 16,384 epochs, in 16 bins of nearly equal size.
    first = np.asarray(index_of(jax.random.key(1), np.arange(2**14, dtype=np.uint32) * 1797, 1797))
    expected = np.bincount(np.arange(1797) * 16 // 1797) * (first.size / 1797)
    assert chi_square_p(np.bincount(first * 16 // 1797), expected, 15) > SURPRISE


@pytest.mark.parametrize("part", [slice(0, 1), slice(5, 30), slice(13, 15), slice(39, 40)])
def test_any_slice_is_the_slice_of_the_whole(part):
    # 14 examples, so that slices cross epochs: the order has no memory of what came before.
    positions = np.arange(40, dtype=np.uint32)
    key = jax.random.key(3)
    np.testing.assert_array_equal(index_of(key, positions[part], 14), np.asarray(index_of(key, positions, 14))[part])


def test_indices_have_the_shape_of_their_positions():
    positions = np.arange(12, dtype=np.uint32)
    key = jax.random.key(3)
    np.testing.assert_array_equal(index_of(key, positions.reshape(3, 4), 14).ravel(), index_of(key, positions, 14))


SIZE, SLOTS, BATCH = 11, 3, 4


@pytest.fixture(scope="module")
def gather():
    return jax.jit(functools.partial(gather_batches, slots=SLOTS, batch_size=BATCH))


@pytest.mark.parametrize("step", [0, 1, 7, 1_000_000])
def test_batches_of_a_step_are_those_that_the_order_says(gather, step):
    rng = np.random.default_rng(0)
    data = {"image": rng.integers(256, size=(SIZE, 2, 2, 1)).astype(np.uint8), "label": np.arange(SIZE, dtype=np.int32)}
    key = jax.random.key(4)
    batches = gather((data,), key, np.uint32(step * SLOTS * BATCH))
    positions = step * SLOTS * BATCH + np.arange(SLOTS * BATCH, dtype=np.uint32)
    index = np.asarray(shuffled_index(key, positions, SIZE)).reshape(SLOTS, BATCH)
    np.testing.assert_array_equal(batches["label"], index)
    assert batches["image"].dtype == jnp.float32
    np.testing.assert_allclose(batches["image"], data["image"][index] / 127.5 - 1, atol=1e-6)


def test_points_are_gathered_as_they_are(gather):
    data = {"image": np.random.default_rng(0).standard_normal((SIZE, 2)).astype(np.float32) * 5,
            "label": np.arange(SIZE, dtype=np.int32)}
    batches = gather((data,), jax.random.key(4), np.uint32(2 * SLOTS * BATCH))
    np.testing.assert_array_equal(batches["image"], data["image"][batches["label"]])


def test_an_epoch_of_rounds_shows_each_example_once(gather):
    data = {"image": np.zeros((24, 1), np.float32), "label": np.arange(24, dtype=np.int32)}
    labels = [np.ravel(gather((data,), jax.random.key(4), np.uint32(step * SLOTS * BATCH))["label"]) for step in range(4)]
    for epoch in (labels[:2], labels[2:]):
        np.testing.assert_array_equal(np.sort(np.concatenate(epoch)), np.arange(24))
    assert not np.array_equal(np.concatenate(labels[:2]), np.concatenate(labels[2:]))
