"""A stack of trials trains each seed as the run of that seed alone."""

import growing
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from short_runs import config_of, game_of, in_precision
from tiny import IMAGES, POINTS, assert_close, changing_parts

from ganlab.data import device_data
from ganlab.engine import make_mesh, make_programs, make_trial_mesh, make_trial_programs, replicated

ROUNDS = 3


@pytest.fixture(scope="module")
def eight():
    """The programs of eight trials, two on each device, and data there."""
    game, mesh = game_of(config_of(ROUNDS)), make_trial_mesh(8)
    return make_trial_programs(game, mesh), device_data(POINTS.streams(), replicated(mesh))


@pytest.mark.usefixtures("float64")
def test_each_trial_is_the_run_of_its_seed():
    game, seeds = game_of(config_of(ROUNDS)), (3, 0)
    mesh, alone_mesh = make_trial_mesh(len(seeds)), make_mesh(game.batch_size, devices=1)
    trials, programs = make_trial_programs(game, mesh, ROUNDS), make_programs(game, alone_mesh, ROUNDS)
    data, alone_data = (device_data(POINTS.streams(), replicated(each)) for each in (mesh, alone_mesh))
    states, finite = trials.play(in_precision(trials.init(jnp.asarray(seeds), {})), data, 0)
    assert finite.tolist() == [True, True]
    states = jax.device_get(changing_parts(states))
    for number, seed in enumerate(seeds):
        alone, _ = programs.play(in_precision(programs.init(seed)), alone_data)
        assert_close(jax.tree.map(lambda leaf, number=number: leaf[number], states),
                     changing_parts(alone))


def test_a_trial_that_diverges_is_named_and_leaves_the_others_alone(eight):
    programs, data = eight

    others = np.arange(8) != 3

    def play(rates):
        states, finite = programs.play(programs.init(jnp.arange(8), {"critic_lr": jnp.asarray(rates)}), data, 0)
        return jax.tree.map(lambda leaf: leaf[others], jax.device_get(changing_parts(states))), finite.tolist()

    healthy, all_finite = play(np.full(8, 1e-3, np.float32))
    left, finite = play(np.where(others, 1e-3, np.inf).astype(np.float32))
    assert all_finite == [True] * 8 and finite == others.tolist()
    assert_close(left, healthy, rtol=0, atol=0)


def test_trials_are_spread_over_as_many_devices_as_divide_them(eight):
    assert jax.device_count() == 4
    assert [make_trial_mesh(trials).size for trials in (1, 2, 3, 4, 6, 7, 10)] == [1, 2, 3, 4, 3, 1, 2]
    programs, data = eight
    states, _ = programs.play(programs.init(jnp.arange(8), {}), data, 0)
    leaves = jax.tree.leaves(states.params)
    assert all(len(leaf.sharding.device_set) == 4 and not leaf.sharding.is_fully_replicated for leaf in leaves)


class OneChannel(nn.Module):
    """A critic whose last convolution makes one channel of several."""

    side: int
    batch_group = 1
    tracks_batch = False

    @nn.compact
    def __call__(self, images, keys=None, train=False):
        for channels in (4, 1):
            images = nn.Conv(channels, (1, 1), param_dtype=float)(images)
        return images.mean((1, 2, 3))


def test_trials_whose_convolutions_have_one_channel_are_spread_over_devices(monkeypatch):
    """The trials of all devices, as groups of one convolution, cannot be parted again by the compiler."""
    monkeypatch.setattr(growing, "Critic", OneChannel)
    game = growing.stage_game(config_of(ROUNDS), growing.SMALL, 4, None)
    programs = make_trial_programs(game, make_trial_mesh(4))
    data = device_data(IMAGES.streams(), replicated(make_trial_mesh(4)))
    states, finite = programs.play(programs.init(jnp.arange(4), {}), data, 0)
    assert finite.tolist() == [True] * 4 and states.step.tolist() == [1] * 4
