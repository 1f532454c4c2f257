"""Spectral normalization of any layer: its law, and numbers of PyTorch-StudioGAN, BigGAN-PyTorch and Flax."""

import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from ganlab.convolutions.layers import Conv
from ganlab.networks.spectral import spectral

PARITY = dict(np.load(Path(__file__).parent.parent / "parity" / "spectral.npz"))
LAYERS = sorted({name.split("/")[2].removesuffix(".weight_u") for name in PARITY if name.startswith("buf_after/")})


class Wrapped(nn.Module):
    """One convolution or dense layer without a bias, spectrally normalized."""

    layer: nn.Module

    @nn.compact
    def __call__(self, x):
        return spectral(self.layer, True, True)(x)


def one_call(weight, u):
    """Kernel as it is applied, largest singular value, and vector after one call; weights as PyTorch has them."""
    kernel = np.transpose(weight, (2, 3, 1, 0))
    size = kernel.shape[0]
    layer = nn.Conv(kernel.shape[-1], (size, size), padding="VALID", use_bias=False, name="layer")
    vectors = {"u": u.reshape(1, -1)}
    # One unit of input a time: what comes out is the kernel, turned by the correlation.
    taps = np.eye(kernel[..., 0].size, dtype=np.float32).reshape(-1, *kernel.shape[:-1])
    output, state = jax.jit(lambda v, x: Wrapped(layer).apply(v, x, mutable=["spectral"]))(
        {"params": {"layer": {"kernel": kernel}}, "spectral": {"spectral_layer": vectors}}, taps)
    applied = np.float64(output.reshape(kernel.shape))
    sigma = np.sum(np.float64(kernel) ** 2) / np.sum(kernel * applied)
    return applied, sigma, state["spectral"]["spectral_layer"]["u"][0]


@pytest.mark.parametrize("layer", LAYERS)
def test_one_power_iteration_a_call_as_in_studiogan(layer):
    name = f"sngan_deepconv_D/{layer}.weight"
    weight = PARITY[f"sd/{name}_orig"]
    applied, sigma, u = one_call(weight, PARITY[f"sd/{name}_u"])
    expected = PARITY[f"buf_after/{name}_u"]
    np.testing.assert_allclose(u, expected, atol=2e-5 * np.max(np.abs(expected)))
    np.testing.assert_allclose(applied, np.transpose(weight, (2, 3, 1, 0)) / sigma, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scale", ["1", "0.001", "0.0001", "1e-06"])
def test_the_singular_value_is_that_of_biggan_at_every_scale(scale):
    _, sigma, _ = one_call(np.float32(scale) * PARITY["in/w"], PARITY["in/sn_u"])
    np.testing.assert_allclose(sigma, PARITY[f"out/sn_sigma_{scale}"], rtol=2e-5)


KINDS = {"dense": (functools.partial(nn.Dense, 5), np.ones((2, 4), np.float32)),
          "convolution": (functools.partial(Conv, 5, (3, 3), strides=(2, 2)), np.ones((2, 4, 4, 3), np.float32)),
          "table": (functools.partial(nn.Embed, 6, 5), np.arange(6))}


class Ours(nn.Module):
    """A layer as networks normalize it."""

    layer: str

    @nn.compact
    def __call__(self, x, train):
        return spectral(KINDS[self.layer][0](name="layer"), True, train)(x)


class Theirs(nn.Module):
    """A layer in Flax's wrapper, which adds epsilon to a squared norm."""

    layer: str

    @nn.compact
    def __call__(self, x, train):
        return nn.SpectralNorm(KINDS[self.layer][0](name="layer"), epsilon=1e-24, collection_name="spectral")(
            x, update_stats=train)


@pytest.mark.parametrize("layer", KINDS)
def test_a_layer_has_norm_one_after_iterations_and_the_numbers_of_flax(layer, float64):
    ours, theirs, x = Ours(layer), Theirs(layer), KINDS[layer][1]
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
    np.testing.assert_allclose(found, KINDS[layer][0]().apply({"params": whole["layer"]}, x), rtol=1e-6,
                               atol=1e-9)
