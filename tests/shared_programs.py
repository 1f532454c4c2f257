"""Games and programs that tests share: tracing and lowering them again is most of what a short run takes."""

import contextlib
import json

import jax
import pytest

from ganlab.config import validate
from ganlab.engine import make_programs
from ganlab.storage import plain
from ganlab.systems import build_game

# What a game is made of; the rest of a config is for the run.
OF_A_GAME = ("batch_size", "hyper", "learning_rate_schedule", "networks", "ramps", "system")
OF_TRAINING = ("accumulate", "convolutions", "on_divergence", "precision", "rematerialize", "slice_statistics")
OF_DATA = ("image_shape", "num_classes", "source_shape", "paired")
MAKERS = ("engine.stage_programs", "cli.runs")
"""Modules that make programs."""


class Shared:
    """What was made so far, in the place of what makes it."""

    def __init__(self):
        self._games, self._programs = {}, {}

    def game(self, config, data, axis_name=None):
        """What `build_game` makes, one object for all configs that differ in nothing of a game."""
        validate(config)
        known = plain(config)
        parts = [*(known[name] for name in OF_A_GAME), *(known["train"][name] for name in OF_TRAINING)]
        # Shapes of inputs have the precision of the moment.
        key = json.dumps([parts, *(getattr(data, name) for name in OF_DATA), axis_name, jax.config.jax_enable_x64])
        if key not in self._games:
            self._games[key] = build_game(config, data, axis_name)
        return self._games[key]

    def programs(self, game, mesh, *options, initial=None, **named):
        """What `make_programs` makes, once for each game of `game` and all else that it is given."""
        initial = game if initial is None else initial
        key = id(game), id(initial), mesh, options, tuple(sorted(named.items()))
        # The games are kept, so that no other can have their identity.
        if key not in self._programs:
            self._programs[key] = game, initial, make_programs(game, mesh, *options, initial=initial, **named)
        return self._programs[key][2]

    @contextlib.contextmanager
    def used(self):
        """Lets commands and the host loop take games and programs from here."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ganlab.systems.build_game", self.game)
            for module in MAKERS:
                patch.setattr(f"ganlab.{module}.make_programs", self.programs)
            yield
