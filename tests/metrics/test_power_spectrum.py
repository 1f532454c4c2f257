"""Power spectra: noise is flat, waves peak where they are, and no power is lost."""

import numpy as np
import pytest

from ganlab.metrics import (
    add_images,
    in_decibels,
    power_spectrum,
    spectral_distance,
    spectral_slices,
    value_statistics,
)
from ganlab.metrics.power_spectrum import window

DRAW = np.random.Generator(np.random.PCG64(4))
IMAGES = DRAW.integers(0, 256, size=(5, 12, 10, 3)).astype(np.uint8)


def spectrum_of(images, scale=None):
    sums = add_images(None, images)
    return power_spectrum(sums, *(scale or value_statistics(sums)))


def test_a_spectrum_is_that_of_windowed_images_padded_with_zeros():
    values = IMAGES / 127.5 - 1
    pages = np.moveaxis((values - values.mean()) / values.std(), -1, 1) * window(12, 10)
    powers = np.mean(np.abs(np.fft.fft2(pages, (48, 40)))**2, axis=(0, 1))
    found = spectrum_of(IMAGES)
    np.testing.assert_allclose(found.powers, np.fft.fftshift(powers), rtol=0, atol=1e-12 * powers.max())
    np.testing.assert_array_equal(found.down[[0, 24, -1]], [-6, 0, 5.75])
    np.testing.assert_array_equal(found.across[[0, 20, -1]], [-5, 0, 4.75])


def test_statistics_are_those_of_all_values_and_sums_those_of_all_images():
    sums = add_images(add_images(None, IMAGES[:2]), IMAGES[2:])
    values = IMAGES / 127.5 - 1
    assert value_statistics(sums) == pytest.approx((values.mean(), values.std()), rel=1e-12)
    np.testing.assert_allclose(power_spectrum(sums, 0.0, 1.0).powers, spectrum_of(IMAGES, (0.0, 1.0)).powers,
                               atol=1e-12)
    # Whole grey levels and numbers in [-1, 1] are one scale.
    np.testing.assert_allclose(spectrum_of(values).powers, spectrum_of(IMAGES).powers, atol=1e-12)


def test_no_power_is_lost():
    # Parseval: the mean over frequencies is the energy of a windowed image, the mean over images.
    values = np.moveaxis(IMAGES / 127.5 - 1, -1, 1)
    energy = np.mean(np.sum((values * window(12, 10))**2, axis=(2, 3)))
    assert np.mean(spectrum_of(IMAGES, (0.0, 1.0)).powers) == pytest.approx(energy, rel=1e-12)
    assert np.sum(window(12, 10)**2) == pytest.approx(1)


def test_white_noise_is_flat_and_at_no_decibels():
    found = spectrum_of(DRAW.normal(0.1, 0.2, (2000, 16, 16, 1)))
    assert np.mean(found.powers) == pytest.approx(1, abs=0.02)
    # Each frequency is a mean of 2,000 powers, whose deviation is 1 or, of the real ones, the root of 2.
    assert np.max(np.abs(in_decibels(found.powers))) < 10 * np.log10(1 + 5 * np.sqrt(2 / 2000))


def test_a_wave_peaks_at_its_frequency_and_half_its_power_at_the_opposite_one():
    side, down, across = 32, 5, -9.5
    rows, columns = np.mgrid[:side, :side] / side
    wave = np.cos(2 * np.pi * (down * rows + across * columns))[None, ..., None]
    found = spectrum_of(wave, (0.0, 1.0))
    for sign in (1, -1):
        row, column = (np.flatnonzero(axis == sign * place)[0] for axis, place in zip(found[:2], (down, across)))
        assert found.powers[row, column] == pytest.approx(np.max(found.powers))
        assert found.powers[row, column] == pytest.approx(np.sum(window(side, side))**2 / 4, rel=1e-4)


def test_slices_are_along_width_and_the_diagonal():
    found = spectrum_of(IMAGES)
    straight, diagonal = spectral_slices(found)[0], spectral_slices(found)[45]
    np.testing.assert_array_equal(straight[0], np.arange(20) / 4)
    np.testing.assert_array_equal(straight[1], found.powers[24, 20:])
    np.testing.assert_allclose(diagonal[0], np.sqrt(2) * np.arange(20) / 4)
    np.testing.assert_array_equal(diagonal[1], np.diagonal(found.powers[24:, 20:]))


def test_the_distance_of_spectra_is_that_of_decibels():
    one, other = (spectrum_of(IMAGES, (0.0, deviation)) for deviation in (1.0, 2.0))
    assert spectral_distance(one, one) == 0
    assert spectral_distance(one, other) == pytest.approx(20 * np.log10(2))


@pytest.mark.parametrize(("compute", "said"), [
    (lambda: add_images(add_images(None, IMAGES), IMAGES[:, :8]), "10x8 pixels cannot be added to those of 10x12"),
    (lambda: spectrum_of(np.zeros((2, 8, 8, 1))), "all of one colour"),
    (lambda: add_images(None, np.full((2, 8, 8, 1), np.nan)), "NaN"),
    (lambda: spectral_distance(spectrum_of(IMAGES), spectrum_of(IMAGES[:, :8])), "of images of one size")])
def test_what_has_no_spectrum_is_refused(compute, said):
    with pytest.raises(ValueError, match=said):
        compute()
