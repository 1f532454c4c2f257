"""Data sources: what every data set promises, and what each is."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from ganlab.data import SOURCES, Dataset, to_float, to_uint8
from tiny import FROM_FILES, SOURCE_ARGUMENTS

NAMES = sorted(SOURCES.keys() - FROM_FILES)
NAMED = {"tfds": "cifar10", "translated": "digits"}  # After what they read.
pytestmark = pytest.mark.usefixtures("prepared_data")
MIXTURES = {"ring8": (8, 0.01), "grid25": (25, 0.05)}


@functools.cache
def dataset(name):
    return SOURCES[name](**SOURCE_ARGUMENTS.get(name, {}))


@pytest.mark.parametrize("name", NAMES)
def test_images_are_bytes_or_points(name):
    data = dataset(name)
    assert isinstance(data, Dataset)
    assert data.name == NAMED.get(name, name)
    kind = (data.images.dtype, data.images.ndim)
    assert kind in {(np.dtype(np.uint8), 4), (np.dtype(np.float32), 2)}
    assert data.images.shape == (len(data), *data.image_shape)
    assert np.all(np.isfinite(data.images))


@pytest.mark.parametrize("name", NAMES)
def test_every_class_has_a_name_and_examples(name):
    data = dataset(name)
    assert data.labels.dtype == np.int32
    assert data.labels.shape == (len(data),)
    np.testing.assert_array_equal(np.unique(data.labels), np.arange(data.num_classes))
    assert len(set(data.class_names)) == data.num_classes


@pytest.mark.parametrize("name", NAMES)
def test_a_source_gives_the_same_data_again(name):
    again = SOURCES[name](**SOURCE_ARGUMENTS.get(name, {}))
    for stream, others in zip(dataset(name).streams(), again.streams(), strict=True):
        for array, other in zip(stream.values(), others.values(), strict=True):
            np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("name", NAMES)
def test_arrays_go_by_the_names_that_batches_use(name):
    arrays = dataset(name).streams()[0]
    assert arrays["image"] is dataset(name).images
    assert arrays["label"] is dataset(name).labels


def test_digits_are_1797_images_of_ten_classes():
    data = dataset("digits")
    assert data.images.shape == (1797, 8, 8, 1)
    counts = np.bincount(data.labels)
    assert (counts.size, counts.min(), counts.max()) == (10, 174, 183)
    assert data.centers is None


def test_digits_use_the_whole_range_of_grey_in_17_steps():
    np.testing.assert_array_equal(np.unique(dataset("digits").images), np.round(np.arange(17) * 255 / 16))


@pytest.mark.parametrize("name", sorted(MIXTURES))
def test_points_of_a_mode_scatter_around_its_center_with_the_deviation(name):
    data = dataset(name)
    modes, deviation = MIXTURES[name]
    assert data.centers.shape == (modes, 2)
    assert data.deviation == deviation
    counts = np.bincount(data.labels, minlength=modes)
    # 5 standard errors, which 160 comparisons exceed anywhere with a chance of 1e-4.
    np.testing.assert_allclose(counts, len(data) / modes, atol=5 * np.sqrt(len(data) / modes))
    for mode, count in enumerate(counts):
        points = data.images[data.labels == mode].astype(np.float64)
        np.testing.assert_allclose(points.mean(axis=0), data.centers[mode], atol=5 * deviation / np.sqrt(count))
        np.testing.assert_allclose(points.std(axis=0), deviation, atol=5 * deviation / np.sqrt(2 * count))
        assert abs(np.corrcoef(points.T)[0, 1]) < 5 / np.sqrt(count)


def test_ring8_lies_at_the_eighth_roots_of_one():
    x, y = dataset("ring8").centers.astype(np.float64).T
    np.testing.assert_allclose(x + 1j * y, np.exp(2j * np.pi * np.arange(8) / 8), atol=1e-6)


def test_grid25_lies_on_the_even_grid():
    centers = {tuple(center) for center in dataset("grid25").centers.tolist()}
    assert centers == {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}


@pytest.mark.parametrize("name", sorted(MIXTURES))
def test_a_mixture_is_drawn_by_its_seed_at_its_size(name):
    first, again, other = (SOURCES[name](size=50, seed=seed) for seed in (1, 1, 2))
    assert len(first) == 50
    np.testing.assert_array_equal(first.images, again.images)
    assert np.all(first.images != other.images)


@pytest.mark.parametrize("library", [np, jnp])
def test_bytes_survive_the_way_to_floats_and_back(library):
    every = library.arange(256, dtype=library.uint8)
    floats = to_float(every)
    assert (float(floats[0]), float(floats[255])) == (-1.0, 1.0)
    back = to_uint8(np.asarray(floats))
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, every)


def test_bytes_are_rounded_and_clipped():
    np.testing.assert_array_equal(to_uint8(np.array([-9.0, -1.0, 0.001, 1.0, 9.0])), [0, 0, 128, 255, 255])


def test_points_pass_to_floats_unchanged():
    points = jnp.array([[-7.5, 300.0]])
    np.testing.assert_array_equal(to_float(points), points)
