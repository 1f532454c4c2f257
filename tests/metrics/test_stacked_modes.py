"""Stacked modes: the classifier is good on unseen digits, and the counts are those of hand."""

import functools

import numpy as np
import pytest

from ganlab.data import SOURCES
from ganlab.metrics import count_stacked_modes, fit_channel_classifier


@functools.cache
def classifier(seed=0):
    data = SOURCES["digits"]()
    return fit_channel_classifier(data.images, data.labels, seed=seed)


def read(images):
    """The digit of an image that is a single pixel of that value."""
    return images.reshape(len(images)).astype(int)


def pixels(modes):
    """Images [n, 1, 1, 3] that `read` reads as these modes."""
    modes = np.asarray(modes)
    return np.stack([modes // 100, modes // 10 % 10, modes % 10], axis=-1).reshape(-1, 1, 1, 3).astype(float)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_classifier_names_unseen_digits(seed):
    assert 0.975 <= classifier(seed).accuracy < 1


def test_accuracy_is_that_of_the_images_that_were_held_out():
    data = SOURCES["digits"]()
    seen = np.mean(classifier().classify(data.images) == data.labels)
    wrong = round((1 - classifier().accuracy) * round(0.2 * len(data)))
    # It names every image that it was fitted on rightly, so that all its errors are held-out ones.
    assert round((1 - seen) * len(data)) == wrong


def test_the_classifier_is_the_same_again_and_in_any_range_of_values():
    data = SOURCES["digits"]()
    part = data.images[:300]
    labels = classifier().classify(part)
    again = fit_channel_classifier(data.images, data.labels)
    np.testing.assert_array_equal(again.classify(part), labels)
    floats = fit_channel_classifier(data.images / 127.5 - 1, data.labels)
    assert floats.accuracy == pytest.approx(classifier().accuracy)
    np.testing.assert_array_equal(floats.classify(part / 127.5 - 1), labels)


def test_every_mode_equally_often_is_at_divergence_zero():
    assert count_stacked_modes(pixels(np.repeat(np.arange(1000), 3)), read) == (1000, pytest.approx(0, abs=1e-12))


@pytest.mark.parametrize("mode", [0, 7, 999])
def test_one_mode_is_at_divergence_log_1000(mode):
    assert count_stacked_modes(pixels([mode] * 5), read) == (1, pytest.approx(np.log(1000)))


def test_an_uneven_pair_is_at_the_divergence_worked_out_by_hand():
    found = count_stacked_modes(pixels([123, 123, 123, 321]), read)
    # 3/4 log 750 + 1/4 log 250.
    assert found == (2, pytest.approx(0.75 * np.log(750) + 0.25 * np.log(250)))


def test_uniform_draws_have_the_bias_that_is_stated():
    draws = np.random.default_rng(0).integers(1000, size=26_000)
    found = count_stacked_modes(pixels(draws), read)
    assert found.modes == 1000
    # Twice n times the divergence is about chi-square of 999 degrees: its deviation is 4.5% of its mean.
    assert found.reverse_kl == pytest.approx(999 / 52_000, rel=0.2)


def test_images_that_are_not_finite_show_no_mode():
    images = pixels([1, 2, 3])
    images[1, 0, 0, 0], images[2, 0, 0, 2] = np.nan, np.inf
    assert count_stacked_modes(images, read) == (1, pytest.approx(np.log(1000)))
    assert count_stacked_modes(images[1:], read) == (0, np.inf)


def test_modes_of_real_stacks_are_found_by_the_classifier():
    data = SOURCES["stacked_digits"](size=8000)
    found = count_stacked_modes(data.images, classifier().classify)
    truth = len(np.unique(data.labels))
    assert abs(found.modes - truth) <= 5
    assert found.reverse_kl < 0.1
