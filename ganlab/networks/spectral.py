"""Layers whose kernels are divided by their largest singular value (Miyato et al. 2018), as each
official code has it.

A kernel is a matrix of one row for each output, of inputs and then places, as in PyTorch; of an
embedding, of one for each class. The collection
`spectral` keeps left singular vectors `u` [vectors, rows], and right ones `v` [vectors, rest] where
an evaluation takes them as they are; a pass in training improves them by power iterations. Codes
differ in what bounds a norm, and in what an evaluation divides by.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from ganlab.config import unknown
from ganlab.convolutions.layers import convolve
from ganlab.convolutions.resized import convolve_doubled, convolve_halved
from ganlab.networks.class_labels import class_rows
from ganlab.types import Array


class SpectralRule(NamedTuple):
    """How a code computes the singular value.

    Attributes:
      epsilon: least norm that a vector is divided by.
      iterates: whether an evaluation makes one iteration, from the stored `u`, and forgets it;
        otherwise it takes both stored vectors as they are.
      vectors: singular vectors that are kept; the kernel is divided by the first one's value, the
        others show how it shrinks.
      iterations: of a pass in training.
    """

    epsilon: float
    iterates: bool
    vectors: int = 1
    iterations: int = 1


RULES = {
    "none": None,
    "biggan": SpectralRule(1e-6, iterates=True),
    "studiogan": SpectralRule(1e-6, iterates=False),
    "torch": SpectralRule(1e-12, iterates=False),
    "huggingface": SpectralRule(1e-4, iterates=False),
}
"""Rules by the code that has them; `none` leaves kernels as they are."""


LABORATORY = SpectralRule(1e-12, iterates=True)
"""The rule of the laboratory's own networks (`spectral_normalization=True`)."""


def choose_rule(name: str, epsilon: float = 0.0) -> SpectralRule | None:
    """Returns the rule of a name, perhaps with another `epsilon`; raises ConfigError for a name
    that does not exist."""
    if name not in RULES:
        raise unknown("spectral_normalization", name, RULES)
    rule = RULES[name]
    return rule._replace(epsilon=epsilon) if rule and epsilon else rule


def power_iteration(matrix: Array, u: Array, epsilon: float) -> tuple[Array, Array]:
    """Improves singular vectors u [n, rows] of a matrix [rows, rest] once; returns u, v [n, rest].

    Miyato et al. 2018, algorithm 1. Each vector is made orthogonal to those before it.
    """
    def orthogonal_unit(vector: Array, others: list[Array]) -> Array:
        for other in others:
            vector = vector - (other @ vector) / (other @ other) * other
        return vector / jnp.maximum(jnp.sqrt(vector @ vector), epsilon)

    left: list[Array] = []
    right: list[Array] = []
    for vector in u:
        right.append(orthogonal_unit(vector @ matrix, right))
        left.append(orthogonal_unit(matrix @ right[-1], left))
    return jnp.stack(left), jnp.stack(right)


def singular_values(matrix: Array, u: Array, v: Array) -> Array:
    """Computes the singular values [n] that vectors u [n, rows] and v [n, rest] stand for."""
    return jnp.sum(u * (v @ matrix.T), axis=1)


