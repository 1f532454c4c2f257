"""The variational autoencoder: its loss is the bound, its numbers are traced, its parts fit together."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import IMAGES, POINTS, assert_close, changing_parts, real_batches, start, tiny_config, tiny_vae_config
from tiny_networks import ALWAYS_CONDITIONAL, side_of, tiny_kwargs

from ganlab.config import ConfigError
from ganlab.game import Scene, example_keys, init_state, play_round
from ganlab.losses import RECONSTRUCTION_LOSSES, divergence_from_standard_normal
from ganlab.networks import ENCODERS, GENERATORS
from ganlab.systems import build_game

DEVICES = 4


def vae_game(dataset=IMAGES, axis_name=None, **changes):
    return build_game(tiny_vae_config(**changes), dataset, axis_name=axis_name)


class Bound:
    """The update's loss of a game of smooth networks as a jitted function of params and numbers, draws held."""

    def __init__(self):
        smooth = {"kwargs": {"width": 8, "depth": 1, "activation": "tanh"}}
        self.game = vae_game(encoder=smooth, decoder=smooth)
        self.state = start(self.game)
        batch = {name: array[0] for name, array in real_batches(self.game, IMAGES).items()}
        self.images = batch["image"]
        batch = {**batch, "index": np.arange(self.game.batch_size)}
        self._loss = jax.jit(jax.value_and_grad(
            lambda params, hyper, key: self.game.round[0].loss(Scene(params, self.state.variables, {}, batch, key, hyper)),
            has_aux=True))

    def __call__(self, params=None, key=0, **hyper):
        """Loss, metrics and gradient."""
        (loss, aux), gradient = self._loss(params or self.state.params,
                                           {**self.state.hyper, **{name: np.float64(value) for name, value in
                                                                   hyper.items()}}, jax.random.key(key))
        return loss, aux.metrics, gradient


make_bound = functools.cache(Bound)


@pytest.fixture
def bound(float64):
    return make_bound()


def test_the_loss_is_reconstruction_plus_beta_times_the_divergence(bound):
    for beta in (0.0, 1.0, 4.0):
        loss, metrics, _ = bound(beta=beta)
        assert float(loss) == pytest.approx(float(metrics["reconstruction"] + beta * metrics["kullback_leibler"]))

    @jax.jit
    def divergences(params):
        encoder = bound.game.networks["encoder"].module
        return divergence_from_standard_normal(*encoder.apply({"params": params}, bound.images))

    expected = np.mean(divergences(bound.state.params["encoder"]))
    assert float(metrics["kullback_leibler"]) == pytest.approx(float(expected), rel=1e-9)


def test_the_gradient_of_the_bound_is_that_of_finite_differences(bound):
    params = jax.device_get(bound.state.params)
    gradient, step = jax.device_get(bound()[2]), 1e-5
    rng = np.random.default_rng(0)
    for network in params:
        direction = jax.tree.map(np.zeros_like, params)
        direction[network] = jax.tree.map(lambda leaf: rng.standard_normal(leaf.shape), params[network])
        ahead, behind = (bound(jax.tree.map(lambda leaf, way, sign=sign: leaf + sign * step * way, params, direction))
                         for sign in (1, -1))
        slope = sum(np.sum(one * two) for one, two in zip(jax.tree.leaves(gradient), jax.tree.leaves(direction),
                                                           strict=True))
        assert float((ahead[0] - behind[0]) / (2 * step)) == pytest.approx(float(slope), rel=1e-6)


def test_the_draw_has_the_deviation_of_the_encoder(bound):
    # A variance of nothing leaves the mean: the key no longer counts.
    params = jax.device_get(bound.state.params)
    assert bound(params, key=0)[0] != bound(params, key=1)[0]
    params["encoder"]["log_variance"] = jax.tree.map(np.zeros_like, params["encoder"]["log_variance"])
    losses = {}
    for variance in (1e-8, 1e-4):
        params["encoder"]["log_variance"]["bias"] = np.full(2, np.log(variance))
        losses[variance] = [float(bound(params, key=key, beta=0.0)[0]) for key in (0, 1)]
    # Differences of draws grow as the deviation, by sqrt(1e4).
    small, large = (abs(one - other) for one, other in losses.values())
    assert small < 1e-2
    assert large / small == pytest.approx(100, rel=0.1)


