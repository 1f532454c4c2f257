"""Equivariance is measured of the sampler that a run has, by the options that move its input."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganlab.config import ConfigError
from ganlab.data import Dataset
from ganlab.engine import make_mesh, makers_of
from ganlab.engine.maker_programs import making_program
from ganlab.evaluation import Request, evaluate, load_features, measures_for, subject_of, with_settings
from ganlab.game import Sampler

SIDE = 16
TRANSFORMS = {"translate_x": 0.0, "translate_y": 0.0, "rotate": 0.0}


def waves(weights, latents, labels, keys, options):
    """One wave an image, of a tenth of a cycle a pixel, in the direction and phase of its latent and with the noise of
    its key; its input follows a share `weights` of the transform."""
    across, down = jnp.meshgrid(*[(jnp.arange(SIDE) + 0.5) / SIDE - 0.5] * 2)
    moved = {name: weights * options.get(name, 0.0) for name in TRANSFORMS}
    # What is at a place came from the place that is moved and turned back.
    across, down = across - moved["translate_x"], down - moved["translate_y"]
    angle = jnp.deg2rad(moved["rotate"])
    across, down = (across * jnp.cos(angle) - down * jnp.sin(angle), across * jnp.sin(angle) + down * jnp.cos(angle))
    way, start = latents[:, 0, None, None], latents[:, 1, None, None]
    phase = 2 * jnp.pi * 0.1 * SIDE * (across * jnp.cos(way) + down * jnp.sin(way)) + start
    level = 0.0 if keys is None else jax.vmap(jax.random.normal)(keys)[:, None, None, None]
    return jnp.cos(phase)[..., None] / 2 + level


def sampler_with(options):
    return Sampler(("generator",), lambda keys, options: jax.vmap(lambda key: jax.random.normal(key, (2,)))(keys),
                   waves, options)


PROGRAM = making_program(waves, sampler_with(TRANSFORMS), make_mesh(4, devices=1))


def subject(options, follows=1.0, shape=(SIDE, SIDE, 1)):
    """The generator of a run whose input follows this share of each transform."""
    sampler = sampler_with(options)
    game = types.SimpleNamespace(sampler=sampler, scorer=None, translators={})
    programs = types.SimpleNamespace(prepare=lambda weights, key, options: weights, sample=PROGRAM)
    makers = makers_of(game, programs, lambda names: jnp.float32(follows))
    dataset = Dataset("real", np.zeros((4, *shape), np.uint8), np.zeros(4, np.int32), ("all",))
    return subject_of({"system": {"name": "waves"}, "batch_size": 4}, game, makers, dataset)


def measured(made, *metrics, bootstrap=0, shape=(SIDE, SIDE, 1), number=22, **settings):
    features = load_features("pixels")
    measures = with_settings(measures_for(made, None, features, shape=shape, number=number), list(metrics),
                             {name: settings for name in metrics} if settings else {})
    return {result.name: result for result in evaluate(
        None, lambda seed: None, Request(metrics, (0,), bootstrap, {"weights": "averaged"}), features, measures,
        lambda what, total: lambda done: None)}


@pytest.fixture(scope="module")
def following():
    return measured(subject(TRANSFORMS), "eqt_int", "eqt_frac", "eqr", bootstrap=20)


def test_images_that_follow_their_input_have_no_error_but_the_filters(following):
    assert following["eqt_int"].value > 100 and following["eqt_frac"].value > 45 and following["eqr"].value > 35
    assert all(result.better == "higher" for result in following.values())


def test_intervals_are_of_transforms_and_hold_the_decibels(following):
    for name in ("eqt_frac", "eqr"):
        interval, = following[name].intervals
        assert interval.low <= following[name].value <= interval.high and interval.low < interval.high


def test_images_that_stay_have_the_error_of_their_own_shift():
    # Of a wave that is shifted by d pixels along its way, the mean squared error is (1 - cos(2 pi 0.1 d)) / 4.
    made = subject(TRANSFORMS, follows=0.0)
    found = measured(made, "eqt_int", number=120)["eqt_int"].value
    random = np.random.default_rng((0, 5))
    shifts = np.repeat(np.round(random.uniform(-1, 1, (30, 2)) * SIDE / 8), 4, axis=0)
    way = np.asarray(made.latents_of(0, 0, 120))[:, 0]
    along = shifts[:, 0] * np.cos(way) + shifts[:, 1] * np.sin(way)
    expected = 10 * np.log10(4 / np.mean((1 - np.cos(2 * np.pi * 0.1 * along)) / 4))
    assert found == pytest.approx(expected, abs=0.5)


def test_a_last_transform_of_fewer_samples_counts_by_their_number():
    # The first three of four samples that share a transform are those of three.
    three, again, four = (
        measured(subject(TRANSFORMS, 0.5), "eqt_frac", number=number, per_transform=together)["eqt_frac"].value
        for number, together in ((3, 4), (3, 3), (4, 4)))
    assert three == pytest.approx(again, rel=1e-4) and three != pytest.approx(four, rel=1e-3)


def test_the_protocol_has_the_number_of_samples_and_the_transforms(following):
    protocol = following["eqt_int"].protocol
    assert protocol.settings == {"samples": 22, "per_transform": 4, "translate_max": 0.125, "shape": [SIDE, SIDE, 1]}
    assert protocol.name.startswith("eqt_int[22 samples, 4 a transform; ") and not protocol.features
    assert following["eqr"].protocol.settings["rotate_max"] == 1.0
    assert measures_for(subject(TRANSFORMS), None, load_features("pixels"),
                        shape=(SIDE, SIDE, 1))["eqr"].settings["samples"] == 50_000


@pytest.mark.parametrize(("metric", "options", "shape", "said"), [
    ("eqt_int", {}, (16, 16, 1), "system waves has no options translate_x and translate_y that"),
    ("eqr", {"translate_x": 0.0, "translate_y": 0.0}, (16, 16, 1), "system waves has no option rotate that"),
    ("eqr", TRANSFORMS, (8, 12, 1), "is of images of at least 16x16 pixels, and these are 12x8"),
    ("eqt_frac", TRANSFORMS, (2,), "these samples are points")])
def test_generators_and_images_that_cannot_be_measured_are_refused(metric, options, shape, said):
    with pytest.raises(ConfigError, match=f"metric {metric} .*{said}"):
        measured(subject(options, shape=shape), metric, shape=shape)
