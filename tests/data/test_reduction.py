"""Images at a fraction of their side are the official code's levels, however they are asked for."""

import dataclasses

import numpy as np
import pytest
from tiny import IMAGES

from ganlab.data import ReducedImages, reduced, reduced_images


def official_levels(images, levels):
    """Means of 2x2 pixels in float32, again and again, each rounded to whole levels as it is stored."""
    found, images = [], images.astype(np.float32)
    for _ in range(levels):
        images = (images[:, ::2, ::2] + images[:, ::2, 1::2] + images[:, 1::2, ::2] + images[:, 1::2, 1::2]) * 0.25
        found.append(np.rint(images).clip(0, 255).astype(np.uint8))
    return found


def test_blocks_are_rounded_as_the_official_code_stores_its_levels():
    images = np.random.default_rng(0).integers(256, size=(500, 16, 16, 3)).astype(np.uint8)
    for number, level in enumerate(official_levels(images, 3), start=1):
        np.testing.assert_array_equal(reduced_images(images, 2**number), level)


def test_floats_are_plain_means():
    images = np.random.default_rng(0).normal(size=(3, 8, 4, 2)).astype(np.float32)
    np.testing.assert_allclose(reduced_images(images, 4)[:, 0, 0], images[:, :4].mean((1, 2)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("index", [slice(None), slice(5, 3), slice(60, 4, -3), np.array([3, 3, 0]), 7])
def test_a_view_gives_what_was_asked_for(index):
    view = ReducedImages(IMAGES.images, 2)
    np.testing.assert_array_equal(view[index], reduced_images(IMAGES.images, 2)[index])
    assert (len(view), view.shape, view.dtype, view.nbytes) == (64, (64, 4, 4, 1), np.uint8, 64 * 16)


def test_a_set_keeps_all_else_and_is_itself_at_full_size():
    small = reduced(IMAGES, 4)
    assert reduced(IMAGES, 1) is IMAGES and small.image_shape == (2, 2, 1)
    assert dataclasses.replace(small, images=IMAGES.images) == IMAGES
