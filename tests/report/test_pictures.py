"""Pictures show every sample where it belongs."""

import dataclasses
import inspect

import numpy as np
import pytest
from PIL import Image

from ganlab.data import SOURCES, Dataset, examine
from ganlab.engine.examples import side_by_side_strip
from ganlab.report.data_views import data_picture
from ganlab.report.pictures import columns_for, draw_samples, image_grid, save_animation, save_png
from ganlab.report.plots import plot_losses, running_mean


def test_a_grid_shows_each_image_in_its_place_row_by_row():
    images = np.linspace(-1, 1, 6, dtype=np.float32)[:, None, None, None] * np.ones((6, 2, 2, 1), np.float32)
    picture = image_grid(images, columns=3, width=100)
    height, width, _ = picture.shape
    centers = [picture[height * (2 * row + 1) // 4, width * (2 * column + 1) // 6, 0] for row in range(2)
               for column in range(3)]
    np.testing.assert_array_equal(centers, [0, 51, 102, 153, 204, 255])


def test_a_grid_keeps_colours_and_leaves_an_unfinished_row_empty():
    images = np.zeros((3, 4, 4, 3), np.uint8)
    images[2, ..., 1] = 200
    picture = image_grid(images, columns=2, width=60)
    height, width, _ = picture.shape
    np.testing.assert_array_equal(picture[3 * height // 4, width // 4], [0, 200, 0])
    np.testing.assert_array_equal(picture[3 * height // 4, 3 * width // 4], [255, 255, 255])


@pytest.mark.parametrize("channels", [2, 4, 5])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_images_of_other_channels_show_each_of_them_in_grey(channels, kind):
    levels = np.random.default_rng(channels).integers(256, size=(3, 6, 4, channels))
    images = levels.astype(np.uint8) if kind is np.uint8 else np.float32(levels / 127.5 - 1)
    beside = np.concatenate([images[..., channel:channel + 1] for channel in range(channels)], axis=2)
    np.testing.assert_array_equal(image_grid(images, 2, 300), image_grid(beside, 2, 300))
    pairs = side_by_side_strip([images, np.zeros((3, 6, 4, 3), kind)])
    assert pairs.shape == (3, 6, 4 * channels + 4, 3)


@pytest.mark.parametrize("channels", [2, 4])
def test_a_set_of_other_channels_is_examined_and_drawn(channels):
    images = np.random.default_rng(0).integers(256, size=(30, 6, 4, channels)).astype(np.uint8)
    labels = np.arange(30, dtype=np.int32) % 2
    alone = Dataset("mine", images, labels, ("a", "b"))
    for dataset in (alone, dataclasses.replace(alone, sources=images[..., :1])):
        assert examine(dataset).images.mean.shape == (channels,)
        assert data_picture(dataset).shape[2] == 3


@pytest.mark.parametrize("numbers", [1, 3])
def test_points_of_other_dimensions_are_drawn_by_their_first_and_last(numbers):
    points = np.random.default_rng(0).normal(size=(40, numbers)).astype(np.float32)
    dataset = Dataset("mine", points, np.zeros(40, np.int32), ("a",))
    ends = points[:, [0, -1]] * [1, numbers > 1]
    flat = dataclasses.replace(dataset, images=ends.astype(np.float32))
    np.testing.assert_array_equal(draw_samples(points[:5], dataset, 1, ""), draw_samples(ends[:5], flat, 1, ""))


def test_large_images_are_never_made_smaller():
    assert image_grid(np.zeros((4, 300, 300, 3), np.uint8), columns=4, width=100).shape[1] > 4 * 300


def ships(source):
    """Whether a source has its data with it and needs no argument."""
    return all(parameter.default is not inspect.Parameter.empty
               for parameter in inspect.signature(source).parameters.values())


@pytest.mark.parametrize("name", sorted(name for name, source in SOURCES.items() if ships(source)))
def test_samples_of_every_source_that_ships_can_be_drawn(name):
    dataset = SOURCES[name]()
    samples = dataset.images[:20]
    picture = draw_samples(samples, dataset, 10, "title")
    assert picture.dtype == np.uint8 and picture.shape[2] == 3 and picture.std() > 5


def test_a_scatter_shows_generated_points_over_the_real_ones():
    dataset = SOURCES["ring8"](size=100)
    nothing = draw_samples(np.full((1, 2), 99.0), dataset, 1, "")
    something = draw_samples(np.zeros((50, 2)), dataset, 1, "")
    red = something[..., 0].astype(int) - something[..., 1] > 60
    center = np.argwhere(red & (nothing != something).any(axis=-1)).mean(axis=0)
    np.testing.assert_allclose(center, np.array(something.shape[:2]) / 2, atol=25)


@pytest.mark.parametrize(("number", "classes", "columns"),
                         [(100, 10, 10), (100, 1, 10), (5, 10, 2), (64, 1000, 8), (1, 1, 1)])
def test_a_column_is_a_class_where_classes_are_few(number, classes, columns):
    assert columns_for(number, classes) == columns


def test_an_animation_has_every_frame_and_loops(tmp_path):
    frames = []
    for number in range(3):
        frames.append(tmp_path / f"{number}.png")
        save_png(frames[-1], np.full((8, 8, 3), 80 * number, np.uint8))
    assert save_animation(tmp_path / "a.gif", frames)
    with Image.open(tmp_path / "a.gif") as animation:
        assert animation.n_frames == 3 and animation.info["loop"] == 0
    assert not save_animation(tmp_path / "b.gif", frames[:1]) and not (tmp_path / "b.gif").exists()


def test_a_png_reads_back_and_leaves_no_partial_file(tmp_path):
    pixels = np.random.default_rng(0).integers(256, size=(5, 7, 3)).astype(np.uint8)
    save_png(tmp_path / "a.png", pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), pixels)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_running_mean_averages_the_last_values():
    np.testing.assert_allclose(running_mean(np.array([1.0, 3.0, 5.0, 7.0]), 2), [1, 2, 4, 6])


def test_losses_are_plotted_beside_other_metrics():
    columns = {"step": np.arange(9.0), "kimg": np.arange(9.0), "critic/loss": np.arange(9.0)}
    one = plot_losses(columns, "t")
    two = plot_losses({**columns, "critic/real_logits": np.arange(9.0)}, "t")
    assert two.shape[0] == 2 * one.shape[0]
    # Singular values are logged at an interval of their own, in a panel of their own.
    singular = np.where(np.arange(9) % 4 == 0, 2.0, np.nan)
    three = plot_losses({**columns, "critic/real_logits": np.arange(9.0), "singular_values/critic": singular,
                         "singular_values/critic/a/kernel": singular}, "t")
    assert three.shape[0] == 3 * one.shape[0]
