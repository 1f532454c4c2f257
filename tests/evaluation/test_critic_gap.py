"""The critic's gap: by hand for a linear critic, of each picture's own label and source, refused where it says nothing."""

import dataclasses
import types

import jax.numpy as jnp
import numpy as np
import pytest
from tiny import IMAGES, PAIRS, tiny_config, tiny_vae_config

from ganlab.config import ConfigError
from ganlab.data import SOURCES, Dataset, NotFinite, to_float
from ganlab.evaluation import (
    CRITIC_GAP,
    Request,
    check_request,
    critic_gap,
    data_pictures,
    evaluate,
    load_features,
    make_judging,
)
from ganlab.game import Makers
from ganlab.systems import build_game

GAME = types.SimpleNamespace(scorer="a critic")
SECTION = {"source": "points", "kwargs": {"split": "test"}}


def points(*values):
    """Points on a line, of which point i has the label i."""
    images = np.float32(values).reshape(-1, 1)
    return Dataset("points", images, np.arange(len(values), dtype=np.int32), tuple(map(str, range(len(values)))))


def measure(score, training, held_out, batch_size=2, game=GAME):
    return critic_gap(score, game, batch_size, training, held_out, data_pictures(held_out, SECTION))


def gap(score, training, held_out, draws=0, **changes):
    found = evaluate(None, lambda seed: None, Request([CRITIC_GAP], bootstrap=draws), load_features("pixels"),
                     {CRITIC_GAP: measure(score, training, held_out, **changes)}, lambda what, total: lambda done: None)
    return {result.name: result for result in found}


def line(scale):
    return lambda images, labels, sources: scale * images[:, 0] + 5


def test_a_linear_critic_has_the_gap_that_is_computed_by_hand():
    # Means 4 and 1; variances 4 and 1, whose mean is 2.5.
    training, held_out = points(2, 6, 2, 6), points(0, 2, 2, 0)
    for scale in (1, 3):
        found = gap(line(scale), training, held_out)
        assert found["critic_gap"].value == pytest.approx(3 / np.sqrt(2.5), rel=1e-6)
        assert found["critic_gap/logits"].value == pytest.approx(3 * scale, rel=1e-6)
    assert gap(line(-1), training, held_out)["critic_gap"].value == pytest.approx(-3 / np.sqrt(2.5), rel=1e-6)


def test_the_same_pictures_have_no_gap_and_neither_has_a_critic_that_sees_nothing():
    training = points(*range(8))
    assert gap(line(1), training, points(*range(8)))["critic_gap"].value == pytest.approx(0, abs=1e-12)
    assert gap(line(0), training, points(1, 2))["critic_gap"].value == 0


def test_the_larger_set_is_sampled_in_whole_batches_and_an_interval_is_of_both_sets():
    seen = []

    def score(images, labels, sources):
        seen.append(np.asarray(images[:, 0]))
        return images[:, 0]

    found = gap(score, points(*range(10, 107)), points(*range(7)), draws=50, batch_size=3)["critic_gap"]
    assert [len(batch) for batch in seen] == [3] * 4
    training, held_out = np.concatenate(seen[:2]), np.concatenate(seen[2:])
    assert len(set(training)) == 6 and training.min() >= 10 and held_out.max() < 7
    assert np.ptp(training) > 6, "not the first ones, which may be of one class"
    assert found.intervals[0].low < found.value < found.intervals[0].high


def test_labels_and_sources_are_those_of_each_picture():
    pairs = dataclasses.replace(PAIRS, labels=PAIRS.images[:, 0, 0, 0].astype(np.int32),
                                class_names=tuple(map(str, range(256))))

    def score(images, labels, sources):
        np.testing.assert_array_equal(images, sources[:, ::-1])
        np.testing.assert_allclose(images[:, 0, 0, 0], to_float(labels.astype(jnp.uint8)))
        return jnp.mean(images, axis=(1, 2, 3))

    gap(score, pairs, dataclasses.replace(pairs))


def test_the_protocol_names_the_held_out_pictures_and_nothing_of_the_training_set():
    held_out = points(1, 2, 3, 4)
    first, second, other = (gap(line(1), training, judged)["critic_gap"].protocol for training, judged in (
        (points(5, 6), held_out), (points(5, 6, 7, 8), held_out), (points(5, 6), points(4, 3, 2, 1))))
    assert first.hash == second.hash != other.hash
    assert first.settings["held_out"]["split"] == "test" and first.settings["held_out"]["number"] == 4


def test_logits_that_are_not_finite_are_refused():
    with pytest.raises(NotFinite, match="logits are not finite"):
        gap(line(np.nan), points(1, 2), points(3, 4))


@pytest.mark.parametrize(("changes", "said"), [
    ({"game": types.SimpleNamespace(scorer=None)}, "this system has no critic; leave it out"),
    ({"batch_size": 3}, "config.batch_size is 3.* 4 training and 2 held-out pictures"),
    ({"held_out": None}, "name one by --split .config.evaluate.split., such as test")])
def test_what_has_no_gap_is_refused_in_a_sentence(changes, said):
    training = points(1, 2, 3, 4)
    held_out = changes.pop("held_out", points(5, 6)) or training
    with pytest.raises(ConfigError, match=f"metric critic_gap .*{said}"):
        check_request(Request([CRITIC_GAP]), {CRITIC_GAP: measure(line(1), training, held_out, **changes)}, None,
                      load_features("pixels"))


def test_a_run_is_judged_on_the_split_of_its_config(monkeypatch):
    monkeypatch.setitem(SOURCES, "two_halves", lambda split="train": dataclasses.replace(
        IMAGES, images=IMAGES.images // 2 + (0 if split == "test" else 127)))
    config = tiny_config(data={"source": "two_halves"}, system={"conditional": False})
    training = SOURCES["two_halves"]()

    def judging(config):
        return make_judging(config, build_game(config, training), training, CRITIC_GAP)

    with pytest.raises(ConfigError, match="no split has these"):
        judging(config)
    config.evaluate.split = "test"
    found = judging(config)
    assert found.values == {"critic_gap": "lower", "critic_gap/logits": "neither"}
    values = {result.name: result.value for result in found(Makers(
        sample=lambda latents, labels, keys: latents, logits=lambda images, labels, sources: images.mean(axis=(1, 2, 3))))}
    assert values["critic_gap"] > 10 and values["critic_gap/logits"] == pytest.approx(127 / 127.5, rel=1e-3)
    vae = tiny_vae_config(data={"source": "two_halves"}, evaluate={"split": "test"})
    with pytest.raises(ConfigError, match="this system has no critic"):
        judging(vae)
