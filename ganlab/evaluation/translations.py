"""A game that translates, to be measured: its translations, and metrics of translations alone."""

import dataclasses
from collections.abc import Callable, Mapping

import jax.numpy as jnp
import numpy as np

from ganlab.config import ConfigError
from ganlab.data import Dataset, StoredImages, to_float, to_uint8
from ganlab.evaluation.extraction import NotFinite, absolute_errors
from ganlab.evaluation.measures import LOWER, Compared, Measure, Settings, mean_of
from ganlab.evaluation.picture_sets import PictureSet
from ganlab.types import Array

THERE, BACK = "AB", "BA"
BATCH = 16
"""Pictures at a time: few, because translators compute at the resolution of what they see."""
BLOCK = 128  # Pictures that are in memory at once; of all others only errors are.


@dataclasses.dataclass(frozen=True)
class Translations:
    """A game that translates pictures.

    Attributes:
      translate: by direction `pictures[b, ...] -> images[b, ...]`, both floats in [-1, 1].
      arrays: by direction, the pictures of the data that it translates: uint8, in memory or on a
        disk.
      dataset: what is translated, and what translations are compared with.
    """

    translate: Mapping[str, Callable[[Array], Array]]
    arrays: Mapping[str, np.ndarray | StoredImages]
    dataset: Dataset

    def made(self, pictures: np.ndarray, direction: str = THERE) -> np.ndarray:
        """Translates pictures, uint8 or floats [n, h, w, c], in batches: one shape compiles once.

        Raises:
          NotFinite: for an image that is not finite.
        """
        parts = []
        for start in range(0, len(pictures), BATCH):
            # The last picture fills up the last batch.
            rows = np.minimum(np.arange(start, start + BATCH), len(pictures) - 1)
            parts.append(
                np.asarray(self.translate[direction](to_float(jnp.asarray(pictures[rows])))))
        made = np.concatenate(parts)[:len(pictures)]
        if not np.all(np.isfinite(made)):
            raise NotFinite("the generator makes images that are not finite; take an earlier "
                            "checkpoint by --step")
        return made

    def order(self, seed: int, number: int, direction: str = THERE) -> np.ndarray:
        """Returns which pictures an evaluation seed translates: up to `number`, in an own order."""
        drawn = np.random.default_rng((seed, 3 if direction == THERE else 4))
        return drawn.permutation(len(self.arrays[direction]))[:number]

    def pictures(self, number: int, seed: int) -> PictureSet:
        """Translates up to `number` sources, as files of images would hold them, in uint8.

        Pairs come with the images that they should have become.

        Raises:
          ConfigError: for the stand-in of data that is missing.
        """
        if self.dataset.name == "blank":
            raise ConfigError("the run's weights came without data, so there is nothing to "
                              "translate and to compare with; import them again with --sources and "
                              "--images, or use `ganlab translate` and `ganlab evaluate "
                              "--real=IMAGES --fake=TRANSLATIONS`")
        order = self.order(seed, number)

        def partners(start: int, stop: int) -> np.ndarray:
            return self.dataset.images[order[start:stop]]

        return PictureSet(f"translations of seed {seed}", len(order), lambda start, stop: to_uint8(
            self.made(self.arrays[THERE][order[start:stop]])),
                          partners=partners if self.dataset.paired else None)

    def cycle_errors(self, number: int, seed: int, direction: str) -> np.ndarray:
        """Computes mean absolute errors [n], in [-1, 1], of up to `number` pictures, both ways."""
        order, found = self.order(seed, number, direction), []
        for start in range(0, len(order), BLOCK):
            pictures = self.arrays[direction][order[start:start + BLOCK]]
            # Floats are translated back: with rounding in between the loss would be another.
            back = self.made(self.made(pictures, direction), direction[::-1])
            found.append(absolute_errors(back, pictures))
        return np.concatenate(found)


def translation_measures(translations: Translations) -> dict[str, Measure]:
    """Returns the measures of translations: `l1` of pairs, and `cycle` of games that go back."""
    found = {}
    if translations.dataset.paired and THERE in translations.arrays:
        found["l1"] = mean_of(lambda compared, settings, seed: {"l1": compared.fake.errors},
                              "mean absolute error, in [-1, 1], of translations against their "
                              "partners (Isola et al. 2017, eq. 3)", {"l1": LOWER},
                              needs=("reference", "samples"), sees=False)
    # The cycle errors of both directions, as CycleGAN's loss has them.
    if {THERE, BACK} <= translations.arrays.keys():
        def there_and_back(compared: Compared, settings: Settings,
                           seed: int) -> Mapping[str, np.ndarray]:
            return {name: translations.cycle_errors(compared.fake.number, seed, direction)
                    for name, direction in (("cycle_a", THERE), ("cycle_b", BACK))}

        found["cycle"] = mean_of(there_and_back, "mean absolute error, in [-1, 1], of what went "
                                                 "there and back (Zhu et al. 2017, eq. 2)",
                                 {"cycle_a": LOWER, "cycle_b": LOWER},
                                 needs=("reference", "samples"), sees=False)
    return found
