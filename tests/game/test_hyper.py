"""Every number of a game is traced: changing one compiles nothing, and is felt.

The games go through the tables of optimizers, clips, schedules, penalties and tricks, so
that a new entry brings its numbers here.
"""

import itertools
import math

import jax
import numpy as np
import pytest
from tiny import POINTS, changing_parts, real_batches, start, tiny_config

from ganlab.config import keys
from ganlab.game import CLIPS, OPTIMIZERS, SCHEDULES, play_round
from ganlab.networks.layers import CONDITIONINGS
from ganlab.penalties import PENALTIES
from ganlab.systems import TRICKS, build_game

ROUNDS = 4
# Chosen so that each number binds within four rounds: the decay begins and does not end, the half-life of
# the average is limited by the warm-up at first and not later, gradients and weights reach their limits.
NUMBERS = {"lr": 0.02, "eps": 0.01, "momentum": 0.5, "weight_decay": 0.1, "clip_gradients": 0.05, "weight_clip": 0.3,
           "decay_start_kimg": 0.01, "decay_end_kimg": 0.2, "decay_final": 0.1, "decay_per_kimg": 10.0,
           "ema_half_life_kimg": 0.01, "ema_warmup": 0.5, "label_flipping": 0.5, "instance_noise_end_kimg": 0.1,
           "feature_matching": 0.5}


def configs():
    """Games that together use every entry of the tables."""
    optimizers, clips = itertools.cycle(OPTIMIZERS), itertools.cycle(name for name in CLIPS if name != "none")
    schedules = [name for name in SCHEDULES if name != "constant"]
    count = max(len(schedules), math.ceil(len(OPTIMIZERS) / 2))
    conditionings = itertools.cycle(reversed(CONDITIONINGS))
    for number in range(count):
        generator, critic = next(optimizers), next(optimizers)
        config = tiny_config(
            generator={"optimizer": generator, "clip_gradients": next(clips)},
            critic={"optimizer": critic, "clip_gradients": next(clips), "projection": "weight_clip",
                    "kwargs": {"conditioning": next(conditionings)}},
            # A loss with targets, which label tricks can move.
            system={"loss": "non_saturating", "penalty": "+".join(list(PENALTIES)[number::count]),
                    "tricks": "+".join(list(TRICKS)[number::count])},
            learning_rate_schedule=schedules[number % len(schedules)])
        for name in config.hyper:
            short = name.removeprefix("generator_").removeprefix("critic_")
            config.hyper[name] = NUMBERS.get(short, config.hyper[name])
        yield f"{number} {generator} and {critic}", config


CONFIGS = dict(configs())


class Traced:
    """A game of four rounds in one program that counts how often it is traced."""

    def __init__(self, config):
        self.game, self.traces = build_game(config, POINTS), 0
        self.start = start(self.game)
        batches = [real_batches(self.game, POINTS, number) for number in range(ROUNDS)]
        self.batches = jax.tree.map(lambda *leaves: np.stack(leaves), *batches)
        self.play = jax.jit(self._play)
        self.expected = self.play(self.start, self.batches)

    def _play(self, state, batches):
        self.traces += 1

        def play(state, batch):
            state, metrics = play_round(self.game, state, batch)
            return state, (metrics, state.params["critic"])

        state, (metrics, critics) = jax.lax.scan(play, state, batches)
        return changing_parts(state), metrics, critics


@pytest.fixture(scope="module", params=CONFIGS)
def traced(request):
    with jax.enable_x64(True):
        yield Traced(CONFIGS[request.param])


def test_changing_any_number_is_felt_and_compiles_nothing_again(traced):
    for name, value in traced.start.hyper.items():
        # Halved, and a little more for numbers that are zero.
        hyper = traced.start.hyper | {name: value * 0.5 + 1e-3}
        found = traced.play(traced.start.replace(hyper=hyper), traced.batches)
        pairs = zip(jax.tree.leaves(found), jax.tree.leaves(traced.expected), strict=True)
        assert max(np.max(np.abs(one - other)) for one, other in pairs) > 1e-6, f"{name} has no effect"
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(found)), name
    assert traced.traces == 1


def test_clipped_weights_are_in_their_box_after_every_round(traced):
    limit = float(traced.start.hyper["critic_weight_clip"])
    largest = np.max([np.max(np.abs(leaf.reshape(ROUNDS, -1)), axis=1)
                      for leaf in jax.tree.leaves(traced.expected[2])], axis=0)
    np.testing.assert_array_equal(largest, limit)


def test_the_games_use_every_number_that_the_config_knows():
    used = set().union(*(config.hyper for config in CONFIGS.values()))
    short = {name.removeprefix("generator_").removeprefix("critic_") for name in used}
    tables = [*keys.OPTIMIZER_HYPER.values(), *keys.CLIP_HYPER.values(), *keys.PROJECTION_HYPER.values(),
              *keys.SCHEDULE_HYPER.values(), *keys.TRICK_HYPER.values(), keys.EMA_HYPER,
              *keys.CONDITIONING_HYPER.values(),
              {f"{name}_weight": 0 for name in keys.PENALTY_WEIGHTS}]
    assert short == set().union(*tables)
