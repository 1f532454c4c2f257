"""The two-player game takes any loss with any penalty and any network, and refuses what cannot work."""

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import CLASSES, IMAGES, POINTS, assert_losses_fit, real_batches, start, tiny_game
from tiny_networks import ALWAYS_CONDITIONAL, KWARGS, SIDES, side_of, tiny_kwargs

from ganlab.config import ConfigError
from ganlab.game import averages, example_keys, init_state, play_round
from ganlab.losses import ADVERSARIAL_LOSSES
from ganlab.networks import CRITICS, GENERATORS
from ganlab.penalties import PENALTIES


def shapes_of_a_round(game, dataset):
    """Shapes before and after a round, traced and not compiled."""
    before = jax.eval_shape(functools.partial(init_state, game), jax.random.key(0))
    after, metrics = jax.eval_shape(functools.partial(play_round, game), before, real_batches(game, dataset))
    return before, after, metrics


def played(game):
    """One compiled round."""
    return jax.jit(functools.partial(play_round, game))(start(game), real_batches(game))


@pytest.mark.parametrize("penalty", ["none", *PENALTIES])
@pytest.mark.parametrize("loss", ADVERSARIAL_LOSSES)
def test_any_loss_goes_with_any_penalty(loss, penalty):
    game = tiny_game(system={"loss": loss, "penalty": penalty, "critic_updates": 1})
    before, after, metrics = shapes_of_a_round(game, POINTS)
    assert after == before
    expected = {"critic/loss", "critic/real_logits", "critic/fake_logits", "generator/loss"}
    if ADVERSARIAL_LOSSES[loss].margin is not None:
        expected |= {"critic/real_beyond_hinge", "critic/fake_beyond_hinge"}
    assert set(metrics) == expected | ({f"critic/{penalty}"} if penalty != "none" else set())
    assert all(value.shape == () for value in metrics.values())


def alone(generator, critic):
    """Whether a network is in the company of a perceptron or of its own family."""
    return "mlp" in (generator, critic) or generator == critic


def small(player, family, side):
    """Keyword arguments of published networks, which are large by themselves or have to fit the images."""
    return tiny_kwargs(player, family, side) if family in KWARGS else {}


SLOW = {*SIDES, "biggan_deep_published"}
"""Published residual networks, which take long to trace: they meet their own family, or else a perceptron."""


def meets(generator, critic, conditional):
    """Whether a pair is built, without labels only alone; of all others, which differ in nothing but images and logits,
    every generator meets some critics and every critic some generators."""
    if generator in ALWAYS_CONDITIONAL and not conditional:
        return False
    if {generator, critic} & SLOW:
        return generator == critic or (generator, critic) == ("biggan_deep_published", "mlp")
    drawn = ([*GENERATORS].index(generator) + [*CRITICS].index(critic)) % 4 == 0
    return alone(generator, critic) or drawn and conditional and "r3gan" not in (generator, critic)


def test_every_architecture_meets_another():
    met = [pair for pair in itertools.product(GENERATORS, CRITICS) if meets(*pair, True) and len({*pair}) == 2]
    assert {name for pair in met for name in pair} >= {*GENERATORS, *CRITICS} - SLOW - {"r3gan"}


@pytest.mark.parametrize(("generator", "critic", "conditional"), [
    (*pair, conditional) for pair in itertools.product(GENERATORS, CRITICS) for conditional in (False, True)
    if meets(*pair, conditional)])
def test_any_generator_goes_with_any_critic_that_takes_its_images(generator, critic, conditional):
    # Some are made for images of one size, and all others follow the data.
    sizes = {side_of(family, 0) for family in (generator, critic)} - {0}
    size = max(sizes, default=8)
    dataset = dataclasses.replace(IMAGES, images=np.zeros((len(IMAGES), size, size, 1), np.uint8))
    # Gradients and steps are of each network by itself; all other pairs meet in their losses, with labels. How
    # convolutions are computed takes longest to trace, and is not asked here.
    by_itself = alone(generator, critic)
    build = functools.partial(
        tiny_game, dataset, generator={"network": generator, "kwargs": small("generator", generator, size)},
        critic={"network": critic, "kwargs": small("critic", critic, size)}, train={"convolutions": "lax"},
        system={"conditional": conditional, "critic_updates": 1,
                "penalty": "gradient_penalty" if by_itself and generator not in SLOW else "none"})
    if len(sizes) > 1:
        with pytest.raises(ConfigError, match=rf"does not fit: .* is made for images \[{min(sizes)}, "):
            build()
    elif by_itself:
        before, after, _ = shapes_of_a_round(build(), dataset)
        assert after == before
    else:
        assert_losses_fit(build(), dataset)


@pytest.mark.parametrize(("loss", "penalty"), [("relativistic", "r1+r2"), ("hinge", "dragan")])
def test_a_round_of_real_numbers_is_finite(loss, penalty):
    state, metrics = played(tiny_game(system={"loss": loss, "penalty": penalty, "critic_updates": 1}))
    leaves = jax.tree.leaves((state.params, state.ema, metrics))
    assert all(np.all(np.isfinite(leaf)) for leaf in leaves)
    assert set(metrics) >= {f"critic/{name}" for name in penalty.split("+")}


