"""Spectral normalization against PyTorch-StudioGAN and BigGAN-PyTorch, number for number."""

from pathlib import Path

import jax
import numpy as np
import pytest
from flax import linen as nn

from ganlab.networks.layers import spectral

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
    vectors = {"layer/kernel/u": u.reshape(1, -1), "layer/kernel/sigma": np.ones((), np.float32)}
    # One unit of input a time: what comes out is the kernel, turned by the correlation.
    taps = np.eye(kernel[..., 0].size, dtype=np.float32).reshape(-1, *kernel.shape[:-1])
    output, state = jax.jit(lambda v, x: Wrapped(layer).apply(v, x, mutable=["spectral"]))(
        {"params": {"layer": {"kernel": kernel}}, "spectral": {"spectral_layer": vectors}}, taps)
    after = state["spectral"]["spectral_layer"]
    return output.reshape(kernel.shape), after["layer/kernel/sigma"], after["layer/kernel/u"][0]


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
