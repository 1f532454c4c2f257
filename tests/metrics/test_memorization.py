"""A sample is a copy where one training example is far nearer than any other."""

import numpy as np
import pytest

from ganlab.metrics import memorized_share

DRAW = np.random.Generator(np.random.PCG64(9))
TRAIN = DRAW.normal(size=(60, 8)).astype(np.float32)
UNSEEN = DRAW.normal(size=(40, 8)).astype(np.float32)


def test_a_line_of_points_by_hand():
    # Distances to 0 and 4: (0.9, 3.1), (1, 3) with a ratio of exactly a third, (2, 2), (5, 1) and (0, 4).
    fake = np.array([[0.9], [1.0], [2.0], [5.0], [0.0]])
    assert memorized_share(np.array([[0.0], [4.0]]), fake).share == 3 / 5
    assert memorized_share(np.array([[0.0], [4.0]]), fake, ratio=1).share == 4 / 5


@pytest.mark.parametrize("pairs", [0, 2**24])
def test_copies_count_and_what_was_not_trained_on_does_not(pairs, monkeypatch):
    monkeypatch.setattr("ganlab.metrics.distances.PAIRS_IN_FLOAT64", pairs)
    fake = np.concatenate([TRAIN[:10] + 1e-4, UNSEEN[:30]])
    assert memorized_share(TRAIN, fake, held_out=UNSEEN) == (0.25, 0)
    assert memorized_share(TRAIN + 1000, fake + 1000).share == 0.25
    assert memorized_share(TRAIN, fake).held_out_share is None


def test_exact_copies_of_repeated_examples_count():
    assert memorized_share(np.concatenate([TRAIN, TRAIN]), TRAIN).share == 1


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_blocks_and_order_change_nothing(block):
    fake = np.concatenate([TRAIN[:10] + 0.1, UNSEEN[:30]])
    expected = memorized_share(TRAIN, fake, ratio=0.7).share
    assert 0.25 < expected < 1
    assert memorized_share(TRAIN[::-1], fake[::-1], ratio=0.7, block=block).share == expected


@pytest.mark.parametrize(("arguments", "words"), [
    ((TRAIN[:1], UNSEEN), "at least 2"),
    ((TRAIN, UNSEEN[:, :3]), "training features have 8 dimensions and fake features 3"),
    ((TRAIN, UNSEEN, UNSEEN[:, :3]), "held-out features 3"),
    ((TRAIN, UNSEEN, None, 0.0), "ratio=0.0 is given"),
    ((TRAIN, UNSEEN, None, 1.5), "ratio=1.5 is given"),
    ((TRAIN, UNSEEN * np.nan), "40 of 40 fake features hold a NaN"),
])
def test_what_cannot_be_compared_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        memorized_share(*arguments)
