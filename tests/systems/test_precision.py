"""In bfloat16 networks compute in half the bytes; params, statistics, norms and losses stay in float32."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.extend.core import ClosedJaxpr, Jaxpr
from tiny import (
    IMAGES,
    POINTS,
    changing_parts,
    real_batches,
    start,
    tiny_config,
    tiny_game,
    tiny_vae_config,
)
from tiny_networks import side_of, tiny_kwargs

from ganlab.config import ConfigError
from ganlab.game import Network, play_round
from ganlab.networks import CRITICS, GENERATORS
from ganlab.penalties import PENALTIES
from ganlab.penalties.gradient import image_gradients, slopes
from ganlab.systems import build_game

HALF = {"precision": "bfloat16"}
BATCH = 8
PROGRAMS = (Jaxpr, ClosedJaxpr)


def equations(jaxpr):
    """All equations of a program, those of its inner programs too."""
    for equation in jaxpr.eqns:
        yield equation
        for value in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda v: isinstance(v, PROGRAMS)):
            if isinstance(value, PROGRAMS):
                yield from equations(getattr(value, "jaxpr", value))


def pass_of(player, family, precision, **kwargs):
    """A network, its shapes, and what a pass in training computes of them."""
    builder = (GENERATORS if player == "generator" else CRITICS)[family]
    size = side_of(family)
    tiny = tiny_kwargs(player, family, size)
    shape = (4,) if player == "generator" else (size, size, 1)
    module = builder(image_shape=(size, size, 1), num_classes=3, **tiny | kwargs)
    network = Network(module, (jax.ShapeDtypeStruct((1, *shape), jnp.float32), jax.ShapeDtypeStruct((1,), jnp.int32)),
                      precision)
    params, variables = jax.eval_shape(network.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((BATCH, *shape), jnp.float32)
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), BATCH))

    def apply(params, variables, x, labels, keys):
        return network.train(params, variables, x, labels, keys=keys)

    return apply, (params, variables, x, jax.ShapeDtypeStruct((BATCH,), jnp.int32), keys)


PASSES = [*(("generator", family, {}) for family in GENERATORS), *(("critic", family, {}) for family in CRITICS),
          ("generator", "mlp", {"normalization": "batch"}), ("generator", "mlp", {"normalization": "layer"}),
          ("critic", "mlp", {"spectral_normalization": True}), ("critic", "dcgan", {"spectral_normalization": True})]


@pytest.mark.parametrize(("player", "family", "kwargs"), PASSES)
def test_every_product_over_a_batch_is_of_halves_and_every_result_and_statistic_whole(player, family, kwargs):
    apply, arguments = pass_of(player, family, "bfloat16", **kwargs)
    jaxpr, (output, state) = jax.make_jaxpr(apply, return_shape=True)(*arguments)
    products = [equation for equation in equations(jaxpr.jaxpr)
                if equation.primitive.name in ("dot_general", "conv_general_dilated")
                # Those of power iterations are of one vector; they stay in float32.
                and not any(v.aval.ndim == 1 or 1 in v.aval.shape[:1] for v in equation.invars)]
    assert products and {v.aval.dtype for e in products for v in e.invars} == {jnp.dtype(jnp.bfloat16)}
    assert output.dtype == jnp.float32 and {leaf.dtype for leaf in jax.tree.leaves(state)} <= {jnp.dtype(jnp.float32)}
    roots = [v.aval.dtype for e in equations(jaxpr.jaxpr) if e.primitive.name in ("rsqrt", "sqrt") for v in e.invars]
    assert set(roots) <= {jnp.dtype(jnp.float32)} and (bool(roots) or kwargs.get("normalization") is None)


def gradients_of(train, dataset):
    """The critic's changes in a step of plain gradient descent at rate 1, flat, with the state after it and metrics."""
    size = {"width": 32, "depth": 2}
    # A smooth critic: a unit that rounding moves over the kink of a leaky ReLU has another slope in any precision.
    game = tiny_game(dataset, generator={"kwargs": {**size, "normalization": "batch"}},
                     critic={"optimizer": "sgd", "kwargs": {**size, "activation": "softplus"}}, train=train,
                     system={"critic_updates": 1, "latent_size": 16}, hyper={"critic_lr": 1.0}, batch_size=32)
    before = start(game)
    # The critic's step alone: the generator's starts from another critic in another precision.
    game = dataclasses.replace(game, round=game.round[:1])
    after, metrics = jax.jit(functools.partial(play_round, game))(before, real_batches(game, dataset))
    flat = [np.ravel(one - other) for one, other in zip(jax.tree.leaves(after.params["critic"]),
                                                        jax.tree.leaves(before.params["critic"]), strict=True)]
    return np.concatenate(flat), after, metrics


