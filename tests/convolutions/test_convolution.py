"""Convolutions as products equal those of `lax`, in value and in gradients of gradients, alone and in stacks."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ganlab.convolutions import WithConvolutions
from ganlab.networks import GENERATORS
from ganlab.convolutions import tiles as tiles
from ganlab.convolutions.layers import (
    Conv,
    ConvTranspose,
    MAPS,
    convolutions,
    convolve,
    convolve_transposed,
)
from ganlab.convolutions.choices import CHOICES, Case
from ganlab.convolutions.products import Geometry
from ganlab.convolutions.resized import convolve_doubled, convolve_halved, doubled, halved

DIMENSIONS = ("NHWC", "HWIO", "NHWC")
# Kernel, stride, padding, size of the image, channels in and out: of pictures, of features, and of both.
FORWARD = [
    (1, 1, "SAME", (5, 4), 3, 4), (1, 2, "VALID", (5, 4), 3, 4), (3, 1, "SAME", (6, 6), 3, 16),
    (3, 1, "VALID", (5, 6), 16, 3), (3, 2, "SAME", (8, 8), 16, 8), (3, 2, "SAME", (7, 9), 8, 16),
    (4, 2, "SAME", (8, 8), 33, 34), (4, 2, "VALID", (9, 12), 3, 34), (4, 2, ((1, 2), (0, 1)), (7, 10), 33, 34),
    (4, 1, "SAME", (5, 5), 2, 3), (5, 1, "SAME", (6, 6), 8, 3), (5, 2, ((2, 2), (2, 1)), (8, 7), 3, 4),
    (7, 1, "SAME", (8, 8), 4, 3), (7, 3, "VALID", (10, 13), 2, 3), (3, 1, ((-1, 1), (4, -1)), (6, 6), 3, 4),
    (3, 1, ((2, 2), (2, 2)), (6, 6), 33, 34), (3, 1, ((3, 2), (0, 0)), (6, 6), 33, 34)]
TRANSPOSED = [
    (1, 1, "SAME", (4, 5), 4, 3), (3, 1, "SAME", (5, 5), 8, 3), (3, 2, "SAME", (4, 5), 8, 16),
    (4, 2, "SAME", (2, 2), 33, 34), (4, 2, "SAME", (4, 3), 4, 3), (4, 2, "VALID", (3, 4), 33, 34),
    (5, 2, "SAME", (4, 4), 3, 4), (5, 1, "VALID", (4, 4), 3, 4), (7, 2, "VALID", (3, 3), 2, 3),
    (4, 2, ((2, 1), (1, 2)), (4, 4), 3, 4), (2, 3, "VALID", (3, 3), 3, 4)]
BACK = {("forward", "scatter"), ("input", "gather"), ("kernel", "scatter")}
CASES = [(False, *case) for case in FORWARD] + [(True, *case) for case in TRANSPOSED]


def reference(transposed, stride, padding, x, kernel):
    convolution = lax.conv_transpose if transposed else lax.conv_general_dilated
    return convolution(x, kernel, (stride, stride), padding, dimension_numbers=DIMENSIONS)


def ours(way, transposed, stride, padding, x, kernel):
    with convolutions(way):
        return (convolve_transposed if transposed else convolve)(x, kernel, (stride, stride), padding)


def up_to_second_order(convolution, x, kernel, onto):
    """Value, gradients, and gradients of a penalty of the gradient, of a function with curvature."""
    def total(x, kernel):
        value = convolution(x, kernel)
        return jnp.sum(onto * jnp.tanh(value)), value

    def penalty(x, kernel):
        (towards_x, towards_kernel), value = jax.grad(total, (0, 1), has_aux=True)(x, kernel)
        return jnp.sum(towards_x**2) + jnp.sum(jnp.sin(towards_kernel)), (value, towards_x, towards_kernel)

    return jax.grad(penalty, (0, 1), has_aux=True)(x, kernel)


def inputs(kernel, size, channels, outputs, stack=()):
    rng = np.random.default_rng(0)
    return rng.normal(size=(*stack, 2, *size, channels)), rng.normal(size=(*stack, kernel, kernel, channels, outputs))


def assert_close(found, expected):
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9), found, expected)


@pytest.mark.parametrize(("transposed", "kernel", "stride", "padding", "size", "channels", "outputs"), CASES)
def test_convolutions_equal_lax_to_second_order(float64, transposed, kernel, stride, padding, size, channels,
                                                outputs):
    x, weights = inputs(kernel, size, channels, outputs)
    expected = functools.partial(reference, transposed, stride, padding)
    onto = np.random.default_rng(1).normal(size=jax.eval_shape(expected, x, weights).shape)

    @jax.jit
    def all_of_them(x, weights):
        return [up_to_second_order(convolution, x, weights, onto) for convolution in (
            expected, *(functools.partial(ours, way, transposed, stride, padding) for way in ("auto", "matmul")))]

    right, *found = all_of_them(x, weights)
    for one in found:
        assert_close(one, right)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_stack_of_kernels_convolves_each_its_own_images(float64, transposed):
    for kernel, stride, channels, outputs in ((3, 1, 3, 16), (3, 2, 16, 10), (4, 2, 33, 34), (3, 1, 16, 3)):
        x, weights = inputs(kernel, (6, 6), channels, outputs, stack=(2,))
        ways = [functools.partial(reference, transposed, stride, "SAME"),
                *(functools.partial(ours, way, transposed, stride, "SAME") for way in ("auto", "matmul"))]
        right, *found = jax.jit(jax.vmap(lambda x, weights, ways=ways: [
            up_to_second_order(convolution, x, weights, 1.0) for convolution in ways]))(x, weights)
        for one in found:
            assert_close(one, right)


def grouped(way, groups, stride, x, kernel):
    with convolutions(way):
        return convolve(x, kernel, (stride, stride), "SAME", groups)


@pytest.mark.parametrize(("groups", "stride"), [(3, 1), (2, 2)])
def test_groups_of_channels_are_convolved_alone_to_second_order_and_in_stacks(float64, groups, stride):
    x, weights = inputs(3, (5, 6), 4 * groups, 2 * groups, stack=(2,))
    weights = weights[..., :4, :]
    right, found = jax.jit(jax.vmap(lambda x, weights: [
        up_to_second_order(functools.partial(grouped, way, groups, stride), x, weights, 1.0)
        for way in ("lax", "auto")]))(x, weights)
    assert_close(found, right)


def test_a_stack_of_images_shares_a_kernel(float64):
    x, weights = inputs(3, (8, 8), 16, 10, stack=(3,))
    found, right = (jax.jit(jax.vmap(functools.partial(up_to_second_order, convolution), (0, None, None)))(
                        x, weights[0], 1.0) for convolution in (functools.partial(ours, "auto", False, 2, "SAME"),
                                                            functools.partial(reference, False, 2, "SAME")))
    assert_close(found, right)


@pytest.mark.parametrize(("way", "stacked", "expected"), [
    ("lax", False, {"conv_general_dilated"}), ("matmul", False, {"dot_general"}), ("matmul", True, {"dot_general"}),
    ("auto", True, {"dot_general"}), ("auto", False, {"conv_general_dilated"})])
def test_a_stack_on_cpu_convolves_by_products_alone(way, stacked, expected):
    x, weights = inputs(3, (8, 8), 16, 16, stack=(2,))
    function = functools.partial(up_to_second_order, functools.partial(ours, way, False, 2, "SAME"))
    function, x, weights = (jax.vmap(function, (0, 0, None)), x, weights) if stacked else (function, x[0], weights[0])
    # Compiled, because batching happens while a program is made.
    text = jax.jit(function).lower(x, weights, 1.0).as_text()
    # Outside of stacks a product with all pixels may be written as a convolution by a kernel of one pixel.
    windows = set(re.findall(r"stablehlo\.convolution.*: \(tensor<[^>]*>, tensor<(\d+x\d+)x", text))
    assert len(windows) > 0 or "stablehlo.convolution" not in text
    assert not stacked or "1x1" not in windows
    found = {"dot_general": "stablehlo.dot_general" in text, "conv_general_dilated": bool(windows - {"1x1"})}
    assert {name for name, is_there in found.items() if is_there} == expected


@pytest.mark.parametrize("strides", [(1, 1), (2, 1)])
@pytest.mark.parametrize("name", sorted({name for ways in MAPS.values() for name in ways} - {"lax"}))
def test_every_way_of_a_map_gives_its_numbers(float64, name, strides):
    kernel = tuple(2 * stride for stride in strides)
    geometry = Geometry((7, 6), kernel, strides, ((1, 0), (0, 1)))
    rng = np.random.default_rng(0)
    x, g, kernel = (rng.normal(size=shape) for shape in ((2, 7, 6, 5), (2, *geometry.output, 4), (*kernel, 5, 4)))
    arguments = {"forward": (x, kernel), "input": (g, kernel), "kernel": (x, g)}

    # Some lead back by the turned kernel, which is a convolution at stride 1 alone.
    maps = [map_name for map_name in MAPS if strides == (1, 1) or (map_name, name) not in BACK]

    @jax.jit
    def all_of_them(arguments):
        return [{map_name: MAPS[map_name][way](geometry, *arguments[map_name]) for map_name in maps}
                for way in ("lax", name)]

    right, found = all_of_them(arguments)
    assert_close(found, right)


def test_products_of_tiles_interpolate_outputs_of_two_taps():
    rng = np.random.default_rng(0)
    seen, taps = rng.normal(size=5), rng.normal(size=2)
    outputs = tiles.MADE.T @ ((tiles.SEEN @ seen) * (tiles.TAPS @ taps))
    np.testing.assert_allclose(outputs, np.correlate(seen, taps), rtol=1e-12, atol=1e-12)


def test_tiles_are_the_way_of_many_channels_and_of_batches_that_fill_products():
    def way(images, channels, strides=(2, 2), **fields):
        geometry = Geometry((32, 32), tuple(2 * stride for stride in strides), strides, ((1, 1), (1, 1)))
        return CHOICES["forward"](Case(geometry, images, channels, channels, **{"lax_too": True, **fields}))

    assert way(128, 128) == "winograd"
    assert way(1, 128) == way(128, 64) == way(128, 128, (1, 1)) == way(128, 128, single=False) == "lax"
    assert way(1, 64, lax_too=False) == "winograd"


@pytest.mark.parametrize("map_name", list(MAPS))
def test_tiles_keep_what_is_not_a_number(float64, map_name):
    geometry = Geometry((8, 8), (4, 4), (2, 2), ((1, 1), (1, 1)))
    x, g, kernel = np.ones((1, 8, 8, 2)), np.ones((1, 4, 4, 2)), np.ones((4, 4, 2, 2))
    first, second = {"forward": (x, kernel), "input": (g, kernel), "kernel": (x, g)}[map_name]
    expected = MAPS[map_name]["winograd"](geometry, first, second)
    assert np.all(np.isfinite(expected))
    first[0, 0, 0, 0] = np.nan
    assert np.any(np.isnan(MAPS[map_name]["winograd"](geometry, first, second)))


@pytest.mark.parametrize(("layer", "shape"), [(Conv(6, (3, 3), feature_group_count=2), (3, 3, 2, 6)),
                                              (ConvTranspose(6, (4, 4), strides=(2, 2)), (4, 4, 4, 6))])
def test_layers_have_the_params_and_numbers_of_flax(layer, shape):
    from flax import linen as nn

    x = np.random.default_rng(0).normal(size=(2, 6, 6, 4)).astype(np.float32)
    fields = {name: getattr(layer, name) for name in ("features", "kernel_size", "strides")}
    groups = {"feature_group_count": 2} if isinstance(layer, Conv) else {}
    theirs = (nn.Conv if groups else nn.ConvTranspose)(**fields, **groups)
    params, expected = layer.init(jax.random.key(0), x), theirs.init(jax.random.key(0), x)
    assert params["params"]["kernel"].shape == shape
    jax.tree.map(np.testing.assert_array_equal, params, expected)
    np.testing.assert_allclose(layer.apply(params, x), theirs.apply(params, x), rtol=1e-5, atol=1e-5)


def test_a_network_with_another_way_has_the_same_params_and_numbers():
    network = GENERATORS["dcgan"](image_shape=(8, 8, 1), width=4, normalization="none")
    latents = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    expected, params = jax.jit(network.init_with_output)(jax.random.key(0), latents)
    for way in ("lax", "matmul"):
        found, other = jax.jit(WithConvolutions(network, way).init_with_output)(jax.random.key(0), latents)
        # The same draws, which two programs may round otherwise.
        jax.tree.map(lambda one, two: np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-7), other, params)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("side", [1, 3, 5])
def test_convolutions_of_doubled_images_and_halved_outputs_are_those_of_their_words(float64, side):
    x, kernel = inputs(side, (6, 8), 3, 4)
    cases = [(convolve_doubled, lambda x, kernel: convolve(doubled(x), kernel)),
             (convolve_halved, lambda x, kernel: halved(convolve(x, kernel)))]

    @jax.jit
    def all_of_them(x, kernel):
        return [[up_to_second_order(function, x, kernel, 1.0) for function in case] for case in cases]

    for found, right in all_of_them(x, kernel):
        assert_close(found, right)


def test_a_doubled_image_is_convolved_with_less_than_half_of_the_products_on_a_cpu_and_as_written_by_lax():
    x, kernel = jnp.zeros((2, 8, 8, 16)), jnp.zeros((3, 3, 16, 16))

    def operations(function, way):
        with convolutions(way):
            return jax.jit(lambda x, kernel: function(x, kernel)).lower(x, kernel).cost_analysis()["flops"]

    for function in (convolve_doubled, convolve_halved):
        assert operations(function, "auto") < 0.5 * operations(function, "lax")
