"""The systems that translate: every way of playing is one function, every loss and penalty fits, mistakes are named."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from tiny import (
    BATCH,
    IMAGES,
    PAIRS,
    TINTED,
    TRANSLATION_PLAYERS,
    assert_close,
    changing_parts,
    real_batches,
    start,
    tiny_translation_config,
)

from ganlab.config import ConfigError
from ganlab.game import play_round
from ganlab.losses import ADVERSARIAL_LOSSES
from ganlab.networks.layers import Dropout
from ganlab.networks.translation.torch_layers import BatchNorm, convolution
from ganlab.penalties import PENALTIES
from ganlab.systems import build_game
from ganlab.systems.critic import ADAPTATION
from ganlab.systems.image_pool import POOL, empty_pool, exchange

DEVICES = 4
UNPAIRED = dataclasses.replace(PAIRS, sources=PAIRS.sources[:40], paired=False)
SMALL = {"network": f"{__name__}:SmallTranslator", "kwargs": {}}


class SmallTranslator(nn.Module):
    """Two convolutions, between which examples see each other and units are dropped.

    What the systems make of translators they make of this one; it compiles in a fraction of a published one's time.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None

    @nn.compact
    def __call__(self, images, labels=None, keys=None, train=False):
        """Images [b, h, w, c] in [-1, 1] of images [b, h, w, any]."""
        x = BatchNorm(self.axis_name)(convolution(4, 3, 1, 1, False, "first")(images), train)
        x = Dropout(0.5)(nn.relu(x), keys, train)
        return jnp.tanh(convolution(self.image_shape[-1], 3, 1, 1, True, "last")(x))


def small(name, dataset=PAIRS, axis_name=None, **changes):
    """The game called `name` of small translators, whose convolutions are XLA's own: those compile in less time."""
    players = {player: SMALL for player in TRANSLATION_PLAYERS[name] if "generator" in player}
    return game_of(name, dataset, axis_name, players=players, train={"convolutions": "lax"}, **changes)


def game_of(name, dataset=PAIRS, axis_name=None, **changes):
    return build_game(tiny_translation_config(name, **changes), dataset, axis_name=axis_name)


class Case:
    """A game whose networks see the whole batch, and two rounds of it by `jit` on one device."""

    def __init__(self, name):
        self.build = functools.partial(small, name)
        self.game = self.build()
        self.play = jax.jit(functools.partial(play_round, self.game))
        self.start = start(self.game)
        self.batches = [real_batches(self.game, PAIRS, number) for number in range(2)]
        self.expected = played(self.play, self.start, self.batches)


def played(play, state, batches):
    results = []
    for batch in batches:
        state, metrics = jax.block_until_ready(play(state, batch))
        results.append(jax.device_get((changing_parts(state), metrics)))
    return results


@pytest.fixture(scope="module", params=TRANSLATION_PLAYERS)
def case(request):
    with jax.enable_x64(True):
        yield Case(request.param)


def test_a_mesh_of_devices_plays_the_same_round(case):
    mesh = jax.make_mesh((DEVICES,), ("data",), axis_types=(AxisType.Auto,))
    state = jax.device_put(case.start, NamedSharding(mesh, PartitionSpec()))
    split = NamedSharding(mesh, PartitionSpec(None, "data"))
    assert_close(played(case.play, state, jax.device_put(case.batches, split)), case.expected, rtol=1e-8)


def test_pmap_plays_the_same_round_on_every_device(case):
    play = jax.pmap(functools.partial(play_round, case.build(axis_name="batch")), axis_name="batch")

    def split(array):
        return np.moveaxis(array.reshape(array.shape[0], DEVICES, -1, *array.shape[2:]), 1, 0)

    state = jax.tree.map(lambda leaf: np.stack([leaf] * DEVICES), case.start.replace(key=0)).replace(
        key=jnp.stack([case.start.key] * DEVICES))
    results = played(play, state, jax.tree.map(split, case.batches))
    for device in range(DEVICES):
        assert_close(jax.tree.map(lambda leaf, i=device: leaf[i], results), case.expected, rtol=1e-8)


def test_both_sides_learn_in_a_round_and_averages_follow_the_generators(case):
    before, after = case.start.params, case.expected[0][0]["params"]
    for player in case.game.networks:
        assert not jax.tree.all(jax.tree.map(np.array_equal, before[player], after[player]))
    assert set(case.expected[0][0]["ema"]) == {player for player in before if "generator" in player}


CHOICES = [*(("pix2pix", loss, "r1") for loss in ADVERSARIAL_LOSSES),
           *(("pix2pix", "least_squares", penalty) for penalty in PENALTIES),
           ("cyclegan", "relativistic", "+".join(PENALTIES)), ("cyclegan", "hinge", "none")]


@pytest.mark.parametrize(("name", "loss", "penalty"), CHOICES)
def test_any_loss_and_any_penalty_fit_in(name, loss, penalty):
    game = small(name, system={"loss": loss, "penalty": penalty, **TINTED["system"]})
    before = jax.eval_shape(lambda: start(game))
    after, metrics = jax.eval_shape(functools.partial(play_round, game), before, real_batches(game, PAIRS))
    assert after == before
    assert all(value.shape == () for value in metrics.values())
    for part in penalty.replace("none", "").split("+"):
        assert any(part in metric for metric in metrics)
    # Each critic's chance is remembered and logged by its name.
    suffixes = ("",) if name == "pix2pix" else ("_a", "_b")
    assert {f"{ADAPTATION}{suffix}" for suffix in suffixes} <= after.memory.keys()
    assert {f"{game.round[0].name}/augment_p{suffix}" for suffix in suffixes} <= metrics.keys()


