"""An examination counts what is there, and each fault that is put into a good set is named, and nothing else."""

import dataclasses

import numpy as np
import pytest

from ganlab.data import SOURCES, Dataset, examine, spread, to_float

SIZE = 1200


def good():
    """A set in which nothing is wrong."""
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(SIZE, 4, 4, 3)).astype(np.uint8)
    return Dataset("good", images, np.arange(SIZE, dtype=np.int32) % 3, ("one", "two", "three"))


def with_sources(sources, paired=True):
    return dataclasses.replace(good(), sources=sources, paired=paired)


def test_a_good_set_is_counted_and_has_nothing_wrong():
    data = good()
    found = examine(data)
    assert found.complaints == () and found.sources is None
    np.testing.assert_array_equal(found.counts, [400, 400, 400])
    floats = to_float(data.images)
    np.testing.assert_allclose(found.images.mean, floats.mean(axis=(0, 1, 2)), atol=1e-9)
    np.testing.assert_allclose(found.images.deviation, floats.std(axis=(0, 1, 2)), atol=1e-9)
    assert (found.images.looked_at, found.images.lowest, found.images.highest) == (SIZE, 0, 255)


@pytest.mark.parametrize("paired", [True, False])
def test_sources_are_examined_as_images_are(paired):
    sources = good().images[::-1][:SIZE if paired else 7, ..., :1]
    found = examine(with_sources(sources, paired))
    assert found.complaints == () and found.sources.looked_at == len(sources)
    np.testing.assert_allclose(found.sources.mean, to_float(sources).mean(axis=(0, 1, 2)), atol=1e-9)


def test_points_are_examined_as_they_are():
    data = SOURCES["ring8"](size=2000)
    found = examine(data)
    assert found.complaints == () and found.images.repeats == found.images.blank == 0
    np.testing.assert_allclose(found.images.mean, data.images.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(found.images.deviation, data.images.std(axis=0), atol=1e-5)


def test_of_a_large_set_pictures_at_equal_distances_and_all_labels_are_looked_at():
    np.testing.assert_array_equal(spread(10, 5), [0, 2, 4, 6, 8])
    np.testing.assert_array_equal(spread(3, 5), [0, 1, 2])
    data = good()
    found = examine(data, most=300)
    assert found.images.looked_at == 300 and found.counts.sum() == SIZE
    np.testing.assert_allclose(found.images.mean, to_float(data.images[::4]).mean(axis=(0, 1, 2)), atol=1e-9)


def repeated(images):
    """Every fourth image is the first, whose label is another's too."""
    images[::4] = images[0]
    return images


def plain(images):
    """Two images of one colour each, the same."""
    images[[5, 9]] = (1, 2, 3)
    return images


IMAGE_FAULTS = {
    "repeats": (repeated, ["299 of 1,200 (24.9%) images repeat an earlier one exactly",
                           "200 of 1,200 (16.7%) images repeat an earlier one but"]),
    "blank": (plain, ["2 of 1,200 (0.2%) images are of a single colour"]),
    "wide": (lambda images: images.reshape(SIZE, 2, 8, 3), ["8x2, not square"]),
    "odd": (lambda images: images[:, :3, :3], ["3x3, an odd side"]),
    "nearly black": (lambda images: images // 128, ["levels 0 and 1 of 255"]),
    "faint": (lambda images: images // 8 + 100, ["levels 100 to 131"]),
    "grey": (lambda images: np.repeat(images[..., :1], 3, axis=-1), ["three equal channels"]),
    "few": (lambda images: images[:60], ["only 60 examples"]),
}


@pytest.mark.parametrize("fault", IMAGE_FAULTS)
def test_each_fault_of_images_is_named_alone(fault):
    change, words = IMAGE_FAULTS[fault]
    images = change(good().images)
    found = examine(dataclasses.replace(good(), images=images, labels=good().labels[:len(images)])).complaints
    assert len(found) == len(words) and all(word in text for word, text in zip(words, found, strict=True))


def test_images_of_one_level_alone_are_named():
    found = examine(dataclasses.replace(good(), images=np.full((SIZE, 4, 4, 1), 7, np.uint8))).complaints
    assert "all images have the single level 7" in found[1] and "1,200 of 1,200 (100.0%)" in found[0]


LABEL_FAULTS = {
    "empty": ([600, 0, 600], "class two has no examples"),
    "several empty": ([0, 0, 1200], "classes one, two have no examples"),
    "few": ([90, 9, 80], "class two has fewer than 10 examples"),
    "uneven": ([1100, 70, 30], "the largest class, one, has 37 times the examples of the smallest, three"),
}


@pytest.mark.parametrize("fault", LABEL_FAULTS)
def test_each_fault_of_labels_is_named_alone(fault):
    counts, words = LABEL_FAULTS[fault]
    labels = np.repeat(np.arange(3, dtype=np.int32), counts)
    found = examine(dataclasses.replace(good(), images=good().images[:len(labels)], labels=labels))
    np.testing.assert_array_equal(found.counts, counts)
    assert [text for text in found.complaints if "there are only" not in text and words not in text] == []
    assert any(words in text for text in found.complaints)


def test_of_many_classes_some_are_named():
    data = dataclasses.replace(good(), class_names=tuple(f"c{i}" for i in range(9)))
    assert examine(data).complaints == (
        "6 classes (c3, c4, c5, ...) have no examples: samples of them would be noise; take them out",)


def test_names_that_are_given_twice_are_named():
    assert "the name one;" in examine(dataclasses.replace(good(), class_names=("one", "two", "one"))).complaints[0]


def test_sources_of_another_size_and_faults_of_sources_are_named_as_theirs():
    sources = good().images[:, :2, :2].copy()
    sources[3] = 9
    found = examine(with_sources(sources)).complaints
    assert found == ("1 of 1,200 (0.1%) sources are of a single colour; look at them, and leave them out",
                     "sources are 2x2 and images 4x4; most translations keep the size")


def test_values_that_are_no_numbers_are_named():
    points = SOURCES["ring8"](size=2000)
    points.images[3, 1] = np.nan
    assert [text for text in examine(points).complaints if "not finite" in text]
