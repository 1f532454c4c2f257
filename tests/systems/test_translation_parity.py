"""A round of pix2pix and one of CycleGAN are those of the official code: losses, gradients, weights after it."""

import functools
import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from official_translation import (
    NUMBERS,
    by_official_name,
    critic,
    gradient_norms,
    pictures,
    relative_error,
    tensors,
    translator,
)

from ganlab.config import experiment
from ganlab.data import Dataset
from ganlab.game import init_state, play_round
from ganlab.networks.translation import unet
from ganlab.systems import build_game
from ganlab.systems.image_pool import empty_pool, exchange

ADAM = {"optimizer": "adam"}
RESNET = {"network": "resnet", "kwargs": {"width": 6, "blocks": 6}, **ADAM}
PATCH = {"network": "patch", "kwargs": {"width": 8, "normalization": "instance"}, **ADAM}
SYSTEMS = {
    "pix2pix": {"generator": {"network": "unet", "kwargs": {"width": 4, "depth": 7}, **ADAM},
                "critic": {"network": "patch", "kwargs": {"width": 8}, **ADAM}},
    "cyclegan": {"generator_ab": RESNET, "generator_ba": RESNET, "critic_a": PATCH, "critic_b": PATCH}}
# The official code names a critic after the generator that it judges: its A judges what becomes of A.
OFFICIAL = {"generator": "p2p_G", "critic": "p2p_D", "generator_ab": "cyc_G_A", "generator_ba": "cyc_G_B",
            "critic_a": "cyc_D_B", "critic_b": "cyc_D_A"}
LEARNING_RATE = 2e-4
# Where a picture comes back as it was but for rounding, the sign of the difference is rounding too. A pixel of 48 x 56
# in three colours moves the gradient of the last bias of CycleGAN's generators so far.
PIXEL = 2 * 10 / (48 * 56 * 3)


class Replayed(nn.Module):
    """Dropout by the official draws."""

    rate: float

    def __call__(self, x, keys, train):
        if not train:
            return x
        mask = {"dropout_5": "000", "dropout_4": "001"}[self.name]
        return x * NUMBERS[f"rng/p2p/{mask}_dropmask"].transpose(0, 2, 3, 1) / (1 - self.rate)


def maker(player):
    """What makes the official network of a player: `translator`, or `critic` with its arguments."""
    if "generator" in player:
        return translator
    return functools.partial(critic, width=8, normalization="batch" if player == "critic" else "instance")


def doubled(tree):
    """Its numbers in double precision, on the host."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, float) if np.issubdtype(np.asarray(leaf).dtype, np.floating)
                        else np.asarray(leaf), tree)


class Played:
    """The state of a system with the official weights, and what a round in double precision makes of it.

    Adam's first step is the sign of a gradient, and an absolute difference's gradient is a sign: in single precision
    both would make much of how this processor rounds.
    """

    def __init__(self, system, a, b):
        source, image = doubled((pictures(a), pictures(b)))
        dataset = Dataset("official", np.zeros(image.shape, np.uint8), np.zeros(len(image), np.int32), ("all",),
                          sources=np.zeros(source.shape, np.uint8))
        self.game = build_game(experiment(batch_size=len(image), system={"name": system}, networks=SYSTEMS[system],
                                          train={"convolutions": "lax"}), dataset)
        loaded = {player: maker(player)(OFFICIAL[player])[1] for player in SYSTEMS[system]}
        # Nothing is initialised: a compiled initialisation takes longer than the round.
        shapes = jax.eval_shape(functools.partial(init_state, self.game), jax.random.key(0))
        empty = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes.replace(key=np.zeros(())))
        self.before = doubled(empty.replace(
            memory=dict(self.game.memory), hyper=dict(self.game.hyper),
            params={player: found["params"] for player, found in loaded.items()},
            variables={player: {name: tree for name, tree in found.items() if name != "params"}
                       for player, found in loaded.items()})).replace(key=jax.random.key(0))
        batches = {"image": image[None], "source": source[None]}
        played = jax.jit(functools.partial(play_round, self.game))(self.before, batches)
        self.after, self.metrics = jax.device_get((played[0].replace(key=0), played[1]))

    def gradients(self, player):
        """The gradients of a player's step: the first moment of Adam, which began at zero, is a share of them."""
        moments = self.after.opt_state[player][1][0].mu
        return jax.tree.map(lambda leaf: leaf / (1 - 0.5), moments)


