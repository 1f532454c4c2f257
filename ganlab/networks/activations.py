"""Activations, by name."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from ganlab.types import Array


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def leaky_relu(x: Array, slope: float) -> Array:
    """Computes x if it is positive, else `slope` times x; the slope is not negative.

    Maas et al. 2013, "Rectifier nonlinearities improve neural network acoustic models", section 2.
    Its gradient reads the sign of its output, not of x: the next layer keeps the output anyway, so
    that x, with the bias and the moves of pixels before it, need not be kept or computed again. At
    0 the gradient is the slope. Only reverse mode differentiates it.
    """
    return jnp.where(x > 0, x, slope * x)


def _leaky_relu_and_itself(x: Array, slope: float) -> tuple[Array, Array]:
    y = leaky_relu(x, slope)
    return y, y


leaky_relu.defvjp(_leaky_relu_and_itself, lambda slope, y, g: (jnp.where(y > 0, g, slope * g),))

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": nn.relu,
    "leaky_relu": lambda x: leaky_relu(x, 0.2),
    "softplus": nn.softplus,
    "tanh": jnp.tanh,
    # For images that a textbook draws in [0, 1] by a sigmoid: ours are in [-1, 1].
    "image_sigmoid": lambda x: 2 * nn.sigmoid(x) - 1,
    "identity": lambda x: x,
}
