"""R3GAN's game: its losses are those of the paper's equations, and its numbers move together along cosines."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import BATCH, IMAGES, real_batches, start, tiny_r3gan_config

from ganlab.config import ConfigError
from ganlab.game import Scene, named_keys
from ganlab.losses import ADVERSARIAL_LOSSES
from ganlab.penalties import PENALTIES
from ganlab.systems import build_game

GAMMA = 0.3
PERCEPTRON = {"network": "mlp", "kwargs": {"width": 8, "depth": 1}}


def test_both_players_learn_by_pairs_and_the_critic_by_half_of_both_squared_slopes(float64):
    game = build_game(tiny_r3gan_config(critic=PERCEPTRON, hyper={"gamma": GAMMA}, system={"conditional": True}), IMAGES)
    state, players = start(game), game.round[0].loss.__self__
    batch = {name: array[0] for name, array in real_batches(game, IMAGES).items()} | {"index": np.arange(BATCH)}
    loss = ADVERSARIAL_LOSSES["relativistic"]

    @jax.jit
    def play(params, key):
        scene = Scene(params, state.variables, state.memory, batch, key, state.hyper)
        fake, _ = players._fake(scene, named_keys(key, "fake", "real_logits", "fake_logits")["fake"])

        def logits(images, keys):
            return game.networks["critic"].train(params["critic"], {}, images, batch["label"], keys=keys)[0]

        keys = jax.random.split(key, BATCH)
        penalties = {name: PENALTIES[name](logits, batch["image"], fake, keys) for name in ("r1", "r2")}
        real_logits, fake_logits = logits(batch["image"], keys), logits(fake, keys)
        losses = loss.critic(real_logits, fake_logits) + GAMMA * (penalties["r1"] + penalties["r2"])
        return (players.critic_loss(scene), players.generator_loss(scene), jnp.mean(losses),
                jnp.mean(loss.generator(real_logits, fake_logits)), jax.tree.map(jnp.mean, penalties))

    (critic, aux), (generator, _), expected, wanted, penalties = play(state.params, state.key)
    np.testing.assert_allclose([critic, generator], [expected, wanted], rtol=1e-9)
    for name, penalty in penalties.items():
        np.testing.assert_allclose(aux.metrics[name], penalty, rtol=1e-9)


def test_all_numbers_follow_one_cosine_of_the_images_shown():
    shapes = {"gamma": (2.0, 0.2), "critic_lr": (2e-4, 5e-5), "critic_beta2": (0.9, 0.99), "augment_p": (0.0, 0.3),
              "ema_half_life_kimg": (0.0, 500.0)}
    hyper = {"augment_target": 0.0, "ema_warmup": 0.0}
    for name, (first, last) in shapes.items():
        hyper |= {name: first, f"{name}_ramp_final": last, f"{name}_ramp_end_kimg": 100.0}
    game = build_game(tiny_r3gan_config(
        system={"augment": "ada:r3gan"}, critic={"optimizer": "adam"}, hyper=hyper,
        ramps="+".join(f"{name}:cosine" for name in shapes)), IMAGES)
    numbers = jax.jit(functools.partial(game.numbers, {name: jnp.float32(value) for name, value in game.hyper.items()}))
    for kimg, share in ((0.0, 0.0), (50.0, 0.5), (100.0, 1.0), (1000.0, 1.0)):
        found = numbers(jnp.float32(kimg))
        for name, (first, last) in shapes.items():
            np.testing.assert_allclose(found[name], first + share * (last - first), rtol=1e-5, atol=1e-6)
    # A fixed chance is that of the numbers, and no controller moves it.
    np.testing.assert_allclose(game.round[0].loss.__self__.critic.chance(game.memory, numbers(jnp.float32(50.0))), 0.15,
                               rtol=1e-5)


def test_a_critic_that_normalizes_over_the_batch_is_refused():
    critic = {"network": "mlp", "kwargs": {"normalization": "batch", "width": 8, "depth": 1}}
    with pytest.raises(ConfigError, match="system.name is 'r3gan', which needs the gradient .* or system.name=gan"):
        build_game(tiny_r3gan_config(critic=critic), IMAGES)
