"""A round of StyleGAN2 is the official one: losses, gradients of every update, averages; and what its sampler offers."""

import dataclasses
import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from official_augment import Replay
from official_stylegan2 import CRITIC, GENERATOR, LABELS, NEIGHBOURS, NUMBERS, critic, generator, pictures
from tiny import BATCH, IMAGES, assert_close, real_batches, start, tiny_style_config

from ganlab.augment import OPERATION_SETS, augment
from ganlab.config import ConfigError, experiment
from ganlab.data import Dataset
from ganlab.game import REPLACED, Scene, init_state, lazily_regularized, play_round
from ganlab.losses import ADVERSARIAL_LOSSES
from ganlab.networks.style import stylegan2
from ganlab.pretrained.stylegan2 import critic_name, generator_name
from ganlab.systems import build_game, style_generator
from ganlab.systems.critic import ADAPTATION

SYSTEM = sys.modules["ganlab.systems.stylegan2"]  # The package has the function of the same name.
DATA = Dataset("official", np.zeros((16, 32, 32, 3), np.uint8), np.zeros(16, np.int32), ("a", "b", "c"))
# Names of the official code's updates, and how much its loss is weighted here: by the interval, where it is lazy.
UPDATES = {"generator": ("Gmain", 1), "path_length": ("Greg", 4), "critic": ("Dmain", 1), "penalty": ("Dreg", 16)}
TOLERANCE = 1e-3
# Below this share of the largest, norms are rounding: gradients of noise strengths, which are sums of noise.
ROUNDING = 1e-6


@pytest.fixture(scope="module")
def game():
    networks = {"generator": {"network": "stylegan2", "kwargs": GENERATOR},
                "critic": {"network": "stylegan2", "kwargs": CRITIC}}
    system = {"name": "stylegan2", "latent_size": 16, "conditional": True}
    return build_game(experiment(batch_size=8, system=system, networks=networks, hyper={"r1_weight": 10.0}), DATA)


@pytest.fixture(scope="module")
def weights():
    found = {"generator": generator()[1], "critic": critic()[1]}
    return ({name: tree["params"] for name, tree in found.items()},
            {name: {key: value for key, value in tree.items() if key != "params"} for name, tree in found.items()})


def replayed(players, phase, order, monkeypatch):
    """Players whose draws are the official ones of an update, for examples in an order."""
    draws = [NUMBERS[name] for name in sorted(NUMBERS) if name.startswith(f"rng/{phase}/")]
    if not draws:
        return players
    layer, mixes, second, *noises = draws
    # The first latents are given to the official code, the second ones it draws.
    latents = iter((NUMBERS["in/z"][order], second[order]))
    noises = [pictures(noise)[order] for noise in noises]
    monkeypatch.setattr(style_generator, "draw_mixing",
                        lambda key, layers, probability: jnp.where(mixes < probability, layer, layers))
    monkeypatch.setattr(stylegan2, "draw_noise", lambda keys, sizes: noises[:len(sizes)])
    monkeypatch.setattr(SYSTEM, "draw_path_noise", lambda keys, images: noises[-1])
    return dataclasses.replace(players, generator=dataclasses.replace(
        players.generator, latents=lambda keys: next(latents)))


@pytest.mark.parametrize("name", UPDATES)
def test_each_update_has_the_official_loss_and_gradients(name, game, weights, monkeypatch):
    phase, interval = UPDATES[name]
    update = next(update for update in game.round if update.name == name)
    # The path length is of the first half of the official batch; here of every second image.
    order = np.arange(4) if name == "path_length" else NEIGHBOURS
    players = replayed(update.loss.__self__, phase, order, monkeypatch)
    aux = check_numbers(game, weights, update, players, order, phase, interval)
    # What is remembered.
    if name == "path_length":
        np.testing.assert_allclose(aux.memory[SYSTEM.PATH_MEAN], NUMBERS["loss/Greg/pl_mean_after"], rtol=2e-5)
    if name == "critic":
        average = aux.variables["generator"]["styles"]["mapping"]["average"]
        np.testing.assert_allclose(average, NUMBERS["out/w_avg_after_Dmain_ada"], rtol=2e-5, atol=1e-6)


def test_the_penalty_goes_through_the_official_augmentations(game, weights):
    # Its draws, at a chance of 0.6 in every gate.
    draws = [NUMBERS[name][NEIGHBOURS] for name in sorted(NUMBERS) if name.startswith("rng/Dreg_ada_bgc/")]

    def augmented(images, keys, p):
        return augment(images, Replay(draws), 0.6, OPERATION_SETS["bgc"])

    update = next(update for update in game.round if update.name == "penalty")
    players = update.loss.__self__
    critic = dataclasses.replace(players.critic, augment=augmented)
    players = dataclasses.replace(players, critic=critic)
    check_numbers(game, weights, update, players, NEIGHBOURS, "Dreg_ada_bgc", 16)


