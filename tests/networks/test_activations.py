"""The leaky ReLU whose gradient reads its output: values, gradients of both orders, and what it keeps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from ganlab.networks.activations import ACTIVATIONS, leaky_relu

POINTS = jnp.array([-3.0, -0.5, -1e-30, 0.25, 4.0])
SLOPES = (0.0, 0.2, 0.3, 1.0)


@pytest.mark.parametrize("slope", SLOPES)
def test_leaky_relu_and_its_gradient_equal_those_of_flax_off_zero(slope):
    np.testing.assert_array_equal(leaky_relu(POINTS, slope), nn.leaky_relu(POINTS, slope))
    for function in (lambda x: leaky_relu(x, slope), jax.vmap(lambda x: leaky_relu(x, slope))):
        found = jax.grad(lambda x: jnp.sum(function(x) * jnp.arange(1.0, 6.0)))(POINTS)
        np.testing.assert_array_equal(found, jnp.where(POINTS > 0, 1, jnp.float32(slope)) * jnp.arange(1.0, 6.0))


def test_the_gradient_of_leaky_relu_at_zero_is_its_slope():
    assert jax.grad(leaky_relu)(0.0, 0.2) == np.float32(0.2)


def test_gradients_of_gradients_of_leaky_relu_equal_those_of_flax():
    def penalty(activation):
        def slope(weights, x):
            return jax.grad(lambda x: jnp.sum(activation(weights @ x, 0.2)**3))(x)

        return jax.grad(lambda weights: jnp.sum(slope(weights, POINTS)**2))

    weights = jnp.asarray(np.random.default_rng(0).standard_normal((4, 5)), jnp.float32)
    np.testing.assert_allclose(penalty(leaky_relu)(weights), penalty(nn.leaky_relu)(weights), rtol=1e-5)


def test_leaky_relu_keeps_its_output_alone():
    kept = jax.vjp(lambda x: leaky_relu(x, 0.2), POINTS)[1]
    np.testing.assert_array_equal(jnp.stack(jax.tree.leaves(kept)), leaky_relu(POINTS, 0.2)[None])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_keep_shape_and_type(name):
    for dtype in (jnp.float32, jnp.bfloat16):
        made = ACTIVATIONS[name](POINTS.astype(dtype))
        assert (made.shape, made.dtype) == (POINTS.shape, dtype)
