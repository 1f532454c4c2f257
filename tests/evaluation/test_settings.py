"""Settings of metrics: what is given takes the place of a metric's own, and stands in the protocol."""

import numpy as np
import pytest

from ganlab.config import ConfigError
from ganlab.evaluation import (
    MEASURES,
    PictureSet,
    Request,
    evaluate,
    image_measures,
    load_features,
    parse_settings,
    with_settings,
)
from ganlab.evaluation.settings import CHOICES

IMAGES = np.random.default_rng(0).integers(0, 256, size=(60, 8, 8, 1)).astype(np.uint8)
EVERY = MEASURES | image_measures((64, 64, 3))


def measured(measures):
    pictures = PictureSet("noise", len(IMAGES), lambda start, stop: IMAGES[start:stop])
    request = Request(["ms_ssim"], samples={"weights": "files"})
    found, = evaluate(None, lambda seed: pictures, request, load_features("pixels"), measures,
                      lambda what, total: lambda done: None)
    return found


def test_settings_are_read_as_they_are_written():
    assert parse_settings("") == {}
    assert parse_settings("kid.subsets=10,ppl_wend.epsilon=1e-3,kid.subset_size=50,ppl_wend.crop=faces") == {
        "kid": {"subsets": 10, "subset_size": 50}, "ppl_wend": {"epsilon": 1e-3, "crop": "faces"}}


def test_what_is_set_is_what_is_measured_and_what_the_protocol_says():
    own, other = (measured(with_settings(MEASURES, ["ms_ssim"], {"ms_ssim": {"pairs": pairs}} if pairs else {}))
                  for pairs in (0, 7))
    assert own.protocol.settings == MEASURES["ms_ssim"].settings and own.protocol.name.startswith(
        "ms_ssim[1,000 random pairs")
    assert other.protocol.settings == {**MEASURES["ms_ssim"].settings, "pairs": 7}
    assert other.value != own.value and other.protocol.hash != own.protocol.hash
    assert other.protocol.name.startswith("ms_ssim[7 random pairs")
    assert MEASURES["ms_ssim"].settings["pairs"] == 1000


@pytest.mark.parametrize(("metric", "setting"), [(metric, setting) for metric, measure in EVERY.items()
                                                 for setting in measure.settings if setting in CHOICES])
def test_every_number_of_a_metric_is_one_of_those_allowed_and_nothing_below(metric, setting):
    allowed, words = CHOICES[setting]
    assert allowed(EVERY[metric].settings[setting])
    for bad in (0, -1, float("nan"), "many"):
        with pytest.raises(ConfigError, match=f"--settings={metric}.{setting}=.*must be {words}"):
            with_settings(EVERY, [metric], {metric: {setting: bad}})


@pytest.mark.parametrize(("text", "said"), [
    ("pairs=7", "'pairs=7' is not a setting; it takes METRIC.SETTING=VALUE"), ("kid.subsets", "is not a setting"),
    ("kid.subsets=", "is not a setting"), ("kid.subsets=1,kid.subsets=2", "sets kid.subsets twice"),
    ("kid.subset=3", "did you mean subsets"), ("fid.pairs=3", "allowed: none"),
    ("kid.subsets=2.5", "subsets must be a whole number"), ("ms_ssim.pairs=5", "is not measured"),
    ("swd_pyramid.times=1", "allowed: directions, patches")])
def test_what_is_no_setting_is_told_in_a_sentence(text, said):
    with pytest.raises(ConfigError, match=said):
        with_settings(EVERY, ["kid", "fid", "swd_pyramid"], parse_settings(text))