def test_the_divergence_pulls_on_the_encoder_alone_and_by_beta(bound):
    free, once, twice = (jax.device_get(bound(beta=beta)[2]) for beta in (0.0, 1.0, 2.0))
    assert_close(once["decoder"], free["decoder"])
    pulls = [jax.tree.map(lambda one, two: one - two, other["encoder"], free["encoder"]) for other in (once, twice)]
    assert_close(pulls[1], jax.tree.map(lambda leaf: 2 * leaf, pulls[0]), rtol=1e-6)
    assert np.max(np.abs(pulls[0]["log_variance"]["bias"])) > 1e-3


@pytest.mark.parametrize("reconstruction", RECONSTRUCTION_LOSSES)
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("decoder", [family for family in GENERATORS
                                     if side_of(family, 0) == 0 and family not in ALWAYS_CONDITIONAL])
def test_any_encoder_goes_with_any_decoder_and_any_loss(encoder, decoder, reconstruction):
    game = vae_game(encoder={"network": encoder, "kwargs": {}}, decoder={"network": decoder, "kwargs": tiny_kwargs("generator", decoder)},
                    system={"reconstruction": reconstruction})
    before = jax.eval_shape(functools.partial(init_state, game), jax.random.key(0))
    after, metrics = jax.eval_shape(functools.partial(play_round, game), before, real_batches(game, IMAGES))
    assert after == before
    assert {name: value.shape for name, value in metrics.items()} == {
        "vae/loss": (), "vae/reconstruction": (), "vae/kullback_leibler": ()}


def played(game, dataset=IMAGES, rounds=1, **hyper):
    """The state after some rounds in one program, the metrics of each, and how often it was traced."""
    traces = []

    def play(state, batches):
        traces.append(1)
        return jax.lax.scan(functools.partial(play_round, game), state, batches)

    batches = [real_batches(game, dataset, number) for number in range(rounds)]
    play, first = jax.jit(play), start(game)
    batches = jax.tree.map(lambda *leaves: np.stack(leaves), *batches)
    found = [play(first.replace(hyper={**first.hyper, **changes}), batches) for changes in ({}, hyper)]
    return found, len(traces)


def test_beta_is_traced_and_felt(float64):
    ((state, metrics), (other, others)), traces = played(vae_game(), beta=np.float64(3.0))
    assert traces == 1
    np.testing.assert_allclose(others["vae/loss"] - metrics["vae/loss"], 2 * metrics["vae/kullback_leibler"])
    assert not np.array_equal(state.params["encoder"]["mean"]["kernel"], other.params["encoder"]["mean"]["kernel"])


def test_points_are_learned_by_their_squared_error():
    adam = {"optimizer": "adam"}
    decoder = {**adam, "kwargs": {"width": 8, "depth": 1, "output_activation": "identity"}}
    game = vae_game(POINTS, encoder=adam, decoder=decoder, system={"reconstruction": "squared_error"},
                    hyper={"encoder_lr": 1e-2, "decoder_lr": 1e-2})
    ((_, metrics), _), _ = played(game, POINTS, rounds=200)
    losses = metrics["vae/loss"]
    assert np.isfinite(losses).all()
    assert np.mean(losses[-20:]) < 0.7 * losses[0]


def test_pmap_plays_the_same_round(float64):
    build = functools.partial(vae_game, encoder={"kwargs": {"normalization": "batch"}})
    game = build()
    batches, before = real_batches(game, IMAGES), start(game)
    expected, metrics = jax.device_get(jax.jit(functools.partial(play_round, game))(before, batches))
    parts = {name: np.moveaxis(array.reshape(1, DEVICES, -1, *array.shape[2:]), 1, 0)
             for name, array in batches.items()}
    play = jax.pmap(functools.partial(play_round, build(axis_name="batch")), axis_name="batch", in_axes=(None, 0))
    after, found = jax.block_until_ready(play(before, parts))
    for device in range(DEVICES):
        one = jax.tree.map(lambda leaf, device=device: leaf[device], (changing_parts(after), found))
        assert_close(one, (changing_parts(expected), metrics))


