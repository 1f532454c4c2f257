"""Convolutions: the layers of all networks, and the one place that knows how they are computed.

On GPU and TPU that is `lax`. On CPU, XLA's convolutions are slower than its matrix products for few
channels, and by far for the grouped convolutions that a stack of trials makes. There each of the
three maps of `products` is computed in the way that was measured to be fast for its shape
(`choices`): by XLA with the library that `ganlab.machine.backend` chooses, by products, or by tiles
(`tiles`). The maps are each other's gradients, so that gradients of gradients use the same ways;
they have derivatives by reverse mode alone.
"""

import contextlib
import contextvars
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.linen.dtypes import promote_dtype
from jax import lax

from ganlab.convolutions import lax_maps as lax_maps
from ganlab.convolutions import products as products
from ganlab.convolutions import tiles as tiles
from ganlab.convolutions.choices import CHOICES, Case
from ganlab.convolutions.products import Geometry
from ganlab.machine.made_for import for_cpu, in_branch
from ganlab.types import Array

WAYS = ("auto", "lax", "matmul")
"""How convolutions are computed: as is best for backend and shape, by `lax`, or by products."""
Padding = str | Sequence[tuple[int, int]]

_way: contextvars.ContextVar[str] = contextvars.ContextVar("convolutions", default="auto")


@contextlib.contextmanager
def convolutions(way: str) -> Iterator[None]:
    """Makes layers that are traced inside compute convolutions in one of `WAYS`."""
    token = _way.set(way)
    try:
        yield
    finally:
        _way.reset(token)


class WithConvolutions(nn.Module):
    """A network, unchanged but for the way in which its convolutions are computed."""

    network: nn.Module
    way: str

    @property
    def batch_group(self) -> int | None:
        """That of the network; None if it does not say."""
        return getattr(self.network, "batch_group", None)

    @property
    def tracks_batch(self) -> bool | None:
        """That of the network; None if it does not say."""
        return getattr(self.network, "tracks_batch", None)

    @property
    def sampling_options(self) -> tuple[str, ...]:
        """Those of the network."""
        return getattr(self.network, "sampling_options", ())

    def setup(self) -> None:
        """Leaves params under the names that they have without this module."""
        nn.share_scope(self, self.network)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        with convolutions(self.way):
            return self.network(*arguments, **keywords)


def way_of(network: nn.Module) -> str:
    """Returns the one of `WAYS` in which a network's convolutions are computed."""
    return network.way if isinstance(network, WithConvolutions) else "auto"


