"""Every system plays a round: params move but frozen ones, and everything stays finite for the next round."""

import functools

import jax
import numpy as np
import pytest
from tiny import (
    IMAGES,
    PAIRS,
    POINTS,
    TRANSLATION_PLAYERS,
    real_batches,
    start,
    tiny_conditional_config,
    tiny_config,
    tiny_growing_config,
    tiny_r3gan_config,
    tiny_style_config,
    tiny_translation_config,
    tiny_vae_config,
)

from ganlab.game import play_round
from ganlab.systems import SYSTEMS, build_game

CONFIGS = {
    "gan": (POINTS, tiny_config),
    "vae": (POINTS, functools.partial(tiny_vae_config, system={"reconstruction": "squared_error"})),
    **{name: (PAIRS, functools.partial(tiny_translation_config, name)) for name in TRANSLATION_PLAYERS},
    "class_conditional": (IMAGES, functools.partial(
        tiny_conditional_config, critic={"kwargs": {"head": "embedding"}}, system={"conditioning": "data_to_data"})),
    "stylegan2": (IMAGES, functools.partial(tiny_style_config, system={"conditional": True, "freeze_critic_layers": 2})),
    **{name: (IMAGES, functools.partial(tiny_growing_config, name)) for name in ("pggan", "stylegan1")},
    "r3gan": (IMAGES, functools.partial(tiny_r3gan_config, system={"conditional": True})),
}


def test_every_system_is_played():
    assert set(CONFIGS) == set(SYSTEMS)


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_critic_scores_examples_of_the_data_each_by_one_logit(name):
    dataset, config = CONFIGS[name]
    game = build_game(config(), dataset)
    assert (game.scorer is not None) == any("critic" in player for player in game.networks)
    if game.scorer is None:
        return
    weights = {player: jax.eval_shape(game.networks[player].init, jax.random.key(0)) for player in game.scorer.networks}
    example = {key: jax.ShapeDtypeStruct((6, *spec.shape), spec.dtype) for key, spec in dataset.facts.example().items()}
    logits = jax.eval_shape(game.scorer.logits, weights, example["image"], example["label"], example.get("source"))
    assert logits.shape == (6,)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_round_moves_every_network_and_keeps_everything_finite(name):
    dataset, config = CONFIGS[name]
    game = build_game(config(), dataset)
    before = jax.device_get(start(game).replace(key=0)).replace(key=jax.random.key(0))
    after, metrics = jax.device_get(jax.jit(functools.partial(play_round, game))(
        before, real_batches(game, dataset)))
    assert after.step == 1
    for player in game.networks:
        moved = {jax.tree_util.keystr(path, simple=True, separator="/"): np.any(one != other)
                 for (path, one), other in zip(jax.tree_util.tree_leaves_with_path(before.params[player]),
                                               jax.tree.leaves(after.params[player]), strict=True)}
        frozen = {name for name in moved if name.rpartition("/")[0] in game.frozen.get(player, ())}
        assert any(moved[name] for name in moved.keys() - frozen), player
        assert not any(moved[name] for name in frozen)
        assert len(frozen) == 2 * len(game.frozen.get(player, ())), "each has a kernel and a bias"
    numbers = [leaf for leaf in jax.tree.leaves((after.params, after.variables, after.opt_state, metrics))]
    assert all(np.isfinite(leaf).all() for leaf in numbers)
