"""Precision, recall, density and coverage: whose neighbourhoods hold the samples of the other set?

Distances are computed by tiles of the matrix of all pairs and never held together. Memory beside
the features is about four tiles and four blocks of features: below 400 MB at the default block and
2,048 dimensions, whatever the number of examples.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ganlab.metrics.feature_arrays import check_count, checked, checked_pair

BLOCK = 2000

PAIRS_IN_FLOAT64 = 2**24
"""Sets of more pairs than this are compared in float32, which halves the time.

Shares and radii of the official numbers are then the same, radii to 2e-7. Exact copies, at distance 0, come out
at up to a thousandth of the norm of the features, in 2,048 dimensions.
"""


class PrecisionRecall(NamedTuple):
    """How much of either set lies in the other's neighbourhoods, from 0 to 1."""

    precision: float
    """Share of fake examples that lie in the neighbourhood of a real one."""
    recall: float
    """Share of real examples that lie in the neighbourhood of a fake one."""

    @property
    def f_score(self) -> float:
        """The harmonic mean of both; 0 where both are."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


class PRDC(NamedTuple):
    """How much of either set lies in the other's neighbourhoods."""

    precision: float
    """Share of fake examples that lie in the neighbourhood of a real one, from 0 to 1."""
    recall: float
    """Share of real examples that lie in the neighbourhood of a fake one, from 0 to 1."""
    density: float
    """Real neighbourhoods that hold a fake example, over k, averaged over fake examples: from 0, may exceed 1."""
    coverage: float
    """Share of real examples whose neighbourhood holds a fake one, from 0 to 1."""


def _blocks(features: np.ndarray, block: int) -> list[slice]:
    return [slice(start, min(start + block, len(features))) for start in range(0, len(features), block)]


def squared_tiles(a: np.ndarray, b: np.ndarray | None, block: int) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Squared distances of all pairs, a tile at a time: rows of a [n, d], columns of b [m, d], their distances.

    Without b those within a: tiles below the diagonal are left out, and the diagonal is exactly 0.
    """
    check_count("block", block)
    within, b = b is None, a if b is None else b
    # |x - y|^2 = |x|^2 + |y|^2 - 2 x.y cancels where the mean is far from 0, so it is taken off first.
    centre = np.mean(b, axis=0, dtype=np.float64)
    dtype = np.float64 if len(a) * len(b) <= PAIRS_IN_FLOAT64 or a.dtype == np.float64 else np.float32

    def centred(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        features = (features - centre).astype(dtype)
        return features, np.einsum("ij,ij->i", features, features)

    for row in _blocks(a, block):
        x, x_squares = centred(a[row])
        for column in _blocks(b, block):
            if within and column.start < row.start:
                continue
            y, y_squares = centred(b[column])
            tile = x @ y.T
            tile *= -2
            tile += x_squares[:, None]
            tile += y_squares
            np.maximum(tile, 0, out=tile)
            if within and row == column:
                np.fill_diagonal(tile, 0)
            yield row, column, tile


def _squared_radii(features: np.ndarray, k: int, block: int) -> np.ndarray:
    """The (k + 1)-th smallest squared distance [n] of each example to all, itself among them."""
    check_count("k", k, 1, len(features) - 1, "the other examples of a set")
    nearest = np.full((len(features), k + 1), np.inf)

    def keep_smallest(which: slice, tile: np.ndarray) -> None:
        if k < tile.shape[1]:
            tile = np.partition(tile, k, axis=1)[:, :k + 1]
        nearest[which] = np.partition(np.concatenate([nearest[which], tile], axis=1), k, axis=1)[:, :k + 1]

    for row, column, tile in squared_tiles(features, None, block):
        keep_smallest(row, tile)
        if row != column:
            keep_smallest(column, tile.T)
    return nearest[:, k]


def neighbour_radii(features: np.ndarray, k: int, block: int = BLOCK) -> np.ndarray:
    """Euclidean distance [n] of each of the features [n, d] to its k-th nearest other one, in float64.

    An example at distance 0 of another counts as another, so with duplicates a radius may be 0.

    Raises:
      ValueError: for bad features, or k outside 1 to n - 1.
    """
    return np.sqrt(_squared_radii(checked("given", features), k, block))


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3, block: int = BLOCK) -> PrecisionRecall:
    """Improved precision and recall (Kynkäänniemi et al. 2019, equations 1 and 2).

    An example lies in a neighbourhood if its distance from the centre is at most the distance of
    the centre to its k-th nearest other example of its own set.

    Args:
      real: [n, d].
      fake: [m, d].
      k: neighbours, 1 to the size of the smaller set less one.
      block: examples compared at a time, which bounds the memory.

    Raises:
      ValueError: for bad features, other dimensions, or k out of bounds.
    """
    shares = precision_recall_shares(real, fake, k, block)
    return PrecisionRecall(**{name: float(np.mean(values)) for name, values in shares.items()})


def precision_recall_shares(real: np.ndarray, fake: np.ndarray, k: int = 3,
                            block: int = BLOCK) -> dict[str, np.ndarray]:
    """What the values of `precision_recall` are means of: `precision` over the fakes [m], `recall` over the reals [n].
    """
    real, fake = checked_pair(real, fake)
    real_radii, fake_radii = _squared_radii(real, k, block), _squared_radii(fake, k, block)
    in_real, in_fake = np.zeros(len(fake), bool), np.zeros(len(real), bool)
    for row, column, tile in squared_tiles(real, fake, block):
        in_real[column] |= np.any(tile <= real_radii[row, None], axis=0)
        in_fake[row] |= np.any(tile <= fake_radii[column], axis=1)
    return {"precision": in_real, "recall": in_fake}


def prdc(real: np.ndarray, fake: np.ndarray, k: int = 5, block: int = BLOCK) -> PRDC:
    """Precision, recall, density and coverage (Naeem et al. 2020, section 3).

    A neighbourhood is as in `precision_recall`, but open: a distance equal to the radius is
    outside. So precision and recall may differ from those where examples are repeated.

    Arguments and errors are those of `precision_recall`.
    """
    return PRDC(**{name: float(np.mean(values)) for name, values in prdc_shares(real, fake, k, block).items()})


def prdc_shares(real: np.ndarray, fake: np.ndarray, k: int = 5, block: int = BLOCK) -> dict[str, np.ndarray]:
    """What the values of `prdc` are means of: `precision` and `density` over the fakes [m], the others over the reals.
    """
    real, fake = checked_pair(real, fake)
    real_radii, fake_radii = _squared_radii(real, k, block), _squared_radii(fake, k, block)
    held, in_fake, covered = np.zeros(len(fake)), np.zeros(len(real), bool), np.zeros(len(real), bool)
    for row, column, tile in squared_tiles(real, fake, block):
        inside = tile < real_radii[row, None]
        held[column] += np.sum(inside, axis=0)
        covered[row] |= np.any(inside, axis=1)
        in_fake[row] |= np.any(tile < fake_radii[column], axis=1)
    return {"precision": held > 0, "recall": in_fake, "density": held / k, "coverage": covered}
