"""What networks declare of their batch is asked where it could change numbers."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn
from tiny import POINTS, assert_close, real_batches, start, tiny_game

from ganlab.config import ConfigError
from ganlab.game import Network, common_group, play_round

GROUP = 4


class Deviating(nn.Module):
    """A critic that sees how much each group of four neighbours varies, as by a minibatch deviation."""

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    batch_group = GROUP
    tracks_batch = False

    @nn.compact
    def __call__(self, images, labels=None, keys=None, train=False):
        group = min(GROUP, len(images))  # One example initialises it.
        deviation = jnp.sqrt(jnp.var(images.reshape(-1, group, images.shape[-1]), axis=1) + 1e-8).mean(-1)
        seen = jnp.concatenate([images, jnp.repeat(deviation, group)[:, None]], axis=-1)
        return nn.Dense(1)(nn.tanh(nn.Dense(4)(seen)))[:, 0]


class Averaging(nn.Module):
    """A critic that keeps an average of what it saw, as a mapping network of its styles."""

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    batch_group = 1
    tracks_batch = True

    @nn.compact
    def __call__(self, images, labels=None, keys=None, train=False):
        average = self.variable("averages", "mean", jnp.zeros, (2,), jnp.float32)
        if train:
            average.value = 0.9 * average.value + 0.1 * images.mean(0)
        return nn.Dense(1)(images)[:, 0]


class Silent(nn.Module):
    """A critic that declares nothing."""

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None

    @nn.compact
    def __call__(self, images, labels=None, keys=None, train=False):
        return nn.Dense(1)(images)[:, 0]


class SilentAveraging(Averaging):
    """A critic that keeps variables and declares nothing."""

    batch_group = None
    tracks_batch = None


def game_of(critic, **changes):
    system = {"penalty": "none", "conditional": False, "critic_updates": 1, "loss": "hinge", **changes.pop("system", {})}
    return tiny_game(batch_size=16, system=system,
                     critic={"network": f"{__name__}:{critic.__name__}", "kwargs": {}, "optimizer": "sgd"}, **changes)


def test_slices_keep_the_groups_that_a_network_declares(float64):
    found = []
    for slices in (1, 2, 4):
        game = game_of(Deviating, train={"accumulate": slices})
        assert game.group == GROUP
        found.append(jax.jit(functools.partial(play_round, game))(start(game), real_batches(game, POINTS))[0].params)
    assert_close(found[1], found[0])
    assert_close(found[2], found[0])


def test_a_batch_of_no_whole_groups_is_refused():
    with pytest.raises(ConfigError, match="groups of 4 images .* in each of 8 slices"):
        game_of(Deviating, train={"accumulate": 8})


@pytest.mark.parametrize(("critic", "reason"), [
    (Averaging, "config.networks.critic keeps variables that follow the batch"),
    (Silent, r"config.networks.critic \(Silent\) does not declare"),
    (SilentAveraging, "does not declare")])
def test_slices_are_refused_where_they_would_change_numbers(critic, reason):
    game_of(critic)
    with pytest.raises(ConfigError, match=f"accumulate is 2, but .*{reason}"):
        game_of(critic, train={"accumulate": 2})


def test_a_penalty_is_refused_for_a_critic_that_keeps_variables_and_declares_nothing():
    game_of(Averaging, system={"penalty": "r1"})
    with pytest.raises(ConfigError, match="penalty is 'r1', .* does not declare whether examples see each other"):
        game_of(SilentAveraging, system={"penalty": "r1"})


def test_the_common_group_is_the_least_multiple_over_packs():
    def network(group):
        module = type("Grouped", (Silent,), {"batch_group": group})(image_shape=(2,))
        return Network(module, (jax.ShapeDtypeStruct((1, 2), jnp.float32),))

    assert common_group([network(4), network(6)]) == 12
    assert common_group([network(1), network(0), network(None)]) == 1
    assert common_group([network(4)], packing=3) == 12
    # Of a group that is larger than the batch, the batch is one; each is so by itself.
    assert common_group([network(16)], batch_size=14) == 14
    assert common_group([network(4), network(3)], batch_size=4) == 12
    assert dataclasses.replace(network(4), precision="bfloat16").group == 4
