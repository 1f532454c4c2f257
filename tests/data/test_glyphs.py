"""Glyphs: every character of every font, readable, inside the frame, and drawn by the seed alone."""

import functools
import string

import numpy as np
import pytest

from ganlab.config import ConfigError
from ganlab.data import SOURCES
from ganlab.data.glyphs import CHARACTERS, FONTS, _drawn_glyphs, two_fonts

source = SOURCES["glyphs"]
glyphs = functools.cache(source)
SIZE = 5000


def test_there_is_a_class_for_each_digit_and_letter():
    data = glyphs(SIZE)
    assert data.class_names == tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase)
    assert data.images.shape == (SIZE, 32, 32, 1)
    # 5 standard errors about the mean of a uniform draw.
    counts = np.bincount(data.labels, minlength=62)
    np.testing.assert_allclose(counts, SIZE / 62, atol=5 * np.sqrt(SIZE / 62))


def test_the_glyphs_of_21_fonts_are_distinct_and_have_ink():
    pictures, extents = _drawn_glyphs(32)
    assert len(FONTS) == len(set(FONTS)) == 21
    assert len(pictures) == len(extents) == 21 * len(CHARACTERS) == 1302
    assert len({(picture.size, picture.tobytes()) for picture in pictures}) == 1302
    # A stroke thinner than a pixel is grey in the mean over a pixel.
    assert all(picture.getextrema()[1] > 200 for picture in pictures)


def test_ink_is_white_on_black_with_smooth_edges_and_never_touches_the_frame():
    images = glyphs(SIZE).images
    for edge in (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]):
        assert not edge.any()
    assert np.median(images) == 0
    assert images.max(axis=(1, 2, 3)).min() > 200
    ink = images[images > 0]
    assert 0.2 < np.mean(ink < 255) < 0.8


def test_glyphs_are_in_the_middle_and_use_the_frame():
    ink = glyphs(SIZE).images[..., 0] > 0
    for axis in (1, 2):
        lines = ink.any(axis=3 - axis)
        first, last = lines.argmax(axis=1), 31 - lines[:, ::-1].argmax(axis=1)
        middle = (first + last) / 2 - 15.5
        # Moved by two pixels at most; turning and slanting move the middle of what is not symmetric, as an L, too.
        assert np.abs(middle).max() <= 6
        assert np.mean(np.abs(middle) <= 3) > 0.97
        assert np.abs(middle.mean()) < 0.2
        if axis == 1:
            assert 16 < np.mean(last - first + 1) < 24


def test_capitals_are_larger_than_small_letters_of_the_same_shape():
    data = glyphs(SIZE)
    area = {name: np.mean(data.images[data.labels == label, ..., 0] > 127)
            for label, name in enumerate(data.class_names)}
    for small in "cosvxz":
        assert area[small.upper()] > 1.15 * area[small]


@pytest.mark.parametrize("colour", [False, True])
def test_glyphs_are_drawn_by_their_seed_and_a_small_set_begins_a_large_one(colour):
    first, again, other = (source(size, seed=seed, colour=colour) for size, seed in ((50, 1), (80, 1), (50, 2)))
    np.testing.assert_array_equal(first.images, again.images[:50])
    np.testing.assert_array_equal(first.labels, again.labels[:50])
    assert not np.array_equal(first.labels, other.labels)
    assert all(np.any(one != two) for one, two in zip(first.images, other.images, strict=True))


@pytest.mark.parametrize("side", [16, 32])
def test_held_out_glyphs_are_none_of_those_of_training_and_the_same_for_every_size(side):
    held_out = source(300, split="test", test_size=2000, side=side)
    assert len(held_out) == 2000
    np.testing.assert_array_equal(held_out.images, source(8000, split="test", test_size=2000, side=side).images)
    training = {image.tobytes() for image in source(8000, side=side).images}
    assert not training & {image.tobytes() for image in held_out.images}
    with pytest.raises(ConfigError, match="config.data.kwargs.split 'tset' is unknown .did you mean test"):
        source(10, split="tset")


def test_no_two_images_are_the_same():
    assert len({image.tobytes() for image in glyphs(SIZE).images}) == SIZE


