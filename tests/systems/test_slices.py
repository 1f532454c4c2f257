"""Memory for time: a batch in slices, and networks computed again, give the numbers of the whole batch."""

import collections
import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from tiny import (
    IMAGES,
    POINTS,
    TINTED,
    assert_close,
    changing_parts,
    real_batches,
    scan_in_python,
    start,
    tiny_config,
    tiny_game,
    tiny_vae_config,
)

from ganlab.config import ConfigError
from ganlab.engine import DATA_AXIS, DeviceFeed, make_mesh, make_programs, replicated
from ganlab.game import Network, averages, init_state, play_round
from ganlab.networks import CRITICS
from ganlab.systems import build_game

CASES = {
    "WGAN-GP": {},
    "packs, augmentations, history, noise, dropout and spectral normalization": {
        "critic": {"kwargs": {"spectral_normalization": True, "dropout": 0.3}},
        "system": {"packing": 2, "conditional": False, "generator_batches": 2, "critic_updates": 1,
                   "tricks": "historical_averaging+instance_noise", **TINTED["system"]},
        "hyper": TINTED["hyper"]},
    "a relativistic pair with R1 and layer normalization": {
        # Nothing but rounding moves the bias of a critic whose logits are compared, and Adam would amplify it.
        "generator": {"kwargs": {"normalization": "layer"}}, "critic": {"optimizer": "sgd"},
        "system": {"loss": "relativistic", "penalty": "r1", "critic_step": "one_pass", "critic_updates": 1}},
}


def after_two_rounds(build):
    game = build()
    play, state, found = jax.jit(functools.partial(play_round, game)), start(game), []
    for number in range(2):
        state, metrics = play(state, real_batches(game, number=number))
        found.append(metrics)
    return changing_parts(state), found


@functools.cache
def whole(name):
    return after_two_rounds(lambda: tiny_game(batch_size=16, **CASES[name]))


@pytest.mark.parametrize("name", CASES)
def test_four_slices_equal_the_large_batch(float64, name):
    sliced = after_two_rounds(lambda: tiny_game(batch_size=16, train={"accumulate": 4}, **CASES[name]))
    assert_close(sliced, whole(name))


def test_slices_in_a_row_equal_the_scan(float64, monkeypatch):
    game = tiny_game(batch_size=16, train={"accumulate": 4}, **CASES["WGAN-GP"])
    before, batches = start(game), real_batches(game, number=0)
    expected, expected_metrics = jax.jit(functools.partial(play_round, game))(before, batches)
    monkeypatch.setattr(jax.lax, "scan", scan_in_python)
    state, metrics = jax.jit(functools.partial(play_round, game))(before, batches)
    assert_close(changing_parts(state), changing_parts(expected))
    assert_close(metrics, expected_metrics)


@pytest.mark.parametrize("engine", ["jit", "pmap"])
def test_slices_over_devices_equal_the_large_batch(float64, engine):
    game = tiny_game(batch_size=16, axis_name=DATA_AXIS if engine == "pmap" else None, train={"accumulate": 4})
    mesh = make_mesh(16, slices=4)
    programs = make_programs(game, mesh)
    state = jax.device_put(start(game), replicated(mesh))
    # Awaited, because the collectives of several virtual devices can deadlock when they queue.
    sliced = jax.block_until_ready(programs.play(state, DeviceFeed(POINTS, mesh).next()))
    single = make_mesh(16, devices=1)
    game = tiny_game(batch_size=16)
    large = make_programs(game, single).play(start(game), DeviceFeed(POINTS, single).next())
    assert_close((changing_parts(sliced[0]), sliced[1]), (changing_parts(large[0]), large[1]))


def test_slices_of_an_autoencoder_equal_its_large_batch(float64):
    def build(**train):
        return build_game(tiny_vae_config(train=train, system={"reconstruction": "squared_error"}), POINTS)

    assert_close(after_two_rounds(lambda: build(accumulate=4)), after_two_rounds(build))


def test_networks_computed_again_give_the_same_numbers(float64):
    name = "WGAN-GP"
    again = after_two_rounds(lambda: tiny_game(batch_size=16, train={"rematerialize": True}, **CASES[name]))
    assert_close(again, whole(name))


