"""StyleGAN3 is played in the rounds of StyleGAN2: what it changes there, and how its images move with its input."""

import functools

import jax
import numpy as np
import pytest
from tiny import BATCH, real_batches, start, tiny_style_config

from ganlab.augment import blurred
from ganlab.data import Dataset
from ganlab.game import Scene
from ganlab.systems import build_game

SIDE = 16
DATA = Dataset("pictures", np.zeros((BATCH, SIDE, SIDE, 1), np.uint8), np.zeros(BATCH, np.int32), ("a",))
GENERATOR = {"network": "stylegan3", "kwargs": {
    "channel_base": 64, "channel_max": 8, "layers": 3, "critical_layers": 1, "styles": 4, "margin": 6}}


def game_of(blur):
    return build_game(tiny_style_config(
        generator=GENERATOR, system={"path_interval": 0, "follow": "critic", "blur": blur},
        hyper={"style_mixing": 0.0}), DATA)


@pytest.fixture(scope="module")
def game():
    return game_of("gaussian")


@pytest.fixture(scope="module")
def state(game):
    return start(game)


@pytest.fixture(scope="module")
def results(game, state):
    """What each update's loss returns, for a blur of so many pixels."""
    batch = {name: array[0] for name, array in real_batches(game, DATA).items()} | {"index": np.arange(BATCH)}

    def losses(game, blur):
        scene = Scene(state.params, state.variables, game.memory, batch, jax.random.key(1),
                      {**game.hyper, "blur_sigma": blur})
        return {update.name: update.loss(scene) for update in game.round}

    return jax.jit(functools.partial(losses, game))


def test_averages_follow_the_critics_updates_alone(state, results):
    found = results(0.0)
    before = state.variables["generator"]
    averages = {"styles", "magnitudes"}
    for name, (_, aux) in found.items():
        moved = {kind for kind in before if any(
            np.any(one != other) for one, other in zip(
                jax.tree.leaves(before[kind]), jax.tree.leaves(aux.variables.get("generator", before)[kind]),
                strict=True))}
        assert moved == (averages if name == "critic" else set())


def test_the_critic_sees_all_images_blurred(game, state, results):
    sharp, soft = results(0.0), results(2.0)
    for name in ("generator", "critic", "penalty"):
        assert abs(float(sharp[name][0]) - float(soft[name][0])) > 1e-6 * abs(float(sharp[name][0]))
    critic = game.round[0].loss.__self__.critic
    images = real_batches(game, DATA)["image"][0]
    np.testing.assert_allclose(critic.within({"blur_sigma": 2.0}).seen(images, None, None), blurred(images, 2.0),
                               rtol=1e-6)
    assert critic.within({}).blur is None


def test_images_move_with_the_input(game, state):
    weights = {"generator": (state.params["generator"], state.variables["generator"])}
    latents = game.sampler.latents(jax.random.split(jax.random.key(0), 4), {})
    labels = np.zeros(4, np.int32)
    draw = jax.jit(lambda options: game.sampler.images(weights, latents, labels, None, options))
    still, moved = (draw({"translate_x": np.float32(x), "translate_y": np.float32(y), "rotate": np.float32(0)})
                    for x, y in ((0, 0), (2 / SIDE, -3 / SIDE)))
    # To the right and up; borders show what was outside.
    expected, found = still[:, 3:, :-2], moved[:, :-3, 2:]
    assert np.mean(np.square(found - expected)) < 1e-3 * np.var(expected)
    # What stands still is far from it.
    assert np.mean(np.square(still - moved)) > 0.1 * np.var(still)
