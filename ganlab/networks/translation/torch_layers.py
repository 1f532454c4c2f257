"""Layers with the arithmetic of PyTorch's, so that networks published there give the same numbers.

Paddings are given in pixels, kernels start from a normal distribution of deviation 0.02 and gains
of batch normalization from one around 1, as the code of pix2pix and CycleGAN has it.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from ganlab.config import unknown
from ganlab.convolutions.layers import Conv, ConvTranspose
from ganlab.networks.batch_statistics import batch_statistics, whole
from ganlab.types import Array

EPSILON = 1e-5
DEVIATION = 0.02
NORMALIZATIONS = ("batch", "instance", "none")


def convolution(features: int, kernel: int, stride: int, padding: int, use_bias: bool,
                name: str) -> nn.Module:
    """Makes a convolution with `padding` zeros on every side."""
    return Conv(features, (kernel,) * 2, strides=(stride,) * 2, padding=((padding, padding),) * 2,
                use_bias=use_bias, kernel_init=nn.initializers.normal(DEVIATION), name=name)


def doubling_convolution(features: int, kernel: int, use_bias: bool, name: str) -> nn.Module:
    """Makes a transposed convolution that doubles height and width: stride 2, PyTorch's padding 1.

    With an odd kernel the output would lack a row and a column, which are added at the end:
    `output_padding` 1.
    """
    before = kernel - 2
    return ConvTranspose(features, (kernel,) * 2, strides=(2, 2),
                         padding=((before, before + kernel % 2),) * 2, use_bias=use_bias,
                         kernel_init=nn.initializers.normal(DEVIATION), name=name)


def reflect(x: Array, padding: int) -> Array:
    """Pads images [b, h, w, c] by `padding` mirrored pixels on each side, borders not repeated."""
    return jnp.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), mode="reflect")


def blurred_half(x: Array) -> Array:
    """Halves images [b, h, w, c] by the filter (1, 2, 1) / 4, borders mirrored (Zhang 2019).

    Height and width are even.
    """
    x = reflect(x, 1)
    x = (x[:, :-2:2] + 2 * x[:, 1:-1:2] + x[:, 2::2]) / 4
    return (x[:, :, :-2:2] + 2 * x[:, :, 1:-1:2] + x[:, :, 2::2]) / 4


def blurred_double(x: Array) -> Array:
    """Doubles images [b, h, w, c] by the filter (1, 3, 3, 1) / 4, borders repeated (Zhang 2019)."""
    for axis in (1, 2):
        size = x.shape[axis]
        # New pixels are a quarter of an old one before and after each old one.
        padded = jnp.pad(x, [(int(i == axis),) * 2 for i in range(x.ndim)], mode="edge")
        before, here, behind = (jax.lax.slice_in_dim(padded, start, start + size, axis=axis)
                                for start in range(3))
        pairs = jnp.stack([(before + 3 * here) / 4, (3 * here + behind) / 4], axis=axis + 1)
        x = pairs.reshape(*x.shape[:axis], 2 * size, *x.shape[axis + 1:])
    return x


def _around_one(key: Array, shape: tuple[int, ...], dtype: jnp.dtype) -> Array:
    return 1 + DEVIATION * jax.random.normal(key, shape, dtype)


class BatchNorm(nn.Module):
    """Batch normalization with the unbiased running variance (Ioffe & Szegedy 2015, section 3.1).

    Under `pmap` it needs `axis_name`; under `jit` over a mesh its statistics are global as they
    are.
    """

    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        size = x.shape[-1]
        scale = self.param("scale", _around_one, (size,), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros_init(), (size,), jnp.float32)
        mean, variance = batch_statistics(self, whole(x), train, self.axis_name)
        return ((whole(x) - mean) * (scale * jax.lax.rsqrt(variance + EPSILON))
                + bias).astype(x.dtype)


def instance_norm(x: Array) -> Array:
    """Normalizes each channel of each image to mean 0 and variance 1 (Ulyanov et al. 2016).

    Nothing is learned.
    """
    centred = whole(x) - jnp.mean(whole(x), axis=(1, 2), keepdims=True)
    variance = jnp.mean(centred**2, axis=(1, 2), keepdims=True)
    return (centred * jax.lax.rsqrt(variance + EPSILON)).astype(x.dtype)


def normalized(x: Array, normalization: str, axis_name: str | None, train: bool,
               name: str) -> Array:
    """Normalizes x by name: `batch`, `instance` or `none`.

    Call it inside a compact module, which gets the batch normalization `name`.
    """
    if normalization not in NORMALIZATIONS:
        raise unknown("normalization", normalization, NORMALIZATIONS)
    if normalization == "batch":
        return BatchNorm(axis_name, name=name)(x, train)
    return instance_norm(x) if normalization == "instance" else x


def has_bias(use_bias: bool | None, normalization: str) -> bool:
    """Returns whether convolutions before a normalization have a bias: `use_bias`, if given.

    Otherwise all have one, except before batch normalization, which removes it and learns its own.
    """
    return normalization != "batch" if use_bias is None else use_bias
