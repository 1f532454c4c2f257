"""The classifiers that ship with ganlab, of digits and of glyphs: their training, their weights.

The weights are beside this file, so that two machines compare by the same features.
`scripts/train_classifier.py` makes them again: those of digits in seconds, of glyphs in minutes.
"""

import functools
import hashlib
import string
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ganlab.data import SOURCES
from ganlab.data.glyphs import CHARACTERS, SIDE
from ganlab.networks import Classifier, ClassifierTaps
from ganlab.types import Array, Tree

HELD_OUT = 0.2
BATCH, LEARNING_RATE, WEIGHT_DECAY = 128, 3e-3, 1e-2
# Seeds of data are below, so that the classifier is trained on no glyph that a run is.
FIRST_SEED = 2**31
# As files have them, and as the classifiers see them.
LEVELS = np.float32(np.arange(256) / 255)


class Split(NamedTuple):
    """Images uint8 [n, h, w, c] with labels [n] to train on, and held-out ones."""

    images: np.ndarray
    labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


class TrainedClassifier(NamedTuple):
    """A classifier and what is known of it."""

    params: Tree
    accuracy: float
    """Share of held-out images that it names correctly, from 0 to 1."""
    sha256: str
    """Hash of the weights."""


class Recipe(NamedTuple):
    """How the classifier of a data set is made.

    Attributes:
      split: `seed -> Split`, the images.
      shape: of one.
      class_names: in the order of the labels.
      channels: of the convolutions of the network.
      steps: of training.
      shift: pixels by which images are moved at most, in either direction, while it trains.
      unit_variance: whether features are scaled to a variance of 1 in the mean, so that distances
        of them are numbers of a usual size.
    """

    split: Callable[[int], Split]
    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    channels: tuple[int, ...]
    steps: int
    shift: int = 0
    unit_variance: bool = False

    @property
    def module(self) -> Classifier:
        """The network."""
        return Classifier(len(self.class_names), self.channels)


def split_digits(seed: int) -> Split:
    """Holds out a fifth of the digits."""
    dataset = SOURCES["digits"]()
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(dataset))
    images, labels = dataset.images[order], dataset.labels[order]
    held_out = round(HELD_OUT * len(order))
    return Split(images[held_out:], labels[held_out:], images[:held_out], labels[:held_out])


def split_glyphs(seed: int, number: int = 50_000, held_out: int = 10_000) -> Split:
    """Draws grey glyphs and as many coloured ones; held out are the first of those of seed 0."""
    def drawn(size: int, *seeds: int) -> tuple[np.ndarray, np.ndarray]:
        sets = [SOURCES["glyphs"](size=size, seed=seed, colour=colour)
                for colour, seed in zip((False, True), seeds, strict=True)]
        return (np.concatenate([np.broadcast_to(each.images, (size, SIDE, SIDE, 3))
                                for each in sets]),
                np.concatenate([each.labels for each in sets]))

    return Split(*drawn(number, FIRST_SEED + 2 * seed, FIRST_SEED + 2 * seed + 1),
                 *drawn(held_out, 0, 0))


CLASSIFIERS: dict[str, Recipe] = {
    "digits": Recipe(split_digits, (8, 8, 1), tuple(string.digits), (16, 32), steps=1000, shift=1),
    "glyphs": Recipe(split_glyphs, (SIDE, SIDE, 3), tuple(CHARACTERS), (16, 32, 64, 64), steps=5000,
                     unit_variance=True)}
"""Classifiers by the name of their data, which is that of their features."""


@functools.partial(jax.jit, static_argnums=0)
def _taps(module: Classifier, params: Tree, images: Array) -> ClassifierTaps:
    return module.apply(params, images)


def taps_of(module: Classifier, params: Tree, images: np.ndarray) -> ClassifierTaps:
    """Computes features and logits of images uint8 [n, h, w, c], some hundred at a time."""
    parts = [_taps(module, params, LEVELS[images[start:start + 500]])
             for start in range(0, len(images), 500)]
    return ClassifierTaps(*map(np.concatenate, zip(*parts, strict=True)))


def accuracy_of(name: str, params: Tree, images: np.ndarray, labels: np.ndarray) -> float:
    """Computes the share of images uint8 [n, h, w, c] whose label [n] a classifier names."""
    logits = taps_of(CLASSIFIERS[name].module, params, images).logits
    return float(np.mean(np.argmax(logits, axis=1) == labels))


