"""What metrics see of images: features by name, each with what fixes its numbers."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.config import ConfigError, unknown
from ganlab.data import PICTURE_CHANNELS
from ganlab.evaluation.digit_classifier import digit_classifier
from ganlab.networks import (
    DINOV2_SIZES,
    DigitClassifier,
    Inception2015,
    VisionTransformer,
)
from ganlab.pretrained import (
    Weights,
    dinov2_variables,
    inception_variables,
    read_weights,
)
from ganlab.types import Array

# Of the three colours, ITU-R BT.601, as Pillow turns pictures grey.
GREY = (0.299, 0.587, 0.114)


class Seen(NamedTuple):
    """What is read of a batch of images."""

    features: Array
    """[b, d] float32."""
    logits: Array | None
    """[b, c] of a classifier; None for features without one."""


@dataclasses.dataclass(frozen=True)
class Features:
    """Features of images.

    Attributes:
      name: as in `FEATURES`.
      identity: what fixes the numbers, of JSON's types: a part of every protocol.
      see: `images[b, h, w, c] -> Seen`, jitted. Images are floats in 0..255, or points [b, d].
      batch_size: images at once that are quick and fit in memory.
      worth_keeping: whether they take longer to compute than to read.
      classifies: whether they come with a classifier's logits.
      of_pictures: whether they are those of images of 1 or 3 channels alone.
    """

    name: str
    identity: Mapping[str, Any]
    see: Callable[[Array], Seen]
    batch_size: int = 500
    worth_keeping: bool = True
    classifies: bool = False
    of_pictures: bool = True

    def extract(self, images: np.ndarray, most: int | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """Features [n, d] and logits [n, c] or None, of images [n, h, w, c] in 0..255, uint8 or float, or points.

        `most` images are seen at once, or `batch_size` where that is less; by default as many as are given.
        """
        parts, batch = [], min(self.batch_size, most or len(images))
        for start in range(0, len(images), batch):
            part = np.asarray(images[start:start + batch], np.float32)
            # One shape compiles once; what fills the last batch is dropped again.
            filled = np.concatenate([part, np.repeat(part[-1:], batch - len(part), axis=0)])
            # The short formats of accelerators would be seen in distances between sets.
            with jax.default_matmul_precision("highest"):
                seen = self.see(filled)
            parts.append(jax.tree.map(lambda array, kept=len(part): np.asarray(array)[:kept], seen))
        features, logits = zip(*parts, strict=True)
        return np.concatenate(features), None if logits[0] is None else np.concatenate(logits)


def _grey(images: Array) -> Array:
    return images if images.shape[-1] == 1 else images @ jnp.array(GREY)[:, None]


def area_means(new: int, old: int) -> np.ndarray:
    """The matrix [new, old] that makes of `old` pixels in a line `new` ones, each the mean of what lies in it."""
    edges = np.arange(new + 1) * old / new
    left, right = np.maximum(edges[:-1, None], np.arange(old)), np.minimum(edges[1:, None], np.arange(old) + 1)
    return np.float32(np.maximum(right - left, 0) * new / old)


def are_pictures(shape: tuple[int, ...]) -> bool:
    """Returns whether an example of this shape is an image of 1 or 3 channels."""
    return len(shape) == 3 and shape[-1] in PICTURE_CHANNELS


def check_seen(name: str, shape: tuple[int, ...]) -> None:
    """Refuses, by a ConfigError, features of pictures for examples of a shape that is none."""
    if not are_pictures(shape):
        raise ConfigError(f"features {name} are those of images of 1 or 3 channels, and were asked for of examples "
                          f"{list(shape)}; use --features=pixels (config.evaluate.features)")


def _pictures(name: str, images: Array) -> Array:
    check_seen(name, images.shape[1:])
    return images


def _colour(images: Array) -> Array:
    return jnp.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


def _refuse_weights(name: str, weights: str) -> None:
    if weights:
        raise ConfigError(f"features {name} need no weight file and were given {weights}; leave it out")


def _read(name: str, weights: str, what: str) -> Weights:
    if not weights:
        raise ConfigError(f"features {name} need a weight file, {what}; name it by --weights=FILE")
    return read_weights(weights)


def _large_batch() -> int:
    """Images at once for a large network: the caches of a CPU hold few, and an accelerator starves of few."""
    return 8 if jax.default_backend() == "cpu" else 64


def pixels(weights: str) -> Features:
    """Pixels of images in [-1, 1], or the coordinates of points: as they are, nothing resized."""
    _refuse_weights("pixels", weights)

    def see(images: Array) -> Seen:
        values = images / 127.5 - 1 if images.ndim == 4 else images
        return Seen(values.reshape(len(values), -1), None)

    return Features("pixels", {"name": "pixels"}, jax.jit(see), worth_keeping=False, of_pictures=False)


def digits(weights: str) -> Features:
    """The last hidden layer, of 64 numbers, of the classifier of digits that ganlab carries; grey, resized to 8x8."""
    _refuse_weights("digits", weights)
    classifier = digit_classifier()

    def see(images: Array) -> Seen:
        images = _grey(_pictures("digits", images)) / 255
        rows, columns = (area_means(8, size) for size in images.shape[1:3])
        small = jnp.einsum("ih,jw,bhwc->bijc", rows, columns, images)
        taps = DigitClassifier().apply(classifier.params, small)
        return Seen(taps.features, taps.logits)

    identity = {"name": "digits", "sha256": classifier.sha256[:16], "held_out_accuracy": round(classifier.accuracy, 4),
                "resize": "area means, 8x8 grey"}
    return Features("digits", identity, jax.jit(see), classifies=True)


def inception2015(weights: str) -> Features:
    """The 2,048 pooled features of the Inception network of Heusel et al. 2017, from its published weights."""
    found = _read("inception2015", weights, "the published pt_inception-2015-12-05-6726825d.pth")
    network = Inception2015()
    expected = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 299, 299, 3)))
    variables = inception_variables(found.tensors, expected, weights)

    def see(images: Array) -> Seen:
        taps = network.apply(variables, _colour(_pictures("inception2015", images)))
        return Seen(taps.features_2048, taps.logits_unbiased)

    identity = {"name": "inception2015", "sha256": found.sha256[:16], "resize": "TF1 bilinear, 299x299"}
    return Features("inception2015", identity, jax.jit(see), _large_batch(), classifies=True)


def dinov2(weights: str) -> Features:
    """The 768 numbers of DINOv2 ViT-B/14's class token (Oquab et al. 2023), from its published weights."""
    found = _read("dinov2", weights, "the published dinov2_vitb14_pretrain.pth")
    network = VisionTransformer(**DINOV2_SIZES["vitb14"])
    expected = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 224, 224, 3)))
    variables = dinov2_variables(found.tensors, expected, weights)

    def see(images: Array) -> Seen:
        return Seen(network.apply(variables, _colour(_pictures("dinov2", images))), None)

    identity = {"name": "dinov2", "sha256": found.sha256[:16], "resize": "bicubic, antialiased, 224x224"}
    return Features("dinov2", identity, jax.jit(see), _large_batch())


FEATURES: dict[str, Callable[[str], Features]] = {
    "digits": digits, "inception2015": inception2015, "pixels": pixels, "dinov2": dinov2}
"""Features by name, made from the path of a weight file, which is empty for those that need none."""


def load_features(name: str, weights: str = "") -> Features:
    """The features of a name.

    Raises:
      ConfigError: for an unknown name, or a weight file that is missing, is none, or is of another network.
    """
    if name not in FEATURES:
        raise unknown("features", name, FEATURES)
    return FEATURES[name](weights)
