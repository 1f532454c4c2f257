"""The residual networks of Gulrajani et al. 2017: their layers and numbers, beside the laws of every family."""

import functools
import math

import jax
import numpy as np

from ganlab.networks import CRITICS, GENERATORS


def shapes(module, x):
    """Shapes of the initial params, of the output and of what every layer gave: nothing is computed."""
    variables = jax.eval_shape(functools.partial(module.init, train=False), jax.random.key(0), x)
    output, state = jax.eval_shape(functools.partial(module.apply, capture_intermediates=True,
                                                     mutable=["intermediates"]), variables, x)
    given = {name: layer["__call__"][0].shape[1:] for name, layer in state["intermediates"].items()
             if isinstance(layer, dict) and "__call__" in layer}
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables["params"])), output.shape, given


def test_the_residual_generator_at_64_has_the_layers_of_the_paper():
    # Gulrajani et al. 2017: 128 latents, 4x4x512, blocks to 8x8x512, 16x16x256, 32x32x128, 64x64x64, and 64x64x3.
    module = GENERATORS["residual"](image_shape=(64, 64, 3))
    parameters, shape, given = shapes(module, np.zeros((2, 128), np.float32))
    assert shape == (2, 64, 64, 3)
    assert [given[f"second_{stage}"] for stage in (1, 2, 3, 4)] == [
        (8, 8, 512), (16, 16, 256), (32, 32, 128), (64, 64, 64)]
    dense = (128 + 1) * 4 * 4 * 512
    blocks = [(512, 512), (512, 256), (256, 128), (128, 64)]
    convolutions = sum(9 * (before * after + after * after) + before * after for before, after in blocks)
    scales_and_biases = sum(2 * (before + after) for before, after in blocks) + 2 * 64
    assert parameters == dense + convolutions + scales_and_biases + 9 * 64 * 3 + 3 == 8_538_563


def test_the_residual_critic_at_64_has_the_layers_of_the_paper():
    module = CRITICS["residual"](image_shape=(64, 64, 3), normalization="layer")
    parameters, shape, given = shapes(module, np.zeros((2, 64, 64, 3), np.float32))
    assert shape == (2,)
    # The second convolution of a block is before its means.
    assert [given[name] for name in ("input", "down_0", "down_1", "down_2", "down_3")] == [
        (64, 64, 64), (64, 64, 128), (32, 32, 256), (16, 16, 512), (8, 8, 512)]
    blocks = [(64, 128), (128, 256), (256, 512), (512, 512)]
    convolutions = sum(9 * (before * before + before * after) + before * after + 2 * after for before, after in blocks)
    scales_and_biases = sum(2 * 2 * before for before, _ in blocks)
    assert parameters == 9 * 3 * 64 + 64 + convolutions + scales_and_biases + 4 * 4 * 512 + 1 == 7_491_841


def test_layer_normalization_is_of_the_whole_image_with_a_gain_and_a_bias_for_each_channel():
    module = CRITICS["residual"](image_shape=(8, 8, 3), width=4, normalization="layer")
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (2, 8, 8, 3)).astype(np.float32)
    variables = jax.tree.map(lambda leaf: rng.uniform(-1, 1, leaf.shape).astype(leaf.dtype),
                             jax.eval_shape(module.init, jax.random.key(0), x))
    _, state = jax.jit(functools.partial(module.apply, capture_intermediates=True, mutable=["intermediates"]))(
        variables, x)
    before, found = (state["intermediates"][name]["__call__"][0] for name in ("input", "norm_0_first"))
    mean, deviation = (of(before, axis=(1, 2, 3), keepdims=True) for of in (np.mean, np.std))
    affine = variables["params"]["norm_0_first"]["LayerNorm_0"]
    np.testing.assert_allclose(found, (before - mean) / deviation * affine["scale"] + affine["bias"], atol=1e-3)