@pytest.mark.parametrize("name", PENALTIES)
def test_a_critic_that_normalizes_over_the_batch_is_refused_with_a_penalty(name):
    with pytest.raises(ConfigError, match=r"(?s)config\.system\.penalty.*config\.networks\.critic") as error:
        tiny_game(critic={"kwargs": {"normalization": "batch"}}, system={"penalty": name})
    for words in (repr(name), "normalizes over the batch", "normalization=layer", "penalty=none"):
        assert words in str(error.value)


@pytest.mark.parametrize(("normalization", "penalty"), [("batch", "none"), ("layer", "gradient_penalty")])
def test_a_critic_that_normalizes_is_taken_where_it_can_work(normalization, penalty):
    game = tiny_game(critic={"kwargs": {"normalization": normalization}}, system={"penalty": penalty})
    before, after, _ = shapes_of_a_round(game, POINTS)
    assert after == before


@pytest.mark.parametrize("conditional", [False, True])
def test_labels_count_if_and_only_if_the_game_is_conditional(conditional):
    game = tiny_game(system={"conditional": conditional, "critic_updates": 1, "penalty": "none"})
    play, before, batches = jax.jit(functools.partial(play_round, game)), start(game), real_batches(game)
    other = {**batches, "label": (batches["label"] + 1) % CLASSES}
    for network in ("critic", "generator"):
        one, two = (play(before, given)[0].params[network] for given in (batches, other))
        assert jax.tree.all(jax.tree.map(np.array_equal, one, two)) == (not conditional)
    sample = jax.jit(game.sampler.images)
    weights = {"generator": (before.params["generator"], before.variables["generator"])}
    first, second = (sample(weights, np.ones((1, 4), np.float32), np.asarray([label]), None, {}) for label in (0, 1))
    assert np.array_equal(first, second) == (not conditional)


def test_both_players_meet_a_critic_that_sees_the_labels():
    # Nobody learns and the generator is blind to labels: what differs between labels is the critic's view of them.
    game = tiny_game(system={"critic_updates": 1}, hyper={"critic_lr": 0.0, "generator_lr": 0.0})
    play, before, batches = jax.jit(functools.partial(play_round, game)), start(game), real_batches(game)
    first = before.params["generator"]["dense_0"]
    first["kernel"] = np.array(first["kernel"])
    first["kernel"][-CLASSES:] = 0.0
    one, two = (play(before, {**batches, "label": np.full_like(batches["label"], label)})[1] for label in (0, 1))
    assert {name for name in one if one[name] != two[name]} == {
        "critic/real_logits", "critic/fake_logits", "critic/gradient_penalty", "critic/loss", "generator/loss"}


@pytest.mark.parametrize(("distribution", "deviation"), [("uniform", 3**-0.5), ("normal", 1.0)])
def test_latents_follow_their_distribution(distribution, deviation):
    game = tiny_game(system={"latent_distribution": distribution, "latent_size": 64})
    latents = np.asarray(jax.jit(game.sampler.latents)(example_keys(jax.random.key(0), jnp.arange(512))))
    assert latents.shape == (512, 64)
    # 32,768 draws: the deviation of their mean is below 0.006, that of their deviation below 0.004.
    assert abs(latents.mean()) < 0.03
    assert abs(latents.std() - deviation) < 0.02
    assert (np.max(np.abs(latents)) <= 1.0) == (distribution == "uniform")
    assert np.min(latents) < -0.9


def test_only_the_generator_is_averaged_and_sampled():
    game = tiny_game()
    assert game.ema == averages("generator")
    assert game.sampler.networks == ("generator",)


def test_the_critic_repeats_and_the_generator_does_not():
    game = tiny_game(system={"critic_updates": 4})
    assert [(update.name, update.trains, update.repeats) for update in game.round] == [
        ("critic", ("critic",), 4), ("generator", ("generator",), 1)]


