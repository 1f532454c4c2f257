"""Nearest images are those of the smallest distance, wherever they stand in a set."""

import numpy as np
import pytest
from tiny import IMAGES

from ganlab.config import ConfigError
from ganlab.evaluation import data_pictures, load_features, nearest_images

PICTURES = data_pictures(IMAGES, {"source": "images", "kwargs": {}})


@pytest.mark.parametrize("name", ["pixels", "digits"])
@pytest.mark.parametrize("block_bytes", [1, 2**26])
def test_the_nearest_image_of_a_training_image_is_itself(name, block_bytes, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    features = load_features(name)
    places = nearest_images(IMAGES.images[:20], PICTURES, features, 3, block_bytes)
    np.testing.assert_array_equal(places[:, 0], np.arange(20))
    # The others by all distances in float64.
    seen = features.extract(IMAGES.images)[0].astype(np.float64)
    distances = np.linalg.norm(seen[:20, None] - seen, axis=2)
    np.testing.assert_array_equal(places, np.argsort(distances, axis=1, kind="stable")[:, :3])


@pytest.mark.parametrize("block_bytes", [1, 2**26])
def test_of_equally_near_images_the_first_is_nearest(block_bytes):
    twice = np.concatenate([IMAGES.images[:3]] * 2)
    pictures = type(PICTURES)("twice", 6, lambda start, stop: twice[start:stop])
    places = nearest_images(twice[:3], pictures, load_features("pixels"), 2, block_bytes)
    np.testing.assert_array_equal(places, [[0, 3], [1, 4], [2, 5]])


def test_more_images_than_there_are_is_answered_in_a_sentence():
    with pytest.raises(ConfigError, match="images has 64 images, and the 65 nearest are asked for"):
        nearest_images(IMAGES.images[:1], PICTURES, load_features("pixels"), 65)
