"""How the players meet: packs, the ways to take the critic's step, batches of fakes, the auxiliary classifier."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from tiny import (
    BATCH,
    IMAGES,
    POINTS,
    assert_close,
    changing_parts,
    real_batches,
    start,
    tiny_config,
    tiny_game,
)

from ganlab.config import ConfigError
from ganlab.game import Scene, init_state, play_round
from ganlab.losses import ADVERSARIAL_LOSSES
from ganlab.systems import build_game
from ganlab.systems.critic import Critic, Judgement
from ganlab.systems.players import _repeated, pack


def played(game, dataset=POINTS):
    """One compiled round."""
    return jax.jit(functools.partial(play_round, game))(start(game), real_batches(game, dataset))


def calls(game, dataset=POINTS):
    """What each network is called on in a round, in order, by the name of its class; nothing is computed."""
    seen = []

    def record(next_function, arguments, keywords, context):
        if not context.module.path:
            seen.append((type(context.module).__name__, arguments[0].shape))
        return next_function(*arguments, **keywords)

    with nn.intercept_methods(record):
        state = jax.eval_shape(functools.partial(init_state, game), jax.random.key(0))
        seen.clear()
        jax.eval_shape(functools.partial(play_round, game), state, real_batches(game, dataset))
    return seen


def test_a_pack_joins_neighbours_along_the_last_axis():
    points = np.arange(8).reshape(4, 2)
    np.testing.assert_array_equal(pack(points, 2), [[0, 1, 2, 3], [4, 5, 6, 7]])
    images = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    np.testing.assert_array_equal(pack(images, 2)[0], np.concatenate([images[0], images[1]], axis=-1))
    assert pack(images, 1) is images


@pytest.mark.parametrize(("dataset", "seen"), [(POINTS, (BATCH // 2, 4)), (IMAGES, (BATCH // 2, 8, 8, 2))])
def test_the_critic_sees_packs_and_nothing_else(dataset, seen):
    game = tiny_game(dataset, system={"packing": 2, "conditional": False, "critic_updates": 1})
    assert {shape for name, shape in calls(game, dataset) if name == "MLPCritic"} == {seen}
    # The generator draws as many images as ever.
    assert {shape for name, shape in calls(game, dataset) if name == "MLPGenerator"} == {(BATCH, 4)}


def test_one_pass_over_both_kinds_is_the_same_step_as_a_pass_each(float64):
    # Nothing but rounding moves the bias of a critic whose logits are compared, and Adam would amplify it.
    changes = {"critic": {"kwargs": {"dropout": 0.3}, "optimizer": "sgd"}, "hyper": {"r1_weight": 0.1}}
    system = {"loss": "relativistic", "penalty": "r1"}
    apart, together = (played(tiny_game(system={**system, "critic_step": step}, **changes))
                       for step in ("two_passes", "one_pass"))
    assert_close(changing_parts(together[0]), changing_parts(apart[0]))
    assert_close(together[1], apart[1])


@pytest.mark.parametrize("normalization,images", [("none", "none"), ("batch", "fresh")])
def test_the_generators_update_of_one_pass_reads_real_images_only_where_its_critic_sees_the_batch(normalization, images):
    game = tiny_game(critic={"kwargs": {"normalization": normalization}},
                     system={"critic_step": "one_pass", "conditional": False, "penalty": "none"})
    assert game.round[-1].images == images


def test_one_pass_normalizes_over_both_kinds():
    critic = {"kwargs": {"normalization": "batch"}}
    apart, together = (played(tiny_game(critic=critic, system={"penalty": "none", "critic_step": step}))[1]
                       for step in ("two_passes", "one_pass"))
    assert abs(apart["critic/fake_logits"] - together["critic/fake_logits"]) > 1e-4


def test_two_steps_are_one_on_real_images_and_then_one_on_fake_ones(float64):
    sgd = {"optimizer": "sgd"}
    config = tiny_config(generator=sgd, critic=sgd, system={
        "loss": "non_saturating", "penalty": "none", "critic_step": "two_steps", "critic_updates": 1},
        hyper={"critic_lr": 0.5, "generator_lr": 0.0})
    game = build_game(config, POINTS)
    assert [(update.name, update.trains) for update in game.round] == [
        ("critic_real", ("critic",)), ("critic_fake", ("critic",)), ("generator", ("generator",))]
    before, batches = start(game), real_batches(game)
    critic = game.networks["critic"].module

    def real_loss(params):
        return jnp.mean(jax.nn.softplus(-critic.apply({"params": params}, batches["image"][0], batches["label"][0])))

    loss, gradient = jax.jit(jax.value_and_grad(real_loss))(before.params["critic"])
    after, metrics = played(game)
    np.testing.assert_allclose(metrics["critic_real/loss"], loss, rtol=1e-9)
    # With the second step taken back by its own gradient, what is left is the first.
    keys = jax.random.fold_in(jax.random.fold_in(before.key, 0), 1)
    batch = {"image": batches["image"][0], "label": batches["label"][0], "index": jnp.arange(BATCH)}
    scene = Scene(before.params, before.variables, {}, batch, jax.random.fold_in(keys, 0), before.hyper)

    def fake_loss(params):
        return game.round[1].loss(scene._replace(params={**before.params, "critic": params}))[0]

    middle = jax.tree.map(lambda leaf, slope: leaf - 0.5 * slope, before.params["critic"], gradient)
    second = jax.jit(jax.grad(fake_loss))(middle)
    expected = jax.tree.map(lambda leaf, slope: leaf - 0.5 * slope, middle, second)
    assert_close(after.params["critic"], expected)


@pytest.mark.parametrize("times", [1, 3])
def test_the_generator_learns_from_its_number_of_batches(times):
    game = tiny_game(system={"generator_batches": times, "critic_updates": 1, "penalty": "none"})
    drawn = [shape for name, shape in calls(game) if name == "MLPGenerator"]
    # In the critic's update, and in its own.
    assert drawn == [(BATCH, 4), (times * BATCH, 4)]


@pytest.mark.parametrize("group", [1, 2])
def test_repeated_examples_have_indices_of_their_own_however_the_batch_is_split(group):
    batch = {"image": np.arange(10, 18), "index": np.arange(8)}
    whole = jax.device_get(_repeated(batch, 3, group))
    assert sorted(whole["index"].tolist()) == list(range(24))
    np.testing.assert_array_equal(np.bincount(whole["image"])[10:], 3)
    halves = [_repeated({name: array[part] for name, array in batch.items()}, 3, group)
              for part in (slice(4), slice(4, 8))]
    for name in batch:
        np.testing.assert_array_equal(np.concatenate([half[name] for half in halves]), whole[name])
    # No pack holds an image twice.
    packs = whole["image"].reshape(-1, group)
    assert all(len(set(row.tolist())) == group for row in packs)


AUXILIARY = {"critic": {"kwargs": {"conditioning": "auxiliary"}},
             "system": {"loss": "non_saturating", "penalty": "none", "critic_updates": 1},
             # Nobody learns: losses of several weights are of the same players.
             "hyper": {"critic_lr": 0.0, "generator_lr": 0.0}}


@pytest.fixture(scope="module")
def auxiliary():
    """A game with an auxiliary classifier, its start and batches, and the metrics of a round by the weight."""
    with jax.enable_x64(True):
        game = tiny_game(**AUXILIARY)
        before, batches, play = start(game), real_batches(game), jax.jit(functools.partial(play_round, game))

        def metrics(weight):
            return play(before.replace(hyper=before.hyper | {"auxiliary_weight": np.float64(weight)}), batches)[1]

        yield game, before, batches, metrics


def test_the_auxiliary_classifier_adds_its_weighted_cross_entropy_to_both_losses(float64, auxiliary):
    light, heavy = map(auxiliary[3], (1.0, 3.0))
    extra = light["critic/real_class_loss"] + light["critic/fake_class_loss"]
    np.testing.assert_allclose(heavy["critic/loss"] - light["critic/loss"], 2 * extra, rtol=1e-9)
    np.testing.assert_allclose(heavy["generator/loss"] - light["generator/loss"], 2 * light["generator/class_loss"],
                               rtol=1e-9)


def test_the_cross_entropy_is_that_of_the_classifiers_own_logits(float64, auxiliary):
    game, before, batches, metrics = auxiliary
    _, state = jax.jit(lambda *given: game.networks["critic"].module.apply(*given, mutable=["intermediates"]))(
        {"params": before.params["critic"]}, batches["image"][0], batches["label"][0])
    logits = np.asarray(state["intermediates"]["class_logits"][0])
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = -np.log(shares[np.arange(BATCH), batches["label"][0]]).mean()
    np.testing.assert_allclose(metrics(1.0)["critic/real_class_loss"], expected, rtol=1e-9)


def test_an_auxiliary_classifier_has_no_number_without_labels():
    config = tiny_config(critic={"kwargs": {"conditioning": "auxiliary"}}, system={"conditional": False})
    assert "auxiliary_weight" not in config.hyper
    assert set(played(build_game(config, POINTS))[1]) >= {"critic/loss"}


REFUSED = {
    "packs that do not fill a batch": ({"packing": 3, "conditional": False}, ["config.system.packing is 3", "use 6"]),
    "packs of several classes": ({"packing": 2}, ["config.system.packing is 2", "conditional=False"]),
    "a step each of a loss that compares": (
        {"critic_step": "two_steps", "penalty": "none", "critic_updates": 1},
        ["two_steps", "'wasserstein'", "minimax"]),
    "a step each with a penalty": (
        {"critic_step": "two_steps", "loss": "minimax", "critic_updates": 1}, ["two_steps", "no penalty"]),
    "several times a step each": (
        {"critic_step": "two_steps", "loss": "minimax", "penalty": "none"}, ["two_steps", "one critic update"]),
    "another word for the step": ({"critic_step": "both"}, ["config.system.critic_step", "two_passes"]),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_what_cannot_work_together_is_refused_with_the_remedy(mistake):
    changes, words = REFUSED[mistake]
    with pytest.raises(ConfigError) as error:
        tiny_game(system=changes)
    for word in words:
        assert word in str(error.value)


class SilentCritic(nn.Module):
    """A critic from outside that returns its logit and nothing else."""

    image_shape: tuple
    num_classes: int
    axis_name: str | None

    @nn.compact
    def __call__(self, images, labels=None, keys=None, train=False):
        """Logits [b]."""
        return nn.Dense(1)(images.reshape(len(images), -1))[:, 0]


def test_feature_matching_needs_a_critic_that_returns_its_features():
    silent = {"network": "test_players:SilentCritic"}
    with pytest.raises(ConfigError, match="feature_matching, but config.networks.critic .*SilentCritic"):
        tiny_game(critic=silent, system={"tricks": "feature_matching"})
    assert set(played(tiny_game(critic=silent))[1]) >= {"critic/loss", "generator/loss"}


def test_the_share_beyond_the_hinge_is_that_of_logits_without_a_gradient_in_the_loss():
    loss = ADVERSARIAL_LOSSES["hinge"]
    real, fake = jnp.array([2.0, 1.5, 0.5, -3.0]), jnp.array([-1.5, 0.0, 1.5, 0.5])
    critic = Critic(None, loss, {})
    found = critic.logit_metrics({"real": Judgement(real, {}), "fake": Judgement(fake, {})})
    slopes = jax.grad(lambda logits: jnp.sum(loss.critic(*logits)))((real, fake))
    for kind, slope in zip(("real", "fake"), slopes, strict=True):
        assert found[f"{kind}_beyond_hinge"] == jnp.mean(slope == 0)
    assert found["real_beyond_hinge"] == 0.5 and found["fake_beyond_hinge"] == 0.25
    assert found["real_logits"] == 0.25
    other = dataclasses.replace(critic, loss=ADVERSARIAL_LOSSES["wasserstein"])
    assert set(other.logit_metrics({"real": Judgement(real, {})})) == {"real_logits"}
