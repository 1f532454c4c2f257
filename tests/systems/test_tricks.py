"""Each training trick by its law, and that none of them acts unless it is named."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import POINTS, assert_close, real_batches, start, tiny_config

from ganlab.config import ConfigError, keys
from ganlab.game import example_keys, play_round
from ganlab.losses import ADVERSARIAL_LOSSES
from ganlab.systems import TRICKS, build_game
from ganlab.systems.tricks import (
    LABEL_TRICKS,
    empty_history,
    fade_instance_noise,
    follow,
    instance_noise,
    label_flipping,
    label_noise,
    label_smoothing,
    match_features,
    top_k,
)

NUMBER = 4000
KEYS = example_keys(jax.random.key(0), jnp.arange(NUMBER))
HARD = jnp.ones(NUMBER), jnp.zeros(NUMBER)
# At these numbers a trick does nothing.
NEUTRAL = {"label_smoothing": 0.0, "label_noise": 0.0, "label_flipping": 0.0, "instance_noise": 0.0, "top_k": 1.0,
           "feature_matching": 0.0, "historical_averaging": 0.0}
NO_CHANCE = {"augment_p": 0.0, "augment_target": 0.0}


def test_smoothing_lowers_the_target_of_real_images_alone():
    real, fake = label_smoothing(HARD, KEYS, {"label_smoothing": 0.1})
    np.testing.assert_allclose(real, 0.9, rtol=1e-6)
    np.testing.assert_array_equal(fake, 0.0)


def test_noise_is_taken_from_both_targets_uniformly_and_apart():
    real, fake = label_noise(HARD, KEYS, {"label_noise": 0.05})
    drawn = np.stack([1 - real, -fake]) / 0.05
    assert drawn.min() >= -1e-5 and drawn.max() <= 1 + 1e-5
    np.testing.assert_allclose(drawn.mean(axis=1), 0.5, atol=0.03)
    np.testing.assert_allclose(drawn.var(axis=1), 1 / 12, atol=0.01)
    assert abs(np.corrcoef(drawn)[0, 1]) < 0.08


def test_flipping_exchanges_targets_with_its_probability():
    real, fake = label_flipping(HARD, KEYS, {"label_flipping": 0.25})
    assert set(np.unique(real)) == set(np.unique(fake)) == {0.0, 1.0}
    # Four standard deviations of a binomial share.
    np.testing.assert_allclose([1 - real.mean(), fake.mean()], 0.25, atol=4 * np.sqrt(0.25 * 0.75 / NUMBER))


def test_flipping_with_probability_one_makes_the_critic_the_other_way_round():
    real, fake = label_flipping(HARD, KEYS, {"label_flipping": 1.0})
    np.testing.assert_array_equal(real, HARD[1])
    np.testing.assert_array_equal(fake, HARD[0])


def test_instance_noise_has_its_deviation_and_belongs_to_the_example(float64):
    images, hyper = np.zeros((NUMBER, 2)), {"instance_noise": 0.3}
    noisy = jax.jit(instance_noise)(images, KEYS, hyper)
    np.testing.assert_allclose(np.std(noisy), 0.3, rtol=0.03)
    halves = [jax.jit(instance_noise)(images[:2000], part, hyper) for part in (KEYS[:2000], KEYS[2000:])]
    np.testing.assert_allclose(np.concatenate(halves), noisy, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("kimg", "left"), [(0.0, 1.0), (5.0, 0.5), (10.0, 0.0), (99.0, 0.0)])
def test_instance_noise_falls_on_a_line_to_nothing(kimg, left):
    noise = fade_instance_noise({"instance_noise": 0.2, "instance_noise_end_kimg": 10.0}, jnp.asarray(kimg))
    np.testing.assert_allclose(noise, 0.2 * left, rtol=1e-6)


@pytest.mark.parametrize(("share", "kept"), [(1.0, [0, 1, 2, 3]), (0.5, [1, 3]), (0.3, [1, 3]), (0.01, [1])])
def test_top_k_is_the_mean_over_the_fakes_of_highest_logits(share, kept):
    losses, logits = np.array([1.0, 2.0, 4.0, 8.0], np.float32), np.array([-1.0, 3.0, 0.0, 2.0], np.float32)
    found = jax.jit(functools.partial(top_k, axis_name=None))(losses, logits, {"top_k": share})
    np.testing.assert_allclose(np.mean(found), losses[kept].mean(), rtol=1e-6)


def test_top_k_ranks_the_global_batch():
    losses, logits = np.arange(1.0, 9.0), np.array([5.0, 1.0, 7.0, 3.0, 8.0, 2.0, 6.0, 4.0])
    whole = jax.jit(functools.partial(top_k, axis_name=None))(losses, logits, {"top_k": 0.4})
    split = jax.jit(jax.vmap(lambda a, b: top_k(a, b, {"top_k": 0.4}, "batch"), axis_name="batch"))(
        losses.reshape(2, 4), logits.reshape(2, 4))
    np.testing.assert_allclose(split.reshape(8), whole, rtol=1e-6)


def test_feature_matching_is_the_squared_distance_of_the_means():
    real, fake = jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.array([[0.0, 0.0], [1.0, 2.0]])
    # Means (2, 3) and (1/2, 1).
    assert float(match_features(real, fake, None)) == pytest.approx(1.5**2 + 2.0**2)
    assert float(match_features(real, real[::-1], None)) == 0.0


def test_feature_matching_compares_the_global_means():
    real, fake = np.random.default_rng(0).standard_normal((2, 8, 3)).astype(np.float32)
    split = jax.jit(jax.vmap(lambda a, b: match_features(a, b, "batch"), axis_name="batch"))(
        real.reshape(2, 4, 3), fake.reshape(2, 4, 3))
    np.testing.assert_allclose(split, jax.jit(functools.partial(match_features, axis_name=None))(real, fake),
                               rtol=1e-5)


def test_history_is_the_mean_of_past_params_and_the_first_step_has_none():
    game = build_game(tiny_config(), POINTS)
    history = empty_history(game.networks)["historical_averaging"]["critic"]
    params = jax.device_get(start(game).params["critic"])
    scales, distances = (1.0, 3.0, 8.0), []
    step = jax.jit(follow)
    for scale in scales:
        distance, history = step(jax.tree.map(lambda leaf, scale=scale: scale * leaf, params), history)
        distances.append(float(distance))
    square = sum(np.sum(np.square(leaf)) for leaf in jax.tree.leaves(params))
    # The means before each step are none, 1 and 2 times the params.
    np.testing.assert_allclose(distances, [0.0, 2.0**2 * square, 6.0**2 * square], rtol=1e-5)
    jax.tree.map(lambda mean, leaf: np.testing.assert_allclose(mean, 4.0 * leaf, rtol=1e-5), history["mean"], params)


def test_historical_averaging_pulls_towards_the_past():
    params = {"weight": jnp.array([2.0, -1.0])}
    history = {"mean": {"weight": jnp.array([0.5, 0.0])}, "count": jnp.array(7)}
    gradient = jax.grad(lambda tree: follow(tree, history)[0])(params)
    np.testing.assert_allclose(gradient["weight"], [3.0, -2.0])


def test_at_share_one_the_generator_learns_from_features_alone():
    config = tiny_config(system={"tricks": "feature_matching", "critic_updates": 1})
    game = build_game(config, POINTS)
    _, metrics = jax.jit(functools.partial(play_round, game))(start(game), real_batches(game, POINTS, 0))
    assert float(metrics["generator/loss"]) == float(metrics["generator/feature_distance"]) > 0


def game_with(tricks, augment="none"):
    """A game of plain gradient descent, of which no step makes much of a rounding error."""
    sgd = {"optimizer": "sgd"}
    return build_game(tiny_config(generator=sgd, critic=sgd, hyper={"generator_lr": 0.1, "critic_lr": 0.1}, system={
        "loss": "non_saturating", "penalty": "none", "tricks": tricks, "conditional": False,
        "augment": augment}), POINTS)


@pytest.fixture(scope="module")
def played():
    """The params after a round of a game of every trick and an augmentation by their numbers, neutral where they are
    not given."""
    with jax.enable_x64(True):
        game = game_with("+".join(sorted(TRICKS)), "tiny:tinted")
        first, batches = start(game), real_batches(game, POINTS, 0)
        play = jax.jit(functools.partial(play_round, game))

        def params_after(**hyper):
            numbers = {name: np.float64(value) for name, value in {**NEUTRAL, **NO_CHANCE, **hyper}.items()}
            return jax.device_get(play(first.replace(hyper=first.hyper | numbers), batches)[0].params)

        yield params_after


def test_tricks_and_augmentations_at_their_neutral_numbers_change_nothing(float64, played):
    # Each update divides its key among its tricks, which must not move the draws of the round itself.
    game = game_with("none")
    without, _ = jax.jit(functools.partial(play_round, game))(start(game), real_batches(game, POINTS, 0))
    assert_close(played(), without.params)


@pytest.mark.parametrize("number", [*(next(iter(keys.TRICK_HYPER[name])) for name in sorted(TRICKS)), "augment_p"])
def test_a_trick_changes_the_round(float64, played, number):
    # The past is near after one round, so its weight must be large to be felt.
    strong = played(**{number: 1e4 if number == "historical_averaging" else 0.5})
    assert any(np.max(np.abs(one - other)) > 1e-4
               for one, other in zip(jax.tree.leaves(strong), jax.tree.leaves(played()), strict=True))


@pytest.mark.parametrize("loss", [name for name, entry in sorted(ADVERSARIAL_LOSSES.items()) if entry.targeted is None])
@pytest.mark.parametrize("trick", sorted(LABEL_TRICKS))
def test_label_tricks_are_refused_for_losses_without_targets(loss, trick):
    with pytest.raises(ConfigError, match=f"{trick}, which moves the targets .* {loss!r} has no targets"):
        build_game(tiny_config(system={"loss": loss, "tricks": trick}), POINTS)


def test_an_unknown_trick_is_answered_with_its_neighbour():
    with pytest.raises(ConfigError, match="did you mean label_noise?"):
        build_game(tiny_config(system={"tricks": "label_nose"}), POINTS)


def test_the_table_of_neutral_numbers_is_whole():
    assert NEUTRAL.keys() == {next(iter(table)) for table in keys.TRICK_HYPER.values()}
