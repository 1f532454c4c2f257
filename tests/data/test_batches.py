"""Feeding: batches from the device and batches read ahead on the host are the same bits, from any step."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganlab.config import ConfigError
from ganlab.data import Dataset, HostReader, Jitter, finish_batches, gather_batches, partners, with_crops
from ganlab.data.order import host_shuffled_index, key_words, position_bit, position_draw, shuffled_index

SLOTS, BATCH = 2, 4
FLIPPED, CROPPED, BOTH = Jitter(flip=True), Jitter(crop=3), Jitter(True, 3)
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
    # The partner's number is in its pixels and beside it.
    "partners": Dataset("partners", IMAGES, LABELS % 3, NAMES[:3], partners=partners(
        {"partner": np.arange(9, dtype=np.uint8)[:, None, None, None] * np.ones((4, 4, 1), np.uint8),
         "number": np.arange(9, dtype=np.int32)}, np.arange(9) // 4, 3, pictures=("partner",))),
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
def programs(name, jitter):
    streams = DATASETS[name].streams()
    on_device = jax.jit(lambda first: gather_batches(streams, KEY, first, SLOTS, BATCH, jitter))
    return on_device, jax.jit(lambda raw, first: finish_batches(raw, KEY, first, BATCH, jitter))


def first_of(step):
    """The position of the first example of a round, modulo 2^32."""
    return np.uint32(step * SLOTS * BATCH % 2**32)


@pytest.mark.parametrize("step", [0, 3, 1_000_000])
@pytest.mark.parametrize(("name", "jitter"), [*((name, Jitter()) for name in DATASETS), ("points", FLIPPED),
                                              ("pairs", BOTH), ("two kinds", BOTH), ("partners", BOTH)])
def test_both_ways_of_feeding_give_the_same_bits_from_any_step(name, jitter, step):
    on_device, finish = programs(name, jitter)
    expected = on_device(first_of(step))
    raw = HostReader.of(DATASETS[name].streams(), KEY, SLOTS, BATCH).read(first_of(step))
    jax.tree.map(np.testing.assert_array_equal, finish(raw, first_of(step)), expected)


def test_the_parts_of_several_processes_are_the_whole_batch():
    streams = DATASETS["two kinds"].streams()
    whole = HostReader.of(streams, KEY, SLOTS, BATCH).read(first_of(5))
    halves = [HostReader.of(streams, KEY, SLOTS, BATCH, rows).read(first_of(5)) for rows in (range(2), range(2, 4))]
    together = jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *halves)
    jax.tree.map(np.testing.assert_array_equal, together, whole)


def batches(name, steps, jitter=Jitter()):
    """What several rounds show, one after another, by part; two programs may round it otherwise."""
    found = [programs(name, jitter)[0](first_of(step)) for step in range(steps)]
    return {part: np.concatenate([np.asarray(entry[part]).reshape(-1, *entry[part].shape[2:]) for entry in found])
            for part in found[0]}


def test_a_pair_stays_together_and_two_kinds_do_not():
    pairs, kinds = batches("pairs", 3), batches("two kinds", 3)
    np.testing.assert_allclose(pairs["source"], -pairs["image"], atol=1e-6)
    assert np.mean(np.all(np.isclose(kinds["source"], -kinds["image"]), axis=(1, 2, 3))) < 0.5


def test_a_partner_is_any_example_of_the_same_class_and_stays_whole():
    found = batches("partners", 150)
    np.testing.assert_array_equal(found["number"] // 4, found["label"])
    np.testing.assert_allclose((found["partner"][:, 0, 0, 0] + 1) * 127.5, found["number"], atol=1e-3)
    # 1,200 draws, 4 of 11 images of the first two classes and 3 of the third, of four and of one partner.
    shown = np.bincount(found["number"], minlength=9) / len(found["number"])
    np.testing.assert_allclose(shown, np.repeat([1 / 11, 1 / 11, 3 / 11], [4, 4, 1]), atol=0.03)
    assert not set(batches("partners", 30)["number"][:11]) <= {0, 4, 8}


def test_a_class_without_a_partner_is_refused():
    with pytest.raises(ValueError, match="class 1 has no example among the partners"):
        partners({"partner": IMAGES[:3]}, np.array([0, 2, 2]), 3)


def test_each_kind_is_shown_whole_in_each_of_its_own_epochs():
    # Seven sources and eleven images: 77 positions are eleven epochs of the one and seven of the other.
    found = batches("two kinds", 10)
    for part, size in (("image", 11), ("source", 7)):
        shown = found[part][:77].reshape(77 // size, size, -1)
        assert all(len(np.unique(epoch, axis=0)) == size for epoch in shown)


def alike(images, others):
    """Which images are equal but for rounding; pixels are at least 1/127.5 apart."""
    return np.all(np.isclose(images, others, atol=1e-5), axis=(1, 2, 3))


def test_flipping_mirrors_about_half_of_the_images_left_to_right_in_each_epoch_by_other_draws():
    plain, flipped = batches("images", 55), batches("images", 55, FLIPPED)
    mirrored = alike(flipped["image"], plain["image"][:, :, ::-1])
    assert np.all(mirrored | alike(flipped["image"], plain["image"]))
    # 440 draws: the deviation of the share is 0.024.
    assert abs(np.mean(mirrored) - 0.5) < 0.1
    by_image = [set(mirrored[plain["label"] == label]) for label in range(11)]
    assert all(found == {True, False} for found in by_image)


def test_a_pair_is_cropped_and_mirrored_together():
    pairs = batches("pairs", 20, BOTH)
    assert pairs["image"].shape[1:] == (3, 3, 3)
    np.testing.assert_allclose(pairs["source"], -pairs["image"], atol=1e-6)


def test_the_bit_of_a_position_is_fair_and_apart_from_its_neighbours_and_from_the_order():
    positions = np.arange(100_000, dtype=np.uint32)
    bits = np.asarray(jax.jit(position_bit)(KEY, positions)).astype(float)
    order = np.asarray(jax.jit(shuffled_index)(KEY, positions, 1000))
    # The deviation of a mean of this many fair bits is 0.0016, that of a correlation 0.0032.
    assert abs(bits.mean() - 0.5) < 0.006
    assert abs(np.corrcoef(bits[1:], bits[:-1])[0, 1]) < 0.013
    assert abs(np.corrcoef(bits, order)[0, 1]) < 0.013


def places(whole, crops):
    """The corner (top, left) of each crop in its whole picture, as a number; fails for what is not a crop of it."""
    side = crops.shape[1]
    last = whole.shape[1] - side + 1
    found = np.stack([np.all(whole[:, top:top + side, left:left + side] == crops, axis=(1, 2, 3))
                      for top in range(last) for left in range(last)], axis=1)
    assert np.all(found.sum(axis=1) == 1)
    return found.argmax(axis=1)


def test_crops_lie_at_every_place_alike_and_elsewhere_in_another_epoch():
    whole, crops = batches("images", 55), batches("images", 55, CROPPED)
    found = places(whole["image"], crops["image"])
    # 440 draws of 4 places: the deviation of a share is 0.021.
    assert np.all(np.abs(np.bincount(found, minlength=4) / len(found) - 0.25) < 0.08)
    assert all(len(set(found[crops["label"] == label])) > 1 for label in range(11))


def test_two_kinds_are_cropped_each_at_places_of_its_own():
    whole, crops = batches("two kinds", 30), batches("two kinds", 30, CROPPED)
    of_images, of_sources = (places(whole[name], crops[name]) for name in ("image", "source"))
    # 240 draws: the deviation of the share of four places that agree by chance is 0.028.
    assert abs(np.mean(of_images == of_sources) - 0.25) < 0.1


def test_mirroring_is_of_the_crop_that_would_have_been_shown():
    crops, both, plain = batches("images", 30, CROPPED), batches("images", 30, BOTH), batches("images", 30)
    mirrored = alike(batches("images", 30, FLIPPED)["image"], plain["image"][:, :, ::-1])
    expected = np.where(mirrored[:, None, None, None], crops["image"][:, :, ::-1], crops["image"])
    np.testing.assert_allclose(both["image"], expected, atol=1e-5)


def test_a_device_crops_its_part_of_a_batch_as_the_whole_is_cropped():
    streams = DATASETS["two kinds"].streams()
    whole, raw = batches("two kinds", 6, BOTH), HostReader.of(streams, KEY, SLOTS, BATCH, range(2, 4)).read(first_of(5))
    half = finish_batches(raw, KEY, first_of(5), BATCH, BOTH, jnp.arange(2, 4))
    for name, array in half.items():
        expected = whole[name].reshape(6, SLOTS, BATCH, *whole[name].shape[1:])[5, :, 2:]
        np.testing.assert_allclose(array, expected, atol=1e-6)


def test_a_batch_that_is_split_over_devices_is_cropped_as_on_one():
    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    split = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(None, "data"))
    raw = HostReader.of(DATASETS["pairs"].streams(), KEY, SLOTS, BATCH).read(first_of(5))
    _, finish = programs("pairs", BOTH)
    found, expected = finish(jax.device_put(raw, split), first_of(5)), finish(raw, first_of(5))
    assert not found["image"].sharding.is_fully_replicated
    jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_draws_of_a_position_are_uniform_and_apart_from_each_other_and_from_the_bit():
    positions = np.arange(100_000, dtype=np.uint32)
    draws = [np.asarray(position_draw(KEY, positions, number, 31)).astype(float) for number in (0, 1)]
    bits = np.asarray(position_bit(KEY, positions)).astype(float)
    for draw in draws:
        counts = np.bincount(draw.astype(int), minlength=31)
        # Of 3226 expected, with a deviation of 56.
        assert len(counts) == 31 and np.all(np.abs(counts - 1e5 / 31) < 250)
    for one, other in ((draws[0], draws[1]), (draws[0], bits), (draws[1], bits), (draws[0][1:], draws[0][:-1])):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.013


def test_outside_training_a_crop_is_the_centre_and_streams_stay_whole():
    cropped = with_crops(DATASETS["pairs"], 2)
    assert cropped.image_shape == cropped.source_shape == (2, 2, 3)
    np.testing.assert_array_equal(cropped.images, IMAGES[:, 1:3, 1:3])
    np.testing.assert_array_equal(cropped.sources, 255 - IMAGES[:, 1:3, 1:3])
    assert cropped.streams()[0]["image"] is IMAGES and cropped.nbytes == DATASETS["pairs"].nbytes
    assert with_crops(DATASETS["pairs"], 0) is DATASETS["pairs"]


def test_the_centre_of_images_on_a_disk_is_that_of_images_in_memory():
    class OnDisk:
        shape, dtype, nbytes = IMAGES.shape, IMAGES.dtype, IMAGES.nbytes
        __len__, __getitem__ = (lambda self: len(IMAGES)), (lambda self, index: IMAGES[index])

    found = with_crops(Dataset("disk", OnDisk(), LABELS, NAMES), 3).images
    expected = with_crops(DATASETS["images"], 3).images
    assert (found.shape, found.nbytes, len(found)) == (expected.shape, expected.nbytes, 11)
    for index in (4, slice(2, 5), np.array([7, 0])):
        np.testing.assert_array_equal(found[index], expected[index])
    assert found.content_hash(np.arange(3)) == ""


@pytest.mark.parametrize(("name", "side", "words"), [
    ("points", 2, "config.data.crop is 2, but points holds points"),
    ("images", 5, "larger than the images of images, which have 4x4 pixels; use at most 4"),
    ("larger sources", 2, "pairs of images of 4x4 and sources of 6x8 pixels")])
def test_a_crop_that_cannot_be_is_refused(name, side, words):
    larger = Dataset(name, IMAGES, LABELS, NAMES, sources=np.zeros((11, 8, 6, 1), np.uint8))
    with pytest.raises(ConfigError, match=words):
        with_crops(DATASETS.get(name, larger), side)
