"""The Inception network of 2015, which defines the Fréchet distance of images (Heusel et al.
2017).

Inception v3 (Szegedy et al. 2016) as it was published for TensorFlow in December 2015, which
differs from later weights of the same name: 1,008 classes, average pools that leave padding out of
the mean, and a max-pool in the last block. Layers carry the names of the published PyTorch weights.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from ganlab.types import Array

SIZE = 299
CLASSES = 1008
# Distances between sets of features see the rounding of short number formats, so none is taken.
PRECISION = jax.lax.Precision.HIGHEST


class InceptionTaps(NamedTuple):
    """What one pass returns: channel means at four depths [n, 64], ..., and two logits [n, 1008].

    `logits_unbiased`, without the bias of the last layer, define the Inception score.
    """

    features_64: Array
    features_192: Array
    features_768: Array
    features_2048: Array
    logits: Array
    logits_unbiased: Array


def resize_tf1(images: Array, height: int, width: int) -> Array:
    """Resizes images [n, h, w, c] to [n, height, width, c], bilinear as TensorFlow 1, in float32.

    Output pixel i is at i * h / height of the input, without the half pixel by which others shift
    it (`align_corners=False, half_pixel_centers=False`); nothing is averaged when images shrink.
    """
    images = jnp.asarray(images, jnp.float32)
    for axis, size in ((1, height), (2, width)):
        present = images.shape[axis]
        if present == size:
            continue
        places = np.arange(size, dtype=np.float32) * np.float32(present / size)
        # Each pixel is a mix of the two between which it lies.
        below = np.minimum(places.astype(np.int32), present - 1)
        share = (places - below).reshape((size,) + (1,) * (3 - axis))
        lower = jnp.take(images, below, axis=axis)
        upper = jnp.take(images, np.minimum(below + 1, present - 1), axis=axis)
        images = lower + (upper - lower) * share
    return images


class Convolution(nn.Module):
    """Convolution without bias; "VALID" stays inside the image, "SAME" pads it with zeros.

    Kernels of one pixel are matrix products, and "VALID" at stride 1 is "SAME" without the border:
    the same numbers, and on a CPU the whole network takes three quarters of the time.
    """

    features: int
    kernel: tuple[int, int]
    stride: int
    padding: str

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", nn.initializers.lecun_normal(),
                            (*self.kernel, x.shape[-1], self.features))
        if self.kernel == (1, 1):
            return jnp.matmul(x, kernel[0, 0], precision=PRECISION)
        # "VALID" is computed as "SAME", and the border is cut off.
        cut = self.padding == "VALID" and self.stride == 1
        x = jax.lax.conv_general_dilated(
            x, kernel, (self.stride,) * 2, "SAME" if cut else self.padding,
            dimension_numbers=("NHWC", "HWIO", "NHWC"), precision=PRECISION)
        return x[:, 1:-1, 1:-1] if cut else x  # Such kernels are all 3x3 here.


class ConvBN(nn.Module):
    """Convolution, batch normalisation by stored statistics (epsilon 1e-3), ReLU."""

    features: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: str = "SAME"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = Convolution(self.features, self.kernel, self.stride, self.padding, name="conv")(x)
        return nn.relu(nn.BatchNorm(use_running_average=True, epsilon=1e-3, name="bn")(x))


def max_pool(x: Array) -> Array:
    """Takes the largest of 3x3 pixels at stride 2, inside the image."""
    return nn.max_pool(x, (3, 3), strides=(2, 2))


def mean_pool(x: Array) -> Array:
    """Averages 3x3 pixels at stride 1; at the border, those inside the image."""
    return nn.avg_pool(x, (3, 3), padding="SAME", count_include_pad=False)


def chain(x: Array, *layers: tuple[str, int, tuple[int, int]], shrink: bool = False) -> Array:
    """Applies layers (name, channels, kernel) in turn; with `shrink` the last one has stride 2."""
    for name, features, kernel in layers[:-1]:
        x = ConvBN(features, kernel, name=name)(x)
    name, features, kernel = layers[-1]
    return ConvBN(features, kernel, 2 if shrink else 1, "VALID" if shrink else "SAME", name=name)(x)


def join(*branches: Array) -> Array:
    """Joins branches side by side as channels."""
    return jnp.concatenate(branches, axis=-1)


class Block35(nn.Module):
    """Block at 35x35 pixels: 1x1, 5x5, twice 3x3, a mean of `pool_features` channels (fig. 5)."""

    pool_features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return join(
            chain(x, ("branch1x1", 64, (1, 1))),
            chain(x, ("branch5x5_1", 48, (1, 1)), ("branch5x5_2", 64, (5, 5))),
            chain(x, ("branch3x3dbl_1", 64, (1, 1)), ("branch3x3dbl_2", 96, (3, 3)),
                  ("branch3x3dbl_3", 96, (3, 3))),
            chain(mean_pool(x), ("branch_pool", self.pool_features, (1, 1))))


class Reduction35(nn.Module):
    """From 35x35 to 17x17 pixels (figure 10)."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return join(
            chain(x, ("branch3x3", 384, (3, 3)), shrink=True),
            chain(x, ("branch3x3dbl_1", 64, (1, 1)), ("branch3x3dbl_2", 96, (3, 3)),
                  ("branch3x3dbl_3", 96, (3, 3)), shrink=True),
            max_pool(x))


