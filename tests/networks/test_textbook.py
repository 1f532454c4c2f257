"""The textbook networks layer by layer, with the numbers of their descriptions, and the laws of dropout."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from layer_table import layer_table

from ganlab.networks import CRITICS, GENERATORS
from ganlab.networks.layers import CONDITIONINGS, Dropout

NETWORKS = {"generator": GENERATORS, "critic": CRITICS}
FAMILIES = {"dcgan64": 64, "dcgan32_frog": 32, "dcgan32": 32}
LATENTS = {"dcgan64": 128, "dcgan32_frog": 32, "dcgan32": 100}
PLAYERS = [(player, family) for family in FAMILIES for player in NETWORKS]
BATCH, CLASSES = 4, 3

# Layer, shape of its output, weights and biases. A convolution has kernel * kernel * in * out weights,
# transposed or not. The sums are the totals that Keras prints for these models.
TABLES = {
    ("generator", "dcgan64"): ([
        ("dense", (8192,), 128 * 8192, 8192),
        ("convolution_1", (16, 16, 128), 4 * 4 * 128 * 128, 128),
        ("convolution_2", (32, 32, 256), 4 * 4 * 128 * 256, 256),
        ("convolution_3", (64, 64, 512), 4 * 4 * 256 * 512, 512),
        ("output", (64, 64, 3), 5 * 5 * 512 * 3, 3)], 3_979_651),
    ("critic", "dcgan64"): ([
        ("convolution_1", (32, 32, 64), 4 * 4 * 3 * 64, 64),
        ("convolution_2", (16, 16, 128), 4 * 4 * 64 * 128, 128),
        ("convolution_3", (8, 8, 128), 4 * 4 * 128 * 128, 128),
        ("dropout", (8192,), 0, 0),
        ("output", (1,), 8192, 1)], 404_801),
    ("generator", "dcgan32_frog"): ([
        ("dense", (32768,), 32 * 32768, 32768),
        ("convolution_1", (16, 16, 256), 5 * 5 * 128 * 256, 256),
        ("convolution_2", (32, 32, 256), 4 * 4 * 256 * 256, 256),
        ("convolution_3", (32, 32, 256), 5 * 5 * 256 * 256, 256),
        ("convolution_4", (32, 32, 256), 5 * 5 * 256 * 256, 256),
        ("output", (32, 32, 3), 7 * 7 * 256 * 3, 3)], 6_264_579),
    ("critic", "dcgan32_frog"): ([
        ("convolution_1", (30, 30, 128), 3 * 3 * 3 * 128, 128),
        ("convolution_2", (14, 14, 128), 4 * 4 * 128 * 128, 128),
        ("convolution_3", (6, 6, 128), 4 * 4 * 128 * 128, 128),
        ("convolution_4", (2, 2, 128), 4 * 4 * 128 * 128, 128),
        ("dropout", (512,), 0, 0),
        ("output", (1,), 512, 1)], 790_913),
    ("generator", "dcgan32"): ([
        ("dense", (4096,), 100 * 4096, 4096),
        ("convolution_1", (8, 8, 128), 4 * 4 * 256 * 128, 128),
        ("convolution_2", (16, 16, 128), 4 * 4 * 128 * 128, 128),
        ("convolution_3", (32, 32, 128), 4 * 4 * 128 * 128, 128),
        ("output", (32, 32, 3), 3 * 3 * 128 * 3, 3)], 1_466_115),
    ("critic", "dcgan32"): ([
        ("convolution_1", (32, 32, 64), 3 * 3 * 3 * 64, 64),
        ("convolution_2", (16, 16, 128), 3 * 3 * 64 * 128, 128),
        ("convolution_3", (8, 8, 128), 3 * 3 * 128 * 128, 128),
        ("convolution_4", (4, 4, 256), 3 * 3 * 128 * 256, 256),
        ("dropout", (4096,), 0, 0),
        ("output", (1,), 4096, 1)], 522_497),
}


def full(player, family, channels=3, **kwargs):
    """The textbook's own network."""
    return NETWORKS[player][family](image_shape=(FAMILIES[family],) * 2 + (channels,), **kwargs)


