"""The Fréchet distance is that of the Gaussians, whatever the rank of their covariances."""

from pathlib import Path

import numpy as np
import pytest

from ganlab.metrics import (
    Moments, add_features, finish, frechet_distance, frechet_infinity, moments, rank_warning)

PARITY = np.load(Path(__file__).parents[1] / "parity" / "metrics.npz")
DRAW = np.random.Generator(np.random.PCG64(5))


def gaussian(mean, covariance, number=10000):
    return Moments(number, np.array(mean, float), np.array(covariance, float))


def rotated(spectrum, axis):
    """The covariance of a spectrum in the frame that a reflection along `axis` makes: dense, and its root known."""
    mirror = np.eye(len(spectrum)) - 2 * np.outer(axis, axis) / np.sum(axis**2)
    return (mirror * spectrum) @ mirror


def samples(number, dimension=6, scale=1.0, mean=0.0):
    return (mean + scale * DRAW.normal(size=(number, dimension))).astype(np.float32)


def test_it_is_the_official_number():
    found = frechet_distance(moments(PARITY["in/fb"]), moments(PARITY["in/fa"]))
    np.testing.assert_allclose(found, PARITY["out/fid"], rtol=2e-8)


def test_two_gaussians_of_one_dimension_differ_by_their_means_and_deviations():
    found = frechet_distance(gaussian([1.0], [[4.0]]), gaussian([3.0], [[9.0]]))
    np.testing.assert_allclose(found, (3 - 1)**2 + (3 - 2)**2, rtol=1e-14)


def test_covariances_that_do_not_commute():
    # A B = [[4, 4], [1, 2]], of trace 6 and determinant 4: its root has the trace sqrt(6 + 2 sqrt(4)).
    a, b = gaussian([0, 0], [[4, 0], [0, 1]]), gaussian([1, 2], [[1, 1], [1, 2]])
    np.testing.assert_allclose(frechet_distance(a, b), 5 + 5 + 3 - 2 * np.sqrt(10), rtol=1e-13)


SPECTRA = {
    "flat": (np.linspace(0.5, 2, 300), np.linspace(3, 0.1, 300)),
    "steep": (10 * np.exp(-np.arange(300) / 8), 10 * np.exp(-np.arange(300) / 9)),
    "singular": (np.where(np.arange(300) < 150, 1.0, 0), np.where(np.arange(300) < 220, 2.0, 0)),
    "apart": (np.where(np.arange(300) < 150, 1.0, 0), np.where(np.arange(300) < 150, 0, 2.0)),
    "a point": (np.zeros(300), np.linspace(0, 1, 300)),
    "large": (np.linspace(0.5, 2, 2048), np.linspace(3, 0.1, 2048)),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_covariances_of_one_frame_differ_by_the_roots_of_their_spectra(name):
    first, second = SPECTRA[name]
    axis = np.sin(np.arange(len(first)) + 1.0)
    found = frechet_distance(gaussian(axis, rotated(first, axis)), gaussian(2 * axis, rotated(second, axis)))
    np.testing.assert_allclose(found, np.sum(axis**2) + np.sum((np.sqrt(first) - np.sqrt(second))**2), atol=1e-8)


@pytest.mark.parametrize("number", [4, 40])
def test_a_set_is_at_distance_zero_of_itself_in_any_order(number):
    features = samples(number)
    assert frechet_distance(moments(features), moments(features[::-1])) == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("number", [4, 40])
def test_it_is_symmetric(number):
    a, b = moments(samples(number)), moments(samples(50, scale=2, mean=1))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)


def test_it_grows_with_the_square_of_the_scale_and_not_with_a_common_shift():
    a, b = samples(40), samples(50, scale=2)
    plain = frechet_distance(moments(a), moments(b))
    assert frechet_distance(moments(4 * a + 8), moments(4 * b + 8)) == pytest.approx(16 * plain, rel=1e-5)


def test_the_distance_of_small_sets_is_too_large():
    real = gaussian(np.zeros(6), np.eye(6))
    found = [np.mean([frechet_distance(real, moments(samples(n))) for _ in range(20)]) for n in (20, 80, 320)]
    assert found[0] > 3 * found[1] > 9 * found[2] > 0


