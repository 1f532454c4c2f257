"""Standing statistics: means over batches of samples, as the official code of BigGAN computes them, for any layer."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from official_numbers import Numbers, relative_error
from tiny import IMAGES, POINTS, start, tiny_game

from ganlab.cli.import_biggan import COUNTS, STATISTICS
from ganlab.config import ConfigError
from ganlab.engine import make_mesh, make_programs, weights_of
from ganlab.game import Network
from ganlab.networks.biggan import BigGANGenerator
from ganlab.pretrained.biggan import biggan_generator_variables
from ganlab.systems.standing_statistics import has_batch_statistics, with_standing_statistics

BATCHES, IMAGES_OF_BATCH = 3, 4


def test_images_by_standing_statistics_are_those_of_the_official_code():
    numbers = Numbers("standing_statistics.npz")
    settings = numbers.meta["G"]
    module = BigGANGenerator((32, 32, 3), numbers.meta["n_classes"], width=settings["G_ch"],
                             shared=settings["shared_dim"], attention=(16,), unbiased=False)
    latents, labels = numbers["in/z"], numbers["in/y"]
    expected = dict(jax.eval_shape(lambda: module.init(jax.random.key(0), latents, labels)))

    def tensors(name):
        return {STATISTICS.sub(r".stored_\1", key): value for key, value in numbers.within(name).items()
                if not key.endswith(COUNTS)}

    variables = biggan_generator_variables(tensors("sd/mybn_G"), expected)
    network = Network(module, ())

    @jax.jit
    def play(variables):
        params, state = variables["params"], {name: tree for name, tree in variables.items() if name != "params"}
        standing = with_standing_statistics(network, params, state, numbers["in/mybn/z_acc"], numbers["in/mybn/y_acc"])
        return standing, network.evaluate(params, standing, latents, labels)

    standing, images = play(variables)
    assert relative_error(images, numbers.images("out/mybn/img_standing")) < 2e-5
    # The official statistics are sums; its singular vectors have moved with each batch, too.
    after = biggan_generator_variables(tensors("sd/mybn_G") | tensors("buf_after/mybn_G"), expected)
    after["batch_stats"] = jax.tree.map(lambda leaf: leaf / BATCHES, after["batch_stats"])
    for collection, tree in standing.items():
        jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5), tree,
                     after[collection])


class Normalized(nn.Module):
    """A generator of points whose layers keep other shares of their statistics."""

    image_shape: tuple[int, ...] = (2,)
    num_classes: int = 0
    axis_name: str | None = None
    batch_group = 0
    tracks_batch = True

    @nn.compact
    def __call__(self, latents, labels=None, keys=None, train=False):
        for momentum in (0.5, 0.99):
            latents = nn.BatchNorm(use_running_average=not train, momentum=momentum, axis_name=self.axis_name)(latents)
        return latents


@pytest.mark.parametrize("axis_name", [None, "devices"])
def test_statistics_are_means_over_batches_whatever_share_a_layer_keeps(axis_name):
    network = Network(Normalized(axis_name=axis_name), (jax.ShapeDtypeStruct((1, 2), jnp.float32),), "bfloat16")
    assert has_batch_statistics(network)
    params, variables = network.init(jax.random.key(0))
    latents = np.random.default_rng(0).normal(3.0, 2.0, (BATCHES, IMAGES_OF_BATCH, 2)).astype(np.float32)
    found = jax.jit(functools.partial(with_standing_statistics, network, axis_name=axis_name))(
        params, variables, latents, None)["batch_stats"]
    means, variances = latents.mean(axis=1), latents.var(axis=1)
    np.testing.assert_allclose(found["BatchNorm_0"]["mean"], means.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found["BatchNorm_0"]["var"], variances.mean(axis=0), rtol=1e-5)
    # What a normalized batch has, whose variance the layer before has divided.
    np.testing.assert_allclose(found["BatchNorm_1"]["mean"], 0, atol=1e-5)
    np.testing.assert_allclose(found["BatchNorm_1"]["var"], (variances / (variances + 1e-5)).mean(axis=0), rtol=1e-4)


@pytest.fixture(scope="module")
def played():
    """A game whose generator normalizes, its programs on two devices, and its weights."""
    game = tiny_game(IMAGES, generator={"network": "mlp", "kwargs": {"width": 8, "depth": 1, "normalization": "batch"}})
    return game, make_programs(game, make_mesh(game.batch_size)), weights_of(start(game), game.sampler.networks)


def test_a_sampler_prepares_weights_once_for_its_options_by_one_program(played):
    game, programs, weights = played
    key = jax.random.key(0)
    assert programs.prepare(weights, key, {}) is weights
    found = [jax.device_get(programs.prepare(weights, key, {"standing": 2, "truncation": truncation})["generator"][1])
             for truncation in (0.0, 0.5)]
    stored = weights["generator"][1]["batch_stats"]
    for one, other in zip(*map(jax.tree.leaves, found), strict=True):
        assert np.max(np.abs(one - other)) > 1e-4, "latents are drawn as they are for samples"
    assert jax.tree.map(np.shape, found[0]) == {"batch_stats": jax.tree.map(np.shape, stored)}
    # By itself, on one device.
    alone = jax.jit(lambda weights: game.sampler.prepare(weights, key, {"standing": 2}))(weights)["generator"][1]
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6), alone, found[0])


def test_samples_depend_on_the_number_of_batches_and_no_more_on_the_run(played):
    game, programs, weights = played
    latents, labels = np.ones((4, 4), np.float32), np.zeros(4, np.int32)
    params, variables = weights["generator"]
    shifted = {"generator": (params, jax.tree.map(lambda leaf: leaf + 1, variables))}
    stored, standing, again = (
        np.asarray(programs.sample(programs.prepare(given, jax.random.key(0), options), latents, labels, None, options))
        for given, options in ((weights, {}), (weights, {"standing": 2}), (shifted, {"standing": 2})))
    assert np.max(np.abs(stored - standing)) > 1e-3
    np.testing.assert_allclose(standing, again, rtol=1e-4, atol=1e-5)


def test_a_generator_without_batch_statistics_has_no_such_option():
    assert "standing" not in tiny_game().sampler.options
    with pytest.raises(ConfigError, match=r"config\.sample\.standing is 16, but what system 'gan' makes has no such"):
        tiny_game(POINTS, sample={"standing": 16})
