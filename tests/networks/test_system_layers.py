"""The networks of the shipped textbook experiments, layer by layer, against the numbers of their descriptions.

The convolutional families of one size have tables of their own in test_textbook.py; here an
experiment's configuration is taken as it ships, so that a changed default is seen too.
"""

import importlib.util
from pathlib import Path

import jax
import numpy as np
import pytest

from ganlab.data import Dataset
from ganlab.systems import build_game

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def dense(inputs, outputs):
    """Weights and biases of a dense layer."""
    return inputs * outputs + outputs


def kernel(size, inputs, outputs):
    """Weights of a convolution without a bias."""
    return size * size * inputs * outputs


# Parameters of each layer, in the order in which the description names them.
TABLES = {
    # 100 latents, twice 1,200 units, 28x28 pixels; 784 pixels, twice 240 units of 5 pieces, one logit.
    ("minimax_mlp", None, 28, 1): {
        "generator": [dense(100, 1200), dense(1200, 1200), dense(1200, 784)],
        "critic": [dense(784, 240 * 5), dense(240, 240 * 5), dense(240, 1)]},
    # The DCGAN of the paper at 32x32: 4x4x256, 8x8x128, 16x16x64, 32x32x3; batch normalization after each stage but
    # the generator's last and the critic's first, whose convolutions have biases.
    ("wgan", "data=cifar10,width=64", 32, 3): {
        "generator": [100 * 16 * 256, 2 * 256, kernel(4, 256, 128), 2 * 128, kernel(4, 128, 64), 2 * 64,
                      kernel(4, 64, 3) + 3],
        "critic": [kernel(4, 3, 64) + 64, kernel(4, 64, 128), 2 * 128, kernel(4, 128, 256), 2 * 256,
                   dense(16 * 256, 1)]},
    ("wgan_gp", "data=cifar10,width=64", 32, 3): {
        "generator": [128 * 16 * 256, 2 * 256, kernel(4, 256, 128), 2 * 128, kernel(4, 128, 64), 2 * 64,
                      kernel(4, 64, 3) + 3],
        "critic": [kernel(4, 3, 64) + 64, kernel(4, 64, 128) + 128, kernel(4, 128, 256) + 256, dense(16 * 256, 1)]},
}

# Both networks of `cgan` at 8x8: 64 latents and the label, 2x2x128, 4x4x64, 8x8x32 refined to the image; two stages.
LATENTS, CLASSES = 64, 10


def conditional(beside_latents, beside_image, heads):
    """The parameters of the two networks, by the numbers that the label takes beside latents and image."""
    return {"generator": [(LATENTS + beside_latents) * 4 * 128, 2 * 128, kernel(4, 128, 64), 2 * 64, kernel(4, 64, 32),
                          2 * 32, kernel(3, 32, 1) + 1, *([CLASSES * LATENTS] if beside_latents == LATENTS else [])],
            "critic": [kernel(4, 1 + beside_image, 32) + 32, kernel(4, 32, 64) + 64, dense(4 * 64, 1), *heads]}


TABLES |= {
    ("cgan", "conditioning=concatenate", 8, 1): conditional(CLASSES, CLASSES, []),
    ("cgan", "conditioning=projection", 8, 1): conditional(LATENTS, 0, [CLASSES * 4 * 64]),
    ("cgan", "conditioning=auxiliary", 8, 1): conditional(CLASSES, 0, [dense(4 * 64, CLASSES)]),
}


def game_of(name, argument, side, channels):
    """The game of an experiment on images of this shape."""
    spec = importlib.util.spec_from_file_location(name, EXPERIMENTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    images, labels = np.zeros((200, side, side, channels), np.uint8), np.arange(200, dtype=np.int32) % 10
    return build_game(module.get_config(argument), Dataset("blank", images, labels, tuple("0123456789")))


@pytest.mark.parametrize("case", TABLES, ids=lambda case: f"{case[0]} {case[1] or ''}".strip())
def test_an_experiments_networks_have_the_parameters_of_its_description(case):
    game = game_of(*case)
    for name, expected in TABLES[case].items():
        params, _ = jax.eval_shape(game.networks[name].init, jax.random.key(0))
        found = [sum(leaf.size for leaf in jax.tree.leaves(layer)) for layer in params.values()]
        assert sorted(found) == sorted(expected), name
