"""Intervals hold the truth as often as they say."""

import numpy as np
import pytest

from ganlab.metrics import bootstrap, mean_interval


def coverage(interval, trials=200):
    """Share of trials in which the interval of 30 normal values of mean 3 holds it."""
    draw = np.random.Generator(np.random.PCG64(3))
    found = [interval(draw.normal(3, 2, size=30)) for _ in range(trials)]
    return np.mean([one.low <= 3 <= one.high for one in found])


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_an_interval_of_the_mean_covers_it_at_its_level(level):
    error = np.sqrt(level * (1 - level) / 200)
    assert abs(coverage(lambda values: mean_interval(values, level)) - level) < 3 * error
    resampled = coverage(lambda values: bootstrap(lambda chosen: np.mean(values[chosen]), 30, 200, 1, level))
    assert abs(resampled - level) < 3 * error + 0.02


def test_the_mean_interval_of_two_values_by_hand():
    # s = sqrt(2), s / sqrt(n) = 1, and the t quantile of one degree of freedom at 0.75 is 1.
    found = mean_interval(np.array([1.0, 3.0]), level=0.5)
    np.testing.assert_allclose(found, (1, 3, 0.5, 2), rtol=1e-12)


def test_the_bootstrap_of_what_does_not_vary_is_a_point():
    assert bootstrap(lambda chosen: float(len(chosen)), 9, 20, seed=1) == (9, 9, 0.95, 20)


def test_the_bootstrap_is_a_pure_function_of_its_seed_and_widens_with_the_level():
    values = np.arange(20.0)

    def interval(seed, level):
        return bootstrap(lambda chosen: np.mean(values[chosen]), 20, 100, seed, level)

    assert interval(1, 0.9) == interval(1, 0.9) != interval(2, 0.9)
    wide, narrow = interval(1, 0.99), interval(1, 0.5)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize(("call", "words"), [
    (lambda: bootstrap(np.mean, 1, 10, 0), "number=1 examples"),
    (lambda: bootstrap(np.mean, 10, 1, 0), "draws=1"),
    (lambda: bootstrap(np.mean, 10, 10, 0, level=95), "level=95 is given"),
    (lambda: bootstrap(lambda chosen: np.nan, 10, 10, 0), "10 of 10 draws give NaN"),
    (lambda: mean_interval(np.ones(1)), "at least 2 finite numbers"),
    (lambda: mean_interval(np.array([1, np.nan])), "at least 2 finite numbers"),
    (lambda: mean_interval(np.ones(3), level=0), "level=0 is given"),
])
def test_what_gives_no_interval_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
