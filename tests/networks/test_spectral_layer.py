"""Any layer under spectral normalization: its kernel has norm 1, by the numbers that Flax's wrapper has."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from ganlab.convolutions.layers import Conv
from ganlab.networks.spectral import spectral

LAYERS = {"dense": (functools.partial(nn.Dense, 5), np.ones((2, 4), np.float32)),
          "convolution": (functools.partial(Conv, 5, (3, 3), strides=(2, 2)), np.ones((2, 4, 4, 3), np.float32)),
          "table": (functools.partial(nn.Embed, 6, 5), np.arange(6))}


class Ours(nn.Module):
    """A layer as networks normalize it."""

    layer: str

    @nn.compact
    def __call__(self, x, train):
        return spectral(LAYERS[self.layer][0](name="layer"), True, train)(x)


class Theirs(nn.Module):
    """A layer in Flax's wrapper, which adds epsilon to a squared norm."""

    layer: str

    @nn.compact
    def __call__(self, x, train):
        return nn.SpectralNorm(LAYERS[self.layer][0](name="layer"), epsilon=1e-24, collection_name="spectral")(
            x, update_stats=train)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_has_norm_one_after_iterations_and_the_numbers_of_flax(layer, float64):
    ours, theirs, x = Ours(layer), Theirs(layer), LAYERS[layer][1]
    variables = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), ours.init(jax.random.key(0), x, True))
    params, state = variables["params"], {"spectral": variables["spectral"]}
    assert params.keys() == {"layer"} and state["spectral"]["spectral_layer"].keys() == {"u"}
    other = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), theirs.init(jax.random.key(1), x, True))
    name, = (name for name in other["spectral"]["SpectralNorm_0"] if name.endswith("/u"))
    kept = {**other["spectral"]["SpectralNorm_0"], name: state["spectral"]["spectral_layer"]["u"]}
    other = {"spectral": {"SpectralNorm_0": kept}}

    @functools.partial(jax.jit, static_argnums=2)
    def passed(state, other, train):
        return (ours.apply({"params": params, **state}, x, train, mutable=["spectral"]),
                theirs.apply({"params": params, **other}, x, train, mutable=["spectral"]))

    for train in (True, False):
        (found, _), (expected, _) = passed(state, other, train)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    for _ in range(200):
        (_, state), _ = passed(state, other, True)
    # The layer is linear: its own kernel, of norm 1, gives the same.
    matrix = next(leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params) if leaf.ndim > 1)
    scale = np.linalg.norm(matrix.reshape(-1, matrix.shape[-1]), 2)
    whole = jax.tree.map(lambda leaf: leaf / scale if leaf.ndim > 1 else leaf, params)
    (found, _), _ = passed(state, other, False)
    np.testing.assert_allclose(found, LAYERS[layer][0]().apply({"params": whole["layer"]}, x), rtol=1e-6,
                               atol=1e-9)