def check_numbers(game, weights, update, players, order, phase, interval):
    """Compares loss and norms of gradients with the official ones; returns what the loss returns beside it."""
    params, variables = weights
    loss = getattr(type(players), update.loss.__name__).__get__(players)
    shown = np.repeat(order, 8 // len(order))
    batch = {"image": pictures("in/real")[shown], "label": LABELS[shown], "index": np.arange(8)}
    player, = update.trains

    def value(trained):
        scene = Scene({**params, player: trained}, variables, game.memory, batch, jax.random.key(0),
                      {number: np.float32(given) for number, given in game.hyper.items()})
        return loss(scene)

    (found, aux), gradients = jax.jit(jax.value_and_grad(value, has_aux=True))(params[player])
    expected = {"generator": "G/loss", "path_length": "G/reg", "critic": "D/loss", "penalty": "D/reg"}[update.name]
    np.testing.assert_allclose(found / interval, np.mean(NUMBERS[f"loss/{phase}/{expected}"]), rtol=2e-5)
    # The norm of each gradient.
    name_of = generator_name if player == "generator" else critic_name
    norms = {name_of([entry.key for entry in path]): np.linalg.norm(leaf) / interval
             for path, leaf in jax.tree_util.tree_leaves_with_path({"params": gradients})}
    largest = max(norms.values())
    for layer, norm in norms.items():
        # Where a loss does not read an array the official code has no gradient.
        official = NUMBERS.get(f"gnorm/{phase}/{layer}", 0.0)
        np.testing.assert_allclose(norm, official, rtol=TOLERANCE, atol=ROUNDING * largest, err_msg=layer)
    return aux


def test_psi_and_cutoff_draw_styles_to_their_average_as_officially(game, weights):
    params, variables = weights
    own = {"generator": (params["generator"], variables["generator"])}
    for case, options in {"ws": (), "ws_psi0.7": (("psi", 0.7),), "ws_psi0.5_cut4": (("psi", 0.5), ("cutoff", 4))}.items():
        made = jax.jit(functools.partial(game.sampler.styles, options=dict(options)))(own, NUMBERS["in/z"], LABELS)
        np.testing.assert_allclose(made, NUMBERS[f"out/{case}"], rtol=2e-5, atol=2e-5)


def test_noise_is_drawn_constant_or_left_out(game, weights):
    params, variables = weights
    own = {"generator": (params["generator"], variables["generator"])}
    styles = NUMBERS["out/ws"]

    @jax.jit
    def every(own, styles, keys):
        return [game.sampler.from_styles(own, styles, keys, {"noise": noise}) for noise in ("random", "constant", "none")]

    keys = jax.random.split(jax.random.key(0), 8)
    drawn, constant, none = every(own, styles, keys)
    for found, case in ((constant, "img_const"), (none, "img_none")):
        expected = pictures(f"out/{case}")
        assert np.abs(found - expected).max() < 2e-5 * np.abs(expected).max()
    assert not np.allclose(drawn, constant, atol=1e-3)


def looked_at(game, update, batch):
    """The loss of an update of a game at its start, and what it returns beside it, by one program."""
    state = start(game)

    @jax.jit
    def look(state, batch):
        scene = Scene(state.params, state.variables, state.memory, batch, state.key, state.hyper)
        loss, aux = update.loss(scene)
        return loss, aux.metrics, aux.memory, aux.variables

    return look(state, batch)


def batch_of(game):
    """One batch, as an update sees it."""
    return {name: array[0] for name, array in real_batches(game, IMAGES).items()} | {"index": np.arange(BATCH)}


def test_lazy_updates_are_played_at_their_intervals_and_weighted_by_them():
    game = build_game(tiny_style_config(system={"path_interval": 2, "penalty_interval": 4}), IMAGES)
    updates = {update.name: update for update in game.round}
    assert {name: update.every for name, update in updates.items()} == {
        "generator": 1, "path_length": 2, "critic": 1, "penalty": 4}
    for name, metric, weight in (("penalty", "r1", 10.0), ("path_length", "penalty", 2.0)):
        loss, metrics, *_ = looked_at(game, updates[name], batch_of(game))
        np.testing.assert_allclose(loss, updates[name].every * weight * metrics[metric], rtol=1e-5)


def kernels_of(jaxpr, inside=False):
    """Sizes of the kernels of lax's convolutions in a program, and whether they are in a branch of it."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated":
            yield equation.invars[1].aval.shape[:2], inside
        for part in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda part: hasattr(part, "eqns")):
            part = getattr(part, "jaxpr", part)
            if hasattr(part, "eqns"):
                yield from kernels_of(part, inside or equation.primitive.name == "cond")


def test_lazy_updates_leave_no_convolution_to_lax_but_of_single_pixels():
    # They are branches of the program, where XLA:CPU computes others a hundred times as slowly.
    game = build_game(tiny_style_config(generator={"kwargs": {"channel_max": 64, "channel_base": 512}},
                                        system={"path_interval": 2, "penalty_interval": 2},
                                        train={"convolutions": "auto"}), IMAGES)
    state = jax.eval_shape(functools.partial(init_state, game), jax.random.key(0))
    traced = jax.make_jaxpr(functools.partial(play_round, game))(state, real_batches(game, IMAGES))
    found = list(kernels_of(traced.jaxpr))
    assert {kernel for kernel, inside in found if inside} <= {(1, 1)} < {kernel for kernel, inside in found if not inside}


def test_an_optimizer_takes_the_steps_of_one_that_is_not_lazy():
    seen = {}
    build = lazily_regularized("critic", lambda hyper: seen.update(hyper), 16)
    build({"critic_lr": 17.0, "critic_beta1": 0.5, "critic_beta2": 0.99, "generator_lr": 1.0})
    assert seen["critic_lr"] == pytest.approx(16.0) and seen["generator_lr"] == 1.0
    # What the moments keep after 17 steps is what they would keep after 16.
    assert seen["critic_beta1"] ** 17 == pytest.approx(0.5**16) and seen["critic_beta2"] ** 17 == pytest.approx(0.99**16)


def test_augmented_the_critic_sees_other_images_and_the_chance_adapts(float64):
    plain = build_game(tiny_style_config(), IMAGES)
    own = build_game(tiny_style_config(system={"augment": "ada:blit"},
                                       hyper={"augment_p": 0.5, "augment_speed_kimg": 0.1}), IMAGES)
    critic = next(update for update in own.round if update.name == "critic")
    _, metrics, memory, _ = looked_at(own, critic, batch_of(own))
    _, others, *_ = looked_at(plain, next(update for update in plain.round if update.name == "critic"), batch_of(plain))
    assert metrics["augment_p"] == 0.5 and metrics["real_logits"] != others["real_logits"]
    # Four rounds of a critic that is sure of real images.
    for _ in range(4):
        memory = critic.control(memory, {"real_signs": np.float32(1.0)}, own.hyper)
    np.testing.assert_allclose(memory[ADAPTATION]["p"], 0.5 + 4 * BATCH / 100)


def test_an_unknown_augmentation_is_refused_with_its_key():
    with pytest.raises(ConfigError, match="config.system.augment 'ada:bgx' is unknown .*ada:bg"):
        build_game(tiny_style_config(system={"augment": "ada:bgx"}), IMAGES)


@pytest.mark.parametrize("loss", ADVERSARIAL_LOSSES)
def test_any_adversarial_loss_fits_in(loss):
    game = build_game(tiny_style_config(system={"loss": loss}), IMAGES)
    state = jax.eval_shape(functools.partial(init_state, game), jax.random.key(0))
    batch = {name: array[0] for name, array in real_batches(game, IMAGES).items()} | {"index": np.arange(BATCH)}
    for update in game.round:
        scene = Scene(state.params, state.variables, state.memory, batch, state.key, state.hyper)
        value, aux = jax.eval_shape(update.loss, scene)
        assert value.shape == () and aux.memory == state.memory


def test_gradients_of_every_update_are_made_finite_unless_the_config_says_otherwise():
    own, plain = (build_game(tiny_style_config(system={"finite_gradients": on}), IMAGES) for on in (True, False))
    assert list(own.memory[REPLACED]) == [update.name for update in own.round] and REPLACED not in plain.memory


def test_more_frozen_layers_than_there_are_are_refused():
    # Also through the module that another way of convolutions puts around a critic.
    config = functools.partial(tiny_style_config, train={"convolutions": "lax"})
    game = build_game(config(system={"freeze_critic_layers": 4}), IMAGES)
    assert game.frozen == {"critic": ("level_1/from_image", "level_1/conv0", "level_1/conv1", "level_1/skip")}
    with pytest.raises(ConfigError, match="freeze_critic_layers is 5, but config.networks.critic has 4 layers that can "
                                          "be frozen; use at most 4"):
        build_game(config(system={"freeze_critic_layers": 5}), IMAGES)


def test_a_share_of_the_batch_that_is_not_whole_is_refused():
    with pytest.raises(ConfigError, match=f"path_share is 3, which does not divide config.batch_size, {BATCH}"):
        build_game(tiny_style_config(system={"path_share": 3}), IMAGES)


def test_slices_are_refused_because_styles_are_averaged():
    with pytest.raises(ConfigError, match="accumulate is 2, but config.networks.generator keeps variables"):
        build_game(tiny_style_config(train={"accumulate": 2}), IMAGES)


@pytest.mark.parametrize("name", ["path_length", "critic"])
def test_four_devices_see_what_one_does(name, float64):
    # The share of the path length and the average of styles are of the whole batch.
    game = build_game(tiny_style_config(), IMAGES)
    update = next(update for update in game.round if update.name == name)
    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    split = jax.device_put(batch_of(game), jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data")))
    assert_close(looked_at(game, update, split), looked_at(game, update, batch_of(game)))
