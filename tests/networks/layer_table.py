"""The layer table of a network, as textbooks print it."""

import functools

import jax
from flax import linen as nn


def layer_table(module, x):
    """Layer, shape of its output without the batch, weights and biases, in the order of the calls; computes nothing."""
    rows = []

    def record(next_function, arguments, keywords, context):
        output = next_function(*arguments, **keywords)
        if context.module.path:
            rows.append((context.module.name, output.shape[1:]))
        return output

    params = jax.eval_shape(functools.partial(module.init, train=False), jax.random.key(0), x)["params"]
    with nn.intercept_methods(record):
        jax.eval_shape(functools.partial(module.apply, train=False), {"params": params}, x)
    sizes = {name: {leaf: value.size for leaf, value in layer.items()} for name, layer in params.items()}
    return [(name, shape, sizes.get(name, {}).get("kernel", 0), sizes.get(name, {}).get("bias", 0))
            for name, shape in rows]
