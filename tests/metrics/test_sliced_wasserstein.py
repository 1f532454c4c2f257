"""The sliced Wasserstein distance is the mean over directions of the exact distance on a line."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import wasserstein_distance

from ganlab.metrics import image_sliced_wasserstein, sliced_wasserstein
from ganlab.metrics.sliced_wasserstein import BINOMIAL, laplacian_pyramid

DRAW = np.random.Generator(np.random.PCG64(12))
REAL, FAKE = DRAW.normal(size=(60, 5)), 1.5 * DRAW.normal(size=(60, 5)) + 0.5
IMAGES = DRAW.integers(0, 256, size=(12, 64, 64, 3)).astype(np.uint8)


@pytest.mark.parametrize("number", [60, 45, 7, 1])
def test_on_a_line_it_is_the_exact_distance_for_any_two_sizes(number):
    found = sliced_wasserstein(REAL[:, :1], FAKE[:number, :1], projections=3)
    assert found == pytest.approx(wasserstein_distance(REAL[:, 0], FAKE[:number, 0]), rel=1e-12)


def test_a_shift_is_seen_by_its_share_in_each_direction():
    # The mean of |u_1| over directions u in the plane is 2 / pi.
    found = sliced_wasserstein(REAL[:, :2], REAL[:, :2] + [3.0, 0.0], projections=20000)
    assert found == pytest.approx(3 * 2 / np.pi, rel=0.02)


def test_it_is_zero_for_identical_sets_symmetric_and_free_of_the_order():
    assert sliced_wasserstein(REAL, REAL[::-1]) == 0
    assert sliced_wasserstein(REAL, FAKE) == pytest.approx(sliced_wasserstein(FAKE[::-1], REAL), rel=1e-12)
    assert sliced_wasserstein(4 * REAL, 4 * FAKE) == pytest.approx(4 * sliced_wasserstein(REAL, FAKE), rel=1e-12)


def test_a_set_repeated_is_the_same_distribution():
    assert sliced_wasserstein(REAL, np.repeat(REAL, 3, axis=0)) == pytest.approx(0, abs=1e-12)


def test_blocks_change_nothing(monkeypatch):
    whole = sliced_wasserstein(REAL, FAKE)
    # The module's name in the package is taken by its function.
    module = sliced_wasserstein.__globals__
    monkeypatch.setitem(module, "PROJECTIONS_AT_A_TIME", 100)
    monkeypatch.setitem(module, "FEATURES_AT_A_TIME", 7)
    assert sliced_wasserstein(REAL, FAKE) == pytest.approx(whole, rel=1e-12)


def test_the_levels_of_a_pyramid_sum_to_the_images():
    images = DRAW.normal(size=(2, 64, 96, 3)).astype(np.float32)
    levels = list(laplacian_pyramid(images))
    assert [level.shape[1:3] for level in levels] == [(64, 96), (32, 48), (16, 24)]
    total = levels.pop()
    while levels:
        filled = np.zeros_like(levels[-1])
        filled[:, ::2, ::2] = 4 * total
        kernel = np.outer(BINOMIAL, BINOMIAL)[None, :, :, None]
        total = levels.pop() + ndimage.correlate(filled, kernel, mode="mirror")
    np.testing.assert_allclose(total, images, atol=1e-5)


def test_a_flat_image_has_nothing_at_fine_levels():
    fine, coarse = laplacian_pyramid(np.full((1, 32, 32, 1), 0.5))
    np.testing.assert_allclose(fine, 0, atol=1e-6)
    np.testing.assert_allclose(coarse, 0.5, atol=1e-6)


def test_identical_images_are_at_distance_zero_at_each_level():
    assert image_sliced_wasserstein(IMAGES, IMAGES, patches=8, projections=16) == {64: 0, 32: 0, 16: 0}
    assert set(image_sliced_wasserstein(IMAGES[:, :8, :8], IMAGES[:, 8:16, :8], patches=8, projections=16)) == {8}


def test_lost_detail_shows_at_the_finest_level_and_colour_shows_nowhere():
    # Drawn with weight on large structure, as photographs have it, so that coarse levels keep theirs.
    smooth = ndimage.gaussian_filter(IMAGES.astype(np.float32), (0, 6, 6, 0))
    images = 20 * smooth + IMAGES
    blurred = ndimage.gaussian_filter(images, (0, 1, 1, 0))
    found = image_sliced_wasserstein(images, blurred, patches=32, projections=32)
    assert found[64] > 4 * found[16]
    colour = image_sliced_wasserstein(images, images * np.array([2, 3, 0.5]) + 9, patches=32, projections=32)
    assert max(colour.values()) < 1e-3


def test_images_in_blocks_give_what_their_places_say(monkeypatch):
    monkeypatch.setitem(image_sliced_wasserstein.__globals__, "IMAGES_AT_A_TIME", 5)
    assert image_sliced_wasserstein(IMAGES, IMAGES, patches=8, projections=16) == {64: 0, 32: 0, 16: 0}


@pytest.mark.parametrize(("call", "words"), [
    (lambda: sliced_wasserstein(REAL, FAKE[:, :4]), "real features have 5 dimensions"),
    (lambda: sliced_wasserstein(REAL, FAKE * np.nan), "hold a NaN"),
    (lambda: sliced_wasserstein(REAL, FAKE, projections=0), "projections=0"),
    (lambda: image_sliced_wasserstein(IMAGES, IMAGES, patches=0), "patches=0"),
    (lambda: image_sliced_wasserstein(IMAGES[:, :6], IMAGES[:, :6]), "real images are 6x64, and must be at least 7x7"),
    (lambda: image_sliced_wasserstein(IMAGES, IMAGES[:, :32]), "both must be alike"),
    (lambda: image_sliced_wasserstein(IMAGES, IMAGES.astype(float)), "both must be alike"),
    (lambda: image_sliced_wasserstein(IMAGES[0], IMAGES[0]), r"shape \[64, 64, 3\]"),
    (lambda: image_sliced_wasserstein(IMAGES * np.nan, IMAGES * np.nan), "images hold a NaN"),
])
def test_what_cannot_be_compared_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
