"""The vision transformer: what it makes of images before the first layer, its sizes, what it refuses."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from ganlab.networks.features.vision_transformer import (
    DEVIATION,
    MEAN,
    SIZES,
    VisionTransformer,
    position_matrix,
    preprocess,
)

PARITY = np.load(Path(__file__).parents[1] / "parity" / "vision_transformer.npz")

# Of the official modules, without the token that stands in for hidden patches in training.
PARAMETERS = {"vits14": 22_056_576 - 384, "vitb14": 86_580_480 - 768, "vitl14": 304_368_640 - 1024}


def test_positions_are_interpolated_as_in_the_official_network():
    stored = PARITY["in/positions_37"][0, 1:].reshape(37, 37, -1)
    official = PARITY["out/positions_16"][0, 1:].reshape(16, 16, -1)
    matrix = position_matrix(37, 16)
    np.testing.assert_allclose(np.einsum("yi,xj,ijc->yxc", matrix, matrix, stored), official, atol=2e-5 * 4)


@pytest.mark.parametrize("stored, wanted", [(37, 16), (5, 3), (5, 9)])
def test_equal_positions_stay_equal(stored, wanted):
    np.testing.assert_allclose(position_matrix(stored, wanted).sum(axis=1), np.ones(wanted), rtol=1e-6)


def test_positions_of_the_stored_grid_are_taken_as_they_are():
    np.testing.assert_array_equal(position_matrix(37, 37), np.eye(37))


@pytest.mark.parametrize("shape", [(40, 25), (9, 14)])
def test_resizing_is_pillows_of_float_images(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    resized = [np.array(Image.fromarray(image[..., channel].astype(np.float32)).resize((14, 14), Image.BICUBIC))
               for channel in range(3)]
    expected = (np.stack(resized, axis=-1).clip(0, 255) / 255 - MEAN) / DEVIATION
    np.testing.assert_allclose(preprocess(image[None], 14)[0], expected, atol=2e-5 * 2.7)


@pytest.mark.parametrize("name", SIZES)
def test_the_sizes_are_the_published_ones(name):
    network = VisionTransformer(**SIZES[name])
    features, variables = jax.eval_shape(network.init_with_output, jax.random.key(0),
                                         jax.ShapeDtypeStruct((2, 30, 20, 3), jnp.uint8))
    assert features.shape == (2, SIZES[name]["width"])
    assert sum(leaf.size for leaf in jax.tree.leaves(variables)) == PARAMETERS[name]


@pytest.mark.parametrize("fields, shape, match", [
    ({}, (1, 28, 28, 1), "takes images"),
    ({"image_size": 30}, (1, 28, 28, 3), "multiple of patch 14"),
    ({"width": 385}, (1, 28, 28, 3), "multiple of .*heads 6"),
])
def test_what_cannot_be_cut_is_refused(fields, shape, match):
    with pytest.raises(ValueError, match=match):
        VisionTransformer(**{**SIZES["vits14"], **fields}).init(jax.random.key(0), jnp.zeros(shape))
