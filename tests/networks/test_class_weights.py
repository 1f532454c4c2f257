"""Generators take weights of the classes in place of labels, of which a label is its one-hot row."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from ganlab.networks import GENERATORS, GROWING_GENERATORS, STYLE_GENERATORS
from ganlab.networks.layers import concatenate_labels, latents_with_labels
from ganlab.networks.spectral import SpectralEmbed

CLASSES, LATENTS = 3, 120
EVERY = GENERATORS | STYLE_GENERATORS | GROWING_GENERATORS
SIDES = {"dcgan64": 64}
KWARGS = {"biggan": {"attention": ()}, "biggan_deep": {"attention": ()},
          "biggan_deep_published": {"layers": ((True, 1, 1),) * 3}}


@pytest.mark.parametrize("name", EVERY)
def test_every_generator_takes_weights_of_the_classes(name):
    builder = EVERY[name]
    side = SIDES.get(name, 32)
    module = builder(image_shape=(side, side, 3), num_classes=CLASSES, **KWARGS.get(name, {}))
    images, _ = jax.eval_shape(lambda: module.init_with_output(
        jax.random.key(0), jnp.zeros((2, LATENTS)), jnp.zeros((2, CLASSES))))
    assert images.shape == (2, side, side, 3)


class Entrances(nn.Module):
    """Every way in which a class enters a generator here."""

    @nn.compact
    def __call__(self, latents, labels):
        return {"one_hot": latents_with_labels(latents, labels, CLASSES, "one_hot"),
                "embedding": latents_with_labels(latents, labels, CLASSES, "embedding"),
                "channels": concatenate_labels(latents[:, None, None], labels, CLASSES),
                "vectors": SpectralEmbed(CLASSES, 5, None)(labels, False, latents)}


def test_a_label_is_its_one_hot_row_and_weights_between_two_lie_between_what_both_give():
    latents, labels = jnp.ones((CLASSES, 4)), jnp.arange(CLASSES)
    rows = jnp.eye(CLASSES)

    @jax.jit
    def entered():
        variables = Entrances().init(jax.random.key(0), latents, labels)
        return [Entrances().apply(variables, latents, given)
                for given in (labels, rows, (rows + jnp.roll(rows, 1, axis=0)) / 2)]

    of_labels, of_rows, between = entered()
    for way, found in of_labels.items():
        np.testing.assert_allclose(of_rows[way], found, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(between[way], (found + np.roll(found, 1, axis=0)) / 2, rtol=1e-6, atol=1e-7)
        assert np.abs(found - np.roll(found, 1, axis=0)).max() > 0.1
