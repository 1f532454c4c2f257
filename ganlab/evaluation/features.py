"""What metrics see of images: features by name, with everything that determines their numbers."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.config import ConfigError, unknown
from ganlab.data import PICTURE_CHANNELS
from ganlab.evaluation.classifiers import CLASSIFIERS, load_classifier, weights_file
from ganlab.networks import (
    DINOV2_SIZES,
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

# Weights of the three colours, ITU-R BT.601, by which Pillow makes pictures grey.
GREY = (0.299, 0.587, 0.114)


class Seen(NamedTuple):
    """What features see of a batch of images."""

    features: Array
    """[b, d] float32."""
    logits: Array | None
    """[b, c] of a classifier; None for features without one."""


@dataclasses.dataclass(frozen=True)
class Features:
    """Features of images.

    Attributes:
      name: as in `FEATURES`.
      identity: what determines the numbers, in JSON's types: a part of every protocol.
      see: `images[b, h, w, c] -> Seen`, jitted. Images are floats in 0..255, or points [b, d].
      batch_size: images at a time that are fast and fit into memory.
      worth_keeping: whether they take longer to compute than to read.
      classifies: whether they come with a classifier's logits.
      class_names: what these stand for; empty where that is not known.
      of_pictures: whether they are those of images of 1 or 3 channels alone.
    """

    name: str
    identity: Mapping[str, Any]
    see: Callable[[Array], Seen]
    batch_size: int = 500
    worth_keeping: bool = True
    classifies: bool = False
    class_names: tuple[str, ...] = ()
    of_pictures: bool = True

    def extract(self, images: np.ndarray,
                most: int | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """Computes features [n, d], and logits [n, c] or None, of images [n, h, w, c] in 0..255.

        Images are uint8 or float; points are taken as well. At most `most` of them, by default all,
        are seen at a time, and never more than `batch_size`.
        """
        parts, batch = [], min(self.batch_size, most or len(images))
        for start in range(0, len(images), batch):
            part = np.asarray(images[start:start + batch], np.float32)
            # One shape compiles once; what fills up the last batch is dropped.
            filled = np.concatenate([part, np.repeat(part[-1:], batch - len(part), axis=0)])
            # The short number formats of accelerators would show in distances between sets.
            with jax.default_matmul_precision("highest"):
                seen = self.see(filled)
            parts.append(jax.tree.map(lambda array, kept=len(part): np.asarray(array)[:kept], seen))
        features, logits = zip(*parts, strict=True)
        return np.concatenate(features), None if logits[0] is None else np.concatenate(logits)


def _grey(images: Array) -> Array:
    return images if images.shape[-1] == 1 else images @ jnp.array(GREY)[:, None]


def area_means(new: int, old: int) -> np.ndarray:
    """Returns the matrix [new, old] that averages `old` pixels in a line over `new` lengths."""
    edges = np.arange(new + 1) * old / new
    left = np.maximum(edges[:-1, None], np.arange(old))
    right = np.minimum(edges[1:, None], np.arange(old) + 1)
    return np.float32(np.maximum(right - left, 0) * new / old)


def are_pictures(shape: tuple[int, ...]) -> bool:
    """Returns whether an example of this shape is an image of 1 or 3 channels."""
    return len(shape) == 3 and shape[-1] in PICTURE_CHANNELS


def check_seen(name: str, shape: tuple[int, ...]) -> None:
    """Refuses, by a ConfigError, features of pictures for examples of a shape that is none."""
    if not are_pictures(shape):
        raise ConfigError(f"features {name} are those of images of 1 or 3 channels, and were asked "
                          f"for of examples {list(shape)}; use --features=pixels "
                          "(config.evaluate.features)")


def _pictures(name: str, images: Array) -> Array:
    check_seen(name, images.shape[1:])
    return images


def _colour(images: Array) -> Array:
    return jnp.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


def _refuse_weights(name: str, weights: str) -> None:
    if weights:
        raise ConfigError(f"features {name} need no weight file and were given {weights}; leave it "
                          "out")


def _read(name: str, weights: str, what: str) -> Weights:
    if not weights:
        raise ConfigError(f"features {name} need a weight file, {what}; name it by --weights=FILE")
    return read_weights(weights)


def _large_batch() -> int:
    """Returns a batch size for a large network: CPU caches hold few, accelerators need many."""
    return 8 if jax.default_backend() == "cpu" else 64


def pixels(weights: str) -> Features:
    """Takes the pixels of images in [-1, 1], or the coordinates of points, without resizing."""
    _refuse_weights("pixels", weights)

    def see(images: Array) -> Seen:
        values = images / 127.5 - 1 if images.ndim == 4 else images
        return Seen(values.reshape(len(values), -1), None)

    return Features("pixels", {"name": "pixels"}, jax.jit(see), worth_keeping=False,
                    of_pictures=False)


def digits(weights: str) -> Features:
    """Takes 64 numbers, the last hidden layer of ganlab's classifier of digits; grey, 8x8."""
    return _of_classifier("digits", weights)


