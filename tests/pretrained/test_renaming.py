"""Foreign tensors are those that a network expects, and mean the same in Flax's layout."""

import jax
import numpy as np
import pytest
from flax import linen as nn

from ganlab.pretrained import WeightsError, conv_kernel, dense_kernel, nest, take, transposed_conv_kernel

pytestmark = pytest.mark.usefixtures("float64")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 4, 5, 3))


def assert_is(layer, kernel, expected):
    """Compares what a layer makes of `X` with this kernel."""
    found = jax.jit(layer.apply)({"params": {"kernel": kernel}}, X)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("groups", [1, 3])
def test_a_convolution_is_the_sum_over_its_window(groups):
    kernel = RNG.normal(size=(6, 3 // groups, 2, 3))
    expected = np.zeros((2, 3, 3, 6))
    for out in range(6):
        first = out // (6 // groups) * (3 // groups)
        for i, row, column in np.ndindex(kernel.shape[1:]):
            expected[..., out] += kernel[out, i, row, column] * X[:, row:row + 3, column:column + 3, first + i]
    layer = nn.Conv(6, (2, 3), padding="VALID", use_bias=False, feature_group_count=groups)
    assert_is(layer, conv_kernel(kernel), expected)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_transposed_convolution_adds_its_kernel_at_every_pixel(stride):
    kernel = RNG.normal(size=(3, 2, 3, 4))
    expected = np.zeros((2, 3 * stride + 3, 4 * stride + 4, 2))
    for i, out, row, column in np.ndindex(kernel.shape):
        rows, columns = slice(row, row + 3 * stride + 1, stride), slice(column, column + 4 * stride + 1, stride)
        expected[:, rows, columns, out] += kernel[i, out, row, column] * X[..., i]
    layer = nn.ConvTranspose(2, (3, 4), strides=(stride, stride), padding="VALID", use_bias=False)
    assert_is(layer, transposed_conv_kernel(kernel), expected)


def test_a_linear_layer_is_the_product_with_its_matrix():
    kernel = RNG.normal(size=(4, 3))
    assert_is(nn.Dense(4, use_bias=False), dense_kernel(kernel), X @ kernel.T)


def test_layouts_refuse_kernels_of_other_layers():
    for layout in (conv_kernel, transposed_conv_kernel, dense_kernel):
        with pytest.raises(WeightsError, match=r"has \d axes, and this one has the shape \(3, 3, 3\)"):
            layout(np.zeros((3, 3, 3)))


TENSORS = {"b.weight": np.zeros((2, 3)), "a.bias": np.ones(2), "bn.num_batches_tracked": np.array(5)}
EXPECTED = {"a.bias": (2,), "b.weight": (2, 3)}


def test_expected_tensors_are_taken_in_their_order():
    taken = take(TENSORS, EXPECTED, ignore=("*.num_batches_tracked",))
    assert list(taken) == ["a.bias", "b.weight"] and all(taken[name] is TENSORS[name] for name in taken)


@pytest.mark.parametrize(("tensors", "words"), [
    ({"b.weight": TENSORS["b.weight"]}, "net.pth lacks a.bias: these are not the weights of this network"),
    (TENSORS, "net.pth has besides bn.num_batches_tracked: "),
    ({"a.bias": np.ones(3), "b.weight": np.ones((3, 2))},
     r"has a.bias with \(3,\) for \(2,\), b.weight with \(3, 2\) for \(2, 3\): "),
    ({"a.bias": np.ones(1)}, r"lacks b.weight, has a.bias with \(1,\) for \(2,\): "),
    ({f"x{i}": np.ones(1) for i in range(8)}, "lacks a.bias, b.weight, has besides x0, x1, x2, x3, x4 and 3 more: ")])
def test_tensors_of_another_network_are_refused(tensors, words):
    with pytest.raises(WeightsError, match=words):
        take(tensors, EXPECTED, source="net.pth")


def test_dotted_names_become_nested_dicts():
    assert nest({"a.b.c": 1, "a.b.d": 2, "e": 3}) == {"a": {"b": {"c": 1, "d": 2}}, "e": 3}
    for values in ({"a": 1, "a.b": 2}, {"a.b": 2, "a": 1}, {"a": 1, "a.b.c": 2}):
        with pytest.raises(WeightsError, match="value itself|both a value and a dict"):
            nest(values)
