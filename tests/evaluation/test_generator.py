"""A generator under judgement: samples belong to the seed and their index, labels to the data, paths to the latents."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganlab.config import ConfigError
from ganlab.data import SOURCES, Dataset
from ganlab.evaluation import (
    Generator,
    PictureSet,
    Request,
    evaluate,
    label_agreement,
    load_features,
    modes,
    path_measures,
    paths,
    with_settings,
)

LABELS = np.int32([0, 0, 0, 1])


def generator(batch_size=6, matrix=jnp.eye(4), labels=LABELS):
    return Generator(lambda keys: jax.vmap(lambda key: jax.random.normal(key, (4,)))(keys),
                     jax.jit(lambda latents, labels, keys: latents @ matrix), labels, batch_size)


def judged(measures, made, number=50, seeds=(0,)):
    found = evaluate(None, lambda seed: made.pictures(number, seed), Request(list(measures), seeds),
                     load_features("pixels"), measures, lambda what, total: lambda done: None)
    return {result.name: result.value for result in found}


def path_in(made, name="ppl_z"):
    return path_measures(made, load_features("pixels"))[name]


def test_a_sample_depends_on_the_seed_and_its_index_alone(float64):
    whole = generator().pictures(20, 3).read(0, 20)
    np.testing.assert_allclose(generator(batch_size=7).pictures(20, 3).read(5, 20), whole[5:], rtol=1e-12)
    assert not np.allclose(generator().pictures(20, 4).read(0, 20), whole)


def test_no_seed_of_a_run_gives_latents_that_are_judged():
    of_run = jax.random.normal(jax.random.fold_in(jax.random.key(0), 0), (4,))
    assert not np.any(np.isclose(generator().latents_of(0, 0, 50), of_run).all(axis=1))


def test_labels_are_drawn_as_the_real_ones_are_spread():
    labels = generator().labels_of(0, 4000)
    assert labels.dtype == np.int32 and set(labels) == {0, 1}
    assert np.mean(labels) == pytest.approx(0.25, abs=0.03)


def test_a_path_through_a_linear_generator_has_the_length_of_its_steps():
    # On a circle of radius about r a step of epsilon goes angle * r * epsilon: squared over epsilon squared.
    twice = [judged({"ppl_z": path_in(generator(matrix=scale * jnp.eye(4)))},
                    generator())["ppl_z"] for scale in (1, 3)]
    assert twice[1] == pytest.approx(9 * twice[0], rel=1e-2)
    still = path_in(generator(matrix=jnp.zeros((4, 4))))
    assert judged({"ppl_z": still}, generator())["ppl_z"] == 0


def test_label_agreement_is_the_share_of_samples_that_are_read_as_the_class_asked_for():
    digits, features = SOURCES["digits"](), load_features("digits")
    one_of_each = np.stack([digits.images[digits.labels == label][0] for label in range(10)]) / np.float32(127.5) - 1
    # Every second class is shown as the next one.
    made = Generator(generator().latents, lambda latents, labels, keys: one_of_each[labels | 1], digits.labels,
                     class_names=digits.class_names)
    found, = evaluate(None, lambda seed: made.pictures(50, seed), Request(["label_agreement"], bootstrap=20), features,
                      {"label_agreement": label_agreement(made, features)}, lambda what, total: lambda done: None)
    assert found.value == pytest.approx(np.mean(made.labels_of(0, 50) % 2))
    assert 0 < found.intervals[0].low < found.value < found.intervals[0].high < 1
    # There is none of other classes, or of no classes.
    assert label_agreement(made, load_features("pixels")) is None
    assert label_agreement(dataclasses.replace(made, class_names=()), features) is None


def test_modes_are_counted_of_points_and_of_stacked_digits_and_of_nothing_else():
    ring = SOURCES["ring8"](size=64)
    counted = modes(ring)
    assert modes(SOURCES["digits"]()) is None
    real = PictureSet("ring", 64, lambda start, stop: ring.images[start:stop])
    found = evaluate(None, lambda seed: real, Request(["modes"]), load_features("pixels"), {"modes": counted},
                     lambda what, total: lambda done: None)
    values = {result.name: result.value for result in found}
    assert values["modes"] == 8 and values["modes/high_quality"] > 0.9
    stacked = modes(SOURCES["stacked_digits"](size=200))
    assert stacked.settings["classifier_accuracy"] > 0.98
    assert modes(Dataset("other", np.zeros((4, 8, 8, 3), np.uint8), np.zeros(4, np.int32), ("all",))) is None


def test_the_bootstrap_of_modes_resamples_the_points():
    ring = SOURCES["ring8"](size=600)
    points = ring.images + np.random.default_rng(0).normal(0, 0.04, ring.images.shape).astype(np.float32)
    real = PictureSet("ring", 600, lambda start, stop: points[start:stop])
    found = evaluate(None, lambda seed: real, Request(["modes"], bootstrap=20), load_features("pixels"),
                     {"modes": modes(ring)}, lambda what, total: lambda done: None)
    quality = next(result for result in found if result.name == "modes/high_quality")
    assert quality.intervals[0].low < quality.value < quality.intervals[0].high


def test_a_generator_of_uniform_latents_walks_straight_and_its_protocol_says_so():
    straight = dataclasses.replace(generator(), spherical=False)
    assert path_in(straight).settings["path"] == "straight"
    assert path_in(generator()).settings["path"] == "spherical"
    # On a line every step is the difference of the ends times epsilon.
    ends = [np.asarray(straight.latents_of(0, start, 1000)) for start in (0, 1000)]
    lengths = np.sum((ends[0] - ends[1]) ** 2, axis=1)
    kept = lengths[(lengths >= np.quantile(lengths, 0.01)) & (lengths <= np.quantile(lengths, 0.99))]
    measured = judged({"ppl_z": path_in(straight)}, straight)["ppl_z"]
    assert measured == pytest.approx(np.mean(kept), rel=0.02)


MAPPING = jnp.float32(np.random.default_rng(3).normal(size=(4, 4)))


def styled(bend):
    """A generator whose points are the styles, bent, and far noise; what it makes of latents is never looked at."""
    def styles(latents, labels, keys):
        return jnp.repeat((latents @ MAPPING + labels[:, None])[:, None], 2, axis=1)

    def from_styles(styles, labels, keys):
        noise = jax.vmap(lambda key: jax.random.normal(key, (4,)))(keys)
        return bend(styles[:, 0]) + noise

    return dataclasses.replace(generator(batch_size=500), styles=jax.jit(styles), from_styles=jax.jit(from_styles))


def ends_of(made, number=1000):
    labels = made.labels_of(0, number)[:, None]
    return [np.asarray(made.latents_of(0, start, number)) @ np.asarray(MAPPING) + labels for start in (0, number)]


def kept(lengths):
    return np.mean(np.sort(lengths)[9:-9])


def test_a_path_between_styles_is_straight_and_as_long_as_its_ends_are_apart(float64):
    made = styled(lambda styles: 3 * styles)
    a, b = ends_of(made)
    for name in ("ppl_wfull", "ppl_wend"):
        found = judged({name: path_in(made, name)}, made)[name]
        assert found == pytest.approx(kept(np.sum((3 * (b - a)) ** 2, axis=1)), rel=2e-3)


def test_path_lengths_end_at_the_first_style_or_anywhere(float64):
    # The square of a style moves at twice the style's place times its speed.
    made = styled(jnp.square)
    a, b = ends_of(made)
    places = np.random.default_rng((0, 2)).uniform(size=len(a))[:, None]
    for name, where in (("ppl_wend", a), ("ppl_wfull", a + places * (b - a))):
        measure = path_in(made, name)
        assert measure.settings == {"paths": 1000, "epsilon": 1e-4, "shape": [4], "path": "straight", "space": "w",
                                    "sampling": name.removeprefix("ppl_w"), "crop": "none"}
        found = judged({name: measure}, made)[name]
        assert found == pytest.approx(kept(np.sum((2 * where * (b - a)) ** 2, axis=1)), rel=5e-3)


def spherical_speeds(a, b, places, radius=None):
    """Velocities [n, d] on great circles from a to b, whose radius goes from |a| to |b|, or stays."""
    lengths = [np.linalg.norm(end, axis=1, keepdims=True) for end in (a, b)]
    start, end = a / lengths[0], b / lengths[1]
    angle = np.arccos(np.sum(start * end, axis=1, keepdims=True))
    across = end - start * np.cos(angle)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    along, turned = angle * places, angle * (across * np.cos(angle * places) - start * np.sin(angle * places))
    if radius:
        return radius * turned
    grown = (start * np.cos(along) + across * np.sin(along)) * (lengths[1] - lengths[0])
    return (lengths[0] + places * (lengths[1] - lengths[0])) * turned + grown


def test_paths_between_latents_of_a_generator_without_styles_keep_their_lengths_full_or_at_the_end(float64):
    made = generator(batch_size=500, matrix=MAPPING)
    a, b = (np.asarray(made.latents_of(0, start, 1000)) for start in (0, 1000))
    places = np.random.default_rng((0, 2)).uniform(size=(1000, 1))
    found = judged({name: path_in(made, name) for name in ("ppl_z", "ppl_zfull", "ppl_zend")}, made)
    for name, where in (("ppl_zfull", places), ("ppl_zend", np.zeros_like(places))):
        speeds = spherical_speeds(a, b, where) @ np.asarray(MAPPING)
        assert found[name] == pytest.approx(kept(np.sum(speeds**2, axis=1)), rel=5e-3)
        assert path_in(made, name).settings == {
            "paths": 1000, "epsilon": 1e-4, "shape": [4], "path": "spherical", "ends": "as they are drawn",
            "space": "z", "sampling": name.removeprefix("ppl_z"), "crop": "none"}
    assert found["ppl_z"] == found["ppl_zfull"] != pytest.approx(found["ppl_zend"], rel=1e-2)


def test_paths_between_latents_of_a_generator_with_styles_lie_on_the_unit_sphere_and_share_their_noise(float64):
    # The mapping follows the interpolation; a square in the synthesis tells the start of a path from its middle.
    made = styled(jnp.square)
    a, b = (np.asarray(made.latents_of(0, start, 1000)) for start in (0, 1000))
    labels = made.labels_of(0, 1000)[:, None]
    unit = [end / np.linalg.norm(end, axis=1, keepdims=True) for end in (a, b)]
    angle = np.arccos(np.sum(unit[0] * unit[1], axis=1, keepdims=True))
    places = np.random.default_rng((0, 2)).uniform(size=(1000, 1))
    for name, where in (("ppl_zfull", places), ("ppl_zend", np.zeros_like(places))):
        on_sphere = (np.sin((1 - where) * angle) * unit[0] + np.sin(where * angle) * unit[1]) / np.sin(angle)
        styles = on_sphere @ np.asarray(MAPPING) + labels
        speeds = 2 * styles * (spherical_speeds(a, b, where, radius=1) @ np.asarray(MAPPING))
        measure = path_in(made, name)
        assert measure.settings["ends"] == "of length 1"
        assert judged({name: measure}, made)[name] == pytest.approx(kept(np.sum(speeds**2, axis=1)), rel=5e-3)


def test_uniform_latents_are_joined_by_straight_lines_full_and_at_the_end():
    straight = dataclasses.replace(generator(batch_size=500), spherical=False)
    found = {name: path_in(straight, name) for name in ("ppl_z", "ppl_zfull", "ppl_zend")}
    assert {measure.settings["path"] for measure in found.values()} == {"straight"}
    values = judged(found, straight)
    assert values["ppl_zfull"] == values["ppl_z"] == pytest.approx(values["ppl_zend"], rel=1e-2)


def test_paths_in_blocks_are_as_long(monkeypatch):
    made = styled(jnp.square)
    measures = {name: path_in(made, name) for name in ("ppl_z", "ppl_zfull", "ppl_wfull")}
    whole = judged(measures, made)
    monkeypatch.setattr(paths, "BLOCK_BYTES", 1)
    in_blocks = judged(measures, made)
    assert in_blocks == pytest.approx(whole, rel=1e-6)


def test_a_crop_looks_at_the_face_of_a_portrait_alone():
    # Of images of 16 pixels the rows 6 to 13 and the columns 4 to 11.
    images = np.arange(2 * 256).reshape(2, 16, 16, 1)
    np.testing.assert_array_equal(paths._cropped(images, "faces"), images[:, 6:14, 4:12])
    for rows, columns, looked_at in (((6, 14), (4, 12), True), ((0, 6), (0, 16), False)):
        window = np.zeros((1, 16, 16, 1), np.float32)
        window[:, slice(*rows), slice(*columns)] = 1
        made = Generator(generator().latents, lambda latents, labels, keys, window=window:
                         jnp.asarray(latents)[:, :1, None, None] * window, LABELS, batch_size=50)
        measures = {"ppl_zfull": path_in(made, "ppl_zfull")}
        cropped, full = (judged(with_settings(measures, ["ppl_zfull"], {"ppl_zfull": {"paths": 50, "crop": crop}}),
                                made)["ppl_zfull"] for crop in ("faces", "none"))
        assert cropped == (pytest.approx(full, rel=1e-5) if looked_at else 0) and full > 0


def test_a_crop_of_what_has_no_face_is_refused():
    measures = with_settings({"ppl_zend": path_in(generator(), "ppl_zend")}, ["ppl_zend"],
                             {"ppl_zend": {"crop": "faces"}})
    with pytest.raises(ConfigError, match=r"crop=faces is of images.*shape \[4\]: leave it out"):
        judged(measures, generator())


def test_paths_between_styles_of_a_generator_without_styles_are_refused():
    with pytest.raises(ConfigError, match="metric ppl_wend is of paths between styles.*measure ppl_z"):
        judged({"ppl_wend": path_in(generator(), "ppl_wend")}, generator())


def test_images_that_are_not_finite_are_refused():
    with pytest.raises(ConfigError, match="not finite; take an earlier checkpoint"):
        generator(matrix=jnp.full((4, 4), jnp.nan)).pictures(3, 0).read(0, 3)
