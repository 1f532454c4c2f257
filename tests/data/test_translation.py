"""Pairs that are functions of one source: aligned whatever the source, and what each function promises."""

import numpy as np
import pytest
from PIL import Image

from ganlab.config import ConfigError
from ganlab.data import SOURCES, Dataset
from ganlab.data.translation import TRANSLATIONS, edges, grey
from ganlab.systems import load_data
from tiny import tiny_config

IMAGES = SOURCES["photos"](12, side=32).images
translated = SOURCES["translated"]


@pytest.mark.parametrize(("name", "function"), [("photo_edges", "edges"), ("photo_grey", "grey")])
def test_the_source_of_a_pair_is_the_function_of_its_image(name, function):
    data = SOURCES[name](12, side=32)
    np.testing.assert_array_equal(data.sources, TRANSLATIONS[function](data.images))
    assert data.paired and [set(stream) for stream in data.streams()] == [{"image", "label", "source"}]


def test_grey_photographs_are_those_of_photos():
    np.testing.assert_array_equal(SOURCES["photo_grey"](12, side=32).images, IMAGES)


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_drawing_of_a_photograph_has_lines(split):
    drawings = SOURCES["photo_edges"](60, side=32, split=split).sources
    assert (drawings < 255).mean(axis=(1, 2, 3)).min() >= 0.06
    # It is by choice: crops that nobody has chosen have drawings with fewer.
    assert (edges(IMAGES) < 255).mean(axis=(1, 2, 3)).min() < 0.06


@pytest.mark.parametrize("name", TRANSLATIONS)
def test_a_function_makes_grey_bytes_of_each_image_alone(name):
    function = TRANSLATIONS[name]
    whole = function(IMAGES)
    assert whole.dtype == np.uint8 and whole.shape == (12, 32, 32, 1) and whole.std() > 20
    np.testing.assert_array_equal(whole, np.concatenate([function(IMAGES[i:i + 1]) for i in range(12)]))
    # Grey is the same in one channel and in three.
    np.testing.assert_array_equal(function(grey(IMAGES)), function(np.repeat(grey(IMAGES), 3, axis=-1)))


@pytest.mark.parametrize("name", TRANSLATIONS)
@pytest.mark.parametrize("turn", [lambda x: x[:, :, ::-1], lambda x: x[:, ::-1], lambda x: x.transpose(0, 2, 1, 3)],
                         ids=["mirror", "upside down", "transpose"])
def test_a_pair_that_is_mirrored_is_a_pair(name, turn):
    np.testing.assert_array_equal(TRANSLATIONS[name](turn(IMAGES)), turn(TRANSLATIONS[name](IMAGES)))


def test_grey_is_the_luminance_that_pillow_computes():
    for image, found in zip(IMAGES, grey(IMAGES), strict=True):
        np.testing.assert_array_equal(found[..., 0], np.asarray(Image.fromarray(image).convert("L")))


def test_the_edge_of_a_square_is_a_thin_closed_line_around_it():
    image = np.zeros((1, 24, 24, 1), np.uint8)
    image[:, 8:16, 6:18] = 255
    drawn = edges(image)[0, ..., 0]
    assert set(np.unique(drawn)) == {0, 255}
    rows, columns = np.nonzero(drawn == 0)
    # Within a pixel of the border, which the two sides of it may share.
    assert 7 <= rows.min() and rows.max() <= 16 and 5 <= columns.min() and columns.max() <= 18
    assert np.all(np.any([abs(rows - 7.5) < 1, abs(rows - 15.5) < 1, abs(columns - 5.5) < 1, abs(columns - 17.5) < 1],
                         axis=0))
    assert all(np.any(drawn[line] == 0) for line in (7, 8)) and np.all((drawn[:, 10] == 0).sum() in (2, 4))


def test_two_colours_of_one_luminance_have_an_edge():
    image = np.zeros((1, 24, 24, 3), np.uint8)
    image[:, :, :12, 0], image[:, :, 12:, 1] = 200, 102  # 0.299 * 200 = 0.587 * 102, to a level.
    assert grey(image).max() - grey(image).min() <= 1
    assert np.all(np.any(edges(image)[0, :, 10:14, 0] == 0, axis=1))