class Conv(nn.Module):
    """A convolution of images [b, h, w, c] by a kernel [kh, kw, c / groups, features], with a bias.

    `padding` is `SAME`, `VALID`, or pairs of zeros before and after the rows and the columns.
    """

    features: int
    kernel_size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: Padding = "SAME"
    use_bias: bool = True
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()
    bias_init: Callable[..., Array] = nn.initializers.zeros_init()
    feature_group_count: int = 1
    precision: lax.Precision | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (*self.kernel_size, x.shape[-1] // self.feature_group_count, self.features)
        x, kernel, bias = _parameters(self, x, shape)
        x = convolve(x, kernel, self.strides, self.padding, self.feature_group_count,
                     self.precision)
        return x if bias is None else x + bias


class ConvTranspose(nn.Module):
    """A transposed convolution of images [b, h, w, c] by a kernel [kh, kw, c, features], with a
    bias.

    It is a convolution of the image with `strides - 1` zeros between its pixels. `padding` is
    `SAME`, which makes an image of strides times the size, `VALID`, or pairs of zeros around the
    spread image.
    """

    features: int
    kernel_size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: Padding = "SAME"
    use_bias: bool = True
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()
    bias_init: Callable[..., Array] = nn.initializers.zeros_init()
    precision: lax.Precision | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x, kernel, bias = _parameters(self, x, (*self.kernel_size, x.shape[-1], self.features))
        x = convolve_transposed(x, kernel, self.strides, self.padding, self.precision)
        return x if bias is None else x + bias


def _parameters(layer: Conv | ConvTranspose, x: Array,
                shape: tuple[int, ...]) -> tuple[Array, Array, Array | None]:
    """Returns input, kernel and bias of a layer in their common type."""
    kernel = layer.param("kernel", layer.kernel_init, shape, jnp.float32)
    bias = layer.param("bias", layer.bias_init, shape[-1:], jnp.float32) if layer.use_bias else None
    return promote_dtype(x, kernel, bias, dtype=None)


def convolve(x: Array, kernel: Array, strides: tuple[int, int] = (1, 1), padding: Padding = "SAME",
             groups: int = 1, precision: lax.Precision | None = None) -> Array:
    """Convolves images [b, h, w, c] with a kernel [kh, kw, c / groups, o] to [b, oh, ow, o]; zeros
    pad."""
    if (way := _chosen_way()) == "lax":
        return lax.conv_general_dilated(
            x, kernel, strides, padding, dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups, precision=precision)
    size, window = x.shape[1:3], kernel.shape[:2]
    pads = (lax.padtype_to_pads(size, window, strides, padding) if isinstance(padding, str)
            else padding)
    if groups > 1:
        return products.forward_grouped(
            _geometry(size, window, strides, pads, precision), x, kernel, groups)
    return forward(Plan(_geometry(size, window, strides, pads, precision), way), x, kernel)


def convolve_transposed(x: Array, kernel: Array, strides: tuple[int, int] = (1, 1),
                        padding: Padding = "SAME", precision: lax.Precision | None = None) -> Array:
    """Convolves images [b, h, w, c], spread by `strides`, as `lax.conv_transpose` does."""
    if (way := _chosen_way()) == "lax":
        return lax.conv_transpose(x, kernel, strides, padding,
                                  dimension_numbers=("NHWC", "HWIO", "NHWC"), precision=precision)
    window = kernel.shape[:2]
    size, pads = [], []
    for axis, (extent, stride) in enumerate(zip(window, strides, strict=True)):
        spread, (before, after) = ((x.shape[1 + axis] - 1) * stride + 1,
                                   _spread_padding(padding, axis, extent, stride))
        size.append(spread + before + after - extent + 1)
        # Of the convolution whose outputs x would be, and whose input gradient this is.
        pads.append((extent - 1 - before, extent - 1 - after))
    geometry = _geometry(size, window, strides, pads, precision)
    return input_gradient(Plan(geometry, way), x, products.turn(kernel))


def _spread_padding(padding: Padding, axis: int, extent: int, stride: int) -> tuple[int, int]:
    """Computes the zeros before and after an axis of a spread image."""
    if not isinstance(padding, str):
        return tuple(padding[axis])
    if padding == "VALID":
        return extent - 1, max(extent, stride) - 1
    before = extent - 1 if stride > extent - 1 else -(-(extent + stride - 2) // 2)
    return before, extent + stride - 2 - before


def convolves_as_written() -> bool:
    """Returns whether what is traced now leaves convolutions to `lax`, as on accelerators."""
    return _chosen_way() == "lax"


def _chosen_way() -> str:
    way = _way.get()
    if way == "auto" and not for_cpu():
        return "lax"
    return "matmul" if way == "auto" and in_branch() else way


def _geometry(size: Sequence[int], kernel: Sequence[int], strides: Sequence[int],
              padding: Sequence[tuple[int, int]], precision: lax.Precision | None) -> Geometry:
    return Geometry(tuple(size), tuple(kernel), tuple(strides), tuple(map(tuple, padding)),
                    precision)


@dataclasses.dataclass(frozen=True)
class Plan:
    """The static part of a convolution: its geometry, and `auto` or `matmul` of `WAYS`."""

    geometry: Geometry
    way: str


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def forward(plan: Plan, x: Array, kernel: Array) -> Array:
    """Maps images [b, h, w, c] and a kernel [kh, kw, c, o] to outputs [b, oh, ow, o]."""
    return _compute("forward", plan, x, kernel)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def input_gradient(plan: Plan, g: Array, kernel: Array) -> Array:
    """Maps outputs [b, oh, ow, o] and a kernel [kh, kw, c, o] to images [b, h, w, c]."""
    return _compute("input", plan, g, kernel)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def kernel_gradient(plan: Plan, x: Array, g: Array) -> Array:
    """Maps images [b, h, w, c] and outputs [b, oh, ow, o] to a kernel [kh, kw, c, o]."""
    return _compute("kernel", plan, x, g)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def forward_and_kernel_gradient(plan: Plan, x: Array, kernel: Array,
                                g: Array) -> tuple[Array, Array]:
    """Computes `forward(plan, x, kernel)` and `kernel_gradient(plan, x, g)`, together if
    quicker."""
    way = _choose("forward", plan, x, kernel)
    if way == _choose("kernel", plan, x, g) and way in TOGETHER:
        return TOGETHER[way](plan.geometry, x, kernel, g)
    return _compute("forward", plan, x, kernel), _compute("kernel", plan, x, g)


def _with_arguments(function: Callable) -> Callable:
    return lambda plan, a, b: (function(plan, a, b), (a, b))


forward.defvjp(_with_arguments(forward), lambda plan, kept, cotangent: (
    input_gradient(plan, cotangent, kept[1]), kernel_gradient(plan, kept[0], cotangent)))
input_gradient.defvjp(_with_arguments(input_gradient), lambda plan, kept, cotangent: (
    forward_and_kernel_gradient(plan, cotangent, kept[1], kept[0])))
kernel_gradient.defvjp(_with_arguments(kernel_gradient), lambda plan, kept, cotangent: (
    input_gradient(plan, kept[1], cotangent), forward(plan, kept[0], cotangent)))
forward_and_kernel_gradient.defvjp(
    lambda plan, x, kernel, g: (forward_and_kernel_gradient(plan, x, kernel, g), (x, kernel, g)),
    lambda plan, kept, cotangents: _both_gradients(plan, *kept, *cotangents))


def _both_gradients(plan: Plan, x: Array, kernel: Array, g: Array, outputs: Array,
                    kernels: Array) -> tuple[Array, Array, Array]:
    """Computes gradients of x, kernel and g from cotangents of both maps, outputs and kernels."""
    of_g, of_kernel = forward_and_kernel_gradient(plan, x, kernels, outputs)
    return input_gradient(plan, outputs, kernel) + input_gradient(plan, g, kernels), of_kernel, of_g


def _choose(map_name: str, plan: Plan, a: Array, b: Array) -> str:
    """Chooses the way for one of the three maps by its shape."""
    inputs, outputs = b.shape[2:] if map_name != "kernel" else (a.shape[-1], b.shape[-1])
    # An exported program takes batches of any size: it is made for the smallest, and without tiles,
    # which are taken a piece of the batch at a time.
    known = isinstance(a.shape[0], int)
    case = Case(plan.geometry, a.shape[0] if known else 1, inputs, outputs,
                lax_too=plan.way == "auto", single=a.dtype.itemsize >= 4)
    return CHOICES[map_name](case if known else dataclasses.replace(case, tiles=False))


def _compute(map_name: str, plan: Plan, a: Array, b: Array) -> Array:
    """Computes one of the three maps in the way that is chosen for it."""
    way = _choose(map_name, plan, a, b)
    return (_by_lax(map_name, plan)(a, b) if way == "lax"
            else MAPS[map_name][way](plan.geometry, a, b))


def _by_lax(map_name: str, plan: Plan) -> Callable[[Array, Array], Array]:
    """Returns the map by `lax`, and by products if `vmap` would make it a grouped convolution."""
    @jax.custom_batching.custom_vmap
    def compute(a: Array, b: Array) -> Array:
        return MAPS[map_name]["lax"](plan.geometry, a, b)

    @compute.def_vmap
    def batched(axis_size: int, which: list[bool], a: Array, b: Array) -> tuple[Array, bool]:
        if map_name != "kernel" and not which[1]:
            found = compute(a.reshape(-1, *a.shape[2:]), b)
            return found.reshape(axis_size, -1, *found.shape[1:]), True
        alone = dataclasses.replace(plan, way="matmul")
        return jax.vmap(functools.partial(_compute, map_name, alone),
                        [0 if split else None for split in which])(a, b), True

    return compute


MAPS: dict[str, dict[str, Callable[[Geometry, Array, Array], Array]]] = {
    "forward": {"lax": lax_maps.forward_lax, "gather": products.forward_gather,
                "scatter": products.forward_scatter, "winograd": tiles.forward_winograd},
    "input": {"lax": lax_maps.input_lax, "gather": products.input_gather,
              "scatter": products.input_scatter, "winograd": tiles.input_winograd},
    "kernel": {"lax": lax_maps.kernel_lax, "gather": products.kernel_gather,
               "scatter": products.kernel_scatter, "winograd": tiles.kernel_winograd},
}
TOGETHER: dict[str, Callable[[Geometry, Array, Array, Array], tuple[Array, Array]]] = {
    "winograd": tiles.forward_and_kernel_winograd}
"""Ways that compute `forward` and `kernel` together in less time than one after the other."""
