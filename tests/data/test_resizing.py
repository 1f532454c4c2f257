"""Crops keep the middle, sizes that shrink are means over true areas, sizes that grow keep levels and slopes."""

import numpy as np
import pytest
from image_files import noise

from ganlab.data.resizing import CROPS, crop_size, resize, scale

SIZES = [(12, 12), (13, 12), (7, 31), (40, 9), (2, 2)]


def area_means(pixels, width, height):
    """Means over areas by their definition: each pixel is cut into enough parts that areas are whole ones."""
    old_height, old_width, channels = pixels.shape
    fine = np.repeat(np.repeat(pixels.astype(float), height, 0), width, 1)
    return fine.reshape(height, old_height, width, old_width, channels).mean((1, 3))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 3), (5, 4), (9, 11), (11, 7), (6, 12), (4, 6)])
def test_what_shrinks_is_the_mean_over_true_areas(width, height, channels):
    pixels = noise(1, 13, 12, 3)[..., :channels]
    np.testing.assert_allclose(scale(pixels, width, height), area_means(pixels, width, height), atol=0.501)


def test_the_mean_of_a_picture_is_that_of_its_parts():
    pixels = noise(2, 100, 90)
    for side in (64, 50, 33, 7):
        assert abs(scale(pixels, side, side).mean() - pixels.mean()) < 0.1


@pytest.mark.parametrize("side", [1, 3, 10, 17, 50])
def test_a_mirrored_picture_has_a_mirrored_copy(side):
    pixels = noise(3, 20, 20)
    # Pillow's filter rounds between rows and columns, so that exchanging these is not the same where pictures grow.
    for turn in (np.fliplr, np.flipud, *([lambda x: np.swapaxes(x, 0, 1)] if side < 20 else [])):
        np.testing.assert_allclose(scale(turn(pixels), side, side), turn(scale(pixels, side, side)).astype(int), atol=1)


def test_a_picture_of_this_size_is_kept():
    pixels = noise(4, 9, 9)
    for crop in ("centre", "none"):
        np.testing.assert_array_equal(resize(pixels, 9, crop), pixels)


@pytest.mark.parametrize("side", [16, 9, 31])
def test_what_grows_keeps_levels_and_slopes(side):
    flat = np.full((8, 8, 3), 77, np.uint8)
    np.testing.assert_array_equal(scale(flat, side, side), np.full((side, side, 3), 77))
    ramp = np.repeat(np.arange(0, 240, 30, dtype=np.uint8)[None], 8, 0)[..., None]
    grown = scale(ramp, side, side).astype(int)
    assert np.all(np.diff(grown, axis=1) >= 0) and np.all(grown == grown[:1])
    middle = slice(3 * side // 8, 5 * side // 8)
    np.testing.assert_allclose(np.diff(grown[0, middle, 0]), 30 * 8 / side, atol=2)


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("resolution", [1, 5, 8, 32])
def test_every_crop_ends_in_a_square(crop, width, height, resolution):
    pixels = noise(5, height, width)
    assert resize(pixels, resolution, crop).shape == (resolution, resolution, 3)
    assert resize(pixels, 0, crop).shape == (*crop_size(width, height, crop)[::-1], 3)


@pytest.mark.parametrize(("crop", "wide", "high"), [("centre", 1, 1), ("centre-wide", 4, 3)])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_crop_is_the_largest_of_its_ratio_and_in_the_middle(crop, wide, high, width, height):
    left, top, right, bottom = CROPS[crop](width, height)
    assert 0 <= left < right <= width and 0 <= top < bottom <= height
    assert right - left == width or bottom - top == height
    assert abs((right - left) * high - (bottom - top) * wide) <= max(wide, high) / 2
    assert (width - right) - left in (0, 1) and (height - bottom) - top in (0, 1)


def test_no_crop_keeps_everything():
    assert CROPS["none"](7, 31) == (0, 0, 7, 31)
    pixels = noise(6, 6, 12)
    np.testing.assert_allclose(resize(pixels, 6, "none"), area_means(pixels, 6, 6), atol=0.501)


def test_the_wide_crop_lies_between_black_bars():
    pixels = np.full((90, 200, 3), 255, np.uint8)
    pixels[:, :40] = pixels[:, 160:] = 7  # 120 x 90 are kept.
    made = resize(pixels, 64, "centre-wide")
    np.testing.assert_array_equal(made[:8], 0)
    np.testing.assert_array_equal(made[8:56], 255)
    np.testing.assert_array_equal(made[56:], 0)


def test_the_centre_is_that_of_a_wide_and_of_a_high_picture():
    pixels = noise(7, 6, 13)
    np.testing.assert_array_equal(resize(pixels, 6), pixels[:, 3:9])
    np.testing.assert_array_equal(resize(np.swapaxes(pixels, 0, 1), 6), np.swapaxes(pixels, 0, 1)[3:9])