def test_nothing_flat_and_no_faint_slope_is_drawn_but_a_faint_line_goes_on_from_a_steep_one():
    flat = np.full((1, 24, 24, 1), 130, np.uint8)
    assert np.all(edges(flat) == 255)
    step = flat.copy()
    step[:, 12:] += 13  # A step of 0.05 has a slope of 0.02 after the Gaussian: between both thresholds.
    assert np.all(edges(step) == 255)
    step[:, 12:, :10] += np.arange(20, 0, -2, dtype=np.uint8)[:, None]
    assert np.all(np.any(edges(step)[0, 10:14, :, 0] < 255, axis=0))
    step[:, :, 8:14] = flat[:, :, 8:14]  # Cut off by a gap, it is left out again.
    assert np.all(edges(step)[0, :, 17:] == 255)


def test_a_line_is_as_dark_as_it_is_steep_until_it_is_black():
    steps = np.full((4, 24, 24, 1), 20, np.uint8)
    steps[:, 12:] += np.array([25, 50, 200, 220], np.uint8)[:, None, None, None]
    faint, twice, *steep = 255 - edges(steps).min(axis=(1, 2, 3)).astype(int)
    assert 0 < faint and abs(twice - 2 * faint) <= 1 and steep == [255, 255]


def test_any_source_is_translated_with_its_labels_and_arguments():
    plain = SOURCES["glyphs"](size=5, seed=3)
    data = translated("glyphs", "edges", {"size": 5, "seed": 3})
    np.testing.assert_array_equal(data.images, plain.images)
    np.testing.assert_array_equal(data.sources, edges(plain.images))
    np.testing.assert_array_equal(data.labels, plain.labels)
    assert data.class_names == plain.class_names


def halves(images):
    """The upper halves, in the red alone."""
    return images[:, :images.shape[1] // 2, :, :1]


class OnDisk:
    """Stands for stored images: counts what is read."""

    dtype, nbytes = IMAGES.dtype, IMAGES.nbytes

    def __init__(self):
        self.shape, self.read = IMAGES.shape, 0

    def __len__(self):
        return len(IMAGES)

    def __getitem__(self, index):
        found = IMAGES[index]
        self.read += len(found) if found.ndim == 4 else 1
        return found


def stored():
    """A source on a disk."""
    return Dataset("stored", OnDisk(), np.zeros(len(IMAGES), np.int32), ("all",))


def test_what_is_on_a_disk_is_translated_when_it_is_read():
    data = translated(f"{__name__}:stored", f"{__name__}:halves")
    data.images.read = 0
    assert data.sources.shape == (12, 16, 32, 1) and len(data.sources) == 12 and data.sources.nbytes == 12 * 16 * 32
    expected = halves(IMAGES)
    for index in (np.array([5, 3, 5]), slice(2, 4), 7, np.int32(7)):
        np.testing.assert_array_equal(data.sources[index], expected[index])
    assert data.images.read == 3 + 2 + 1 + 1


def floats(images):
    """Not bytes."""
    return images / 255


@pytest.mark.parametrize(("kwargs", "words"), [
    ({"source": "glyps"}, r"source 'glyps' is unknown \(did you mean glyphs\?\)"),
    ({"source": "digits", "function": "edge"}, r"function 'edge' is unknown \(did you mean edges\?\)"),
    ({"source": "glyphs", "kwargs": {"sise": 3}}, r"kwargs\.kwargs: argument of glyphs 'sise'.*did you mean size"),
    ({"source": "ring8", "kwargs": {"size": 9}}, "source is 'ring8', a set of points"),
    ({"source": "photo_grey", "kwargs": {"size": 3}}, "source is 'photo_grey', a set of pairs"),
    ({"source": "digits", "function": f"{__name__}:floats"}, "makes float64"),
    ({"source": "digits", "function": f"{__name__}:grey_mean"}, "has no 'grey_mean'"),
])
def test_mistakes_are_answered_in_a_sentence_that_names_the_key(kwargs, words):
    with pytest.raises(ConfigError, match=words) as error:
        load_data(tiny_config(data={"source": "translated", "kwargs": kwargs}))
    assert str(error.value).startswith("config.data.kwargs.")
