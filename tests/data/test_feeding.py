"""Feeding: batches from the device and batches read ahead on the host are the same bits, from any step."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganlab.data import Dataset, HostReader, finish_batches, gather_batches
from ganlab.data.order import host_shuffled_index, key_words, position_bit, shuffled_index

SLOTS, BATCH = 2, 4
KEY = jax.random.key(7)
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(256, size=(11, 4, 4, 3)).astype(np.uint8)
LABELS = np.arange(11, dtype=np.int32)
NAMES = tuple(map(str, range(11)))
DATASETS = {
    "images": Dataset("images", IMAGES, LABELS, NAMES),
    "points": Dataset("points", RNG.standard_normal((11, 2)).astype(np.float32), LABELS, NAMES),
    "pairs": Dataset("pairs", IMAGES, LABELS, NAMES, sources=255 - IMAGES),
    "two kinds": Dataset("two kinds", IMAGES, LABELS, NAMES, sources=255 - IMAGES[:7], paired=False),
}


@pytest.mark.parametrize("size", [1, 7, 1797, 2**31 - 1])
@pytest.mark.parametrize("first", [0, 2**31 - 5, 2**32 - 4096])
def test_the_order_on_the_host_is_that_of_the_device(size, first):
    positions = np.arange(first, first + 4096, dtype=np.uint32)
    device = jax.jit(shuffled_index)(KEY, positions, size)
    host = host_shuffled_index(np.asarray(key_words(KEY)), positions, size)
    assert host.dtype == device.dtype
    np.testing.assert_array_equal(host, device)


def test_an_order_of_a_million_on_the_host_is_a_permutation_each_epoch():
    size = 1_000_000
    words = np.asarray(key_words(KEY))
    epochs = [host_shuffled_index(words, np.arange(first, first + size, dtype=np.uint32), size) for first in (0, size)]
    for order in epochs:
        np.testing.assert_array_equal(np.bincount(order, minlength=size), 1)
    assert np.mean(epochs[0] == epochs[1]) < 1e-4


@functools.cache
def programs(name, flip):
    streams = DATASETS[name].streams()
    on_device = jax.jit(lambda step: gather_batches(streams, KEY, step, SLOTS, BATCH, flip))
    return on_device, jax.jit(lambda raw, step: finish_batches(raw, KEY, step, BATCH, flip))


@pytest.mark.parametrize("step", [0, 3, 1_000_000])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("name", DATASETS)
def test_both_ways_of_feeding_give_the_same_bits_from_any_step(name, flip, step):
    on_device, finish = programs(name, flip)
    expected = on_device(jnp.int32(step))
    raw = HostReader.of(DATASETS[name].streams(), KEY, SLOTS, BATCH).read(step)
    jax.tree.map(np.testing.assert_array_equal, finish(raw, jnp.int32(step)), expected)


def test_the_parts_of_several_processes_are_the_whole_batch():
    streams = DATASETS["two kinds"].streams()
    whole = HostReader.of(streams, KEY, SLOTS, BATCH).read(5)
    halves = [HostReader.of(streams, KEY, SLOTS, BATCH, rows).read(5) for rows in (range(2), range(2, 4))]
    together = jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *halves)
    jax.tree.map(np.testing.assert_array_equal, together, whole)


def batches(name, steps, flip=False):
    found = [programs(name, flip)[0](jnp.int32(step)) for step in range(steps)]
    return {part: np.concatenate([np.asarray(entry[part]).reshape(-1, *entry[part].shape[2:]) for entry in found])
            for part in found[0]}


def test_a_pair_stays_together_and_two_kinds_do_not():
    pairs, kinds = batches("pairs", 3), batches("two kinds", 3)
    np.testing.assert_allclose(pairs["source"], -pairs["image"], atol=1e-6)
    assert np.mean(np.all(np.isclose(kinds["source"], -kinds["image"]), axis=(1, 2, 3))) < 0.5


def test_each_kind_is_shown_whole_in_each_of_its_own_epochs():
    # Seven sources and eleven images: 77 positions are eleven epochs of the one and seven of the other.
    found = batches("two kinds", 10)
    for part, size in (("image", 11), ("source", 7)):
        shown = found[part][:77].reshape(77 // size, size, -1)
        assert all(len(np.unique(epoch, axis=0)) == size for epoch in shown)


def test_flipping_mirrors_about_half_of_the_images_left_to_right_anew_in_each_epoch():
    plain, flipped = batches("images", 55), batches("images", 55, flip=True)
    mirrored = np.all(flipped["image"] == plain["image"][:, :, ::-1], axis=(1, 2, 3))
    assert np.all(mirrored | np.all(flipped["image"] == plain["image"], axis=(1, 2, 3)))
    # 440 draws: the deviation of the share is 0.024.
    assert abs(np.mean(mirrored) - 0.5) < 0.1
    by_image = [set(mirrored[plain["label"] == label]) for label in range(11)]
    assert all(found == {True, False} for found in by_image)


def test_a_pair_is_mirrored_together():
    pairs = batches("pairs", 20, flip=True)
    np.testing.assert_allclose(pairs["source"], -pairs["image"], atol=1e-6)


def test_the_bit_of_a_position_is_fair_and_apart_from_its_neighbours_and_from_the_order():
    positions = np.arange(100_000, dtype=np.uint32)
    bits = np.asarray(jax.jit(position_bit)(KEY, positions)).astype(float)
    order = np.asarray(jax.jit(shuffled_index)(KEY, positions, 1000))
    # The deviation of a mean of so many fair bits is 0.0016, that of a correlation 0.0032.
    assert abs(bits.mean() - 0.5) < 0.006
    assert abs(np.corrcoef(bits[1:], bits[:-1])[0, 1]) < 0.013
    assert abs(np.corrcoef(bits, order)[0, 1]) < 0.013