OUTSIDE = '''
import optax
from ganlab.types import AdversarialLoss

loss = AdversarialLoss(lambda real, fake: fake - real, lambda real, fake: -fake)
not_a_loss = 3
def penalty(logit_fn, real, fake, keys):
    return 7.0 + 0.0 * logit_fn(real, keys)
def cropped(images, keys, p):
    return images[:, :4]
def optimizer(lr, warmth):
    return optax.sgd(lr * warmth)
'''


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A package of the user's own on Python's path."""
    package = tmp_path / "outside_ganlab"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "parts.py").write_text(OUTSIDE)
    monkeypatch.syspath_prepend(tmp_path)


def test_losses_penalties_and_optimizers_come_from_outside_by_module_and_name(outside):
    own = {"optimizer": "outside_ganlab.parts:optimizer"}
    game = tiny_game(
        critic=own, system={"loss": "outside_ganlab.parts:loss", "penalty": "outside_ganlab.parts:penalty+r1"},
        hyper={"critic_lr": 0.1, "critic_warmth": 0.0, "penalty_weight": 2.0, "r1_weight": 0.0})
    state, metrics = played(game)
    assert float(metrics["critic/penalty"]) == pytest.approx(7.0)
    wasserstein = float(metrics["critic/fake_logits"] - metrics["critic/real_logits"])
    assert float(metrics["critic/loss"]) == pytest.approx(wasserstein + 14.0, rel=1e-5)
    # Its warmth of zero stands still.
    before = start(game).params["critic"]
    assert jax.tree.all(jax.tree.map(np.array_equal, state.params["critic"], before))


MISTAKES = {
    "an unknown augmentation": ({"system": {"augment": "ada:bcg"}}, ["config.system.augment 'ada:bcg'", "ada:bgc"]),
    "an augmentation from outside that makes other images": (
        {"system": {"augment": "outside_ganlab.parts:cropped"}}, ["config.system.augment", "(8, 8, 1)", "keep both"]),
    "a module that does not import": (
        {"system": {"loss": "outside_gan:loss"}}, ["config.system.loss", "outside_gan", "does not import"]),
    "an attribute that is not there": (
        {"system": {"loss": "outside_ganlab.parts:lost"}}, ["config.system.loss", "outside_ganlab.parts", "'lost'"]),
    "something that is not a loss": (
        {"system": {"loss": "outside_ganlab.parts:not_a_loss"}}, ["config.system.loss", "AdversarialLoss"]),
    "a function that is not a pair": (
        {"system": {"loss": "outside_ganlab.parts:penalty"}}, ["config.system.loss", "AdversarialLoss"]),
    "a penalty that is not there": (
        {"system": {"penalty": "r1+outside_ganlab.parts:lost"}}, ["config.system.penalty", "'lost'"]),
    "a penalty that is not a function": (
        {"system": {"penalty": "outside_ganlab.parts:not_a_loss"}}, ["config.system.penalty", "not_a_loss"]),
    "an optimizer that is not a function": (
        {"critic": {"optimizer": "outside_ganlab.parts:not_a_loss"}},
        ["config.networks.critic.optimizer", "not_a_loss"]),
    "an optimizer whose number is missing": (
        {"critic": {"optimizer": "outside_ganlab.parts:optimizer"}}, ["config.hyper.critic_warmth", "missing"]),
    "an unknown loss": ({"system": {"loss": "hinges"}}, ["config.system.loss", "did you mean hinge?", "wasserstein"]),
    "an unknown penalty": ({"system": {"penalty": "r3"}}, ["config.system.penalty", "'r3'", "dragan"]),
    "none among penalties": ({"system": {"penalty": "none+r1"}}, ["config.system.penalty", "'none'"]),
    "an unknown optimizer": (
        {"critic": {"optimizer": "adma"}}, ["config.networks.critic.optimizer", "did you mean adam?", "rmsprop"]),
    "an unknown network": (
        {"critic": {"network": "dcgam"}}, ["config.networks.critic.network", "did you mean dcgan?", "mlp"]),
    "an unknown system": ({"system": {"name": "gam"}}, ["config.system.name", "did you mean gan?"]),
    "an unknown argument": (
        {"critic": {"kwargs": {"widht": 8}}}, ["config.networks.critic.kwargs", "'widht'", "did you mean width?"]),
    "an argument of the system's own": (
        {"critic": {"kwargs": {"num_classes": 2}}}, ["config.networks.critic.kwargs", "'num_classes'"]),
    "an unknown word": (
        {"generator": {"kwargs": {"activation": "rleu"}}}, ["activation", "did you mean relu?", "tanh"]),
    "a kernel that the stride does not divide": (
        {"critic": {"network": "dcgan", "kwargs": {"kernel": 5}}},
        ["config.networks.critic", "kernel 5", "not divisible by the stride 2"]),
    "a base that does not lead to the images": (
        {"generator": {"network": "dcgan", "kwargs": {"base": 3}}}, ["config.networks.generator", "base 3", "8x8"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_before_anything_compiles_and_its_text_names_key_and_remedy(outside, mistake):
    changes, words = MISTAKES[mistake]
    with pytest.raises(ConfigError) as error:
        tiny_game(IMAGES, **changes)
    for word in words:
        assert word in str(error.value)


def test_an_augmentation_is_refused_for_what_it_does_not_take():
    with pytest.raises(ConfigError, match=r"system.augment is 'diffaugment:cutout', .* \(2,\): points .* use none"):
        tiny_game(POINTS, system={"augment": "diffaugment:cutout"})
    deep = dataclasses.replace(IMAGES, images=np.zeros((64, 8, 8, 2), np.uint8))
    with pytest.raises(ConfigError, match=r"system.augment is 'ada:bgc', .* \(8, 8, 2\): colour .* ada:bg or none"):
        tiny_game(deep, system={"augment": "ada:bgc"})
    # Where nothing is coloured, any channels do.
    tiny_game(deep, system={"augment": "ada:bg"})


def test_images_cannot_be_made_of_points():
    with pytest.raises(ConfigError, match=r"config\.networks\.generator \(dcgan\).*use mlp"):
        tiny_game(POINTS, generator={"network": "dcgan"})