def test_moments_are_the_mean_and_the_unbiased_covariance():
    features = samples(2500, mean=3)
    found = moments(features)
    assert found.number == 2500 and found.covariance.dtype == np.float64
    np.testing.assert_allclose(found.mean, np.mean(features, axis=0, dtype=np.float64), rtol=1e-13)
    np.testing.assert_allclose(found.covariance, np.cov(features, rowvar=False, dtype=np.float64), atol=1e-13)


def test_moments_of_a_stream_are_those_of_the_whole():
    features = samples(300)
    sums = None
    for part in np.split(features, [1, 2, 100, 250]):
        sums = add_features(sums, part)
    for found, expected in zip(finish(sums), moments(features), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-13)


def test_a_mean_far_from_zero_does_not_cancel_the_covariance():
    features = DRAW.normal(size=(300, 3))
    np.testing.assert_allclose(moments(features + 1e7).covariance, moments(features).covariance, rtol=1e-7, atol=1e-8)


def test_the_limit_at_infinitely_many_samples_is_nearer_the_truth_than_all_of_them():
    real, fake = gaussian(np.zeros(6), np.eye(6)), samples(1000, scale=1.5)
    found = frechet_infinity(real, fake, seed=1)
    truth = 6 * 0.25
    assert abs(found.value - truth) < 4 * found.error + 0.1
    biased = [samples(200) for _ in range(20)]
    at_infinity = np.mean([frechet_infinity(real, fake, seed=1).value for fake in biased])
    assert abs(at_infinity) < 0.3 * np.mean([frechet_distance(real, moments(fake)) for fake in biased])


def test_the_limit_is_a_pure_function_of_its_seed():
    real, fake = gaussian(np.zeros(6), np.eye(6)), samples(100)
    assert frechet_infinity(real, fake, seed=1, points=5) == frechet_infinity(real, fake, seed=1, points=5)
    assert frechet_infinity(real, fake, seed=1, points=5) != frechet_infinity(real, fake, seed=2, points=5)


def test_the_limit_is_the_intercept_of_a_line_through_the_distances(monkeypatch):
    # With sizes n of 6, 18, 30, 42, 54 and 60 the distance is made 2 + 30/n, off the line by nothing.
    monkeypatch.setattr("ganlab.metrics.frechet._distance", lambda mean, root, fake_mean, fake_root: fake_mean[0])
    monkeypatch.setattr("ganlab.metrics.frechet.finish", lambda sums: gaussian([2 + 30 / sums.number], [[1.0]]))
    found = frechet_infinity(gaussian([0.0], [[1.0]]), samples(60, 1), seed=0, points=6)
    np.testing.assert_allclose(found, (2, 0), atol=1e-12)


def test_a_rank_warning_is_given_up_to_as_many_examples_as_dimensions():
    assert "rank of at most 2047" in rank_warning(2048, 2048)
    assert rank_warning(2049, 2048) is None


@pytest.mark.parametrize("bad", [
    (lambda: moments(samples(1)), "1 given feature is too few: give at least 2"),
    (lambda: finish(None), "a covariance of 0 features is not defined"),
    (lambda: finish(add_features(None, samples(1))), "a covariance of 1 feature is not defined"),
    (lambda: add_features(add_features(None, samples(3)), samples(3, 5)), "5 dimensions .* sums of 6"),
    (lambda: frechet_distance(moments(samples(9)), moments(samples(9, 5))), "of 6 dimensions .* with 5"),
    (lambda: frechet_distance(gaussian([0, 0], [[1, 2], [2, 1]]), gaussian([0, 0], np.eye(2))), "negative eigenvalues"),
    (lambda: frechet_infinity(moments(samples(9)), samples(9, 5), seed=0), "of 6 dimensions .* with 5"),
    (lambda: frechet_infinity(moments(samples(9)), samples(29), seed=0), "points=15 .* 29 fake"),
    (lambda: frechet_infinity(moments(samples(9)), samples(29), seed=0, points=2), "points=2"),
])
def test_what_cannot_be_compared_is_refused_in_a_sentence(bad):
    call, words = bad
    with pytest.raises(ValueError, match=words):
        call()