def with_unit_variance(module: Classifier, params: Tree, images: np.ndarray) -> Tree:
    """Scales the features to a variance of 1 in the mean over images, and leaves the logits."""
    deviation = np.sqrt(np.mean(np.var(taps_of(module, params, images).features, axis=0)))
    dense, logits = params["params"]["dense"], params["params"]["logits"]
    return {"params": params["params"] | {
        "dense": {name: array / deviation for name, array in dense.items()},
        "logits": logits | {"kernel": logits["kernel"] * deviation}}}


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3), donate_argnums=(4, 5))
def _step(module: Classifier, steps: int, batch: int, shift: int, params: Tree, opt_state: Tree,
          key: Array, images: Array, labels: Array) -> tuple[Tree, Tree]:
    """Takes a step of AdamW on cross-entropy of a random batch, each image of which is moved by up
    to `shift` pixels in either direction."""
    keys = jax.random.split(key)
    chosen = jax.random.randint(keys[0], (batch,), 0, len(images))
    shifts = jax.random.randint(keys[1], (batch, 2), 0, 2 * shift + 1)
    padded = jnp.pad(jnp.asarray(LEVELS)[images[chosen]],
                     ((0, 0), (shift, shift), (shift, shift), (0, 0)))
    moved = jax.vmap(lambda image, corner: jax.lax.dynamic_slice(
        image, (*corner, 0), images.shape[1:]))(padded, shifts)

    def loss(params: Tree) -> Array:
        logits = module.apply(params, moved).logits
        return jnp.mean(
            optax.softmax_cross_entropy_with_integer_labels(logits, labels[chosen]))

    updates, opt_state = _optimizer(steps).update(jax.grad(loss)(params), opt_state, params)
    return optax.apply_updates(params, updates), opt_state


def _optimizer(steps: int) -> optax.GradientTransformation:
    rate = optax.cosine_decay_schedule(LEARNING_RATE, steps)
    return optax.adamw(rate, weight_decay=WEIGHT_DECAY)


def fit_classifier(module: Classifier, images: np.ndarray, labels: np.ndarray, steps: int,
                   seed: int, batch: int = BATCH, shift: int = 0) -> Tree:
    """Trains a classifier from scratch on images uint8 [n, h, w, c] with labels [n]; returns its
    params.

    Equal seeds give equal params, on one machine.
    """
    key = jax.random.key(seed)
    params = module.init(key, jnp.zeros((1, *images.shape[1:])))
    opt_state = _optimizer(steps).init(params)
    images, labels = jnp.asarray(images), jnp.asarray(labels)
    # A loop, because convolutions in a scan are many times slower on a CPU.
    for number in range(steps):
        params, opt_state = _step(module, steps, batch, shift, params, opt_state,
                                  jax.random.fold_in(key, number), images, labels)
    return jax.device_get(params)


def train_classifier(name: str, seed: int = 0) -> TrainedClassifier:
    """Trains one of `CLASSIFIERS`, and tests it on the images that are held out.

    Equal seeds give equal results.
    """
    recipe = CLASSIFIERS[name]
    split = recipe.split(seed)
    params = fit_classifier(recipe.module, split.images, split.labels, recipe.steps, seed,
                            shift=recipe.shift)
    if recipe.unit_variance:
        params = with_unit_variance(recipe.module, params, split.test_images)
    accuracy = accuracy_of(name, params, split.test_images, split.test_labels)
    return TrainedClassifier(params, accuracy, _hash(params))


def save_classifier(path: Path, trained: TrainedClassifier, seed: int) -> None:
    """Writes weights as `.npz`, an array for each param."""
    arrays = {f"{layer}/{name}": array for layer, entry in trained.params["params"].items()
              for name, array in entry.items()}
    np.savez(path, accuracy=trained.accuracy, seed=seed, **arrays)


def weights_file(name: str) -> Path:
    """Returns the file of the weights that ship with ganlab."""
    return Path(__file__).with_name(f"{name}_classifier.npz")


@functools.cache
def load_classifier(path: Path) -> TrainedClassifier:
    """Loads the weights of a classifier."""
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