def test_a_coloured_glyph_is_the_grey_one_between_two_colours_that_differ():
    grey, coloured = source(200, seed=3), source(200, seed=3, colour=True)
    np.testing.assert_array_equal(grey.labels, coloured.labels)
    assert coloured.images.shape == (200, 32, 32, 3) and coloured.images.dtype == np.uint8
    for shape, image in zip(grey.images, coloured.images.astype(int), strict=True):
        background = image[0, 0]
        foreground = image[shape[..., 0] == 255]
        assert np.all(foreground == foreground[0])
        difference = foreground[0] - background
        assert np.all((np.abs(difference) >= 96) & (np.abs(difference) <= 160))
        np.testing.assert_allclose(image, background + shape / 255 * difference, atol=1)


@pytest.mark.parametrize("side", [16, 64])
def test_glyphs_of_another_side_stay_inside_the_frame(side):
    data = source(2000, seed=4, side=side)
    assert data.images.shape == (2000, side, side, 1)
    np.testing.assert_array_equal(data.labels, source(2000, seed=4).labels)
    for edge in (data.images[:, 0], data.images[:, -1], data.images[:, :, 0], data.images[:, :, -1]):
        assert not edge.any()


def test_a_larger_side_shows_the_same_glyphs_in_the_same_places():
    small, large = (source(100, seed=4, side=side).images[..., 0].astype(np.float32) for side in (32, 64))
    means = large.reshape(100, 32, 2, 32, 2).mean(axis=(2, 4))
    # The small image is about the means of the large: nearer to them than any two glyphs are to each other.
    distances = np.abs(means[:, None] - small).mean(axis=(2, 3))
    assert np.diag(distances).max() < distances[~np.eye(100, dtype=bool)].min()


def test_a_side_on_which_nothing_can_be_read_is_refused():
    with pytest.raises(ValueError, match="side is 15, too small to read glyphs; use at least 16"):
        source(3, side=15)


def test_two_fonts_the_other_way_round_are_the_same_letters():
    one, other = two_fonts("cmr10", "cmss10", size=60), two_fonts("cmss10", "cmr10", size=60)
    np.testing.assert_array_equal(one.sources, other.images)
    np.testing.assert_array_equal(one.images, other.sources)
    assert not one.paired and one.class_names == other.class_names == tuple(CHARACTERS[10:36])
    assert not np.array_equal(one.labels, other.labels)


def test_the_class_of_a_letter_is_what_is_drawn():
    found, (_, extents) = two_fonts(second="cmr10", size=600), _drawn_glyphs(64)
    wide = np.array([np.ptp(np.flatnonzero(image.max(axis=(0, 2)))) + 1 for image in found.images])
    drawn = extents[FONTS.index("cmr10") * len(CHARACTERS) + 10 + found.labels, 0]
    # Half the width of the ink, as it is before jitter.
    assert np.corrcoef(wide, drawn)[0, 1] > 0.7


def test_two_fonts_are_drawn_at_64_as_at_32_but_finer():
    for kind in ("images", "sources"):
        small, large = (getattr(two_fonts(size=60, side=side), kind)[..., 0].astype(np.float32) for side in (32, 64))
        means = large.reshape(60, 32, 2, 32, 2).mean(axis=(2, 4))
        distances = np.abs(means[:, None] - small).mean(axis=(2, 3))
        assert np.diag(distances).max() < distances[~np.eye(60, dtype=bool)].min()
        # Of twice the side, half as large a share of the pixels is at an edge.
        grey = [np.mean((images > 0) & (images < 255)) for images in (small, large)]
        assert grey[1] < 0.7 * grey[0]


def test_no_letter_of_the_split_test_is_one_of_train():
    train, test = (two_fonts(size=300, split=split) for split in ("train", "test"))
    seen = {image.tobytes() for image in train.images}
    assert not any(image.tobytes() in seen for image in test.images)


@pytest.mark.parametrize(("arguments", "words"), [
    ({"first": "cmr1"}, "did you mean cmr10"), ({"split": "tests"}, "did you mean test")])
def test_an_unknown_font_or_split_is_answered(arguments, words):
    with pytest.raises(ConfigError, match=words):
        two_fonts(**arguments)
