"""Metrics of classes: laws of the class-wise Fréchet distance, and of the accuracy scores of a classifier."""

import dataclasses

import numpy as np
import pytest

from ganlab.config import ConfigError
from ganlab.data import SOURCES
from ganlab.evaluation import (
    MEASURES,
    PictureSet,
    Request,
    add_results,
    check_request,
    evaluate,
    load_features,
    read_results,
    Record,
)
from ganlab.evaluation.class_measures import CLASSIFIER, class_measures
from ganlab.evaluation.extraction import reduced
from ganlab.metrics import frechet_distance, moments

DIGITS = SOURCES["digits"]()
NAMES = ("zero", "one", "two")
CHOSEN = np.flatnonzero(DIGITS.labels < 3)[:520]  # Two halves of one size: their programs are the same.
IMAGES, LABELS = DIGITS.images[CHOSEN], DIGITS.labels[CHOSEN].astype(np.int32)
ODD, EVEN = (slice(start, None, 2) for start in (1, 0))


def pictures(images, labels, names=NAMES, name="made"):
    return PictureSet(name, len(images), lambda start, stop: images[start:stop], {"split": "train"}, labels=labels,
                      class_names=names)


REAL, SAMPLES = pictures(IMAGES[ODD], LABELS[ODD], name="real"), pictures(IMAGES[EVEN], LABELS[EVEN])


@pytest.fixture(scope="module")
def features():
    return load_features("digits")


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setitem(CLASSIFIER, "steps", 40)


def measured(features, metrics, fake=SAMPLES, real=REAL, **request):
    measures = MEASURES | class_measures(fake.class_names)
    found = evaluate(real, lambda seed: fake, Request(metrics.split(","), samples={"weights": "files"}, **request),
                     features, measures, lambda what, total: lambda number: None)
    return {result.name: result for result in found}


def test_the_class_wise_distance_is_the_mean_of_those_of_the_classes(features):
    found = measured(features, "intra_fid")["intra_fid"]
    seen = features.extract(IMAGES)[0]
    for label, name in enumerate(NAMES):
        sets = (seen[part][LABELS[part] == label] for part in (ODD, EVEN))
        assert found.by_class[name] == pytest.approx(frechet_distance(*map(moments, sets)), rel=1e-9)
    assert found.value == pytest.approx(np.mean(list(found.by_class.values())), rel=1e-12)


def test_of_a_set_with_itself_it_is_zero_and_of_one_class_the_distance_of_all(features):
    assert abs(measured(features, "intra_fid", fake=REAL)["intra_fid"].value) < 1e-6
    one = [pictures(part.read(0, part.number), np.zeros(part.number, np.int32), ("all",)) for part in (REAL, SAMPLES)]
    found = measured(features, "intra_fid,fid", real=one[0], fake=one[1])
    assert found["intra_fid"].value == pytest.approx(found["fid"].value, rel=1e-9)


def permuted(part, order=(2, 0, 1)):
    """The same pictures, whose classes have other numbers."""
    return pictures(part.read(0, part.number), np.argsort(order)[part.labels].astype(np.int32),
                    tuple(NAMES[label] for label in order), part.name)


def test_numbering_classes_otherwise_changes_nothing(features):
    first = measured(features, "intra_fid")["intra_fid"]
    for fake, real in ((permuted(SAMPLES), permuted(REAL)), (permuted(SAMPLES), REAL), (SAMPLES, permuted(REAL))):
        again = measured(features, "intra_fid", fake=fake, real=real)["intra_fid"]
        assert again.value == pytest.approx(first.value, rel=1e-9)
        assert again.by_class == pytest.approx(first.by_class, rel=1e-9)


def test_the_accuracy_scores_of_the_real_pictures_themselves_are_equal_and_high(features):
    found = measured(features, "cas,cas_real", fake=REAL)
    assert found["cas"].value == found["cas_real"].value > 0.9
    assert found["cas"].by_class == found["cas_real"].by_class and set(found["cas"].by_class) == set(NAMES)


def test_grey_samples_are_read_beside_real_pictures_in_colour(features):
    colour = pictures(np.repeat(IMAGES[ODD], 3, axis=-1), LABELS[ODD])
    assert measured(features, "cas", real=colour)["cas"].value > 0.8


def test_the_accuracy_scores_are_the_same_each_time_with_an_interval_over_what_is_read(features):
    first, again = (measured(features, "cas", bootstrap=20)["cas"] for _ in range(2))
    assert first == again and first.intervals[0].low < first.value <= first.intervals[0].high
    numbers = np.bincount(REAL.labels)
    assert first.value == pytest.approx(np.average([first.by_class[name] for name in NAMES], weights=numbers))


def test_samples_of_wrong_classes_teach_wrongly_and_are_read_wrongly(features):
    wrong = pictures(IMAGES[EVEN], (LABELS[EVEN] + 1) % 3)
    found = measured(features, "cas,cas_real", fake=wrong)
    assert found["cas"].value < 0.1 and found["cas_real"].value < 0.1


def test_the_protocol_has_the_pictures_of_a_class_and_the_recipe_of_the_classifier(features):
    found = measured(features, "intra_fid,cas")
    protocol = found["intra_fid"].protocol
    numbers = [np.bincount(part.labels) for part in (REAL, SAMPLES)]
    assert protocol.reference["per_class"] == {"least": min(numbers[0]), "most": max(numbers[0])}
    assert protocol.samples["per_class"] == {"least": min(numbers[1]), "most": max(numbers[1])}
    assert protocol.samples["classes"] == 3 and found["cas"].protocol.settings == CLASSIFIER
    moved = pictures(IMAGES[ODD], np.roll(LABELS[ODD], 1), name="real")
    assert measured(features, "intra_fid", real=moved)["intra_fid"].protocol.hash != protocol.hash


def test_results_keep_the_values_of_classes(features, tmp_path):
    result = measured(features, "intra_fid", bootstrap=4)["intra_fid"]
    add_results(tmp_path / "results.json", [Record(result)])
    assert read_results(tmp_path / "results.json")[0].result == result


def test_what_has_no_classes_or_too_few_pictures_of_one_is_answered_in_a_sentence(features):
    few = pictures(IMAGES[EVEN], np.where(np.arange(len(IMAGES[EVEN])) == 0, 0, np.maximum(LABELS[EVEN], 1)))
    with pytest.raises(ConfigError, match="metric intra_fid: class zero has 1 sample, .* at least 2: .*--number"):
        measured(features, "intra_fid", fake=few)
    with pytest.raises(ConfigError, match="metric cas needs samples of known classes"):
        check_request(Request(["cas"]), class_measures(()), REAL, features)
    bare = dataclasses.replace(REAL, labels=None, class_names=())
    with pytest.raises(ConfigError, match=r"metric cas compares class by class, and the real images \(real\) have no"):
        check_request(Request(["cas"]), class_measures(NAMES), bare, features)
    with pytest.raises(ConfigError, match="different classes .three, two of one alone"):
        measured(features, "intra_fid", fake=pictures(IMAGES[EVEN], LABELS[EVEN], ("zero", "one", "three")))


def test_images_are_reduced_by_means_over_areas():
    images = np.random.default_rng(0).integers(256, size=(2, 64, 96, 3)).astype(np.uint8)
    means = images.reshape(2, 32, 2, 32, 3, 3).mean(axis=(2, 4))
    assert np.abs(reduced(images) - means).max() <= 0.5 + 1e-3
    assert reduced(IMAGES) is IMAGES
