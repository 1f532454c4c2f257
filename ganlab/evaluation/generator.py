"""A generator that is measured: its samples of a seed, their modes, and how they are read."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.data import SOURCES, Dataset, to_uint8
from ganlab.evaluation.extraction import NotFinite
from ganlab.evaluation.features import Features
from ganlab.evaluation.measures import (
    HIGHER,
    LOWER,
    Compared,
    Measure,
    Settings,
    Values,
    mean_of,
)
from ganlab.evaluation.picture_sets import PictureSet
from ganlab.game import image_keys
from ganlab.metrics import (
    count_modes,
    count_stacked_modes,
    fit_channel_classifier,
)
from ganlab.types import Array

# Seeds of runs are below, so that no measured sample comes from latents of training.
FIRST_SEED = 2**31


@dataclasses.dataclass(frozen=True)
class Generator:
    """A generator that draws samples.

    Attributes:
      latents: `keys[b] -> latents[b, z]`.
      images: `(latents[b, z], labels[b], keys[b] | None) -> images[b, ...]`, floats in [-1, 1], or
        points.
      labels: of the real images [m], from which those of samples are drawn.
      spherical: whether paths between latents go along great circles, as between normal ones.
      batch_size: samples at once.
      class_names: what the labels stand for; empty for samples that are of no class.
      styles: `(latents[b, z], labels[b], None) -> styles[b, layers, d]`; None without styles.
      from_styles: `(styles[b, layers, d], labels[b], keys[b]) -> images[b, ...]`, likewise.
      moved: `(latents[b, z], labels[b], keys[b], transform) -> images[b, ...]`, see `Makers`; None
        without transforms.
      transforms: names of the options that move its input.
      system: that it is of.
    """

    latents: Callable[[Array], Array]
    images: Callable[[Array, Array, Array | None], Array]
    labels: np.ndarray
    spherical: bool = True
    batch_size: int = 500
    class_names: tuple[str, ...] = ()
    styles: Callable[[Array, Array, Array | None], Array] | None = None
    from_styles: Callable[[Array, Array, Array | None], Array] | None = None
    moved: Callable[..., Array] | None = None
    transforms: tuple[str, ...] = ()
    system: str = ""

    def latents_of(self, seed: int, start: int, number: int) -> Array:
        """Latents [number, z] from the one of index `start` on, of an evaluation seed."""
        return self.latents(self.keys_of(seed, start, number))

    def keys_of(self, seed: int, start: int, number: int) -> Array:
        """Returns the keys [number] of samples from the one of index `start` on, of an evaluation
        seed."""
        key = jax.random.key(FIRST_SEED + seed)
        return jax.vmap(lambda i: jax.random.fold_in(key, i))(start + jnp.arange(number))

    def labels_of(self, seed: int, number: int) -> np.ndarray:
        """Draws labels int32 [number] from those of the real images."""
        return np.random.default_rng((seed, 1)).choice(self.labels, number).astype(np.int32)

    def made(self, latents: np.ndarray | Array, labels: np.ndarray,
             keys: Array | None = None,
             by: Callable[[Array, Array, Array | None], Array] | None = None) -> np.ndarray:
        """Computes images of latents [n, z] and labels [n], in batches of one size: one shape
        compiles once.

        `keys` [n] are of what is drawn beside the latents; None for no draws. `by` makes something
        else than `images` does: `styles` of latents, or images `from_styles`.

        Raises:
          NotFinite: for an image that is not finite.
        """
        parts = []
        for start in range(0, len(latents), self.batch_size):
            # The last row fills up the last batch.
            rows = np.minimum(np.arange(start, start + self.batch_size), len(latents) - 1)
            # The steps of path lengths are below shorter formats.
            with jax.default_matmul_precision("highest"):
                parts.append(np.asarray((by or self.images)(
                    jnp.asarray(latents)[rows], jnp.asarray(labels)[rows],
                    None if keys is None else keys[rows])))
        made = np.concatenate(parts)[:len(latents)]
        if not np.all(np.isfinite(made)):
            raise NotFinite("the generator makes images that are not finite; take an earlier "
                            "checkpoint by --step")
        return made

    def pictures(self, number: int, seed: int) -> PictureSet:
        """Draws samples as files of images would hold them, in uint8; points as they are."""
        labels = self.labels_of(seed, number)

        def read(start: int, stop: int) -> np.ndarray:
            keys = self.keys_of(seed, start, stop - start)
            made = self.made(self.latents(keys), labels[start:stop], image_keys(keys))
            return to_uint8(made) if made.ndim == 4 else made

        classes = ({"labels": labels, "class_names": self.class_names} if self.class_names else {})
        return PictureSet(f"samples of seed {seed}", number, read, **classes)


def label_agreement(generator: Generator, features: Features) -> Measure | None:
    """Makes the measure of samples that are read as the class that was asked for.

    It is None for a generator without classes, and for features that tell other ones apart.
    """
    if not generator.class_names or generator.class_names != features.class_names:
        return None

    def agree(compared: Compared, settings: Settings, seed: int) -> Mapping[str, np.ndarray]:
        read = np.argmax(compared.fake.logits, axis=1)
        return {"label_agreement": read == generator.labels_of(seed, len(read))}

    return mean_of(agree, "share of samples that the features' classifier reads as the class that "
                   "was asked for", {"label_agreement": HIGHER}, needs=("features", "logits"))


def modes(dataset: Dataset) -> Measure | None:
    """Makes the measure of kept modes, for data whose modes can be counted; None for other data."""
    if dataset.centers is not None:
        def count(compared: Compared, settings: Settings, seed: int) -> Values:
            return count_modes(compared.fake.images, dataset.centers, dataset.deviation)._asdict()

        return Measure("modes kept, share of good samples, divergence from uniform (Lin et al. "
                       "2018)", {"modes": HIGHER, "high_quality": HIGHER, "reverse_kl": LOWER},
                       count, _mixture(dataset), needs=("samples",), sees=False)
    if dataset.name != "stacked_digits":
        return None
    # Stacked digits: a classifier of single digits names the three channels.
    real = SOURCES["digits"]()
    classifier = fit_channel_classifier(real.images, real.labels)

    def count_stacked(compared: Compared, settings: Settings, seed: int) -> Values:
        return count_stacked_modes(compared.fake.images, classifier.classify)._asdict()

    return Measure("modes kept of a thousand, divergence from uniform (Lin et al. 2018)",
                   {"modes": HIGHER, "reverse_kl": LOWER}, count_stacked,
                   {"classifier_accuracy": round(classifier.accuracy, 4)}, needs=("samples",),
                   sees=False)


def _mixture(dataset: Dataset) -> dict[str, Any]:
    return {"data": dataset.name, "deviation": dataset.deviation}
