"""Memorization: which samples are copies of training examples?"""

from typing import NamedTuple

import numpy as np

from ganlab.metrics.distances import BLOCK, distinct, squared_by_rank
from ganlab.metrics.feature_arrays import checked_pair


class Memorization(NamedTuple):
    """Shares, 0 to 1, of examples that are far nearer to one training example than to any other."""

    share: float
    """Of the fake examples."""
    held_out_share: float | None
    """Of real examples that were not trained on, which a model that copies nothing would reach."""


def memorized(train: np.ndarray, fake: np.ndarray, ratio: float = 1 / 3,
              block: int = BLOCK) -> np.ndarray:
    """Returns bool [m], which of the fake examples are memorized; `memorized_share` is its mean."""
    if not 0 < ratio <= 1:
        raise ValueError(f"ratio={ratio} is given, and must be above 0 and at most 1: the "
                         "published one is 1/3.")
    train, fake = checked_pair(train, fake, names=("training", "fake"))
    if len(train) < 2:
        raise ValueError("1 training example has no second nearest: give at least 2.")
    examples = distinct(fake)
    first, second = (
        np.sqrt(squared_by_rank(examples, distinct(train), [1, 2], block))[examples.inverse].T)
    # A copy of an example that the training set holds twice has both distances 0.
    return (first < ratio * second) | (first == 0)


def memorized_share(train: np.ndarray, fake: np.ndarray, held_out: np.ndarray | None = None,
                    ratio: float = 1 / 3, block: int = BLOCK) -> Memorization:
    """Computes the share of fake examples that are near copies of a training example, from 0 to 1.

    A copy is nearer to its nearest training example than `ratio` times the distance to the second
    nearest. The published definition is Euclidean in pixels with ratio 1/3 (Yoon et al. 2023,
    "Diffusion Probabilistic Models Generalize when They Fail to Memorize"; Gu et al. 2023, "On
    Memorization in Diffusion Models"). Exact copies count too if the training set repeats the
    example. A copy of one of several near-duplicates does not count: compare with the held-out
    share.

    Args:
      train: features or flattened pixels [n, d] of the training set, n at least 2.
      fake: [m, d].
      held_out: [l, d] of the data's distribution, not trained on; without them their share is None.
      ratio: above 0 and at most 1.
      block: examples compared at a time, which limits the memory.

    Raises:
      ValueError: for bad features, other dimensions, fewer than 2 training examples, or a ratio out
        of bounds.
    """
    # The held-out examples show what share a model without copies would have.
    if held_out is not None:
        checked_pair(train, held_out, names=("training", "held-out"))
    # The published share of copies, of the samples and of the held-out examples.
    shares = [None if examples is None else float(np.mean(memorized(train, examples, ratio, block)))
              for examples in (fake, held_out)]
    return Memorization(*shares)