def test_the_game_samples_by_the_decoder_and_encodes_to_the_mean(float64):
    game = vae_game()
    state = start(game)
    assert set(state.ema) == {"encoder", "decoder"}
    assert (game.sampler.networks, game.encoder.networks) == (("decoder",), ("encoder",))
    images, labels = real_batches(game, IMAGES)["image"][0], np.zeros(game.batch_size, np.int32)

    @jax.jit
    def both(params):
        mean, _ = game.networks["encoder"].module.apply({"params": params["encoder"]}, images)
        weights = {name: (tree, {}) for name, tree in params.items()}
        latents = game.encoder.latents(weights, images, labels)
        return mean, latents, game.sampler.images(weights, latents, labels, None, {})

    mean, latents, made = both(state.params)
    np.testing.assert_allclose(latents, mean, rtol=1e-12)
    assert made.shape == images.shape
    latents = np.asarray(jax.jit(game.sampler.latents)(example_keys(jax.random.key(0), jnp.arange(4096))))
    # 8,192 draws: mean and deviation of the prior, to four deviations of their own.
    np.testing.assert_allclose([latents.mean(), latents.std()], [0.0, 1.0], atol=0.05)


MISTAKES = {
    "a cross-entropy of points": (
        POINTS, {"decoder": {"kwargs": {"output_activation": "identity"}}},
        ["config.system.reconstruction", "cross_entropy", "points", "squared_error"]),
    "an unknown reconstruction loss": (
        IMAGES, {"system": {"reconstruction": "squared"}},
        ["config.system.reconstruction", "did you mean squared_error?"]),
    "an unknown encoder": (
        IMAGES, {"encoder": {"network": "conv_vea"}}, ["config.networks.encoder.network", "did you mean conv_vae?"]),
    "the system's own argument": (
        IMAGES, {"encoder": {"kwargs": {"latent_size": 3}}}, ["config.networks.encoder.kwargs", "'latent_size'"]),
    "a decoder that does not fit": (
        POINTS, {"decoder": {"network": "conv_vae", "kwargs": {}}, "system": {"reconstruction": "squared_error"}},
        ["config.networks.decoder (conv_vae) does not fit", "use mlp"]),
    "a critic for an encoder": (
        IMAGES, {"encoder": {"network": "ganlab.networks:MLPCritic", "kwargs": {}}}, ["config.networks.encoder"]),
    "latents of no dimension": (IMAGES, {"system": {"latent_size": 0}}, ["config.system.latent_size is 0"]),
    "a negative beta": (IMAGES, {"hyper": {"beta": -1.0}}, ["config.hyper.beta is -1.0", "at least 0"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_before_anything_compiles_and_its_text_names_the_key(mistake):
    dataset, changes, words = MISTAKES[mistake]
    with pytest.raises(ConfigError) as error:
        vae_game(dataset, **changes)
    for word in words:
        assert word in str(error.value)


def test_an_encoder_of_one_output_is_told_what_it_must_give():
    with pytest.raises(ConfigError, match=r"encoder \(tiny_one_output:Encoder\).*must give \(\(1, 2\), \(1, 2\)\)"):
        vae_game(encoder={"network": "tiny_one_output:Encoder", "kwargs": {}})


@pytest.fixture(autouse=True)
def one_output(tmp_path, monkeypatch):
    """A network of the user's own that gives the mean alone."""
    (tmp_path / "tiny_one_output.py").write_text(
        "from ganlab.networks import ENCODERS\n"
        "class Encoder(ENCODERS['mlp']):\n"
        "    def __call__(self, *arguments, **keywords):\n"
        "        return super().__call__(*arguments, **keywords)[0]\n")
    monkeypatch.syspath_prepend(tmp_path)


def test_numbers_of_a_system_are_not_those_of_another():
    assert "beta" in tiny_vae_config().hyper
    assert "beta" not in tiny_config().hyper
