"""The Inception network: its resize, its taps, what it refuses. Its numbers are tested with its weights."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganlab.networks.features.inception import (
    Inception2015,
    InceptionTaps,
    SIZE,
    mean_pool,
    resize_tf1,
)

PARITY = np.load(Path(__file__).parents[1] / "parity" / "inception_network.npz")


def test_resizing_matches_the_official_numbers():
    image = PARITY["in/x2"].transpose(0, 2, 3, 1)
    official = PARITY["out/tfresize_x2"].transpose(0, 2, 3, 1)  # Every seventh row and column.
    np.testing.assert_allclose(resize_tf1(image, SIZE, SIZE)[:, ::7, ::7], official, atol=2e-5 * 255)


def test_resizing_by_hand():
    # Pixel i lies at i / 2: halfway between neighbours, and past the last one the last one.
    row = np.array([0.0, 4.0, 2.0]).reshape(1, 1, 3, 1)
    np.testing.assert_array_equal(resize_tf1(row, 1, 6).ravel(), [0, 2, 4, 3, 2, 2])
    # Pixel i lies at 2i: every other pixel, and nothing of those between.
    column = np.array([1.0, 9.0, 5.0, 7.0]).reshape(1, 4, 1, 1)
    np.testing.assert_array_equal(resize_tf1(column, 2, 1).ravel(), [1, 5])


def test_resizing_takes_bytes_and_keeps_an_image_of_the_size():
    image = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), np.uint8)
    kept = resize_tf1(image, 5, 7)
    assert kept.dtype == jnp.float32
    np.testing.assert_array_equal(kept, image)


def test_the_mean_of_a_border_is_of_the_pixels_that_are_there():
    np.testing.assert_allclose(mean_pool(jnp.ones((1, 4, 4, 1))), np.ones((1, 4, 4, 1)), rtol=1e-6)


def test_taps_have_the_sizes_in_their_names():
    taps, variables = jax.eval_shape(Inception2015().init_with_output, jax.random.key(0),
                                     jax.ShapeDtypeStruct((2, 20, 31, 3), jnp.uint8))
    assert taps == InceptionTaps(*(jax.ShapeDtypeStruct((2, size), jnp.float32)
                                   for size in (64, 192, 768, 2048, 1008, 1008)))
    # 21,785,568 of the network, 1,008 rows of 2,048 weights and a bias.
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) == 21_785_568 + 1008 * 2049


@pytest.mark.parametrize("shape", [(2, 20, 20, 1), (20, 20, 3)])
def test_images_without_three_channels_are_refused(shape):
    with pytest.raises(ValueError, match=r"takes images \[n, h, w, 3\]"):
        Inception2015().init(jax.random.key(0), jnp.zeros(shape))
