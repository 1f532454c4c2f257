"""StyleGAN2's official numbers: networks with the official weights, images in our layout."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.networks.style.stylegan2 import StyleGAN2Critic, StyleGAN2Generator
from ganlab.pretrained import stylegan2 as names

with np.load(Path(__file__).parent / "parity" / "stylegan2.npz") as _file:
    NUMBERS = dict(_file)
KWARGS = {"channel_base": 512, "channel_max": 32}
GENERATOR = {"styles": 24, "mapping_layers": 3, **KWARGS}
CRITIC = {"mapping_layers": 2, **KWARGS}
LABELS = NUMBERS["in/c"].argmax(axis=1).astype(np.int32)
# The official minibatch deviation groups examples that are a stride apart, ours neighbours.
NEIGHBOURS = np.array([0, 2, 4, 6, 1, 3, 5, 7])


def pictures(name):
    """Official images [b, c, h, w], by name or themselves, as ours [b, h, w, c]."""
    array = NUMBERS[name] if isinstance(name, str) else name
    return np.moveaxis(array, 1, -1)


def tensors(network):
    start = f"sd/{network}/"
    return {name.removeprefix(start): array for name, array in NUMBERS.items() if name.startswith(start)}


def generator(name="G", side=32, classes=3, **changes):
    """A generator, and its variables with the official weights."""
    module = StyleGAN2Generator((side, side, 3), classes, **GENERATOR | changes)
    inputs = jnp.zeros((1, 16)), jnp.zeros((1,), int)
    return module, names.stylegan2_generator_variables(
        tensors(name), jax.eval_shape(lambda: module.init(jax.random.key(0), *inputs)))


def critic(name="D", side=32, classes=3, **changes):
    """A critic, and its variables with the official weights."""
    module = StyleGAN2Critic((side, side, 3), classes, **CRITIC | changes)
    inputs = jnp.zeros((1, side, side, 3)), jnp.zeros((1,), int)
    return module, names.stylegan2_critic_variables(
        tensors(name), jax.eval_shape(lambda: module.init(jax.random.key(0), *inputs)))


def relative_error(found, expected):
    """The largest difference, of the largest expected number."""
    assert found.shape == expected.shape
    return np.abs(np.asarray(found) - expected).max() / np.abs(expected).max()
