"""Translated pictures under judgement: what a run makes of the sources of its data."""

from collections.abc import Callable

import numpy as np

from ganlab.config import ConfigError
from ganlab.data import Dataset, to_uint8
from ganlab.evaluation.picture_sets import PictureSet
from ganlab.evaluation.seen import NotFinite


def translated_pictures(translate: Callable[[np.ndarray], np.ndarray], dataset: Dataset, number: int,
                        seed: int) -> PictureSet:
    """Translations of up to `number` sources in an order of their own for each seed, in uint8.

    Args:
      translate: from sources uint8 [n, h, w, c] to floats in [-1, 1].
      dataset: whose sources are translated.
      number: how many; of fewer sources, all.
      seed: of the evaluation.

    Raises:
      ConfigError: for the stand-in of data that is not here.
    """
    if dataset.name == "blank":
        raise ConfigError("the run's weights came without data, so that there is nothing to translate and to compare "
                          "with; import them again with --sources and --images, or use `ganlab translate` and "
                          "`ganlab evaluate --real=IMAGES --fake=TRANSLATIONS`")
    order = np.random.default_rng((seed, 3)).permutation(len(dataset.sources))[:number]

    def read(start: int, stop: int) -> np.ndarray:
        made = translate(dataset.sources[order[start:stop]])
        if not np.all(np.isfinite(made)):
            raise NotFinite("the generator makes images that are not finite; take an earlier checkpoint by --step")
        return to_uint8(made)

    return PictureSet(f"translations of seed {seed}", len(order), read)
