"""Stacked digits: each channel is a digit, and the label reads them."""

import functools

import numpy as np

from ganlab.data import SOURCES

digits = functools.cache(SOURCES["digits"])
stacked_digits = functools.cache(SOURCES["stacked_digits"])


def test_there_are_a_thousand_modes_about_as_often():
    data = stacked_digits()
    assert data.images.shape == (128_000, 8, 8, 3)
    assert data.class_names[7] == "007" and data.class_names[-1] == "999" and data.num_classes == 1000
    # The draws follow the shares of the digits; 6 standard errors over a thousand modes.
    shares = np.bincount(digits().labels) / len(digits())
    expected = len(data) * np.einsum("r,g,b->rgb", shares, shares, shares).ravel()
    counts = np.bincount(data.labels, minlength=1000)
    assert np.all(np.abs(counts - expected) < 6 * np.sqrt(expected))


def test_each_channel_is_a_digit_of_the_label_that_it_has():
    data = stacked_digits()
    by_image = {image.tobytes(): label for image, label in zip(digits().images, digits().labels, strict=True)}
    for image, label in zip(data.images[:500], data.labels[:500], strict=True):
        read = [by_image[image[..., channel].tobytes()] for channel in range(3)]
        assert "".join(map(str, read)) == data.class_names[label]


def test_channels_are_independent():
    data = stacked_digits()
    places = np.stack([data.labels // 100, data.labels // 10 % 10, data.labels % 10])
    correlation = np.corrcoef(places)[~np.eye(3, dtype=bool)]
    assert np.abs(correlation).max() < 5 / np.sqrt(len(data))


def test_stacks_are_drawn_by_their_seed_and_a_small_set_begins_a_large_one():
    first, again, other = (SOURCES["stacked_digits"](size, seed=seed) for size, seed in ((50, 1), (80, 1), (50, 2)))
    np.testing.assert_array_equal(first.images, again.images[:50])
    np.testing.assert_array_equal(first.labels, again.labels[:50])
    assert not np.array_equal(first.labels, other.labels)
