"""Evaluation: each metric of the table by its laws, its protocol, its intervals, and what it refuses."""

import gc
import weakref

import numpy as np
import pytest

from ganlab.config import ConfigError
from ganlab.evaluation import (
    MEASURES,
    PictureSet,
    Request,
    check_request,
    differences,
    evaluate,
    load_features,
    metric_names,
    value_names,
)

RNG = np.random.default_rng(0)
REAL = np.clip(RNG.normal(120, 40, (240, 8, 8, 1)) + 30 * RNG.normal(size=(240, 1, 1, 1)), 0, 255).astype(np.uint8)
SETTINGS = {"subset_size": 60, "subsets": 20, "pairs": 30, "projections": 30, "points": 6, "splits": 3}


@pytest.fixture(scope="module")
def features():
    return load_features("digits")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Metrics by fewer subsets, projections and pairs."""
    for name, measure in MEASURES.items():
        changed = {key: min(value, SETTINGS.get(key, value)) for key, value in measure.settings.items()}
        monkeypatch.setitem(MEASURES, name, measure.__class__(**{**vars(measure), "settings": changed}))


def pictures(images, name="made"):
    return PictureSet(name, len(images), lambda start, stop: images[start:stop], {"split": "train"})


def quiet(what, total):
    return lambda number: None


def values(features, fake, request, real=REAL):
    judged = fake if callable(fake) else lambda _: pictures(fake)
    found = evaluate(None if real is None else pictures(real, "real"), judged, request, features, MEASURES, quiet)
    return {result.name: result for result in found}


def noise(seed, spread=40, number=240):
    generator = np.random.default_rng(seed + 100)
    return np.clip(generator.normal(120, spread, (number, 8, 8, 1)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_each_metric_has_its_values_finite_with_a_protocol_that_holds_its_settings(features, name):
    found = values(features, noise(0), Request([name], samples={"weights": "averaged"}))
    assert set(found) == set(value_names([name], MEASURES))
    for result in found.values():
        assert np.isfinite(result.value) and result.of_seeds == (result.value,) and not result.intervals
        assert result.protocol.metric == name and result.protocol.settings == MEASURES[name].settings
        assert result.protocol.samples == {"number": 240, "shape": [8, 8, 1], "seeds": [0], "weights": "averaged"}
        needs_real = "reference" in MEASURES[name].needs
        assert bool(result.protocol.reference) == needs_real and (name in result.protocol.name)


@pytest.mark.parametrize("name", sorted(set(MEASURES) - {"is", "ms_ssim", "memorization"}))
def test_the_real_images_themselves_are_judged_better_than_noise(features, name):
    same, other = (values(features, fake, Request([name])) for fake in (REAL, noise(0, 70)))
    for value, result in same.items():
        if result.better == "lower":
            assert result.value < other[value].value
        elif result.better == "higher":
            assert result.value >= other[value].value


def test_a_copy_of_the_real_images_is_memorized_and_noise_is_not(features):
    assert values(features, REAL[:50], Request(["memorization"]))["memorization/memorized"].value == 1
    assert values(load_features("pixels"), noise(0), Request(["memorization"]))["memorization/memorized"].value == 0


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_a_bootstrap_interval_holds_the_value_and_is_the_same_each_time(features, name):
    request = Request([name], bootstrap=20)
    found, again = (values(features, noise(0), request) for _ in range(2))
    for value, result in found.items():
        interval, = result.intervals
        assert interval.kind == "bootstrap" and interval.draws == 20
        assert interval.low <= result.value <= interval.high or result.better == "neither"
        assert again[value].intervals == result.intervals


def test_metrics_are_joined_as_in_a_config_or_as_in_a_flag():
    assert metric_names("fid+prdc") == metric_names("fid,prdc,fid") == ["fid", "prdc"]


def test_values_are_means_over_seeds_with_an_interval_around(features):
    result = values(features, lambda seed: pictures(noise(seed)), Request(["fid"], seeds=range(4)))["fid"]
    alone = [values(features, noise(seed), Request(["fid"]))["fid"].value for seed in range(4)]
    np.testing.assert_allclose(result.of_seeds, alone)
    assert result.value == pytest.approx(np.mean(alone))
    interval, = result.intervals
    assert interval.kind == "seeds" and interval.low < result.value < interval.high and interval.draws == 4
    assert result.protocol.samples["seeds"] == [0, 1, 2, 3]


def test_protocols_differ_by_what_would_change_the_number_and_not_by_the_judged_images(features):
    first = values(features, noise(0), Request(["fid"]))["fid"].protocol
    assert values(features, noise(1), Request(["fid"]))["fid"].protocol.hash == first.hash
    same = values(features, noise(0), Request(["fid"], samples={}), real=REAL)["fid"].protocol
    assert same.hash == first.hash
    sizes = [values(features, fake, Request(["ms_ssim"]))["ms_ssim"].protocol.hash
             for fake in (noise(0), noise(0)[:, :6, :6])]
    assert sizes[0] != sizes[1]
    for changed in (values(features, noise(0, number=200), Request(["fid"])),
                    values(features, noise(0), Request(["fid"], seeds=(1,))),
                    values(features, noise(0), Request(["fid"]), real=noise(9)),
                    values(load_features("pixels"), noise(0), Request(["fid"]))):
        assert changed["fid"].protocol.hash != first.hash


def test_subsets_are_at_most_half_of_the_smaller_set_and_the_protocol_says_so(features):
    found = values(features, noise(0, number=40), Request(["kid"]))["kid"]
    assert found.protocol.settings["subset_size"] == 20


def test_too_few_samples_for_the_rank_of_the_covariance_are_measured_with_a_warning(features):
    assert "64" in values(features, noise(0, number=50), Request(["fid"]))["fid"].warning
    assert values(features, noise(0), Request(["fid"]))["fid"].warning == ""


def test_what_cannot_be_measured_is_refused_in_a_sentence(features):
    with pytest.raises(ConfigError, match="did you mean fid"):
        check_request(Request(["fidd"]), MEASURES, pictures(REAL), features)
    with pytest.raises(ConfigError, match="no metric is named; there are fid,"):
        values(features, noise(0), Request([]))
    with pytest.raises(ConfigError, match="metric kid compares with real images.*--real=FOLDER"):
        values(features, noise(0), Request(["is", "kid"]), real=None)
    with pytest.raises(ConfigError, match="needs a classifier, which features pixels do not have"):
        values(load_features("pixels"), noise(0), Request(["is"]))
    with pytest.raises(ConfigError, match="bring both to one shape"):
        values(load_features("pixels"), noise(0)[:, :4, :4], Request(["fid"]))
    with pytest.raises(ConfigError, match="metric ms_ssim is one of images"):
        points = np.zeros((30, 64), np.float32)
        values(load_features("pixels"), points, Request(["ms_ssim"]))
    with pytest.raises(ConfigError, match="metric prdc: "):
        values(features, noise(0, number=4), Request(["prdc"]))
    with pytest.raises(ConfigError, match="metric fid: "):
        values(features, noise(0, number=1), Request(["fid"]))


def test_names_of_the_real_images_do_not_change_the_hash_and_their_content_does(features):
    request = Request(["fid"], samples={"weights": "files"})
    first, renamed = (evaluate(pictures(REAL, name), lambda _: pictures(noise(0)), request, features, MEASURES,
                               quiet)[0].protocol for name in ("here", "there"))
    assert first.hash == renamed.hash and first.name != renamed.name and not differences(first, renamed)


def test_only_what_a_metric_looks_at_is_made(features, monkeypatch):
    monkeypatch.setattr(type(features), "extract", lambda *_: pytest.fail("features of what needs none"))
    assert set(values(features, noise(0), Request(["ms_ssim"]))) == {"ms_ssim"}


def test_one_set_of_samples_is_held_at_a_time(features):
    alive = []

    def samples(seed):
        images = noise(seed)
        alive.append(weakref.ref(images))
        return pictures(images)

    values(features, samples, Request(["fid", "ms_ssim"], seeds=range(4), bootstrap=2))
    gc.collect()
    assert not any(reference() is not None for reference in alive)