def tiny(player, family, **kwargs):
    """A network of the textbook's shape with two filters a layer."""
    return full(player, family, filters=(2,) * len(NETWORKS[player][family].filters), **kwargs)


def inputs(player, family, channels=3):
    """What the player sees, [b, ...]."""
    shape = (LATENTS[family],) if player == "generator" else (FAMILIES[family],) * 2 + (channels,)
    return np.random.default_rng(0).uniform(-1, 1, (BATCH, *shape)).astype(np.float32)


def init_shapes(module, *arguments):
    return jax.eval_shape(functools.partial(module.init, train=False), jax.random.key(0), *arguments)


def some_variables(module, *arguments):
    """Random variables, biases too, without the time to compile the initialisation."""
    rng = np.random.default_rng(1)
    return jax.tree.map(lambda leaf: rng.uniform(-0.5, 0.5, leaf.shape).astype(leaf.dtype),
                        init_shapes(module, *arguments))


@pytest.mark.parametrize("player, family", PLAYERS)
def test_the_layers_are_those_of_the_description(player, family):
    expected, total = TABLES[player, family]
    table = layer_table(full(player, family), inputs(player, family))
    assert table == expected
    assert sum(weights + biases for _, _, weights, biases in table) == total


def test_dropout_rates_are_those_of_the_descriptions():
    assert {family: CRITICS[family].dropout for family in FAMILIES} == {
        "dcgan64": 0.2, "dcgan32_frog": 0.4, "dcgan32": 0.4}


def test_weights_start_as_those_of_keras():
    # Glorot uniform: within sqrt(6 / (area * (in + out))) for a kernel of this area, and biases of zero.
    assert {NETWORKS[player][family].initializer for player, family in PLAYERS} == {"glorot"}
    module = full("generator", "dcgan32", filters=(16,) * 4)
    params = jax.jit(module.init)(jax.random.key(0), inputs("generator", "dcgan32"))["params"]
    for name, layer in params.items():
        area = int(np.prod(layer["kernel"].shape[:-2]))
        limit = (6 / (area * sum(layer["kernel"].shape[-2:]))) ** 0.5
        assert 0.95 * limit < np.max(np.abs(layer["kernel"])) <= limit, name
        assert not np.any(layer["bias"])


def leaky(family, x):
    return jnp.where(x > 0, x, (0.3 if family == "dcgan32_frog" else 0.2) * x)


def convolved(x, layer, stride=1, padding="SAME"):
    """A convolution with a bias by XLA's own operation; stride 0.5 is a transposed one of 4x4 and stride 2."""
    up = stride == 0.5
    return layer["bias"] + jax.lax.conv_general_dilated(
        x, layer["kernel"], (1, 1) if up else (stride, stride), [(2, 2), (2, 2)] if up else padding,
        lhs_dilation=(2, 2) if up else None, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def expected_images(family, params, latents):
    """A generator by its description."""
    x = latents @ params["dense"]["kernel"] + params["dense"]["bias"]
    if family != "dcgan64":
        x = leaky(family, x)
    size = {"dcgan64": 8, "dcgan32_frog": 16, "dcgan32": 4}[family]
    x = x.reshape(BATCH, size, size, -1)
    for number, stride in enumerate((1, 0.5, 1, 1) if family == "dcgan32_frog" else (0.5, 0.5, 0.5), start=1):
        x = leaky(family, convolved(x, params[f"convolution_{number}"], stride))
    x = convolved(x, params["output"])
    return 2 * jax.nn.sigmoid(x) - 1 if family == "dcgan64" else jnp.tanh(x)


def expected_logits(family, params, images):
    """A critic by its description."""
    x = (images + 1) / 2 if family == "dcgan64" else images
    for number, stride in enumerate((2, 2, 2) if family == "dcgan64" else (1, 2, 2, 2), start=1):
        padding = "VALID" if family == "dcgan32_frog" else "SAME"
        x = leaky(family, convolved(x, params[f"convolution_{number}"], stride, padding))
    return (x.reshape(BATCH, -1) @ params["output"]["kernel"] + params["output"]["bias"])[:, 0]


@pytest.mark.parametrize("player, family", PLAYERS)
def test_the_numbers_are_those_of_the_description(player, family):
    module, x = tiny(player, family), inputs(player, family)
    variables = some_variables(module, x)
    expected = expected_images if player == "generator" else expected_logits
    given, other = jax.jit(lambda v, x: (module.apply(v, x), expected(family, v["params"], x)))(variables, x)
    assert np.std(given) > 0.01
    np.testing.assert_allclose(given, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family, squash", [
    ("dcgan64", lambda x: 2 / (1 + np.exp(-x)) - 1), ("dcgan32_frog", np.tanh), ("dcgan32", np.tanh)])
