"""The leaky ReLU whose gradient reads its output: values, gradients of both orders, and what it keeps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from ganlab.networks.activations import ACTIVATIONS, leaky_relu

POINTS = np.array([-3.0, -0.5, -1e-30, 0.25, 4.0], np.float32)
SLOPES = (0.0, 0.2, 0.3, 1.0)


@pytest.mark.parametrize("slope", SLOPES)
def test_leaky_relu_and_its_gradient_equal_those_of_flax_off_zero(slope):
    onto = np.arange(1, 6, dtype=np.float32)

    @jax.jit
    def all_of_them(x):
        ways = (lambda x: leaky_relu(x, slope), jax.vmap(lambda x: leaky_relu(x, slope)))
        return leaky_relu(x, slope), nn.leaky_relu(x, slope), [jax.vjp(way, x)[1](onto)[0] for way in ways]

    found, expected, gradients = all_of_them(POINTS)
    np.testing.assert_array_equal(found, expected)
    for gradient in gradients:
        np.testing.assert_array_equal(gradient, np.where(POINTS > 0, 1, np.float32(slope)) * onto)


def test_the_gradient_of_leaky_relu_at_zero_is_its_slope():
    assert jax.jit(jax.grad(leaky_relu), static_argnums=1)(0.0, 0.2) == np.float32(0.2)


def test_gradients_of_gradients_of_leaky_relu_equal_those_of_flax(float64):
    def penalty(activation):
        def slope(weights, x):
            return jax.grad(lambda x: jnp.sum(activation(weights @ x, 0.2)**3))(x)

        return jax.jit(jax.grad(lambda weights: jnp.sum(slope(weights, POINTS.astype(float))**2)))

    weights = np.random.default_rng(0).standard_normal((4, 5))
    np.testing.assert_allclose(penalty(leaky_relu)(weights), penalty(nn.leaky_relu)(weights), rtol=1e-9)


def test_leaky_relu_keeps_its_output_alone():
    output, kept = jax.vjp(lambda x: leaky_relu(x, 0.2), POINTS)
    np.testing.assert_array_equal(np.stack(jax.tree.leaves(kept)), np.asarray(output)[None])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_keep_shape_and_type(name):
    for dtype in (jnp.float32, jnp.bfloat16):
        made = jax.eval_shape(ACTIVATIONS[name], jax.ShapeDtypeStruct(POINTS.shape, dtype))
        assert (made.shape, made.dtype) == (POINTS.shape, dtype)
