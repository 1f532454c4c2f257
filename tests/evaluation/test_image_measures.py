"""Metrics of whole images: a value for each level, a protocol that says what is compared, any number of images."""

import dataclasses

import numpy as np
import pytest
from scipy import ndimage
from tiny import IMAGES, tiny_config

from ganlab.config import ConfigError
from ganlab.evaluation import (
    MEASURES,
    PictureSet,
    Request,
    evaluate,
    extraction,
    image_measures,
    load_features,
    make_judging,
    value_names,
    with_settings,
)
from ganlab.metrics import image_sliced_wasserstein, ms_ssim_of_neighbours
from ganlab.systems import build_game

DRAW = np.random.default_rng(0)
DIRECTIONS = 8


def photos(number, side=32, channels=3, sharpness=1.5):
    smooth = ndimage.gaussian_filter(DRAW.normal(size=(number, side, side, channels)), (0, sharpness, sharpness, 0))
    return np.uint8(np.clip(128 + 60 * smooth / np.std(smooth), 0, 255))


REAL, FAKE = photos(40), photos(41, sharpness=1)


def quick(measures, metrics, patches=4):
    settings = {"swd_pyramid": {"patches": patches, "directions": DIRECTIONS}} if "swd_pyramid" in metrics else {}
    return with_settings(measures, metrics, settings)


def measured(fake=FAKE, real=REAL, metrics=("swd_pyramid", "ms_ssim_five"), features="digits", shape=None, patches=4,
             **request):
    sets = [PictureSet(name, len(images), lambda start, stop, images=images: images[start:stop],
                       {"split": "train"}) for name, images in (("real", real), ("made", fake))]
    measures = quick(image_measures(fake.shape[1:] if shape is None else shape), metrics, patches)
    found = evaluate(sets[0], lambda seed: sets[1], Request(metrics, samples={"weights": "files"}, **request),
                     load_features(features), measures, lambda what, total: lambda done: None)
    return {result.name: result for result in found}


def test_a_pyramid_has_a_value_for_each_level_times_a_thousand_and_their_mean():
    found = measured()
    by_level = image_sliced_wasserstein(REAL, FAKE, 0, 4, DIRECTIONS, same_places=False)
    assert {name: result.value for name, result in found.items()} == {
        "swd_pyramid/32": pytest.approx(1000 * by_level[32]), "swd_pyramid/16": pytest.approx(1000 * by_level[16]),
        "swd_pyramid": pytest.approx(500 * sum(by_level.values())),
        "ms_ssim_five": pytest.approx(np.mean(ms_ssim_of_neighbours(FAKE)))}
    assert all(result.better == "lower" for result in found.values())
    assert set(found) == set(value_names(["swd_pyramid", "ms_ssim_five"], image_measures((32, 32, 3))))
    assert list(image_measures((128, 64, 1))["swd_pyramid"].better) == ["swd_pyramid", "128", "64", "32"]


def test_protocols_say_what_is_compared():
    found = measured()
    swd, ms_ssim = (found[name].protocol for name in ("swd_pyramid/32", "ms_ssim_five"))
    assert swd.name == ("swd_pyramid[4 patches of 7x7 of each image and level, 8 directions, each set normalized by "
                        f"channel, times 1,000; 40 of real; 41 files, seed 0] #{swd.hash}")
    assert swd == found["swd_pyramid"].protocol and swd.settings["levels"] == [32, 16] and not swd.features
    assert ms_ssim.name == ("ms_ssim_five[pairs of neighbours, 5 scales, a product of means over channels; 41 files, "
                            f"seed 0] #{ms_ssim.hash}")
    assert image_measures((64, 64, 3))["swd_pyramid"].settings == {
        "patches": 128, "directions": 512, "patch": "7x7", "levels": [64, 32, 16],
        "normalized": "each set, by channel", "places": "of each set", "grey": "three equal channels", "times": 1000}