def divided(module: nn.Module, kernel: Array, rule: SpectralRule | None, train: bool,
            by_rows: bool = False) -> Array:
    """Divides a layer's kernel by its largest singular value, inside its compact method.

    Args:
      module: the layer, which gets the vectors.
      kernel: of any shape.
      rule: how; None returns the kernel.
      train: whether vectors are improved, and kept if the collection `spectral` may change.
      by_rows: whether its first axis is that of the outputs, and not its last.
    """
    if rule is None:
        return kernel
    # The matrix, whose products halves would round too much. The order of its columns is seen in
    # `v` alone: without it a kernel stays as it lies.
    whole = kernel.astype(jnp.promote_types(kernel.dtype, jnp.float32))
    if by_rows:
        matrix = whole
    elif rule.iterates:
        matrix = whole.reshape(-1, whole.shape[-1]).T
    else:
        matrix = jnp.moveaxis(whole, (-1, -2), (0, 1)).reshape(whole.shape[-1], -1)

    def drawn(size: int) -> Array:
        vectors = jax.random.normal(module.make_rng("params"), (rule.vectors, size), matrix.dtype)
        return vectors / jnp.linalg.norm(vectors, axis=1, keepdims=True)

    # The vectors of this pass, through which no gradient goes.
    u = module.variable("spectral", "u", drawn, matrix.shape[0])
    v = None if rule.iterates else module.variable("spectral", "v", drawn, matrix.shape[1])
    left = u.value.astype(matrix.dtype)
    if train or v is None:
        for _ in range(rule.iterations if train else 1):
            left, right = power_iteration(jax.lax.stop_gradient(matrix), left, rule.epsilon)
    else:
        right = v.value.astype(matrix.dtype)
    if train and not module.is_initializing() and module.is_mutable_collection("spectral"):
        u.value = left
        if v is not None:
            v.value = right
    left, right = jax.lax.stop_gradient((left, right))
    return (whole / singular_values(matrix, left[:1], right[:1])[0]).astype(kernel.dtype)


class SpectralLayer(nn.Module):
    """Any layer of one kernel, or table, which is divided by its largest singular value.

    Params stay the layer's own; the collection `spectral` has the vector by this module's name.
    """

    layer: nn.Module
    rule: SpectralRule

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        def seen(params: Any) -> Any:
            return jax.tree.map(lambda leaf: leaf if leaf.ndim < 2 else divided(
                self, leaf, self.rule, train), params)

        return nn.map_variables(lambda layer: layer(x), "params", seen,
                                init=self.is_initializing(), mutable=True)(self.layer)


def spectral(layer: nn.Module, enabled: bool, train: bool) -> Callable[[Array], Array]:
    """Returns a layer, if `enabled` divided by its largest singular value by `LABORATORY`.

    Call it inside a compact module.
    """
    if not enabled:
        return layer
    wrapped = SpectralLayer(layer, LABORATORY, name=f"spectral_{layer.name}")
    return lambda x: wrapped(x, train)


RESIZES = {"": convolve, "before": convolve_doubled, "after": convolve_halved,
           "strided": functools.partial(convolve, strides=(2, 2))}
"""Convolutions of images that keep their size, are doubled before, or halved after; and one at
every second place."""


class SpectralConv(nn.Module):
    """A convolution of images [b, h, w, c] by `side` pixels squared, whose size stays, unless it
    `resizes`: doubles images `before`, halves them `after`, or is at every second place."""

    features: int
    side: int
    rule: SpectralRule | None
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = nn.initializers.orthogonal()
    resizes: str = ""

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        shape = (self.side, self.side, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        kernel = divided(self, kernel, self.rule, train).astype(x.dtype)
        y = RESIZES[self.resizes](x, kernel)
        if self.use_bias:
            y = y + self.param("bias", nn.initializers.zeros_init(), shape[-1:]).astype(x.dtype)
        return y


class SpectralDense(nn.Module):
    """A dense layer: [b, d] to [b, features]."""

    features: int
    rule: SpectralRule | None
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = nn.initializers.orthogonal()

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        kernel = self.param("kernel", self.kernel_init, (x.shape[-1], self.features))
        y = x @ divided(self, kernel, self.rule, train).astype(x.dtype)
        if self.use_bias:
            y = y + self.param("bias", nn.initializers.zeros_init(),
                               (self.features,)).astype(x.dtype)
        return y


class SpectralEmbed(nn.Module):
    """A learned row [b, features] for each label [b], or the sum of rows by weights of the classes
    [b, classes]; `like` has the dtype of the result."""

    classes: int
    features: int
    rule: SpectralRule | None
    kernel_init: nn.initializers.Initializer = nn.initializers.orthogonal()

    @nn.compact
    def __call__(self, labels: Array, train: bool, like: Array) -> Array:
        table = self.param("embedding", self.kernel_init, (self.classes, self.features))
        rows = divided(self, table, self.rule, train, by_rows=True)
        return class_rows(rows, labels).astype(like.dtype)