def test_gradients_through_a_penalty_agree_with_those_of_float32_to_the_rounding_of_halves():
    whole, _, expected = gradients_of({}, IMAGES)
    half, state, metrics = gradients_of(HALF, IMAGES)
    error = np.linalg.norm(half - whole) / np.linalg.norm(whole)
    assert 1e-4 < error < 2**-6
    for name, value in metrics.items():
        np.testing.assert_allclose(value, expected[name], rtol=2**-5, atol=2**-6)
    assert {leaf.dtype for leaf in jax.tree.leaves(changing_parts(state))} <= {np.dtype(np.float32), np.dtype(np.int32)}


def test_a_penalty_norms_gradients_in_float32():
    apply, arguments = pass_of("critic", "mlp", "bfloat16")
    params, variables, images, labels, keys = arguments

    def logit_fn(params):
        return lambda x, keys: apply(params, {}, x, jnp.zeros(BATCH, jnp.int32), keys)[0]

    assert jax.eval_shape(lambda p, x, k: image_gradients(logit_fn(p), x, k), params, images, keys).dtype == jnp.float32
    jaxpr = jax.make_jaxpr(lambda p, x, k: slopes(logit_fn(p), x, k))(params, images, keys)
    last = jaxpr.jaxpr.eqns[-8:]
    assert "sqrt" in {equation.primitive.name for equation in last}
    norms = [equation for equation in last if equation.primitive.name in ("reduce_sum", "sqrt")]
    assert {v.aval.dtype for equation in norms for v in equation.invars} == {jnp.dtype(jnp.float32)}


@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_penalty_trains_in_halves(penalty):
    game = tiny_game(system={"penalty": penalty, "critic_updates": 1}, train=HALF)
    before = jax.eval_shape(lambda: start(game))
    after, _ = jax.eval_shape(functools.partial(play_round, game), before, real_batches(game))
    assert jax.tree.map(lambda leaf: leaf.dtype, after) == jax.tree.map(lambda leaf: leaf.dtype, before)


def test_an_autoencoder_takes_halves():
    game = build_game(tiny_vae_config(train=HALF, system={"reconstruction": "squared_error"}), POINTS)
    state, metrics = jax.jit(functools.partial(play_round, game))(start(game), real_batches(game))
    assert np.isfinite(metrics["vae/loss"])
    assert {leaf.dtype for leaf in jax.tree.leaves(state.params)} == {np.dtype(np.float32)}


class Forgetful(nn.Module):
    """A critic that keeps the mean of its batch as it computes it."""

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None

    @nn.compact
    def __call__(self, images, labels=None, keys=None, train=False):
        mean = self.variable("means", "mean", jnp.zeros, (2,))
        if train:
            mean.value = jnp.mean(images, axis=0)
        return nn.Dense(1)(images - mean.value)[..., 0]


class Strict(nn.Module):
    """A critic of operations that do not mix types."""

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None

    @nn.compact
    def __call__(self, images, labels=None, keys=None, train=False):
        kernel = self.param("kernel", nn.initializers.ones, (2, 1))
        return jax.lax.add(jax.lax.dot(images, kernel)[:, 0], jnp.zeros(images.shape[:1], jnp.float32))


@pytest.mark.parametrize(("critic", "reason"), [("Forgetful", "keep its variables 'means' in bfloat16"),
                                                ("Strict", "requires arguments to have equal types|same dtype|dtypes")])
def test_a_network_that_cannot_compute_in_halves_is_refused_with_the_reason(critic, reason):
    options = {"system": {"conditional": False, "penalty": "none"}, "critic": {"network": f"{__name__}:{critic}"}}
    tiny_game(**options)
    with pytest.raises(ConfigError, match=f"precision is 'bfloat16', which config.networks.critic.*({reason})"):
        tiny_game(**options, train=HALF)


def own_system(config, data, axis_name=None):
    """A system that makes its networks by itself."""
    from ganlab.systems.gan import gan

    whole = tiny_config()
    return gan(whole, data, axis_name)


@pytest.mark.parametrize("train", [HALF, {"accumulate": 2}, {"rematerialize": True}, {"convolutions": "lax"}])
def test_a_system_that_does_not_follow_a_switch_is_refused(train):
    config = tiny_config(train=train)
    config.system = {"name": f"{__name__}:own_system"}
    del config.hyper["gradient_penalty_weight"]
    with pytest.raises(ConfigError, match=f"config.train.{next(iter(train))} .* does not follow"):
        build_game(config, POINTS)
