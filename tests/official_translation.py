"""The official numbers of pix2pix and CycleGAN as arrays of ours: pictures NHWC, weights as variables of networks."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.networks import PATCH_CRITICS, TRANSLATORS
from ganlab.pretrained import patch_critic_variables, translator_architecture, translator_variables

NUMBERS = np.load(Path(__file__).parent / "parity" / "translation.npz")
EXPECTED_SIDE = 256  # Of the pictures for which variables are shaped: every network takes them.


def pictures(name):
    """Pictures [b, h, w, c]."""
    return NUMBERS[name].transpose(0, 2, 3, 1)


def tensors(network):
    """The official weights of a network by their names."""
    prefix = f"sd/{network}/"
    return {name.removeprefix(prefix): NUMBERS[name] for name in NUMBERS.files if name.startswith(prefix)}


def gradient_norms(network):
    """The official norms of gradients, by the name of the weight."""
    prefix = f"gnorm/{network}/"
    return {name.removeprefix(prefix): float(NUMBERS[name]) for name in NUMBERS.files if name.startswith(prefix)}


def shaped(module, channels):
    """The shapes of a module's variables."""
    shape = (1, EXPECTED_SIDE, EXPECTED_SIDE, channels)
    return jax.eval_shape(lambda key: module.init(key, jnp.zeros(shape)), jax.random.key(0))


def translator(network, values=None):
    """A generator and its variables, from its own official weights or from others of the same names."""
    found = tensors(network)
    architecture = translator_architecture(found)
    module = TRANSLATORS[architecture.network](image_shape=(8, 8, architecture.channels), **architecture.kwargs)
    return module, translator_variables(values or found, shaped(module, architecture.source_channels), architecture)


def critic(network, values=None, kind="patch", **kwargs):
    """A critic and its variables, as above."""
    found = tensors(network)
    module = PATCH_CRITICS[kind](image_shape=(8, 8, 3), **kwargs)
    channels = next(tensor.shape[1] for tensor in found.values() if tensor.ndim == 4)
    return module, patch_critic_variables(values or found, shaped(module, channels))


def by_official_name(make, network, tree):
    """Leaves of a tree of a network's params by the official names: `make` is `translator` or `critic`."""
    # Each tensor carries its number in place of values, to see where it goes.
    found = {name: tensor for name, tensor in tensors(network).items() if "running" not in name}
    numbered = {name: np.full(tensor.shape, i, np.float32) for i, (name, tensor) in enumerate(found.items())}
    statistics = {name: tensor for name, tensor in tensors(network).items() if "running" in name}
    where = make(network, values=numbered | statistics)[1]["params"]
    names = list(found)
    return {names[int(np.ravel(number)[0])]: leaf
            for number, leaf in zip(jax.tree.leaves(where), jax.tree.leaves(tree), strict=True)}


def relative_error(ours, official):
    """The largest difference as a share of the largest number."""
    return np.abs(np.asarray(ours) - official).max() / np.abs(official).max()
