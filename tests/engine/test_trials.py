"""A stack of trials trains each seed as the run of that seed alone."""

import jax
import jax.numpy as jnp
import numpy as np
from tiny import POINTS, assert_close, changing_parts, tiny_game

from ganlab.data import device_data
from ganlab.engine import make_mesh, make_programs, make_trial_mesh, make_trial_programs, replicated

ROUNDS = 3


def stacked(seeds, game, rounds_per_call=ROUNDS):
    """The states of a stack after `ROUNDS` rounds, and which of them are finite."""
    mesh = make_trial_mesh(len(seeds))
    programs = make_trial_programs(game, mesh, rounds_per_call)
    data = device_data(POINTS.streams(), replicated(mesh))
    states = programs.init(jnp.asarray(seeds), {})
    for _ in range(ROUNDS // rounds_per_call):
        states, finite = programs.play(states, data)
    return states, finite, programs


def test_each_trial_is_the_run_of_its_seed():
    # By plain gradient descent, because Adam makes much of how sums are rounded.
    game = tiny_game(generator={"optimizer": "sgd"}, critic={"optimizer": "sgd"})
    states, finite, trials = stacked([3, 0], game)
    mesh = make_mesh(game.batch_size, devices=1)
    programs = make_programs(game, mesh, ROUNDS)
    data = device_data(POINTS.streams(), replicated(mesh))
    latents, labels = np.linspace(-1, 1, 8).reshape(2, 4), jnp.array([0, 2])
    images = trials.sample(states.ema["generator"], states.variables["generator"], latents, labels)
    for number, seed in enumerate((3, 0)):
        alone, _ = programs.play(programs.init(seed), data)
        assert_close(jax.tree.map(lambda leaf: leaf[number], changing_parts(states)), changing_parts(alone), 1e-5, 1e-6)
        np.testing.assert_allclose(
            images[number], programs.sample(alone.ema["generator"], alone.variables["generator"], latents, labels),
            rtol=1e-5, atol=1e-6)
    assert finite.tolist() == [True, True]


def test_a_trial_that_diverges_is_named_and_leaves_the_others_alone():
    game = tiny_game()
    mesh = make_trial_mesh(2)
    programs = make_trial_programs(game, mesh)
    data = device_data(POINTS.streams(), replicated(mesh))

    def play(rates):
        return programs.play(programs.init(jnp.array([0, 1]), {"critic_lr": jnp.array(rates)}), data)

    healthy, diverged = play([1e-3, 1e-3]), play([jnp.inf, 1e-3])
    assert healthy[1].tolist() == [True, True] and diverged[1].tolist() == [False, True]
    one, other = (jax.tree.map(lambda leaf: leaf[1], changing_parts(states)) for states in (healthy[0], diverged[0]))
    assert_close(one, other, rtol=0, atol=0)


def test_trials_are_spread_over_as_many_devices_as_divide_them():
    assert jax.device_count() == 4
    assert [make_trial_mesh(trials).size for trials in (1, 2, 3, 4, 6, 7, 10)] == [1, 2, 3, 4, 3, 1, 2]
    states, _, _ = stacked([0, 1, 2, 3], tiny_game(), rounds_per_call=1)
    leaves = jax.tree.leaves(states.params)
    assert all(len(leaf.sharding.device_set) == 4 and not leaf.sharding.is_fully_replicated for leaf in leaves)
