"""Summaries over seeds: hand-computed values, intervals that cover as often as they say, defined answers for few."""

import numpy as np
import pytest
from scipy import stats

from ganlab.metrics import coverage, improvement, paired_difference, small_sample_warning, summarise

VALUES = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 100.0])


def test_the_interquartile_mean_of_eight_values_is_that_of_the_middle_four():
    found = summarise(VALUES)
    assert (found.number, found.mean, found.median, found.interquartile_mean) == (8, 16, 4.5, 4.5)


def test_the_interquartile_mean_of_fewer_than_four_values_is_their_mean():
    assert summarise(np.array([0.0, 0.0, 9.0])).interquartile_mean == 3


def test_summaries_follow_a_shift_and_a_scale():
    one, other = summarise(VALUES), summarise(10 + 3 * VALUES)
    for first, second in zip((*one[1:4], *one.interval[:2]), (*other[1:4], *other.interval[:2]), strict=True):
        assert second == pytest.approx(10 + 3 * first)


def test_the_interval_of_two_values_reaches_from_one_to_the_other():
    assert summarise(np.array([1.0, 3.0])).interval[:2] == (1, 3)


def test_the_interval_of_one_value_and_of_none_is_none_and_of_equal_values_a_point():
    assert summarise(np.array([2.0])) == (1, 2, 2, 2, None)
    assert summarise(np.array([])).number == 0 and np.isnan(summarise(np.array([])).mean)
    assert summarise(np.full(4, 0.1)).interval[:2] == (0.1, 0.1)
    assert paired_difference(np.array([]), np.array([])).pairs == 0


def test_summaries_are_pure_functions_of_their_seed():
    assert summarise(VALUES, seed=1) == summarise(VALUES, seed=1)
    assert summarise(VALUES, seed=1).interval != summarise(VALUES, seed=2).interval
    assert improvement(VALUES, VALUES + 1, "lower", seed=1) == improvement(VALUES, VALUES + 1, "lower", seed=1)


@pytest.mark.parametrize("number", [2, 3, 5, 10])
def test_intervals_of_normal_values_hold_their_mean_as_often_as_the_warning_says(number):
    draw, studies = np.random.default_rng(number), 600
    held = [one.low <= 3 <= one.high for one in
            (summarise(draw.normal(3, 2, number), draws=999).interval for _ in range(studies))]
    expected = coverage(number)
    assert abs(np.mean(held) - expected) < 3 * np.sqrt(expected * (1 - expected) / studies) + 0.02


def test_coverage_rises_with_the_number_of_values_to_the_level():
    found = [coverage(number) for number in range(1, 50)]
    assert found == sorted(found) and found[0] == 0 and found[1] == 0.5 and 0.94 < coverage(1000) < 0.95


def test_what_a_seed_does_to_both_cancels_in_paired_differences():
    base = np.array([1.0, 50.0, -20.0, 300.0])
    found = paired_difference(base + 2, base)
    assert found.pairs == 4 and found.mean == pytest.approx(2) and found.interval[:2] == pytest.approx((2, 2))
    assert found.told_apart
    # Unpaired, the same two settings could not be distinguished.
    one, other = summarise(base + 2).interval, summarise(base).interval
    assert one.low < other.high and other.low < one.high


def test_a_difference_is_told_apart_where_its_interval_excludes_zero_and_never_of_one_pair():
    assert not paired_difference(np.array([1.0, -1.0, 2.0]), np.zeros(3)).told_apart
    assert paired_difference(np.array([-1.0, -2.0, -3.0]), np.zeros(3)).told_apart
    assert not paired_difference(np.array([5.0]), np.array([1.0])).told_apart


def test_the_probability_of_improvement_by_hand_counts_ties_half():
    # Of six pairs, 3 beats all of 1, 2, 3 but its tie, and 2 beats 1 and ties 2.
    found = improvement(np.array([3.0, 2.0]), np.array([1.0, 2.0, 3.0]), "higher")
    assert found.probability == pytest.approx((2.5 + 1.5) / 6)
    assert found.interval.low <= found.probability <= found.interval.high


def test_the_probability_of_improvement_is_the_mann_whitney_statistic_and_turns_with_the_direction():
    draw = np.random.default_rng(0)
    one, other = draw.normal(size=7), draw.normal(0.5, size=5)
    expected = stats.mannwhitneyu(one, other).statistic / 35
    assert improvement(one, other, "higher").probability == pytest.approx(expected)
    assert improvement(one, other, "lower").probability == pytest.approx(1 - expected)


def test_a_setting_beats_itself_half_of_the_time_and_what_it_never_meets_always():
    assert improvement(VALUES, VALUES, "lower").probability == 0.5
    assert improvement(VALUES, VALUES + 1000, "lower") == (1, (1, 1, 0.95, 9999))
    assert improvement(np.array([1.0]), np.array([2.0]), "lower") == (1, None)


def test_many_runs_are_compared_in_bounded_parts_with_the_same_answer(monkeypatch):
    whole = improvement(VALUES, VALUES + 1, "lower")
    monkeypatch.setattr("ganlab.metrics.summaries.MOST_COMPARED", 64 * 100)
    assert improvement(VALUES, VALUES + 1, "lower").probability == whole.probability


def test_few_seeds_are_warned_of_and_five_are_not():
    assert "1 seed" in small_sample_warning(1) and "75%" in small_sample_warning(3)
    assert small_sample_warning(5) == small_sample_warning(0) == ""


@pytest.mark.parametrize(("call", "words"), [
    (lambda: summarise(np.array([1, np.nan])), "must be finite"),
    (lambda: paired_difference(np.ones(2), np.ones(3)), "2 values and 3 of the base"),
    (lambda: improvement(np.ones(2), np.ones(2), "neither"), "better='neither'"),
    (lambda: improvement(np.ones(0), np.ones(2), "lower"), "0 values and 2"),
])
def test_what_has_no_summary_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
