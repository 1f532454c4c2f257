"""Vision transformers (Dosovitskiy et al. 2021) of DINOv2 (Oquab et al. 2024), for features.

Distances between DINOv2 features follow people's judgement better than those between Inception
features do (Stein et al. 2023). Layers carry the names of the published PyTorch weights.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from ganlab.convolutions.layers import Conv
from ganlab.types import Array

SIZES = {"vits14": {"width": 384, "depth": 12, "heads": 6},
         "vitb14": {"width": 768, "depth": 12, "heads": 12},
         "vitl14": {"width": 1024, "depth": 24, "heads": 16}}

# Means and deviations of ImageNet's red, green and blue in [0, 1].
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)

EPSILON = 1e-6
PRECISION = jax.lax.Precision.HIGHEST


def preprocess(images: Array, size: int) -> Array:
    """Converts images [n, h, w, 3] in 0..255 to what the network takes, [n, size, size, 3].

    Images are resized bicubically (Keys, a = -1/2) with a kernel that widens as images shrink,
    clipped to 0..255 and never rounded to bytes, as Parmar et al. (2022) recommend and Stein et al.
    (2023) do, then normalized to ImageNet's units: (x / 255 - mean) / deviation.
    """
    images = jnp.asarray(images, jnp.float32)
    shape = (images.shape[0], size, size, images.shape[3])
    images = jax.image.resize(images, shape, "cubic", antialias=True, precision=PRECISION)
    return (jnp.clip(images, 0, 255) / 255 - MEAN) / DEVIATION


def position_matrix(stored: int, wanted: int) -> np.ndarray:
    """Computes weights [wanted, stored] that interpolate positions along one axis, as published.

    They are bicubic with a = -3/4, the border repeated, nothing averaged. The step is stored /
    (wanted + 0.1), where the 0.1 was added against rounding and shifts positions by up to 0.22 of a
    stored step from 37 to 16.
    """
    if stored == wanted:
        return np.eye(stored, dtype=np.float32)
    places = (np.arange(wanted) + 0.5) * stored / (wanted + 0.1) - 0.5
    first = np.floor(places).astype(int)
    matrix = np.zeros((wanted, stored))
    # Keys' kernel at the four nearest stored positions.
    for tap in range(-1, 3):
        distance = np.abs(places - (first + tap))
        near = (1.25 * distance - 2.25) * distance**2 + 1
        far = -0.75 * (((distance - 5) * distance + 8) * distance - 4)
        np.add.at(matrix, (np.arange(wanted), np.clip(first + tap, 0, stored - 1)),
                  np.where(distance <= 1, near, far))
    return matrix.astype(np.float32)


def dense(features: int, name: str) -> nn.Dense:
    """Makes a dense layer at full precision."""
    return nn.Dense(features, precision=PRECISION, name=name)


class Attention(nn.Module):
    """Self-attention of tokens [n, t, width] over `heads` equal parts of the width."""

    heads: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        examples, tokens, width = x.shape
        qkv = dense(3 * width, "qkv")(x).reshape(examples, tokens, 3, self.heads,
                                                 width // self.heads)
        queries, keys, values = (qkv[:, :, part] for part in range(3))
        scores = jnp.einsum("nqhc,nkhc->nhqk", queries, keys,
                            precision=PRECISION) / np.sqrt(width // self.heads)
        mixed = jnp.einsum("nhqk,nkhc->nqhc", nn.softmax(scores), values, precision=PRECISION)
        return dense(width, "proj")(mixed.reshape(x.shape))


class Mlp(nn.Module):
    """Two dense layers, four times as wide between, with the exact GELU."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        hidden = nn.gelu(dense(4 * x.shape[-1], "fc1")(x), approximate=False)
        return dense(x.shape[-1], "fc2")(hidden)


class LayerScale(nn.Module):
    """A learned factor for each channel (Touvron et al. 2021)."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return x * self.param("gamma", nn.initializers.ones_init(), (x.shape[-1],))


class Block(nn.Module):
    """Attention and dense layers, each normalised before, scaled, and added to its input."""

    heads: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = x + LayerScale(name="ls1")(
            Attention(self.heads, name="attn")(nn.LayerNorm(EPSILON, name="norm1")(x)))
        return x + LayerScale(name="ls2")(Mlp(name="mlp")(nn.LayerNorm(EPSILON, name="norm2")(x)))


class VisionTransformer(nn.Module):
    """Vision transformer: images [n, h, w, 3] in 0..255 become the class token [n, width].

    The token is taken after the last normalisation. `width`, `depth` and `heads` are those of
    `SIZES`. Images of any size are resized to `image_size` by `preprocess` and cut into patches of
    `patch` pixels; `positions` is the side of the grid of stored positions, interpolated to that of
    the patches. Raises ValueError for images that do not have three channels, and for sizes that do
    not divide.
    """

    width: int
    depth: int
    heads: int
    patch: int = 14
    positions: int = 37
    image_size: int = 224

    @nn.compact
    def __call__(self, images: Array) -> Array:
        if images.ndim != 4 or images.shape[-1] != 3:
            raise ValueError("the vision transformer takes images [n, h, w, 3], not "
                             f"{tuple(images.shape)}; repeat a single channel three times")
        if self.image_size % self.patch or self.width % self.heads:
            raise ValueError(f"image_size {self.image_size} must be a multiple of patch "
                             f"{self.patch}, and width {self.width} of heads {self.heads}")
        normal = nn.initializers.normal(0.02)
        class_token = self.param("cls_token", normal, (1, 1, self.width))
        positions = self.param("pos_embed", normal, (1, 1 + self.positions**2, self.width))

        # A token for each patch, with its position, interpolated from the stored grid.
        x = PatchEmbedding(self.width, self.patch,
                           name="patch_embed")(preprocess(images, self.image_size))
        matrix = position_matrix(self.positions, self.image_size // self.patch)
        grid = positions[0, 1:].reshape(self.positions, self.positions, self.width)
        grid = jnp.einsum("yi,xj,ijc->yxc", matrix, matrix, grid, precision=PRECISION)
        x = (x + grid).reshape(x.shape[0], -1, self.width)
        # The class token comes first; the blocks mix all tokens.
        first = jnp.broadcast_to(class_token + positions[:, :1], (x.shape[0], 1, self.width))
        x = jnp.concatenate([first, x], axis=1)
        for number in range(self.depth):
            x = Block(self.heads, name=f"blocks_{number}")(x)
        return nn.LayerNorm(EPSILON, name="norm")(x[:, 0])


class PatchEmbedding(nn.Module):
    """Images [n, h, w, 3] become one token for each patch [n, h / patch, w / patch, width]."""

    width: int
    patch: int

    @nn.compact
    def __call__(self, images: Array) -> Array:
        return Conv(self.width, (self.patch,) * 2, strides=(self.patch,) * 2, padding="VALID",
                    precision=PRECISION, name="proj")(images)
