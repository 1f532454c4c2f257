"""The sliced Wasserstein distance is the mean over directions of the exact distance on a line."""

import math

import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import wasserstein_distance

from ganlab.metrics import image_sliced_wasserstein, sliced_wasserstein
from ganlab.metrics.sliced_wasserstein import BINOMIAL, laplacian_pyramid, pyramid_sizes

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


@pytest.mark.parametrize(("sides", "levels"), [
    ((1024, 1024), [1024, 512, 256, 128, 64, 32, 16]), ((48, 48), [48, 24]), ((100, 100), [100, 50, 25]),
    ((31, 31), [31]), ((8, 8), [8])])
def test_levels_halve_down_to_sixteen_pixels(sides, levels):
    assert pyramid_sizes(*sides) == [(side, side) for side in levels]


def test_a_level_is_a_blurred_half_minus_the_expansion_of_the_next_one_mirrored_at_the_edges():
    # One pixel at a time, at a corner, an edge and inside: [1, 4, 6, 4, 1] / 16 of pixels mirrored about the outermost.
    image = np.zeros((64, 64))
    image[0, 0], image[1, 63], image[20, 31] = 16, 32, 48
    mirrored = np.pad(image, 2, mode="reflect")
    half = np.array([[np.sum(np.outer(BINOMIAL, BINOMIAL) * mirrored[2 * y:2 * y + 5, 2 * x:2 * x + 5])
                      for x in range(32)] for y in range(32)])
    filled = np.zeros((64, 64))
    filled[::2, ::2] = half
    mirrored = np.pad(filled, 2, mode="reflect")
    expanded = np.array([[4 * np.sum(np.outer(BINOMIAL, BINOMIAL) * mirrored[y:y + 5, x:x + 5])
                          for x in range(64)] for y in range(64)])
    fine = next(laplacian_pyramid(image[None, :, :, None]))
    np.testing.assert_allclose(fine[0, :, :, 0], image - expanded, atol=1e-5)


@pytest.mark.parametrize("same_places", [True, False])
def test_flat_images_are_as_far_apart_as_their_levels_of_grey_on_a_line(same_places):
    # Every patch is one grey, so that places say nothing. After each set's normalization a direction u sees the greys
    # by the factor |sum u|, whose mean over the sphere in d dimensions is that of sqrt(d) |u_1|.
    real, fake = DRAW.integers(0, 256, size=40), DRAW.integers(100, 130, size=40)**2 // 70
    flat = [np.broadcast_to(np.uint8(greys)[:, None, None, None], (40, 32, 32, 3)) for greys in (real, fake)]
    found = image_sliced_wasserstein(*flat, patches=2, projections=20000, same_places=same_places)
    d = 7 * 7 * 3
    seen = math.sqrt(d) * math.exp(math.lgamma(d / 2) - math.lgamma((d + 1) / 2)) / math.sqrt(math.pi)
    apart = wasserstein_distance(*((greys - np.mean(greys)) / np.std(greys) for greys in (real, fake)))
    assert found == {32: 0, 16: pytest.approx(seen * apart, rel=0.02)}


def test_places_of_either_set_s_own_are_all_that_differs_between_identical_sets():
    one, several = (image_sliced_wasserstein(IMAGES, IMAGES, patches=patches, projections=16, same_places=False)
                    for patches in (1, 64))
    assert all(0 < several[level] < one[level] for level in (64, 32, 16))


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


def test_images_in_blocks_give_the_same(monkeypatch):
    one, other = IMAGES[:6], IMAGES[5:]
    whole = image_sliced_wasserstein(one, other, patches=8, projections=16, same_places=False)
    for images_at_a_time in (1, 5):
        monkeypatch.setitem(image_sliced_wasserstein.__globals__, "BLOCK_BYTES", images_at_a_time * 4 * IMAGES[0].size)
        assert image_sliced_wasserstein(one, other, patches=8, projections=16, same_places=False) == whole


@pytest.mark.parametrize(("call", "words"), [
    (lambda: sliced_wasserstein(REAL, FAKE[:, :4]), "real features have 5 dimensions"),
    (lambda: sliced_wasserstein(REAL, FAKE * np.nan), "hold a NaN"),
    (lambda: sliced_wasserstein(REAL, FAKE, projections=0), "projections=0"),
    (lambda: image_sliced_wasserstein(IMAGES, IMAGES, patches=0), "patches=0"),
    (lambda: image_sliced_wasserstein(IMAGES, IMAGES, projections=0), "projections=0"),
    (lambda: image_sliced_wasserstein(IMAGES[:, :6], IMAGES[:, :6]), "real images are 6x64, and must be at least 7x7"),
    (lambda: image_sliced_wasserstein(IMAGES, IMAGES[:, :32]), "both must be alike"),
    (lambda: image_sliced_wasserstein(IMAGES, IMAGES.astype(float)), "both must be alike"),
    (lambda: image_sliced_wasserstein(IMAGES[0], IMAGES[0]), r"shape \[64, 64, 3\]"),
    (lambda: image_sliced_wasserstein(IMAGES * np.nan, IMAGES * np.nan), "images hold a NaN"),
])
def test_what_cannot_be_compared_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
