"""A toy that grows from 4x4 to 8x8 pixels, as a system from outside the tree."""

import dataclasses

import jax
import jax.numpy as jnp
from flax import linen as nn

from ganlab.game import Aux, Game, Network, Sampler, Stage, Update, averages, example_keys, named_keys
from ganlab.systems.parts import game_parts

LATENTS, SMALL, LARGE = 3, 4, 8
ROUNDS = 4
"""Of the first stage."""


def resized(images, side):
    """Images [b, h, w, 1] at another side: repeated, or means."""
    factor = images.shape[1] / side
    if factor < 1:
        return jnp.repeat(jnp.repeat(images, side // images.shape[1], 1), side // images.shape[1], 2)
    step = int(factor)
    return images.reshape(len(images), side, step, side, step, 1).mean((2, 4))


def dense(features, name):
    """A layer in the precision of the moment."""
    return nn.Dense(features, param_dtype=float, name=name)


class Generator(nn.Module):
    """A small picture, and from the second stage on what a large one adds; always of the full resolution."""

    side: int
    batch_group = 1
    tracks_batch = False

    @nn.compact
    def __call__(self, latents, keys=None, train=False):
        images = dense(SMALL**2, "small")(latents).reshape(-1, SMALL, SMALL, 1)
        images = resized(images, LARGE)
        if self.side == LARGE:
            images += dense(LARGE**2, "large")(latents).reshape(-1, LARGE, LARGE, 1)
        return jnp.tanh(images)


class Critic(nn.Module):
    """A logit of the small picture, and from the second stage on of the large one besides."""

    side: int
    batch_group = 1
    tracks_batch = False

    @nn.compact
    def __call__(self, images, keys=None, train=False):
        logits = dense(1, "small")(resized(images, SMALL).reshape(len(images), -1))
        if self.side == LARGE:
            logits += dense(1, "large")(images.reshape(len(images), -1))
        return logits[:, 0]


def growing(config, data, axis_name=None):
    """Two stages: of small batches and pictures, then of both twice as large, with optimizers that start again."""
    del data

    def reset(state):
        return state.replace(opt_state=jax.tree.map(jnp.zeros_like, state.opt_state))

    small, large = (stage_game(config, side, size, axis_name)
                    for side, size in ((SMALL, config["batch_size"]), (LARGE, 2 * config["batch_size"])))
    rounds = config["hyper"].get("first_rounds", config["system"].get("rounds", ROUNDS))
    return Stage(small, int(rounds)), Stage(large, None, reset)


def stage_game(config, side, batch_size, axis_name):
    """The game of one stage."""
    networks = {"generator": Network(Generator(side), (jax.ShapeDtypeStruct((1, LATENTS), jnp.float32),)),
                "critic": Network(Critic(side), (jax.ShapeDtypeStruct((1, LARGE, LARGE, 1), jnp.float32),))}

    def latents(keys, options=None):
        return jax.vmap(lambda key: jax.random.normal(key, (LATENTS,), float))(keys)

    def fake(scene):
        keys = named_keys(scene.key, "latents")
        return networks["generator"].train(scene.params["generator"], {}, latents(
            example_keys(keys["latents"], scene.batch["index"])), keys=None)[0]

    def logits(scene, images):
        return networks["critic"].train(scene.params["critic"], {}, images, keys=None)[0]

    def critic_loss(scene):
        total = jnp.mean(jax.nn.softplus(-logits(scene, scene.batch["image"])) + jax.nn.softplus(logits(scene, fake(scene))))
        return total, Aux({"critic": {}}, scene.memory, {})

    def generator_loss(scene):
        total = scene.hyper["share"] * jnp.mean(jax.nn.softplus(-logits(scene, fake(scene))))
        return total, Aux({"generator": {}}, scene.memory, {})

    def images(weights, latents, labels, keys, options):
        return networks["generator"].evaluate(*weights["generator"], latents)

    # A number of its own, which rises over both stages.
    parts = game_parts(config)
    parts |= {"hyper": {**parts["hyper"], "share": 0.5},
              "ramps": {**parts["ramps"], "share": lambda hyper, kimg: hyper["share"] + 10 * kimg}}
    game = Game(networks=networks, axis_name=axis_name, ema=averages("generator"),
                round=(Update("critic", ("critic",), critic_loss),
                       Update("generator", ("generator",), generator_loss, images="none")),
                sampler=Sampler(("generator",), latents, images), reduction=LARGE // side, **parts)
    return dataclasses.replace(game, batch_size=batch_size)