@pytest.fixture(scope="module")
def pix2pix():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unet, "Dropout", Replayed)
        with jax.enable_x64(True):
            yield Played("pix2pix", "in/p2p_A", "in/p2p_B")


@pytest.fixture(scope="module")
def cyclegan():
    with jax.enable_x64(True):
        yield Played("cyclegan", "in/cyc_A", "in/cyc_B")


def assert_gradients(player, gradients, rounding=0.0):
    """Norms of gradients are the official ones, to a thousandth or to what rounding moves in the official ones.

    Where a normalization takes a bias away again they are 0.
    """
    official, ours = gradient_norms(OFFICIAL[player]), by_official_name(maker(player), OFFICIAL[player], gradients)
    total = official.pop("__total__")
    assert set(ours) == set(official)
    for name, norm in official.items():
        found = float(np.linalg.norm(ours[name]))
        assert found == pytest.approx(norm, rel=1e-3, abs=max(rounding, 1e-6 * total)), name
    whole = np.sqrt(sum(np.sum(leaf**2) for leaf in jax.tree.leaves(gradients)))
    assert whole == pytest.approx(total, rel=1e-3)


def assert_weights_after(player, played, share, without=()):
    """Weights after the round are the official ones where their gradient is more than a share of its layer's largest.

    The official round rounded to single precision, and Adam's first step is as long where that is all of a gradient:
    there, and in the layers named `without`, a weight may differ by a step each way. Where a gradient is exactly 0, as
    that of a unit which is dropped, it is so in the official round too.
    """
    network = OFFICIAL[player]
    after, before, gradients = (by_official_name(maker(player), network, tree) for tree in (
        played.after.params[player], played.before.params[player], played.gradients(player)))
    official = maker(player)(network, tensors(f"{network}_after1"))[1]["params"]
    official = by_official_name(maker(player), network, official)
    moved = small = 0
    for name in set(after) - set(without):
        size = np.abs(gradients[name])
        rounded = (size > 0) & (size < share * np.max(size))
        np.testing.assert_allclose(after[name][~rounded], official[name][~rounded], rtol=0, atol=1e-5, err_msg=name)
        moved += np.sum(np.abs(after[name] - before[name]) > LEARNING_RATE / 2)
        small += np.sum(rounded)
    for name in after:
        np.testing.assert_allclose(after[name], official[name], rtol=0, atol=2.01 * LEARNING_RATE, err_msg=name)
    assert moved > 1000
    assert small < max(4 * share, 1e-3) * moved


def biases_without_gradient(player):
    """Biases that instance normalization takes away again."""
    norms = gradient_norms(OFFICIAL[player])
    return {name for name, norm in norms.items() if name.endswith("bias") and norm < 1e-5 * norms["__total__"]}


def test_pix2pix_has_the_official_losses(pix2pix):
    found = pix2pix.metrics
    assert float(found["critic/loss"]) == pytest.approx(
        float(NUMBERS["loss/p2p/D_fake"] + NUMBERS["loss/p2p/D_real"]) / 2, rel=2e-5)
    assert float(found["generator/adversarial"]) == pytest.approx(float(NUMBERS["loss/p2p/G_GAN"]), rel=2e-5)
    assert 100 * float(found["generator/l1"]) == pytest.approx(float(NUMBERS["loss/p2p/G_L1"]), rel=2e-5)
    assert float(found["generator/loss"]) == pytest.approx(
        float(NUMBERS["loss/p2p/G_GAN"] + NUMBERS["loss/p2p/G_L1"]), rel=2e-5)


def test_the_generator_of_pix2pix_has_the_official_gradients_after_the_critic_has_moved(pix2pix):
    assert_gradients("generator", pix2pix.gradients("generator"))