class Block17(nn.Module):
    """Block at 17x17 pixels: 7x7 kernels as rows and columns of `width` channels (figure 6)."""

    width: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        width, row, column = self.width, (1, 7), (7, 1)
        return join(
            chain(x, ("branch1x1", 192, (1, 1))),
            chain(x, ("branch7x7_1", width, (1, 1)), ("branch7x7_2", width, row),
                  ("branch7x7_3", 192, column)),
            chain(x, ("branch7x7dbl_1", width, (1, 1)), ("branch7x7dbl_2", width, column),
                  ("branch7x7dbl_3", width, row), ("branch7x7dbl_4", width, column),
                  ("branch7x7dbl_5", 192, row)),
            chain(mean_pool(x), ("branch_pool", 192, (1, 1))))


class Reduction17(nn.Module):
    """From 17x17 to 8x8 pixels."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return join(
            chain(x, ("branch3x3_1", 192, (1, 1)), ("branch3x3_2", 320, (3, 3)), shrink=True),
            chain(x, ("branch7x7x3_1", 192, (1, 1)), ("branch7x7x3_2", 192, (1, 7)),
                  ("branch7x7x3_3", 192, (7, 1)), ("branch7x7x3_4", 192, (3, 3)), shrink=True),
            max_pool(x))


class Block8(nn.Module):
    """Block at 8x8 pixels: 3x3 kernels as a row beside a column (figure 7).

    `pool` is "mean", or "max" in the last block: an oddity of these weights.
    """

    pool: str

    @nn.compact
    def __call__(self, x: Array) -> Array:
        row, column = (1, 3), (3, 1)
        # Two branches end in a row beside a column, as in figure 7.
        middle = chain(x, ("branch3x3_1", 384, (1, 1)))
        double = chain(x, ("branch3x3dbl_1", 448, (1, 1)), ("branch3x3dbl_2", 384, (3, 3)))
        pooled = nn.max_pool(x, (3, 3), padding="SAME") if self.pool == "max" else mean_pool(x)
        return join(
            chain(x, ("branch1x1", 320, (1, 1))),
            chain(middle, ("branch3x3_2a", 384, row)),
            chain(middle, ("branch3x3_2b", 384, column)),
            chain(double, ("branch3x3dbl_3a", 384, row)),
            chain(double, ("branch3x3dbl_3b", 384, column)),
            chain(pooled, ("branch_pool", 192, (1, 1))))


class Classifier(nn.Module):
    """The last layer: features [n, 2048] become unbiased logits [n, 1008], and the bias [1008]."""

    @nn.compact
    def __call__(self, features: Array) -> tuple[Array, Array]:
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (features.shape[-1], CLASSES))
        bias = self.param("bias", nn.initializers.zeros_init(), (CLASSES,))
        return jnp.matmul(features, kernel, precision=PRECISION), bias


class Inception2015(nn.Module):
    """The FID network: images [n, h, w, 3] in 0..255, of any size, become InceptionTaps.

    Images are resized to 299x299 by `resize_tf1` and scaled to (x - 128) / 128. Taps that the
    caller drops inside `jit` are not computed. Raises ValueError for images that do not have three
    channels.
    """

    @nn.compact
    def __call__(self, images: Array) -> InceptionTaps:
        if images.ndim != 4 or images.shape[-1] != 3:
            raise ValueError("the Inception network takes images [n, h, w, 3], not "
                             f"{tuple(images.shape)}; repeat a single channel three times")

        def mean(x: Array) -> Array:
            return jnp.mean(x, axis=(1, 2))

        # The stem, to 35x35 pixels.
        x = (resize_tf1(images, SIZE, SIZE) - 128) / 128
        x = ConvBN(32, (3, 3), 2, "VALID", name="Conv2d_1a_3x3")(x)
        x = ConvBN(32, (3, 3), 1, "VALID", name="Conv2d_2a_3x3")(x)
        x = max_pool(ConvBN(64, (3, 3), name="Conv2d_2b_3x3")(x))
        features_64 = mean(x)
        x = ConvBN(80, name="Conv2d_3b_1x1")(x)
        x = max_pool(ConvBN(192, (3, 3), 1, "VALID", name="Conv2d_4a_3x3")(x))
        features_192 = mean(x)
        # Inception modules at 35x35 pixels, then at 17x17.
        for name, pool_features in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
            x = Block35(pool_features, name=name)(x)
        x = Reduction35(name="Mixed_6a")(x)
        for name, width in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160),
                            ("Mixed_6e", 192)):
            x = Block17(width, name=name)(x)
        features_768 = mean(x)
        # Modules at 8x8 pixels, whose channel means are the features of the Fréchet distance.
        x = Reduction17(name="Mixed_7a")(x)
        x = Block8("mean", name="Mixed_7b")(x)
        x = Block8("max", name="Mixed_7c")(x)
        features_2048 = mean(x)
        unbiased, bias = Classifier(name="fc")(features_2048)
        return InceptionTaps(features_64, features_192, features_768, features_2048,
                             unbiased + bias, unbiased)
