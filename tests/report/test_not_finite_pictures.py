"""What is not finite becomes no picture: it is refused with its number, and striped while a training shows it."""

import numpy as np
import pytest

from ganlab.config import ConfigError
from ganlab.data import NotFinite, finite_images, to_uint8
from ganlab.report.pictures import image_grid, striped

BAD = (np.nan, np.inf, -np.inf)


def images(value=0.0):
    found = np.zeros((5, 8, 8, 3), np.float32)
    found[2, 3, 4, 1] = value
    return found


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("make", [to_uint8, lambda found: image_grid(found, 2)], ids=["bytes", "grid"])
def test_images_that_are_not_finite_become_no_bytes(make, value):
    assert issubclass(NotFinite, ConfigError)  # Commands answer it in a sentence.
    with pytest.raises(NotFinite, match="1 of 5 images that the network makes is not finite, the first of them "
                                        "number 2; take an earlier checkpoint by --step"):
        make(images(value))


def test_finite_images_become_the_bytes_that_they_were():
    values = np.linspace(-2, 2, 3 * 4 * 4 * 1, dtype=np.float32).reshape(3, 4, 4, 1)
    assert to_uint8(values).tobytes() == np.clip(np.round((values + 1) * 127.5), 0, 255).astype(np.uint8).tobytes()
    assert to_uint8(values[:0]).shape == (0, 4, 4, 1)
    assert finite_images(images(np.nan)).tolist() == [True, True, False, True, True]


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_training_shows_stripes_where_an_image_is_not_finite_and_the_others_as_they_are(channels, value):
    found = images(value)[..., :channels] + (0 if channels == 3 else value)
    shown = to_uint8(striped(found))
    bad = ~finite_images(found)
    assert set(np.unique(shown[bad])) == {0, 255} and not np.isnan(striped(found)).any()
    assert np.array_equal(shown[~bad], to_uint8(found[~bad]))


def test_what_is_finite_or_no_image_is_shown_as_it_is():
    points, whole = np.full((4, 2), np.nan), images().astype(np.uint8)
    for found in (images(), points, whole):
        assert striped(found) is found