def test_pix2pix_shows_both_players_the_same_pairs_and_the_same_fakes():
    seen = {}

    def noting(update):
        def loss(scene):
            seen[update.name] = scene.batch["image"], jax.random.key_data(scene.key)
            return update.loss(scene)

        return dataclasses.replace(update, loss=loss)

    game = small("pix2pix")
    assert game.slots == 1
    game = dataclasses.replace(game, round=tuple(map(noting, game.round)))

    state, batches = start(game), real_batches(game, PAIRS)

    def traced(state, batches):
        play_round(game, state, batches)
        return seen

    found = jax.jit(traced)(state, batches)
    assert set(found) == {"critic", "generator"}
    for one, other in zip(found["critic"], found["generator"], strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_update_has_the_draws_of_another_only_after_one_of_as_many_repeats():
    game = game_of("pix2pix")
    with pytest.raises(ValueError, match="update generator is played with the draws of the one before it"):
        dataclasses.replace(game, round=(dataclasses.replace(game.round[0], repeats=2), game.round[1]))
    with pytest.raises(ValueError, match="images='fresh'"):
        dataclasses.replace(game, round=(game.round[1],))


def test_without_identity_two_passes_are_not_computed_and_pictures_may_differ_in_channels():
    coloured = dataclasses.replace(PAIRS, images=np.repeat(PAIRS.images, 3, axis=-1))
    game = game_of("cyclegan", coloured, system={"identity": False})
    before = jax.eval_shape(lambda: start(game))
    _, metrics = jax.eval_shape(functools.partial(play_round, game), before, real_batches(game, coloured))
    assert not any("identity" in name for name in metrics)
    assert {way: part.source for way, part in game.translators.items()} == {"AB": "source", "BA": "image"}


def test_a_pool_fills_first_and_then_shows_half_of_the_images_in_place_of_older_ones():
    rng, size, number = np.random.default_rng(0), 5, 400
    images = jnp.arange(number, dtype=jnp.float32)[:, None]
    seen, pool = jax.jit(exchange)(empty_pool(size, (1,)), images, rng.random(number).astype(np.float32),
                                   rng.integers(size, size=number))
    seen = np.asarray(seen)[:, 0]
    np.testing.assert_array_equal(seen[:size], np.arange(size))
    older = seen[size:] < np.arange(size, number)
    assert abs(older.mean() - 0.5) < 0.1
    # None is shown twice from the pool: what is shown leaves it.
    assert len(np.unique(seen[size:][older])) == older.sum()
    assert int(pool["count"]) == size and len(np.unique(pool["images"])) == size


def test_without_a_pool_nothing_is_remembered():
    assert POOL not in game_of("cyclegan", system={"pool_size": 0}).memory
    pools = game_of("cyclegan").memory[POOL]
    assert pools["a"]["images"].shape == pools["b"]["images"].shape == (BATCH + 2, 8, 8, 1)


MISTAKES = {
    "an augmentation of pairs whose pictures have other numbers of channels": (
        "pix2pix", dataclasses.replace(PAIRS, sources=np.zeros((64, 8, 8, 2), np.uint8),
                                       images=np.zeros((64, 8, 8, 3), np.uint8)),
        {"system": {"augment": "ada:bg"}},
        ["config.system.augment is 'ada:bg'", "(8, 8, 2) and (8, 8, 3)", "use none"]),
    "data without sources": (
        "pix2pix", IMAGES, {}, ["config.data.source 'digits' has no sources", "side_by_side"]),
    "pairs that are none": ("pix2pix", UNPAIRED, {}, ["learns from pairs", "cyclegan"]),
    "sources of another size": (
        "cyclegan", dataclasses.replace(PAIRS, sources=np.zeros((64, 16, 16, 1), np.uint8)), {},
        ["(16, 16, 1)", "(8, 8, 1)", "one height and width"]),
    "identity across channels": (
        "cyclegan", dataclasses.replace(PAIRS, sources=np.zeros((64, 8, 8, 3), np.uint8)), {},
        ["config.system.identity", "3 channels", "set it to False"]),
    "a generator of latents": (
        "pix2pix", PAIRS, {"players": {"generator": {"network": "dcgan"}}},
        ["config.networks.generator.network", "'dcgan'", "resnet"]),
    "a network that the size does not suit": (
        "pix2pix", PAIRS, {"players": {"generator": {"network": "unet", "kwargs": {"depth": 8}}}},
        ["config.networks.generator", "multiples of 256", "8x8 pixels"]),
    "a critic that leaves no patch": (
        "cyclegan", PAIRS, {"players": {"critic_b": {"network": "patch", "kwargs": {}}}},
        ["config.networks.critic_b", "from 24 pixels on"]),
    "a penalty of a critic that sees the batch": (
        "cyclegan", PAIRS,
        {"system": {"penalty": "r1"}, "players": {"critic_a": {"kwargs": {"normalization": "batch"}}}},
        ["config.networks.critic_a", "normalizes over the batch"]),
    "a pool in slices": (
        "cyclegan", PAIRS, {"train": {"accumulate": 2}}, ["config.system.pool_size", "looks across the batch"]),
    "an unknown player": (
        "pix2pix", PAIRS, {"networks": {"generator": {}, "critic": {}, "critics": {}}}, ["config.networks.critics"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_with_its_key_and_a_remedy(mistake):
    name, dataset, changes, words = MISTAKES[mistake]
    with pytest.raises(ConfigError) as error:
        game_of(name, dataset, **changes)
    for word in words:
        assert word in str(error.value)


def test_options_of_samples_are_refused_where_nothing_is_sampled():
    with pytest.raises(ConfigError, match="config.sample.temperature is 2.0, but what system 'pix2pix' makes has no such"):
        game_of("pix2pix", sample={"temperature": 2.0})
