"""Runs of a few rounds, whose programs tests share."""

import jax
import jax.numpy as jnp
import numpy as np
from shared_programs import Shared
from tiny import POINTS, TINTED, tiny_config

from ganlab.engine import make_mesh, train
from ganlab.storage import Checkpoints, RunDirectory

PICTURE = np.zeros((4, 4, 3), np.uint8)
SHARED = Shared()


def config_of(total, **changes):
    """A game of a few rounds, each of which is logged, with a checkpoint after every other.

    Its critic is augmented, by a chance that moves after every other round.
    """
    # Gradients of a penalty are half of what there is to compile, and make no difference to a run.
    system = {"loss": "hinge", "penalty": "none", **TINTED["system"], **changes.pop("system", {})}
    hyper = TINTED["hyper"] | changes.pop("hyper", {})
    rounds = {"log_every_rounds": 1, "sample_every_rounds": 4, "checkpoint_every_rounds": 2, "keep_checkpoints": 9}
    return tiny_config(system=system, train={"total_rounds": total, **rounds}, sample={"number": 6}, hyper=hyper,
                       **changes)


def game_of(config, data=POINTS):
    """The game of a config: one object for all configs that differ in nothing of a game."""
    return SHARED.game(config, data)


def programs_of(config, data=POINTS):
    """The programs of a config, on all devices."""
    return SHARED.programs(game_of(config, data), make_mesh(config.batch_size))


def go(path, config, draw=lambda step, samples: PICTURE, data=POINTS):
    """Trains the run in a directory, or resumes it, as `ganlab train` does."""
    run = RunDirectory(path)
    run.check(config)
    run.write(config, [])
    with SHARED.used():
        return train(game_of(config, data), data, config, run, draw)


def state_at(path, config, step, data=POINTS):
    """The state after n rounds, with a key that NumPy can compare."""
    checkpoints = Checkpoints(RunDirectory(path).checkpoints)
    state = checkpoints.restore(step, programs_of(config, data).init(0))
    checkpoints.close()
    return state.replace(key=jax.random.key_data(state.key))


def in_precision(state):
    """A state whose numbers have the precision of the moment; Flax makes float32 whatever it is."""
    return jax.tree.map(lambda leaf: leaf.astype(float) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, state)


def assert_same_bits(first, second):
    """Compares two pytrees to the bit."""
    jax.tree.map(np.testing.assert_array_equal, first, second)
