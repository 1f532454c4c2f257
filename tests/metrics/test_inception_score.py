"""The Inception score counts the classes that samples are sure of."""

from pathlib import Path

import numpy as np
import pytest

from ganlab.metrics import inception_score

PARITY = np.load(Path(__file__).parents[1] / "parity" / "metrics.npz")


def test_it_is_the_official_number_for_the_official_seed():
    found = inception_score(2 * PARITY["in/fa"][:, :20], seed=2020)
    expected = [PARITY["out/isc_inception_score_mean"], PARITY["out/isc_inception_score_std"]]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_samples_sure_of_their_class_score_the_number_of_classes():
    assert inception_score(2000 * np.eye(7), splits=1) == (pytest.approx(7, rel=1e-12), 0)


def test_samples_unsure_or_all_of_one_class_score_one():
    assert inception_score(np.ones((20, 7)), splits=2) == (pytest.approx(1, rel=1e-12), pytest.approx(0, abs=1e-12))
    assert inception_score(np.eye(7)[[3] * 20], splits=2)[0] == pytest.approx(1, rel=1e-12)


def test_a_constant_added_to_the_logits_changes_nothing():
    logits = PARITY["in/fa"].astype(float)
    np.testing.assert_allclose(inception_score(logits + 700.0), inception_score(logits), rtol=1e-10)


def test_the_order_is_kept_without_a_seed():
    # Each half shows one class: within a split nothing varies, over both two classes do.
    logits = 2000 * np.eye(2).repeat(5, axis=0)
    assert inception_score(logits, splits=2, seed=None) == (1, 0)
    assert inception_score(logits, splits=1, seed=None)[0] == pytest.approx(2)


def test_splits_of_unequal_size_hold_every_sample():
    logits = 2000 * np.eye(3)[[0, 0, 1, 2, 2]]
    # 5 samples in 2 splits: the first 2, of one class, and the last 3, of shares 1/3 and 2/3.
    second = np.exp(np.log(3) / 3 + 2 * np.log(1.5) / 3)
    assert inception_score(logits, splits=2, seed=None).mean == pytest.approx((1 + second) / 2)
    # In 3: the first, the next 2, of two classes, and the last 2, of one.
    assert inception_score(logits, splits=3, seed=None).mean == pytest.approx((1 + 2 + 1) / 3)


def test_more_splits_than_samples_are_refused():
    with pytest.raises(ValueError, match="splits=10 is given, and at most 9 is allowed"):
        inception_score(np.eye(9))