def kept_bytes(rematerialize):
    """Bytes that a pass keeps for its gradient, besides the arguments."""
    module = CRITICS["mlp"](image_shape=(2,), width=64, depth=4)
    network = Network(module, (jax.ShapeDtypeStruct((1, 2), jnp.float32),), rematerialize=rematerialize)
    params, variables = jax.eval_shape(network.init, jax.random.key(0))
    images = jax.ShapeDtypeStruct((512, 2), jnp.float32)

    def backward(params, images):
        return jax.vjp(lambda p, x: network.train(p, {}, x, keys=None)[0], params, images)[1]

    kept, given = (collections.Counter(leaf.shape for leaf in jax.tree.leaves(tree))
                   for tree in (jax.eval_shape(backward, params, images), (params, images)))
    # Not every argument is kept: biases are not.
    return sum(4 * math.prod(shape) for shape in (kept - given).elements())


def test_a_network_that_is_computed_again_keeps_its_inputs_alone():
    assert kept_bytes(True) == 0 < 4 * 512 * 64 * 4 <= kept_bytes(False)


@pytest.mark.parametrize(("changes", "reason"), [
    ({"generator": {"kwargs": {"normalization": "batch"}}},
     "config.networks.generator normalizes over the batch.*or train.slice_statistics=True"),
    ({"system": {"penalty": "gradient_penalty+dragan"}}, "config.system.penalty 'dragan' looks across the batch"),
    ({"system": {"tricks": "top_k"}}, "config.system.tricks 'top_k' looks across the batch"),
    ({"system": {"tricks": "feature_matching"}}, "config.system.tricks 'feature_matching' looks across the batch")])
def test_slices_that_would_not_be_the_batch_are_refused_with_the_reason(changes, reason):
    with pytest.raises(ConfigError, match=f"accumulate is 2, but {reason}"):
        tiny_game(train={"accumulate": 2}, **changes)


class Counting(nn.Module):
    """A generator that normalizes over the batch, and counts how often it did."""

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    batch_group = 0
    tracks_batch = True

    @nn.compact
    def __call__(self, latents, labels=None, keys=None, train=False):
        passes = self.variable("passes", "number", jnp.zeros, ())
        if train:
            passes.value = passes.value + 1
        return nn.Dense(2)((latents - latents.mean(0)) / jnp.sqrt(latents.var(0) + 1e-5))


def test_slices_with_statistics_of_their_own_follow_one_another():
    game = tiny_game(batch_size=16, train={"accumulate": 4, "slice_statistics": True},
                     generator={"network": f"{__name__}:Counting"}, system={"critic_updates": 1, "penalty": "none"})
    state, metrics = jax.jit(functools.partial(play_round, game))(start(game), real_batches(game))
    # An update of the critic leaves no trace in the generator.
    assert state.variables["generator"]["passes"]["number"] == 4
    assert all(np.isfinite(value) for value in metrics.values())


def test_the_round_of_biggan_has_all_its_parts():
    dataset = dataclasses.replace(IMAGES, images=np.zeros((len(IMAGES), 32, 32, 1), np.uint8))
    game = tiny_game(
        dataset, system={"critic_updates": 2, "loss": "hinge", "penalty": "none"},
        generator={"network": "biggan", "regularizers": "orthogonal", "kwargs": {"width": 2, "attention": ()}},
        critic={"network": "biggan", "kwargs": {"width": 2, "attention": ()}},
        train={"accumulate": 2, "slice_statistics": True, "convolutions": "lax"}, hyper={"ema_start_kimg": 1.0})
    # Its average has averages of everything that floats, statistics and singular vectors.
    game = dataclasses.replace(game, ema=averages("generator", variables="average"))
    before = jax.eval_shape(functools.partial(init_state, game), jax.random.key(0))
    after, metrics = jax.eval_shape(functools.partial(play_round, game), before, real_batches(game, dataset))
    assert after == before and before.ema_variables["generator"].keys() == {"batch_stats", "spectral"}
    assert "generator/generator_orthogonal" in metrics
    # A round counts the images of both critic updates.
    assert game.images_per_round == 2 * game.batch_size


def test_slices_that_do_not_divide_the_batch_are_answered_with_sizes():
    with pytest.raises(ConfigError, match="config.batch_size is 8, .* in each of 3 slices .config.train.accumulate.; use a multiple of 3"):
        build_game(tiny_config(train={"accumulate": 3}), POINTS)
    with pytest.raises(ConfigError, match="8 does not divide over 4 devices in 4 slices each .*; use 16"):
        make_mesh(8, slices=4)
    assert np.prod(make_mesh(16, slices=4).devices.shape) == 4
