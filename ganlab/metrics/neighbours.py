"""Precision, recall, density and coverage: whose neighbourhoods hold the samples of the other set?

Whether a distance is below a radius, equal to it or above is decided exactly: see `distances.py`.
"""

from typing import NamedTuple

import numpy as np

from ganlab.metrics.distances import BLOCK, Distinct, distinct, squared_by_rank, tiles
from ganlab.metrics.feature_arrays import check_count, checked, checked_pair


class PrecisionRecall(NamedTuple):
    """How much of either set lies in the other's neighbourhoods, from 0 to 1."""

    precision: float
    """Share of fake examples that lie in the neighbourhood of a real one."""
    recall: float
    """Share of real examples that lie in the neighbourhood of a fake one."""

    @property
    def f_score(self) -> float:
        """The harmonic mean of both; 0 if both are."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


class PRDC(NamedTuple):
    """How much of either set lies in the other's neighbourhoods."""

    precision: float
    """Share of fake examples that lie in the neighbourhood of a real one, from 0 to 1."""
    recall: float
    """Share of real examples that lie in the neighbourhood of a fake one, from 0 to 1."""
    density: float
    """Real neighbourhoods that hold a fake example, over k, mean of the fakes: 0 to more than 1."""
    coverage: float
    """Share of real examples whose neighbourhood holds a fake one, from 0 to 1."""


def _squared_radii(features: Distinct, k: int, block: int) -> np.ndarray:
    """Returns the (k + 1)-th smallest squared distance [u] of each example, itself included."""
    check_count("k", k, 1, len(features.inverse) - 1, "the other examples of a set")
    return squared_by_rank(features, None, [k + 1], block)[:, 0]


class _Sets(NamedTuple):
    """The different examples of both sets, and their squared radii."""

    real: Distinct
    fake: Distinct
    real_radii: np.ndarray
    fake_radii: np.ndarray


def _sets(real: np.ndarray, fake: np.ndarray, k: int, block: int) -> _Sets:
    different = [distinct(features) for features in checked_pair(real, fake)]
    return _Sets(*different, *(_squared_radii(features, k, block) for features in different))


def neighbour_radii(features: np.ndarray, k: int, block: int = BLOCK) -> np.ndarray:
    """Computes the distance [n] of each of features [n, d] to its k-th nearest other, in float64.

    The distance is Euclidean. A copy counts as another example, so with copies a radius may be 0.

    Raises:
      ValueError: for bad features, or k outside 1 to n - 1.
    """
    different = distinct(checked("given", features))
    return np.sqrt(_squared_radii(different, k, block))[different.inverse]


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3,
                     block: int = BLOCK) -> PrecisionRecall:
    """Computes improved precision and recall (Kynkäänniemi et al. 2019, equations 1 and 2).

    An example lies in a neighbourhood if its distance from the centre is at most the distance of
    the centre to its k-th nearest other example of its own set.

    Args:
      real: [n, d].
      fake: [m, d].
      k: neighbours, 1 to the size of the smaller set less one.
      block: examples compared at a time, which limits the memory.

    Raises:
      ValueError: for bad features, other dimensions, or k out of bounds.
    """
    shares = precision_recall_shares(real, fake, k, block)
    return PrecisionRecall(**{name: float(np.mean(values)) for name, values in shares.items()})


def precision_recall_shares(real: np.ndarray, fake: np.ndarray, k: int = 3,
                            block: int = BLOCK) -> dict[str, np.ndarray]:
    """Returns the shares whose means `precision_recall` is: of fakes [m] and of reals [n]."""
    sets = _sets(real, fake, k, block)
    in_real = np.zeros(len(sets.fake.features), bool)
    in_fake = np.zeros(len(sets.real.features), bool)
    for row, column, tile in tiles(sets.real.features, sets.fake.features, block):
        # Equation 1 both ways: fakes within balls around reals, and reals within balls of fakes.
        in_real[column][tile.inside(sets.real_radii[row], rim=True)[1]] = True
        in_fake[row][tile.swapped.inside(sets.fake_radii[column], rim=True)[1]] = True
    return {"precision": in_real[sets.fake.inverse], "recall": in_fake[sets.real.inverse]}


def prdc(real: np.ndarray, fake: np.ndarray, k: int = 5, block: int = BLOCK) -> PRDC:
    """Computes precision, recall, density and coverage (Naeem et al. 2020, section 3).

    A neighbourhood is as in `precision_recall`, but open: a distance equal to the radius is
    outside. So precision and recall may differ from those where examples are repeated.

    Arguments and errors are those of `precision_recall`.
    """
    return PRDC(**{name: float(np.mean(values))
                   for name, values in prdc_shares(real, fake, k, block).items()})


def prdc_shares(real: np.ndarray, fake: np.ndarray, k: int = 5,
                block: int = BLOCK) -> dict[str, np.ndarray]:
    """Returns the shares whose means `prdc` is: two of the fakes [m], two of the reals [n]."""
    sets = _sets(real, fake, k, block)
    held = np.zeros(len(sets.fake.features))
    in_fake, covered = np.zeros((2, len(sets.real.features)), bool)
    for row, column, tile in tiles(sets.real.features, sets.fake.features, block):
        centres, examples = tile.inside(sets.real_radii[row], rim=False)
        # Density counts the real balls that hold a fake, coverage the balls that hold any.
        held[column] += np.bincount(examples, sets.real.counts[row][centres], len(tile.b))
        covered[row][centres] = True
        in_fake[row][tile.swapped.inside(sets.fake_radii[column], rim=False)[1]] = True
    held, in_fake, covered = (held[sets.fake.inverse], in_fake[sets.real.inverse],
                              covered[sets.real.inverse])
    return {"precision": held > 0, "recall": in_fake, "density": held / k, "coverage": covered}
