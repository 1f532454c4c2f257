"""Which examples are near which, decided as if all distances came from differences in float64.

Products of matrices give all distances of two blocks at once, but their rounding depends on the
shape of the blocks, on which is the left one, on the processor and on the library. A distance that
equals another would come out above it or below. So products only exclude: what their rounding
leaves open is measured by differences, which are the same for the same two examples everywhere.

Pairs are taken by tiles and never held together. Memory beside the features is about four tiles and
four blocks of features: below 400 MB at the default block and 2,048 dimensions, whatever the number
of examples.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ganlab.metrics.feature_arrays import check_count

BLOCK = 2000

PAIRS_IN_FLOAT64 = 2**24
"""For more pairs, products are taken in float32, which halves the time and changes no result."""

# Numbers whose differences are taken at once: 2 MB, which a cache holds.
NUMBERS_AT_A_TIME = 2**18

# Open pairs for each one needed, above which a tile is computed again in float64.
CROWD = 16


class Distinct(NamedTuple):
    """The different rows of an array, in the order in which they come first."""

    features: np.ndarray
    """[u, d]."""
    inverse: np.ndarray
    """Which of them each row is [n]."""
    counts: np.ndarray
    """How often each is there [u]."""
    first: np.ndarray
    """Where each is first [u]."""


def distinct(features: np.ndarray) -> Distinct:
    """Returns the different rows of features [n, d], so that copies cost nothing.

    A collapsed generator makes many.
    """
    places: dict[bytes, int] = {}
    inverse = np.empty(len(features), int)
    for number, row in enumerate(features):
        # Adding 0 makes -0 and 0 the same bytes.
        key = hashlib.blake2b((row + 0).tobytes(), digest_size=16).digest()
        inverse[number] = places.setdefault(key, len(places))
    counts = np.bincount(inverse, minlength=len(places))
    if len(places) == len(features):
        return Distinct(features, inverse, counts, np.arange(len(features)))
    first = np.unique(inverse, return_index=True)[1]
    return Distinct(features[first], inverse, counts, first)


@dataclasses.dataclass
class Tile:
    """All pairs of two blocks.

    Attributes:
      a, b: the blocks [r, d] and [c, d].
      least: what the squared distances [r, c] are at least, whatever rounding did.
      a_slack, b_slack: half of by how much they may be more, the sum of both blocks' [r] and [c].
      centre: what was taken off before multiplying [d].
    """

    a: np.ndarray
    b: np.ndarray
    least: np.ndarray
    a_slack: np.ndarray
    b_slack: np.ndarray
    centre: np.ndarray

    @property
    def swapped(self) -> "Tile":
        """The same pairs, with rows and columns exchanged."""
        return Tile(self.b, self.a, self.least.T, self.b_slack, self.a_slack, self.centre)

    @property
    def finer(self) -> "Tile":
        """The same pairs by products in float64."""
        return _tile(_centred(self.a, self.centre, np.float64),
                     _centred(self.b, self.centre, np.float64), self.centre)

    def squared(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Computes squared distances [p] of pairs i, j in float64: the same in any tile."""
        found = np.empty(len(i))
        step = max(1, NUMBERS_AT_A_TIME // self.a.shape[1])
        for start in range(0, len(i), step):
            # In place, in blocks that stay in a cache.
            some = slice(start, start + step)
            apart = self.a[i[some]].astype(np.float64)
            apart -= self.b[j[some]]
            apart *= apart
            found[some] = np.sum(apart, axis=1)
        return found

    def inside(self, squared_radii: np.ndarray, rim: bool) -> tuple[np.ndarray, np.ndarray]:
        """Returns the pairs i, j closer than the radius of i [r], or with `rim` as close."""
        # Pairs that products leave open, and among them those that are certain.
        i, j = np.nonzero(_open(self, squared_radii))
        certain = self.least[i, j] + 2 * (self.a_slack[i] + self.b_slack[j]) < squared_radii[i]
        if self.least.dtype != np.float64 and np.sum(~certain) > CROWD * sum(self.least.shape):
            return self.finer.inside(squared_radii, rim)
        # Distances are compared, not squares: what a root does not resolve is on the rim.
        unsure = np.flatnonzero(~certain)
        distances = np.sqrt(self.squared(i[unsure], j[unsure]))
        radii = np.sqrt(squared_radii[i[unsure]])
        certain[unsure] = distances <= radii if rim else distances < radii
        return i[certain], j[certain]


def _open(tile: Tile, limits: np.ndarray) -> np.ndarray:
    """Returns which pairs [r, c] may be within the squared limit of their row, those of NaN too."""
    return ~(tile.least > limits[:, None])


def _centred(features: np.ndarray, centre: np.ndarray,
             dtype: type) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns a block, the centred block in a number type, and its squared norms."""
    moved = (features - centre).astype(dtype)
    return features, moved, np.einsum("ij,ij->i", moved, moved)


def _tile(left: tuple[np.ndarray, np.ndarray, np.ndarray],
          right: tuple[np.ndarray, np.ndarray, np.ndarray], centre: np.ndarray) -> Tile:
    """Computes the tile of two `_centred` blocks: |x|^2 + |y|^2 - 2 x.y, less its rounding."""
    (a, x, x_squares), (b, y, y_squares) = left, right
    # Of d terms summed in any order, products and norms are off by less than d u (|x|^2 + |y|^2)
    # each, u half an eps; twice that, and some for the centring, the sums and the roots, holds the
    # rounding of the differences too.
    kind, dimension = np.finfo(x.dtype), x.shape[1]
    a_slack, b_slack = (
        (2 * dimension + 32) * (float(kind.eps) * squares.astype(np.float64) + float(kind.tiny))
        for squares in (x_squares, y_squares))
    least = x @ y.T
    least *= -2
    least += (x_squares - a_slack).astype(x.dtype)[:, None]
    least += (y_squares - b_slack).astype(x.dtype)
    return Tile(a, b, least, a_slack, b_slack, centre)


def tiles(a: np.ndarray, b: np.ndarray | None, block: int) -> Iterator[tuple[slice, slice, Tile]]:
    """Yields all pairs of a [n, d] and b [m, d], a tile at a time: its rows, columns and tile.

    Without b the pairs are those within a, and tiles below the diagonal are left out.
    """
    check_count("block", block)
    within, b = b is None, a if b is None else b
    # Products cancel if the mean is far from 0, so it is subtracted first; one centre serves both.
    centre = np.mean(b, axis=0, dtype=np.float64)
    in_float64 = len(a) * len(b) <= PAIRS_IN_FLOAT64 or np.float64 in (a.dtype, b.dtype)
    dtype = np.float64 if in_float64 else np.float32
    for row in _blocks(a, block):
        left = _centred(a[row], centre, dtype)
        for column in _blocks(b, block):
            if not within or column.start >= row.start:
                yield row, column, _tile(left, _centred(b[column], centre, dtype), centre)


def _blocks(features: np.ndarray, block: int) -> list[slice]:
    return [slice(start, min(start + block, len(features)))
            for start in range(0, len(features), block)]


def nearest(a: np.ndarray, b: np.ndarray | None, count: int,
            block: int = BLOCK) -> tuple[np.ndarray, np.ndarray]:
    """Finds the nearest rows of b for each row of a: squared distances and places, [n, count] each.

    Distances are float64, nearest first, and of equally near rows the first of b. Without b they
    are those within a, itself included.
    """
    values, places = np.full((len(a), count), np.inf), np.zeros((len(a), count), int)
    for row, column, tile in tiles(a, b, block):
        _keep(values, places, row, column.start, tile)
        if b is None and row != column:
            _keep(values, places, column, row.start, tile.swapped)
    return values, places


def _keep(values: np.ndarray, places: np.ndarray, rows: slice, start: int, tile: Tile) -> None:
    """Puts what is nearer in a tile, whose columns begin at `start`, into the nearest so far."""
    count, number, limits = values.shape[1], len(tile.a), values[rows, -1]
    i, j = _candidates(tile, limits, count)
    if tile.least.dtype != np.float64 and len(i) > CROWD * count * number:
        tile = tile.finer
        i, j = _candidates(tile, limits, count)
    # All that were found until now, by row, then distance, then place: the first of each row stay.
    row = np.concatenate([np.repeat(np.arange(number), count), i])
    squared = np.concatenate([values[rows].ravel(), tile.squared(i, j)])
    place = np.concatenate([places[rows].ravel(), start + j])
    order = np.lexsort((place, squared, row))
    ends = np.cumsum(count + np.bincount(i, minlength=number))
    kept = order[np.concatenate([[0], ends[:-1]])[:, None] + np.arange(count)]
    values[rows], places[rows] = squared[kept], place[kept]


def _candidates(tile: Tile, limits: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the pairs i, j that may be among the `count` nearest of i, within its limit."""
    near = _open(tile, limits)
    if np.count_nonzero(near) > 2 * count * len(tile.a) and len(tile.b) > count:
        # `count` examples of this tile are within a limit of its own. A NaN sets none.
        most = (np.partition(tile.least, count - 1, axis=1)[:, count - 1]
                + 2 * (tile.a_slack + np.max(tile.b_slack)))
        near = _open(tile, np.fmin(limits, most))
    return np.nonzero(near)


def squared_by_rank(a: Distinct, b: Distinct | None, ranks: Sequence[int],
                    block: int = BLOCK) -> np.ndarray:
    """Returns squared distances [u, len(ranks)] of examples of a to their neighbours in b, by rank.

    Each copy in b counts. Without b neighbours are within a, where rank 1 is the example itself, or
    a copy. In float64.
    """
    among = a if b is None else b
    values, places = nearest(a.features, None if b is None else b.features,
                             min(max(ranks), len(among.features)), block)
    reached = np.cumsum(among.counts[places], axis=1)
    return np.stack([values[np.arange(len(values)), np.argmax(reached >= rank, axis=1)]
                     for rank in ranks], axis=1)
