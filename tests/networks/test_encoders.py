"""Encoders: the laws of every family, and the layers of the book's variational autoencoder."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from ganlab.config import ConfigError
from ganlab.networks import ENCODERS, GENERATORS

BATCH, LATENT, CLASSES = 4, 3, 3
GREY, COLOUR, POINT = (8, 8, 1), (6, 10, 3), (2,)
TINY = {"mlp": {"width": 8, "depth": 1}, "conv_vae": {"width": 8, "filters": (2, 2, 2, 2)}}
SHAPES = [("mlp", POINT), *((family, shape) for family in ENCODERS for shape in (GREY, COLOUR))]

# Layer, shape of its output, parameters as kernel * kernel * in * out + out. The book's images are 28x28x1.
TABLES = {
    "encoder": ([
        ("convolution_1", (28, 28, 32), 3 * 3 * 1 * 32 + 32),
        ("convolution_2", (14, 14, 64), 3 * 3 * 32 * 64 + 64),
        ("convolution_3", (14, 14, 64), 3 * 3 * 64 * 64 + 64),
        ("convolution_4", (14, 14, 64), 3 * 3 * 64 * 64 + 64),
        ("dense", (32,), 14 * 14 * 64 * 32 + 32),
        ("mean", (2,), 32 * 2 + 2),
        ("log_variance", (2,), 32 * 2 + 2)], 494_244),
    "decoder": ([
        ("dense", (12544,), 2 * 14 * 14 * 64 + 14 * 14 * 64),
        ("convolution_1", (28, 28, 32), 3 * 3 * 64 * 32 + 32),
        ("output", (28, 28, 1), 3 * 3 * 32 * 1 + 1)], 56_385),
}


def build(family, image_shape=GREY, num_classes=0, **kwargs):
    return ENCODERS[family](image_shape=image_shape, latent_size=LATENT, num_classes=num_classes,
                            **TINY[family] | kwargs)


def inputs(image_shape=GREY):
    x = np.random.default_rng(0).uniform(-1, 1, (BATCH, *image_shape)).astype(np.float32)
    return x, np.arange(BATCH, dtype=np.int32) % CLASSES


def some_variables(module, *arguments):
    """Random variables, biases too, without the time to compile the initialisation."""
    rng = np.random.default_rng(1)
    shapes = jax.eval_shape(functools.partial(module.init, train=False), jax.random.key(0), *arguments)
    return jax.tree.map(lambda leaf: rng.uniform(-0.5, 0.5, leaf.shape).astype(leaf.dtype), shapes)


@pytest.mark.parametrize("num_classes", [0, CLASSES])
@pytest.mark.parametrize("family, image_shape", SHAPES)
def test_an_encoder_gives_each_image_a_mean_and_a_log_variance(family, image_shape, num_classes):
    module, (x, labels) = build(family, image_shape, num_classes), inputs(image_shape)
    for train in (False, True):
        found = jax.eval_shape(functools.partial(module.apply, train=train), some_variables(module, x, labels), x,
                               labels)
        assert [(part.shape, part.dtype) for part in found] == [((BATCH, LATENT), jnp.float32)] * 2


@pytest.mark.parametrize("family", ENCODERS)
def test_a_latent_follows_its_own_image_and_label(family):
    module, (x, labels) = build(family, num_classes=CLASSES), inputs()
    variables, apply = some_variables(module, x, labels), jax.jit(module.apply)
    before = apply(variables, x, labels)
    for other in ((np.concatenate([-x[:1], x[1:]]), labels),
                  (x, (labels + np.array([1, 0, 0, 0], np.int32)) % CLASSES)):
        for one, two in zip(before, apply(variables, *other), strict=True):
            assert np.max(np.abs(one[0] - two[0])) > 1e-3
            np.testing.assert_allclose(one[1:], two[1:], atol=1e-5)


@pytest.mark.parametrize("family", ENCODERS)
def test_mean_and_log_variance_are_layers_of_their_own(family):
    module, (x, _) = build(family), inputs()
    variables, apply = some_variables(module, x), jax.jit(module.apply)
    before = apply(variables, x)
    for number, name in enumerate(("mean", "log_variance")):
        layer = variables["params"][name]
        moved = {**variables["params"], name: {**layer, "bias": layer["bias"] + 1}}
        shifts = [two - one for one, two in zip(before, apply({"params": moved}, x), strict=True)]
        np.testing.assert_allclose(shifts[number], 1.0, rtol=1e-4)
        np.testing.assert_array_equal(shifts[1 - number], 0.0)


@pytest.mark.parametrize("family", ENCODERS)
def test_a_misspelt_word_is_refused_with_the_word_meant(family):
    module, (x, _) = build(family, initializer="glort"), inputs()
    with pytest.raises(ConfigError, match=r"initializer 'glort' is unknown \(did you mean glorot\?\)"):
        some_variables(module, x)


@pytest.mark.parametrize("kwargs", [{"depth": -1}, {"width": 0}])
def test_a_perceptron_of_no_size_is_refused(kwargs):
    module, (x, _) = build("mlp", **kwargs), inputs()
    with pytest.raises(ValueError, match="depth is at least 0, width at least 1"):
        some_variables(module, x)


def layer_table(module, x):
    """Layer, shape of its output without the batch, and parameters, in the order of the calls."""
    rows = []

    def record(next_function, arguments, keywords, context):
        output = next_function(*arguments, **keywords)
        if context.module.path:
            rows.append((context.module.name, output.shape[1:]))
        return output

    params = jax.eval_shape(functools.partial(module.init, train=False), jax.random.key(0), x)["params"]
    with nn.intercept_methods(record):
        jax.eval_shape(functools.partial(module.apply, train=False), {"params": params}, x)
    return [(name, shape, sum(leaf.size for leaf in params[name].values())) for name, shape in rows]


@pytest.mark.parametrize("player", TABLES)
def test_the_layers_are_those_of_the_book(player):
    shape = (28, 28, 1)
    module, x = {"encoder": (ENCODERS["conv_vae"](image_shape=shape, latent_size=2), np.zeros((1, *shape))),
                 "decoder": (GENERATORS["conv_vae"](image_shape=shape), np.zeros((1, 2)))}[player]
    expected, total = TABLES[player]
    table = layer_table(module, x)
    assert table == expected
    assert sum(parameters for _, _, parameters in table) == total


@pytest.mark.parametrize("image_shape", [(7, 8, 1), (8, 7, 1), POINT])
def test_images_that_cannot_be_halved_are_refused(image_shape):
    latents = np.zeros((1, LATENT), np.float32)
    for module, x in ((build("conv_vae", image_shape), np.zeros((1, *image_shape), np.float32)),
                      (GENERATORS["conv_vae"](image_shape=image_shape, filters=(2, 2)), latents)):
        with pytest.raises(ValueError, match="even height and width.*use mlp"):
            some_variables(module, x)


def test_filters_of_another_number_of_layers_are_refused():
    for module, x in ((build("conv_vae", filters=(2, 2)), inputs()[0]),
                      (GENERATORS["conv_vae"](image_shape=GREY, filters=(2,)), np.zeros((1, LATENT), np.float32))):
        with pytest.raises(ValueError, match=r"has [24] layers with filters here; filters \("):
            some_variables(module, x)


def test_a_misspelt_word_of_the_decoder_is_refused_with_the_word_meant():
    module = GENERATORS["conv_vae"](image_shape=GREY, filters=(2, 2), initializer="glort")
    with pytest.raises(ConfigError, match=r"\(did you mean glorot\?\)"):
        some_variables(module, np.zeros((1, LATENT), np.float32))
