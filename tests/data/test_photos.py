"""Crops of photographs and textures: no pixel in two splits, the same bits again, whole pictures in the right place."""

import numpy as np
import pytest

from ganlab.config import ConfigError
from ganlab.data import SOURCES
from ganlab.data.photos import HELD_OUT, PHOTOGRAPHS, TEXTURES, scenes
from ganlab.data.translation import LINES, edges
from ganlab.systems import load_data
from tiny import tiny_config

photos, textures = SOURCES["photos"], SOURCES["textures"]
KINDS = [photos, lambda size, **kwargs: textures(size=size, source_size=1, **kwargs), SOURCES["photo_edges"]]


def ramp(width):
    """A picture whose level says at which of 200 columns a pixel is, and which is otherwise flat."""
    return np.broadcast_to(np.arange(width, dtype=np.uint8)[:, None], (180, width, 3)).copy()


def test_no_test_crop_shares_a_pixel_with_a_train_crop(monkeypatch):
    for name in PHOTOGRAPHS:
        monkeypatch.setitem(PHOTOGRAPHS, name, lambda name: ramp(200))
    train, test = (photos(400, side=12, split=split).images for split in ("train", "test"))
    border = round(200 * (1 - HELD_OUT))
    # Both reach close to the border, and neither across it.
    assert border - 4 <= train.max() < border <= test.min() <= border + 4
    assert train.min() <= 4 and test.max() >= 195


def test_no_test_crop_of_scenes_shares_a_pixel_with_a_train_crop(monkeypatch):
    for name in PHOTOGRAPHS:
        monkeypatch.setitem(PHOTOGRAPHS, name, lambda name: ramp(200))
    train, test = (next(scenes(12, split, 0))[0] for split in ("train", "test"))
    assert 97 <= train.max() < 100 <= test.min() <= 103
    assert train.min() <= 4 and test.max() >= 195
    # From two pixels of the photograph for one on.
    steps = np.abs(np.diff(train[..., 0].astype(float), axis=2)[:, :, 3:8]).mean(axis=(1, 2))
    assert 1.95 < steps.min() < 2.1 and 2.9 < steps.max() < 3.05


def test_crops_with_drawings_are_those_of_all_scenes_with_enough_lines():
    images, labels = next(scenes(32, "train", 0))
    chosen = np.flatnonzero((edges(images) < 255).mean(axis=(1, 2, 3)) >= LINES)[:100]
    assert 100 < chosen[-1]
    pairs = SOURCES["photo_edges"](100, side=32)
    np.testing.assert_array_equal(pairs.images, images[chosen])
    np.testing.assert_array_equal(pairs.labels, labels[chosen])


def test_crops_are_mirrored_half_of_the_time_and_show_one_to_three_pixels_in_one(monkeypatch):
    for name in PHOTOGRAPHS:
        monkeypatch.setitem(PHOTOGRAPHS, name, lambda name: ramp(200))
    images = photos(400, side=12).images[..., 0].astype(float)
    slope = (images[:, :, 8] - images[:, :, 3]).mean(axis=1) / 5
    # 5 standard errors of a fair coin.
    assert abs((slope < 0).mean() - 0.5) < 5 * 0.5 / 400**0.5
    assert 0.95 < abs(slope).min() < 1.1 and 2.7 < abs(slope).max() < 3.05
    # The logarithm of the scale is uniform from 0 to log 3: its median is half of that.
    assert abs(np.median(np.abs(slope)) - 3**0.5) < 0.15


@pytest.mark.parametrize("make", KINDS, ids=["photos", "textures", "photo_edges"])
def test_crops_are_drawn_by_seed_and_split_and_begin_a_larger_set(make):
    first = make(size=20).images
    np.testing.assert_array_equal(make(size=30).images[:20], first)
    for other in ({"seed": 1}, {"split": "test"}):
        assert np.all(np.any(make(size=20, **other).images != first, axis=(1, 2, 3)))


def test_a_crop_is_of_the_photograph_that_its_label_names():
    data = photos(200, side=16)
    assert data.class_names == tuple(PHOTOGRAPHS)
    tints = np.array([data.images[data.labels == label].mean(axis=(0, 1, 2)) for label in range(data.num_classes)])
    whole = np.array([load(name)[:, :300].mean(axis=(0, 1)) for name, load in PHOTOGRAPHS.items()])
    # Each class is nearer in colour to its own photograph than to any other.
    distances = np.linalg.norm(tints[:, None] - whole, axis=-1)
    np.testing.assert_array_equal(distances.argmin(axis=1), np.arange(data.num_classes))


def test_textures_are_two_kinds_of_as_many_as_asked_for_each_with_an_order_of_its_own():
    data = textures("grass", "brick", source_size=7, size=9, side=32)
    assert data.sources.shape == (7, 32, 32, 1) and data.images.shape == (9, 32, 32, 1)
    assert not data.paired and [set(stream) for stream in data.streams()] == [{"image", "label"}, {"source"}]
    for pictures, name in ((data.sources, "grass"), (data.images, "brick")):
        np.testing.assert_allclose(pictures.mean(), TEXTURES[name](name)[:, :358].mean(), atol=8)


def test_a_texture_to_itself_is_cut_twice():
    data = textures("brick", "brick", source_size=9, size=9, side=32)
    assert np.all(np.any(data.sources != data.images, axis=(1, 2, 3)))


@pytest.mark.parametrize("name", ["photos", "photo_edges", "photo_grey", "textures"])
@pytest.mark.parametrize(("kwargs", "words"), [
    ({"split": "tset"}, "did you mean test?"),
    ({"side": 300}, "have 8 to (135|154|225) pixels"),
    ({"side": 4}, "have 8 to (135|154|225) pixels"),
    ({"first": "brik"}, "did you mean brick?"),
    ({"second": "sand"}, "allowed: brick, grass, gravel"),
])
def test_mistakes_are_answered_in_a_sentence_that_names_the_key(name, kwargs, words):
    key = next(iter(kwargs))
    unknown = name != "textures" and key in ("first", "second")
    with pytest.raises(ConfigError, match="argument of" if unknown else words) as error:
        load_data(tiny_config(data={"source": name, "kwargs": kwargs}))
    assert unknown or str(error.value).startswith(f"config.data.kwargs.{key} ")


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_largest_side_that_is_offered_fits_both_splits(split):
    with pytest.raises(ConfigError) as error:
        photos(side=1000, split=split)
    largest = int(str(error.value).split()[-2])
    assert photos(3, side=largest, split=split).images.shape == (3, largest, largest, 3)