def test_all_images_are_compared_whatever_memory_keeps_of_them_and_wherever_features_come_from(monkeypatch, tmp_path):
    whole = {name: result.value for name, result in measured().items()}
    monkeypatch.setattr(extraction, "KEPT_BYTES", 3 * REAL[0].nbytes)
    monkeypatch.setattr(extraction, "STEP_BYTES", 4 * 7 * REAL[0].size)
    assert {name: result.value for name, result in measured().items()} == whole
    # Features in the cache come without images, which are read again.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    real = PictureSet("real", len(REAL), lambda start, stop: REAL[start:stop], cache_key="real")
    for _ in range(2):
        seen = extraction.see(real, load_features("digits"), whole=True)
        np.testing.assert_array_equal(seen.whole, REAL)
    assert extraction.see(real, load_features("digits")).whole is None


def test_real_images_are_kept_for_metrics_that_compare_with_them_alone(monkeypatch):
    kept, see = [], extraction.see
    # The module's name in the package is taken by its function.
    monkeypatch.setitem(evaluate.__globals__, "see", lambda pictures, *arguments, **kinds: kept.append(
        (pictures.name, kinds)) or see(pictures, *arguments, **kinds))
    measures = image_measures(FAKE.shape[1:])
    measures["of_features"] = dataclasses.replace(MEASURES["swd"], settings={"projections": 4})
    pictures = {name: PictureSet(name, 8, lambda start, stop: FAKE[start:stop]) for name in ("real", "made")}
    for metrics in (["ms_ssim_five", "of_features"], ["swd_pyramid"]):
        evaluate(pictures["real"], lambda seed: pictures["made"], Request(metrics), load_features("pixels"),
                 quick(measures, metrics), lambda what, total: lambda done: None)
    assert [(name, kinds["whole"]) for name, kinds in kept] == [
        ("real", False), ("made", True), ("real", True), ("made", True)]


def test_grey_images_are_compared_as_coloured_ones():
    grey = photos(40, channels=1), photos(40, channels=1, sharpness=1)
    coloured = [images.repeat(3, axis=-1) for images in grey]
    alone, three = (measured(*images[::-1], features="pixels", metrics=("swd_pyramid",)) for images in (grey, coloured))
    assert all(alone[name].value == pytest.approx(three[name].value, rel=1e-6) for name in alone)
    mixed = measured(grey[1], coloured[0], features="pixels", metrics=("swd_pyramid",))
    assert mixed["swd_pyramid"].value == pytest.approx(three["swd_pyramid"].value, rel=1e-6)


def test_others_of_the_same_kind_are_nearer_than_images_of_which_half_are_flat():
    flat = np.where(np.arange(40)[:, None, None, None] % 2, 128, REAL).astype(np.uint8)
    near, far = (measured(images, metrics=("swd_pyramid",), patches=64) for images in (photos(40), flat))
    assert all(near[name].value < far[name].value / 2 for name in near)


def test_intervals_hold_the_values():
    for result in measured(bootstrap=5).values():
        interval, = result.intervals
        assert interval.low <= result.value <= interval.high


def test_a_training_may_be_judged_by_each_level():
    config = tiny_config({"network": "dcgan"}, {"network": "dcgan"})
    judging = make_judging(config, build_game(config, IMAGES), IMAGES, "swd_pyramid")
    assert judging.values == {"swd_pyramid": "lower", "swd_pyramid/8": "lower"}
    with pytest.raises(ConfigError, match="metric ms_ssim_five is of images of at least 16x16 pixels"):
        make_judging(config, build_game(config, IMAGES), IMAGES, "ms_ssim_five")


@pytest.mark.parametrize(("metric", "shape", "said"), [
    ("ms_ssim_five", (15, 16, 3), "at least 16x16 pixels, and these are 16x15"),
    ("swd_pyramid", (6, 8, 3), "at least 7x7 pixels, and these are 8x6"),
    ("swd_pyramid", (2,), "these samples are points"), ("ms_ssim_five", (), "these samples are points")])
def test_images_that_are_too_small_and_points_are_refused(metric, shape, said):
    with pytest.raises(ConfigError, match=f"metric {metric} is .*{said}; leave it out"):
        measured(metrics=(metric,), shape=shape)


def test_real_images_of_another_size_are_refused():
    with pytest.raises(ConfigError, match="metric swd_pyramid: real images are .*resize or convert one of them"):
        measured(real=photos(9, side=16), features="pixels", metrics=("swd_pyramid",))
