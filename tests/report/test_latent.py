"""Pictures of a latent space put every image and every word where it belongs."""

import re

import numpy as np
import pytest
from scipy import stats

from ganlab.report.latent import draw_latent_space, grid_sides, latent_plane, worded_grid
from ganlab.report.pictures import image_grid


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape)


def test_a_space_of_two_dimensions_is_drawn_as_it_is():
    latents = normal(50, 2)
    plane = latent_plane(latents)
    np.testing.assert_array_equal(plane.project(latents), latents)
    np.testing.assert_allclose(plane.ticks(7), np.tile(stats.norm.ppf((np.arange(7) + 0.5) / 7), (2, 1)), atol=1e-12)


def test_a_larger_space_is_drawn_on_the_plane_of_its_largest_variance():
    # Deviations of 3 and 2 along two directions, of a tenth along all others.
    basis = np.linalg.qr(normal(5, 5))[0]
    latents = 7.0 + normal(4000, 5) * [3, 2, 0.1, 0.1, 0.1] @ basis
    plane = latent_plane(latents)
    np.testing.assert_allclose(np.abs(plane.axes @ basis.T)[:, :2], np.eye(2), atol=0.02)
    np.testing.assert_allclose(plane.deviations, plane.project(latents).std(axis=0), rtol=1e-9)
    np.testing.assert_allclose(plane.deviations, [3, 2], rtol=0.05)
    np.testing.assert_allclose(plane.project(latents).mean(axis=0), 0.0, atol=1e-9)
    shares = [int(re.search(r"(\d+)% of the variance", name)[1]) for name in plane.names]
    np.testing.assert_allclose(shares, [100 * 9 / 13, 100 * 4 / 13], atol=2)


@pytest.mark.parametrize("size", [2, 3])
def test_the_grid_is_the_ticks_from_the_top_left_row_by_row(size):
    plane = latent_plane(normal(50, size))
    across, up = plane.ticks(3)
    expected = [(x, y) for y in up[::-1] for x in across]
    np.testing.assert_allclose(plane.project(plane.grid(3)), expected, atol=1e-12)
    assert across[0] < across[1] < across[2]


def test_one_dimension_has_no_plane():
    with pytest.raises(ValueError, match="latents of dimension 1 have no plane"):
        latent_plane(np.zeros((5, 1)))


def test_a_worded_grid_holds_the_grid_pixel_for_pixel_under_its_words():
    images = np.random.default_rng(0).integers(1, 255, (6, 40, 40, 3)).astype(np.uint8)
    images[...] = images[:, :1, :1]
    grid = image_grid(images, 3)
    plain, worded = (worded_grid(images, 3, title, rows, heads) for title, rows, heads in (
        ("", (), ()), ("a title", ("first row", "second"), ("a", "b", "c"))))
    for picture in (plain, worded):
        # The tile of the first image is found where nothing else has its colour.
        height, width = grid.shape[:2]
        ys, xs = np.nonzero((picture == images[0, 0, 0]).all(axis=-1))
        gap = np.argwhere((grid == images[0, 0, 0]).all(axis=-1))[0]
        top, left = ys.min() - gap[0], xs.min() - gap[1]
        np.testing.assert_array_equal(picture[top:top + height, left:left + width], grid)
        outside = picture.astype(int).copy()
        outside[top:top + height, left:left + width] = 255
        assert (outside.min() < 128) == (picture is worded)
    assert worded.shape[0] > plain.shape[0] and worded.shape[1] > plain.shape[1]


@pytest.mark.parametrize("classes", [3, 15, 62])
def test_a_space_shows_each_class_in_a_colour_of_its_own(classes):
    latents, labels = normal(300, 2), np.arange(300) % classes
    plane, names = latent_plane(latents), [f"class {i}" for i in range(classes)]
    decoded = np.zeros((9, 8, 8, 1), np.float32)
    picture = draw_latent_space(plane, latents, labels, names, decoded, "title")
    assert picture.shape == (800, 1500, 3)
    one = draw_latent_space(plane, latents, np.zeros_like(labels), names, decoded, "title")
    # Counted where the points are, left of any legend; fewer than a hundred pixels are edges of points.
    colours = [len(np.unique(found[100:650, 60:650].reshape(-1, 3), axis=0)) for found in (picture, one)]
    assert colours[0] > colours[1] + classes


@pytest.mark.parametrize("shape", [(8, 8, 1), (5, 9, 3), (4, 4, 2), (300, 200, 3)])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 7)])
def test_the_sides_of_a_grid_are_known_before_it_is_drawn(shape, rows, columns):
    assert grid_sides(shape, rows, columns) == image_grid(np.zeros((rows * columns, *shape)), columns).shape[:2]
