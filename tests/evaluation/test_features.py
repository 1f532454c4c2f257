"""Features by name: what they see, that batches do not matter, and weight files that are refused."""

import functools

import numpy as np
import pytest

from ganlab.config import ConfigError
from ganlab.data import SOURCES
from ganlab.evaluation import FEATURES, chosen_features, classifiers, load_features
from ganlab.evaluation.features import area_means

NEED_WEIGHTS = {"inception2015", "dinov2"}
IMAGES = np.random.default_rng(0).integers(256, size=(7, 12, 12, 3)).astype(np.uint8)


@pytest.mark.parametrize("name", sorted(FEATURES.keys() - NEED_WEIGHTS))
def test_features_of_an_image_do_not_depend_on_its_batch(name):
    features = load_features(name)
    whole, logits = features.extract(IMAGES)
    apart = np.concatenate([features.extract(image[None])[0] for image in IMAGES])
    np.testing.assert_allclose(whole, apart, rtol=1e-5, atol=1e-5)
    assert whole.shape[0] == 7 and whole.dtype == np.float32
    assert logits is None or logits.shape == (7, len(features.class_names))


@pytest.mark.parametrize("name", sorted(FEATURES))
def test_features_say_what_fixes_them_or_ask_for_weights(name):
    if name in NEED_WEIGHTS:
        with pytest.raises(ConfigError, match="need a weight file, the published .*--weights=FILE"):
            load_features(name)
    else:
        assert load_features(name).identity["name"] == name
        with pytest.raises(ConfigError, match="need no weight file"):
            load_features(name, "some.pth")


def test_features_that_there_are_not_are_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match="did you mean inception2015"):
        load_features("inception")


@pytest.mark.parametrize("name", sorted(NEED_WEIGHTS))
@pytest.mark.parametrize(("content", "said"), [
    (None, "does not exist"), (b"", "is empty"), (b"<html>404</html>", "page of HTML"),
    (b"PK\x03\x04 no zip at all", "w.pth"), ("another", "missing")])
def test_weight_files_that_are_none_or_of_another_network_are_refused_in_a_sentence(tmp_path, name, content, said):
    file = tmp_path / "w.pth"
    if content == "another":
        with open(file, "wb") as handle:
            np.savez(handle, **{"conv1.weight": np.zeros((3, 3))})
    elif content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match="w.pth") as error:
        load_features(name, str(file))
    text = str(error.value)
    assert (said in text or content == "another" and "lacks" in text) and "\n" not in text


def test_pixels_are_those_of_images_and_points_as_they_are():
    pixels = load_features("pixels")
    np.testing.assert_allclose(pixels.extract(IMAGES)[0], IMAGES.reshape(7, -1) / 127.5 - 1, atol=1e-6)
    points = np.float32([[1, 2], [3, 4]])
    np.testing.assert_array_equal(pixels.extract(points)[0], points)
    with pytest.raises(ConfigError, match="--features=pixels"):
        load_features("digits").extract(points)


@pytest.mark.parametrize(("source", "name"), [
    ("glyphs", "glyphs"), ("digits", "digits"), ("stacked_digits", "digits"), ("ring8", "pixels")])
def test_features_are_by_default_those_of_the_data(source, name):
    dataset = SOURCES[source](**{} if source == "digits" else {"size": 2})
    features = chosen_features("", "", dataset)
    assert features.name == name
    assert (features.class_names == dataset.class_names) == (source == name)


@pytest.mark.parametrize(("name", "split", "least", "error"), [
    ("digits", classifiers.split_digits, 0.975, 1e-6),
    # Of fewer images than it was tested on.
    ("glyphs", functools.partial(classifiers.split_glyphs, number=0, held_out=500), 0.96, 0.02)])
