"""The FID Inception network with weights under their published names gives the official features at every tap."""

import json
import zlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganlab.config import ConfigError
from ganlab.networks.features.inception import Inception2015, InceptionTaps, SIZE, resize_tf1
from ganlab.pretrained.inception import inception_variables

PARITY = np.load(Path(__file__).parents[1] / "parity" / "inception_network.npz")
INPUTS = ("x", "x2", "x3")  # Three images of 150x170, one of 32x32, one of 299x299.
SHAPES = {name: tuple(shape) for name, shape in json.loads(str(PARITY["meta"]))["keys"]}
OFFICIAL = InceptionTaps("64", "192", "768", "2048", "logits", "logits_unbiased")


def keyed_tensor(name, shape):
    """The random tensor that stands under a name in the official run: nothing but the name seeds it."""
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("running_var"):
        return np.float32(0.5 + generator.random(shape))
    normal = generator.standard_normal(shape)
    if len(shape) > 1:
        return np.float32(normal * (1.6 / np.sqrt(np.prod(shape[1:]))))
    return np.float32(0.1 * normal + name.endswith("bn.weight"))


@pytest.fixture(scope="module")
def tensors():
    return {name: keyed_tensor(name, shape) for name, shape in SHAPES.items()}


@pytest.fixture(scope="module")
def expected():
    images = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), jnp.float32)
    return jax.eval_shape(Inception2015().init, jax.random.key(0), images)


@pytest.fixture(scope="module")
def variables(tensors, expected):
    return inception_variables(tensors, expected)


@pytest.fixture(scope="module")
def taps(variables):
    """Every tap of the five images in one batch, where the official run had batches of three, one and one."""
    images = jnp.concatenate([resize_tf1(channels_last(name), SIZE, SIZE) for name in INPUTS])
    return jax.device_get(jax.jit(Inception2015().apply)(variables, images))


def channels_last(name):
    """The input images of an official run."""
    return PARITY[f"in/{name}"].transpose(0, 2, 3, 1)


def closeness(found, official):
    """Largest difference as a share of the largest official value."""
    return np.abs(found - official).max() / np.abs(official).max()


@pytest.mark.parametrize("tap", InceptionTaps._fields)
def test_every_tap_matches_the_official_numbers_whatever_stands_beside_in_the_batch(tap, taps):
    found = np.split(getattr(taps, tap), [3, 4])
    for name, part in zip(INPUTS, found, strict=True):
        assert closeness(part, PARITY[f"out/{name}_{getattr(OFFICIAL, tap)}"]) < 2e-5


def test_the_network_resizes_by_itself(variables):
    # The first tap alone compiles in a second.
    first = jax.jit(lambda images: Inception2015().apply(variables, images).features_64)
    assert closeness(first(channels_last("x")), PARITY["out/x_64"]) < 2e-5


def test_every_published_tensor_has_its_place(variables):
    stored = sum(np.prod(shape, dtype=int) for name, shape in SHAPES.items() if "num_batches" not in name)
    assert sum(leaf.size for leaf in jax.tree.leaves(variables)) == stored


def test_the_second_classifier_may_be_there(tensors, expected):
    inception_variables({**tensors, "AuxLogits.conv0.conv.weight": np.zeros((1, 1, 1, 1))}, expected)


BAD = {
    "missing": (lambda tensors: {"conv1.weight": np.zeros((64, 3, 7, 7))}, "lacks .* and 467 more"),
    "one missing": (lambda tensors: {name: tensors[name] for name in tensors if name != "fc.bias"},
                    "lacks fc.bias"),
    "later weights of the same network": (
        lambda tensors: {**tensors, "fc.weight": np.zeros((1000, 2048))},
        r"has fc.weight with \(1000, 2048\) for \(1008, 2048\)"),
    "other axes": (lambda tensors: {**tensors, "fc.weight": np.zeros((1008, 2048, 1, 1))}, "has fc.weight with"),
    "left over": (lambda tensors: {**tensors, "fc.gain": np.zeros(3)}, "has besides fc.gain"),
}


@pytest.mark.parametrize("case", BAD)
def test_the_weights_of_another_network_are_refused_in_one_sentence(case, tensors, expected):
    change, match = BAD[case]
    with pytest.raises(ConfigError, match=match) as error:
        inception_variables(change(tensors), expected, source="weights.pth")
    assert str(error.value).startswith("weights.pth ")
    assert "FID Inception network" in str(error.value)
    assert len(str(error.value)) < 450
