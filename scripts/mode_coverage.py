"""Trains many seeds of published methods on a mixture or on stacked digits, and counts the modes that each keeps.

    python scripts/mode_coverage.py --data=ring8 --methods=gan,wgan,wgan_gp,pacgan2,r3gan --seeds=10

All seeds of a method train side by side as one program, spread over the cores of the CPU. Each is the
experiment that `ganlab train --config=experiments/...:method=... --config.seed=...` trains: the same
initial params, order of data and draws. Its samples, those of the averaged generator, are judged as in
Lin et al. 2018, section 4: 2,500 points, or 26,000 images.
"""

import dataclasses
import importlib.util
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from absl import app, flags
from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn
from rich.table import Table

from ganlab.cli.runs import build
from ganlab.config import METHODS, ConfigError, unknown
from ganlab.data import SOURCES, Dataset, device_data, to_uint8
from ganlab.engine import make_trial_mesh, make_trial_programs, set_up_process
from ganlab.engine.program import replicated
from ganlab.game import Game, GameState
from ganlab.metrics import count_modes, count_stacked_modes, fit_channel_classifier

EXPERIMENTS = Path(__file__).resolve().parent.parent / "experiments"
FILES = {"ring8": ("mixtures.py", "data=ring8,"), "grid25": ("mixtures.py", "data=grid25,"),
         "stacked_digits": ("stacked_digits.py", "")}
MODES = {"ring8": 8, "grid25": 25, "stacked_digits": 1000}
SAMPLES = {"ring8": 2500, "grid25": 2500, "stacked_digits": 26_000}
SAMPLE_BATCH = 500

# Lin et al. 2018, section 4.1: modes, share of high quality, reverse KL.
PUBLISHED = {("ring8", "gan"): "6.3±0.5  98.2%  0.45", ("ring8", "pacgan2"): "7.9±0.1  95.6%  0.07",
             ("grid25", "gan"): "17.3±0.8  94.8%  0.70"}

DATA = flags.DEFINE_enum("data", "ring8", list(FILES), "what is learned")
METHOD_NAMES = flags.DEFINE_list("methods", list(METHODS), "methods, by comma")
SEEDS = flags.DEFINE_integer("seeds", 10, "seeds of each method, from 0 on", lower_bound=1)
ROUNDS_SHARE = flags.DEFINE_float("rounds_share", 1.0, "share of the experiment's rounds that is played", 0.0, 1.0)
OUTPUT = flags.DEFINE_string("output", None, "JSON file for the numbers of every seed")


@dataclasses.dataclass(frozen=True)
class Result:
    """What the seeds of a method reached; the lists have one entry a seed, in order.

    A seed that diverged, whose params are no longer finite, has no modes, no quality and an infinite divergence.
    """

    method: str
    rounds: int
    modes: list[int]
    high_quality: list[float]
    reverse_kl: list[float]
    diverged: list[int]
    seconds: float


def load_config(data: str, method: str) -> ml_collections.ConfigDict:
    """The config of the experiment that trains `method` on `data`."""
    file, choices = FILES[data]
    spec = importlib.util.spec_from_file_location(Path(file).stem, EXPERIMENTS / file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config(f"{choices}method={method}")


def make_judge(dataset: Dataset, console: Console) -> Callable[[np.ndarray], tuple[int, float, float]]:
    """From samples [n, ...] to modes, share of high quality (NaN for images) and reverse KL."""
    if dataset.centers is not None:
        return lambda samples: count_modes(samples, dataset.centers, dataset.deviation)
    digits = SOURCES["digits"]()
    classifier = fit_channel_classifier(digits.images, digits.labels)
    console.print(f"the classifier of one channel names {classifier.accuracy:.1%} of held-out digits rightly")
    real = count_stacked_modes(dataset.images[:SAMPLES["stacked_digits"]], classifier.classify)
    console.print(f"as many real images show {real.modes:,} modes at reverse KL {real.reverse_kl:.3f}")

    def judge(samples: np.ndarray) -> tuple[int, float, float]:
        if not np.all(np.isfinite(samples)):
            return 0, math.nan, math.inf
        found = count_stacked_modes(to_uint8(samples), classifier.classify)
        return found.modes, math.nan, found.reverse_kl

    return judge


def train_stack(game: Game, dataset: Dataset, seeds: int, calls: int, rounds_per_call: int, samples: int,
                progress: Progress, title: str) -> tuple[GameState, np.ndarray, np.ndarray]:
    """The states [seeds, ...] after `calls` calls, which of them are finite, and samples [seeds, n, ...] of each."""
    mesh = make_trial_mesh(seeds)
    programs = make_trial_programs(game, mesh, rounds_per_call)
    data = device_data(dataset.arrays(), replicated(mesh))
    states = programs.init(jnp.arange(seeds))
    for _ in progress.track(range(calls), description=title):
        states, finite = jax.block_until_ready(programs.play(states, data))
    # The seeds from 2^31 on are none of a run's, so that no latent was trained on.
    keys = jax.vmap(lambda number: jax.random.fold_in(jax.random.key(2**31), number))(jnp.arange(samples))
    latents = game.sampler.latents(keys)
    parts = [programs.sample(states.ema["generator"], states.variables["generator"], part,
                             jnp.zeros(len(part), jnp.int32))
             for part in jnp.split(latents, range(SAMPLE_BATCH, samples, SAMPLE_BATCH))]
    return states, np.asarray(finite), np.concatenate([np.asarray(part) for part in parts], axis=1)