def glyphs(weights: str) -> Features:
    """Takes 64 numbers, the last hidden layer of ganlab's classifier of glyphs; colour, 32x32."""
    return _of_classifier("glyphs", weights)


def _of_classifier(name: str, weights: str) -> Features:
    _refuse_weights(name, weights)
    recipe, classifier = CLASSIFIERS[name], load_classifier(weights_file(name))
    *sides, channels = recipe.shape
    with_channels = _grey if channels == 1 else _colour

    def see(images: Array) -> Seen:
        # Pictures in [0, 1], averaged over areas to the pixels that the classifier was trained on.
        images = with_channels(_pictures(name, images)) / 255
        rows, columns = (area_means(*each) for each in zip(sides, images.shape[1:3], strict=True))
        small = jnp.einsum("ih,jw,bhwc->bijc", rows, columns, images)
        taps = recipe.module.apply(classifier.params, small)
        return Seen(taps.features, taps.logits)

    identity = {"name": name, "sha256": classifier.sha256[:16],
                "held_out_accuracy": round(classifier.accuracy, 4),
                "resize": f"area means, {sides[1]}x{sides[0]} {'grey' if channels == 1 else 'RGB'}"}
    return Features(name, identity, jax.jit(see), classifies=True,
                    class_names=recipe.class_names)


def inception2015(weights: str) -> Features:
    """Takes the 2,048 pooled features of the FID Inception network (Heusel et al. 2017)."""
    found = _read("inception2015", weights, "the published pt_inception-2015-12-05-6726825d.pth")
    network = Inception2015()
    # The network's own shapes say whether the file is of this network.
    expected = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 299, 299, 3)))
    variables = inception_variables(found.tensors, expected, weights)

    def see(images: Array) -> Seen:
        taps = network.apply(variables, _colour(_pictures("inception2015", images)))
        return Seen(taps.features_2048, taps.logits_unbiased)

    identity = {"name": "inception2015", "sha256": found.sha256[:16],
                "resize": "TF1 bilinear, 299x299"}
    return Features("inception2015", identity, jax.jit(see), _large_batch(), classifies=True)


def dinov2(weights: str) -> Features:
    """Takes the 768 numbers of the class token of DINOv2 ViT-B/14 (Oquab et al. 2023)."""
    found = _read("dinov2", weights, "the published dinov2_vitb14_pretrain.pth")
    network = VisionTransformer(**DINOV2_SIZES["vitb14"])
    # The network's own shapes say whether the file is of this network.
    expected = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 224, 224, 3)))
    variables = dinov2_variables(found.tensors, expected, weights)

    def see(images: Array) -> Seen:
        return Seen(network.apply(variables, _colour(_pictures("dinov2", images))), None)

    identity = {"name": "dinov2", "sha256": found.sha256[:16],
                "resize": "bicubic, antialiased, 224x224"}
    return Features("dinov2", identity, jax.jit(see), _large_batch())


FEATURES: dict[str, Callable[[str], Features]] = {
    "digits": digits, "glyphs": glyphs, "inception2015": inception2015, "pixels": pixels,
    "dinov2": dinov2}
"""Functions that make features, by name, from the path of a weight file, which may be empty."""


def load_features(name: str, weights: str = "") -> Features:
    """Loads features by name.

    Raises:
      ConfigError: for an unknown name, or a weight file that is missing, damaged or of another
        network.
    """
    if name not in FEATURES:
        raise unknown("features", name, FEATURES)
    return FEATURES[name](weights)