@pytest.mark.parametrize("player", ["generator", "critic"])
def test_pix2pix_has_the_official_weights_after_a_round(pix2pix, player):
    assert_weights_after(player, pix2pix, share=1e-5)


@pytest.mark.parametrize("player", ["generator", "critic"])
def test_pix2pix_has_the_official_running_statistics_after_a_round(pix2pix, player):
    # The critic's hold three passes, in the official order: made and real images, then made ones for the generator.
    official = maker(player)(OFFICIAL[player], tensors(f"{OFFICIAL[player]}_after1"))[1]["batch_stats"]
    for path, leaf in jax.tree_util.tree_leaves_with_path(pix2pix.after.variables[player]["batch_stats"]):
        expected = functools.reduce(lambda tree, entry: tree[entry.key], path, official)
        np.testing.assert_allclose(leaf, expected, rtol=1e-4, atol=1e-6, err_msg=jax.tree_util.keystr(path))


def test_cyclegan_has_the_official_losses(cyclegan):
    found = {name.removeprefix("cyclegan/"): float(value) for name, value in cyclegan.metrics.items()}
    ours = {"D_A": found["critic_b"], "D_B": found["critic_a"], "G_A": 2 * found["adversarial_b"],
            "G_B": 2 * found["adversarial_a"], "cycle_A": 10 * found["cycle_a"], "cycle_B": 10 * found["cycle_b"],
            "idt_A": 5 * found["identity_b"], "idt_B": 5 * found["identity_a"]}
    for name, value in ours.items():
        assert value == pytest.approx(float(NUMBERS[f"loss/cyc/{name}"]), rel=2e-5), name
    assert found["loss"] == pytest.approx(sum(ours.values()), rel=1e-5)


@pytest.mark.parametrize("player", SYSTEMS["cyclegan"])
def test_the_players_of_cyclegan_have_the_official_gradients(cyclegan, player):
    assert_gradients(player, cyclegan.gradients(player), PIXEL if "generator" in player else 0.0)


# Pixels that rounding decides move the official generator's gradients by up to three thousandths of the largest.
@pytest.mark.parametrize(("player", "share"), [("generator_ab", 5e-3), ("critic_a", 1e-5)])
def test_cyclegan_has_the_official_weights_after_a_round(cyclegan, player, share):
    assert_weights_after(player, cyclegan, share, biases_without_gradient(player))


@pytest.mark.parametrize("cycle", ["rec_A", "rec_B", "idt_A", "idt_B"])
def test_pictures_come_back_as_the_official_ones_do(cyclegan, float64, cycle):
    ways = {"rec_A": ("out/cyc_fake_B", "BA"), "rec_B": ("out/cyc_fake_A", "AB"),
            "idt_A": ("in/cyc_B", "AB"), "idt_B": ("in/cyc_A", "BA")}
    name, direction = ways[cycle]
    way, state = cyclegan.game.translators[direction], cyclegan.before
    weights = {network: (state.params[network], state.variables[network]) for network in way.networks}
    made = jax.jit(functools.partial(way.images, keys=None))(weights, doubled(pictures(name)))
    # What is sent back was rounded on its way out.
    assert relative_error(made, pictures(f"out/cyc_{cycle}")) < 5e-5


def test_a_pool_shows_the_official_images_for_the_official_draws():
    official, drawn = NUMBERS["out/imagepool_seed0_size3"], random.Random(0)
    draws, places = [], []
    for number in range(len(official)):
        draws.append(drawn.random() if number >= 3 else 0.0)
        places.append(drawn.randint(0, 2) if draws[-1] > 0.5 else 0)
    pool, seen = empty_pool(3, (1,)), []
    for number in range(0, len(official), 4):
        part = slice(number, number + 4)
        images = jnp.arange(number, number + 4, dtype=float)[:, None]
        found, pool = exchange(pool, images, jnp.array(draws[part]), jnp.array(places[part]))
        seen += [float(image[0]) for image in found]
    assert seen == list(official)
