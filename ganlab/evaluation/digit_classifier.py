"""The classifier of digits that ships with ganlab: its training, and its weights.

The weights are beside this file, so that two machines compare by the same features.
`scripts/train_digit_classifier.py` makes them again, in seconds.
"""

import functools
import hashlib
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ganlab.data import SOURCES
from ganlab.networks import DigitClassifier
from ganlab.types import Array, Tree

WEIGHTS = Path(__file__).with_name("digit_classifier.npz")
HELD_OUT = 0.2
STEPS, BATCH, LEARNING_RATE, WEIGHT_DECAY = 1000, 128, 3e-3, 1e-2


class TrainedClassifier(NamedTuple):
    """A classifier and what is known of it."""

    params: Tree
    accuracy: float
    """Share of held-out digits that it names correctly, from 0 to 1."""
    sha256: str
    """Hash of the weights."""


def split_digits(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns images [n, 8, 8, 1] in [0, 1] and labels to train on, then the held-out ones."""
    dataset = SOURCES["digits"]()
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(dataset))
    images, labels = np.float32(dataset.images[order] / 255), dataset.labels[order]
    held_out = round(HELD_OUT * len(order))
    return images[held_out:], labels[held_out:], images[:held_out], labels[:held_out]


@jax.jit
def _logits(params: Tree, images: Array) -> Array:
    return DigitClassifier().apply(params, images).logits


def accuracy_of(params: Tree, images: np.ndarray, labels: np.ndarray) -> float:
    """Computes the share of images [n, 8, 8, 1] in [0, 1] whose label [n] the classifier names."""
    return float(np.mean(np.argmax(_logits(params, images), axis=1) == labels))


def train_digit_classifier(seed: int = 0) -> TrainedClassifier:
    """Trains on four fifths of the digits, shifted by up to a pixel, and tests on the others.

    Equal seeds give equal results.
    """
    images, labels, test_images, test_labels = split_digits(seed)
    rate = optax.cosine_decay_schedule(LEARNING_RATE, STEPS)
    optimizer = optax.adamw(rate, weight_decay=WEIGHT_DECAY)
    key = jax.random.key(seed)
    params = DigitClassifier().init(key, images[:1])

    def loss(params: Tree, batch: Array, targets: Array) -> Array:
        logits = DigitClassifier().apply(params, batch).logits
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, targets))

    @jax.jit
    def step(params: Tree, opt_state: Tree, key: Array) -> tuple[Tree, Tree]:
        # A random batch of digits, each shifted by up to a pixel in either direction.
        keys = jax.random.split(key)
        chosen = jax.random.randint(keys[0], (BATCH,), 0, len(images))
        shifts = jax.random.randint(keys[1], (BATCH, 2), 0, 3)
        padded = jnp.pad(jnp.asarray(images)[chosen], ((0, 0), (1, 1), (1, 1), (0, 0)))
        moved = jax.vmap(lambda image, shift: jax.lax.dynamic_slice(image, (*shift, 0), (8, 8, 1)))(
            padded, shifts)
        # A step of AdamW on cross-entropy.
        gradients = jax.grad(loss)(params, moved, jnp.asarray(labels)[chosen])
        updates, opt_state = optimizer.update(gradients, opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    opt_state = optimizer.init(params)
    # A loop, because convolutions in a scan are many times slower on a CPU.
    for number in range(STEPS):
        params, opt_state = step(params, opt_state, jax.random.fold_in(key, number))
    params = jax.device_get(params)
    return TrainedClassifier(params, accuracy_of(params, test_images, test_labels), _hash(params))


def save_classifier(path: Path, trained: TrainedClassifier, seed: int) -> None:
    """Writes weights as `.npz`, an array for each param."""
    arrays = {f"{layer}/{name}": array for layer, entry in trained.params["params"].items()
              for name, array in entry.items()}
    np.savez(path, accuracy=trained.accuracy, seed=seed, **arrays)


@functools.cache
def digit_classifier(path: Path = WEIGHTS) -> TrainedClassifier:
    """Loads the classifier that ships with ganlab."""
    params: dict[str, dict[str, np.ndarray]] = {}
    with np.load(path) as arrays:
        for name in arrays.files:
            layer, slash, param = name.partition("/")
            if slash:
                params.setdefault(layer, {})[param] = arrays[name]
        return TrainedClassifier({"params": params}, float(arrays["accuracy"]),
                                 _hash({"params": params}))


def _hash(params: Tree) -> str:
    digest = hashlib.sha256()
    for path, leaf in sorted(jax.tree_util.tree_leaves_with_path(params),
                             key=lambda entry: str(entry[0])):
        digest.update(str(path).encode() + np.ascontiguousarray(leaf).tobytes())
    return digest.hexdigest()