def test_the_output_is_squashed_into_the_range_of_images(family, squash):
    # Without weights the last layer is its bias alone.
    module, latents = tiny("generator", family), inputs("generator", family)
    variables = some_variables(module, latents)
    bias = np.array([-20.0, 0.5, 20.0], np.float32)
    variables["params"]["output"] = {"kernel": np.zeros_like(variables["params"]["output"]["kernel"]), "bias": bias}
    images = np.asarray(jax.jit(module.apply)(variables, latents))
    np.testing.assert_allclose(images, np.broadcast_to(squash(bias.astype(float)), images.shape), atol=1e-5)
    assert -1 <= images.min() < -0.999
    assert 0.999 < images.max() <= 1


@pytest.mark.parametrize("family", FAMILIES)
def test_a_critic_drops_in_training_alone_and_by_its_examples_keys(family):
    module, images = tiny("critic", family, dropout=0.5), inputs("critic", family)
    variables = some_variables(module, images)
    apply = jax.jit(lambda images, keys, train: module.apply(variables, images, None, keys, train=train),
                    static_argnames="train")
    keys, others = jax.random.split(jax.random.key(0), (2, BATCH))
    whole = np.asarray(apply(images, keys, train=True))
    np.testing.assert_allclose(apply(images[::-1], keys[::-1], train=True), whole[::-1], rtol=1e-5, atol=1e-6)
    evaluated = np.asarray(apply(images, keys, train=False))
    np.testing.assert_array_equal(evaluated, apply(images, others, train=False))
    for drawn in (whole, apply(images, others, train=True)):
        assert np.all(np.abs(drawn - evaluated) > 1e-4)
    without = tiny("critic", family, dropout=0.0)
    unkeyed = jax.jit(functools.partial(without.apply, train=True))(variables, images)
    np.testing.assert_allclose(unkeyed, evaluated, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"dropout 0\.5 needs keys"):
        jax.eval_shape(functools.partial(module.apply, train=True), variables, images)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("player, family", PLAYERS)
def test_images_may_be_grey_or_coloured(player, family, channels):
    module, x = full(player, family, channels), inputs(player, family, channels)
    output = jax.eval_shape(module.apply, init_shapes(module, x), x)
    assert output.shape == ((BATCH,) if player == "critic" else (BATCH, *module.image_shape))


@pytest.mark.parametrize("image_shape", [(28, 28, 1), (32, 64, 3), (64, 32, 3), (128, 128, 3), (2,), (64, 64)])
@pytest.mark.parametrize("player, family", PLAYERS)
def test_an_image_of_another_shape_is_refused_with_the_shape_that_would_do(player, family, image_shape):
    size = FAMILIES[family]
    with pytest.raises(ValueError, match=rf"{family} is made for images \[{size}, {size}, channels\]; the data has "
                                         rf"shape .*; resize the data, or use dcgan or mlp"):
        init_shapes(NETWORKS[player][family](image_shape=image_shape), inputs(player, family))


@pytest.mark.parametrize("player, family", PLAYERS)
def test_filters_of_another_number_than_the_layers_are_refused(player, family):
    layers = len(NETWORKS[player][family].filters)
    with pytest.raises(ValueError, match=rf"{family} has {layers} layers with filters; filters \(8, 8\) has 2"):
        init_shapes(full(player, family, filters=(8, 8)), inputs(player, family))


