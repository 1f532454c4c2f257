"""Samples of a training that grows are compared with real images of their level."""

import numpy as np
import pytest
from tiny import IMAGES

from ganlab.data import reduced, to_float
from ganlab.engine.alarms import Alarms
from ganlab.engine.logs import AlarmsFile

NUMBER = len(IMAGES)


def alarms(path, reduction):
    file = AlarmsFile(path / "alarms.jsonl", 0, 0)
    return Alarms({"sample_diversity": 0.9, "logit_gap": 0.0}, IMAGES, file, lambda words: None, reduction)


def repeated(images, times):
    return np.repeat(np.repeat(images, times, axis=1), times, axis=2)


def level(reduction):
    """Real images of a level, at the full resolution as samples are."""
    return repeated(np.asarray(to_float(reduced(IMAGES, reduction).images[:])), reduction)


@pytest.mark.parametrize("reduction", [1, 2])
def test_samples_that_are_the_real_images_of_a_level_are_as_far_apart(reduction, tmp_path):
    found = alarms(tmp_path, reduction)
    assert found.see_samples(1, level(reduction)) == pytest.approx(1, rel=1e-5) and found.raised is None
    # Against the full resolution a small level would seem to have collapsed.
    assert reduction == 1 or alarms(tmp_path, 1).see_samples(1, level(reduction)) < 0.9
    found.see_samples(2, np.zeros_like(level(reduction)))
    assert "0 times as far apart" in found.raised


def test_how_far_a_level_has_faded_in_does_not_count(tmp_path):
    found, fine, coarse = alarms(tmp_path, 2), level(1), level(2)
    apart = [found.see_samples(1, coarse + share * (fine - coarse)) for share in (0.0, 0.4, 1.0)]
    np.testing.assert_allclose(apart, 1, rtol=2e-2)  # Real images of the level are rounded.