def test_a_classifier_that_is_carried_reads_held_out_images_as_it_says(name, split, least, error):
    classifier = classifiers.load_classifier(classifiers.weights_file(name))
    *_, images, labels = split(0)
    assert classifier.accuracy > least
    assert classifiers.accuracy_of(name, classifier.params, images, labels) == pytest.approx(classifier.accuracy,
                                                                                            abs=error)
    assert load_features(name).identity["held_out_accuracy"] == round(classifier.accuracy, 4)


def test_the_features_of_digits_are_those_of_published_protocols():
    assert dict(load_features("digits").identity) == {
        "name": "digits", "sha256": "7366726fe62042d3", "held_out_accuracy": 0.9833, "resize": "area means, 8x8 grey"}


def test_held_out_digits_are_none_that_it_was_trained_on():
    train, _, test, _ = classifiers.split_digits(0)
    assert len(train) + len(test) == 1797
    different = {image.tobytes() for image in SOURCES["digits"]().images}
    assert len(different) == 1797
    assert not {image.tobytes() for image in train} & {image.tobytes() for image in test}


def test_glyphs_are_held_out_of_the_seeds_of_data_grey_and_coloured():
    train, _, test, labels = classifiers.split_glyphs(0, number=30, held_out=30)
    assert train.shape == test.shape == (60, 32, 32, 3)
    assert not {image.tobytes() for image in train} & {image.tobytes() for image in test}
    for colour, part in ((False, slice(30)), (True, slice(30, None))):
        dataset = SOURCES["glyphs"](size=30, colour=colour)
        np.testing.assert_array_equal(test[part], np.broadcast_to(dataset.images, (30, 32, 32, 3)))
        np.testing.assert_array_equal(labels[part], dataset.labels)


def test_the_command_that_trained_the_classifier_gives_its_weights_back(tmp_path, monkeypatch):
    monkeypatch.setitem(classifiers.CLASSIFIERS, "digits", classifiers.CLASSIFIERS["digits"]._replace(steps=60))
    trained = classifiers.train_classifier("digits", seed=0)
    assert trained.accuracy > 0.8  # Of a sixteenth of the steps.
    classifiers.save_classifier(tmp_path / "w.npz", trained, 0)
    again = classifiers.load_classifier(tmp_path / "w.npz")
    assert again.sha256 == trained.sha256 and again.accuracy == trained.accuracy


def test_features_of_unit_variance_give_the_same_logits():
    module, params = classifiers.CLASSIFIERS["digits"].module, classifiers.load_classifier(
        classifiers.weights_file("digits")).params
    *_, images, _ = classifiers.split_digits(0)
    before, after = (classifiers.taps_of(module, given, images)
                     for given in (params, classifiers.with_unit_variance(module, params, images)))
    variances = [np.mean(np.var(taps.features, axis=0)) for taps in (before, after)]
    assert variances[0] > 2 and variances[1] == pytest.approx(1, rel=1e-4)
    np.testing.assert_allclose(after.logits, before.logits, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", sorted(classifiers.CLASSIFIERS))
def test_features_of_any_size_and_colour_are_those_of_the_picture_that_was_trained_on(name):
    features = load_features(name)
    images = SOURCES[name](**{} if name == "digits" else {"size": 20}).images[:20]
    grey = features.extract(images)[0]
    np.testing.assert_allclose(features.extract(np.repeat(images, 3, axis=-1))[0], grey, rtol=1e-3, atol=1e-3)
    # Enlarged by whole pixels, and brought back by means.
    large = images.repeat(4, axis=1).repeat(3, axis=2)
    np.testing.assert_allclose(features.extract(large)[0], grey, rtol=1e-3, atol=1e-3)


def test_area_means_are_those_of_hand_and_keep_the_mean():
    np.testing.assert_allclose(area_means(2, 3), [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]], rtol=1e-6)
    np.testing.assert_array_equal(area_means(4, 2), [[1, 0], [1, 0], [0, 1], [0, 1]])
    for new, old in ((8, 28), (8, 5), (3, 7)):
        matrix = area_means(new, old)
        np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_allclose(matrix.sum(axis=0), new / old, rtol=1e-6)