@pytest.mark.parametrize("family", FAMILIES)
def test_labels_lengthen_the_latents_of_a_generator(family):
    labels = np.zeros(BATCH, np.int32)
    params = init_shapes(full("generator", family, num_classes=10), inputs("generator", family), labels)["params"]
    assert params["dense"]["kernel"].shape[0] == LATENTS[family] + 10


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
@pytest.mark.parametrize("family", FAMILIES)
def test_labels_reach_a_critic_as_channels_or_as_a_projection_or_are_left_to_it_to_tell(family, conditioning):
    module = full("critic", family, num_classes=10, conditioning=conditioning)
    params = init_shapes(module, inputs("critic", family), np.zeros(BATCH, np.int32))["params"]
    assert params["convolution_1"]["kernel"].shape[-2] == (13 if conditioning == "concatenate" else 3)
    assert ("class_embedding" in params) == (conditioning == "projection")
    assert ("class_output" in params) == (conditioning == "auxiliary")


def dropped(x, rate, keys, train=True):
    return np.asarray(jax.jit(functools.partial(Dropout(rate).apply, {}, train=train))(x, keys))


def test_dropout_zeroes_its_share_and_keeps_the_mean():
    keys = jax.random.split(jax.random.key(0), 64)
    output = dropped(np.ones((64, 32, 32), np.float32), 0.4, keys)
    assert set(np.unique(output)) == {np.float32(0), np.float32(1) / np.float32(0.6)}
    # 65,536 draws: the deviation of the share is below 0.002.
    assert abs(np.mean(output == 0) - 0.4) < 0.01
    assert abs(np.mean(output) - 1) < 0.02
    # Every example has a mask of its own.
    assert len(np.unique(output.reshape(64, -1), axis=0)) == 64


def test_the_mask_of_an_example_follows_its_key_alone():
    keys = jax.random.split(jax.random.key(0), 6)
    x = np.random.default_rng(0).standard_normal((6, 50)).astype(np.float32)
    whole = dropped(x, 0.5, keys)
    np.testing.assert_array_equal(np.concatenate([dropped(x[:3], 0.5, keys[:3]), dropped(x[3:], 0.5, keys[3:])]), whole)
    np.testing.assert_array_equal(dropped(x[::-1], 0.5, keys[::-1]), whole[::-1])


def test_two_layers_of_dropout_draw_differently():
    class Twice(nn.Module):
        @nn.compact
        def __call__(self, x, keys):
            return Dropout(0.5)(x, keys, True), Dropout(0.5)(x, keys, True)

    first, second = jax.jit(Twice().apply)({}, np.ones((1, 10_000), np.float32), jax.random.split(jax.random.key(0), 1))
    # Independent masks agree in half of the entries, with a deviation of 0.005.
    assert abs(np.mean(first == second) - 0.5) < 0.03


@pytest.mark.parametrize("rate, train", [(0.5, False), (0.0, True), (0.0, False)])
def test_dropout_is_the_identity_in_evaluation_and_at_rate_zero(rate, train):
    x = np.random.default_rng(0).standard_normal((2, 5)).astype(np.float32)
    for keys in (None, jax.random.split(jax.random.key(0), 2)):
        np.testing.assert_array_equal(dropped(x, rate, keys, train), x)


def test_dropout_without_keys_in_training_is_refused():
    with pytest.raises(ValueError, match=r"dropout 0\.5 needs keys, one an example, in training"):
        dropped(np.ones((2, 5), np.float32), 0.5, None)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 20])
def test_a_rate_that_is_no_share_is_refused_even_in_evaluation(rate):
    with pytest.raises(ValueError, match=r"is not a share in \[0, 1\)"):
        dropped(np.ones((2, 5), np.float32), rate, None, train=False)


def test_dropout_keeps_the_precision_of_its_input():
    keys = jax.random.split(jax.random.key(0), 2)
    for dtype in (jnp.float32, jnp.bfloat16):
        apply = functools.partial(Dropout(0.5).apply, {}, train=True)
        assert jax.eval_shape(apply, jnp.ones((2, 5), dtype), keys).dtype == dtype
