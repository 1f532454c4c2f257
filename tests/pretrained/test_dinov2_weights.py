"""DINOv2 with weights under their published names gives the official class tokens."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganlab.config import ConfigError
from ganlab.networks.features.vision_transformer import VisionTransformer
from ganlab.pretrained.dinov2 import dinov2_variables

PARITY = dict(np.load(Path(__file__).parents[1] / "parity" / "vision_transformer.npz"))
TENSORS = {key.removeprefix("sd/net/"): value for key, value in PARITY.items() if key.startswith("sd/net/")}


def network(image_size):
    """The official run's network in small: 5x5 stored positions, two blocks of three heads."""
    return VisionTransformer(width=12, depth=2, heads=3, positions=5, image_size=image_size)


def expected(depth=2):
    """Shapes of the network's variables."""
    return jax.eval_shape(network(42).clone(depth=depth).init, jax.random.key(0), jnp.zeros((1, 42, 42, 3)))


@pytest.mark.parametrize("image_size", [42, 70], ids=["interpolated positions", "stored positions"])
def test_class_tokens_match_the_official_numbers(image_size):
    variables = dinov2_variables(TENSORS, expected())
    images = PARITY[f"in/images_{image_size}"].transpose(0, 2, 3, 1)
    features = jax.jit(network(image_size).apply)(variables, images)
    official = PARITY[f"out/class_token_{image_size}"]
    assert np.abs(features - official).max() < 2e-5 * np.abs(official).max()


BAD = {
    "with registers": ({**TENSORS, "register_tokens": np.zeros((1, 4, 12))}, "has besides register_tokens"),
    "shallower": ({name: value for name, value in TENSORS.items() if "blocks.1" not in name},
                  "lacks blocks.1.attn.proj.bias, .* and 9 more"),
    "of another grid": ({**TENSORS, "pos_embed": np.zeros((1, 17, 12))}, r"has pos_embed with \(1, 17, 12\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_the_weights_of_another_network_are_refused(case):
    tensors, match = BAD[case]
    with pytest.raises(ConfigError, match=match):
        dinov2_variables(tensors, expected())
