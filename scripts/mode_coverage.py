"""Trains many seeds of published methods on a mixture or on stacked digits, and counts the modes that each keeps.

    python scripts/mode_coverage.py --data=ring8 --methods=gan,wgan,wgan_gp,pacgan2,r3gan --seeds=10

All seeds of a method train side by side as one program, spread over the cores of the CPU. Each is the
run of `ganlab train --config=experiments/...:method=... --config.seed=...`: the same initial params,
order of data and draws. Its samples, those of the averaged generator, are judged as in Lin et al. 2018,
section 4: 2,500 points, or 26,000 images.
"""

import dataclasses
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from absl import app, flags
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ganlab.ablation import experiment_config
from ganlab.config import METHODS, ConfigError, validate
from ganlab.data import SOURCES, Dataset, device_data, to_uint8
from ganlab.engine import make_trial_mesh, make_trial_programs, replicated, set_up_process, split_cpu
from ganlab.game import Game
from ganlab.metrics import count_modes, count_stacked_modes, fit_channel_classifier
from ganlab.systems import build

EXPERIMENTS = Path(__file__).resolve().parent.parent / "experiments"
# Of each data set: the experiment's file and choices, modes, samples that are judged.
DATA_SETS = {"ring8": ("mixtures.py", "data=ring8,", 8, 2500), "grid25": ("mixtures.py", "data=grid25,", 25, 2500),
             "stacked_digits": ("stacked_digits.py", "", 1000, 26_000)}
SAMPLE_BATCH = 500
TABLE_WIDTH = 110  # In a file too, where no terminal says its width, no number is cut off.

# Modes, share of high quality and reverse KL of Lin et al. 2018, section 4.1.
PUBLISHED = {("ring8", "gan"): "6.3±0.5, 98.2%, 0.45", ("ring8", "pacgan2"): "7.9±0.1, 95.6%, 0.07",
             ("grid25", "gan"): "17.3±0.8, 94.8%, 0.70"}

DATA = flags.DEFINE_enum("data", "ring8", list(DATA_SETS), "what is learned")
CHOSEN = flags.DEFINE_list("methods", list(METHODS), "methods, joined by comma")
SEEDS = flags.DEFINE_integer("seeds", 10, "seeds of each method", lower_bound=1)
FIRST_SEED = flags.DEFINE_integer("first_seed", 100, "first seed; 0 to 9 served to choose the settings", lower_bound=0)
CHOICES = flags.DEFINE_string("choices", "", "further choices of the experiment, such as length=2")
ROUNDS_SHARE = flags.DEFINE_float("rounds_share", 1.0, "share of the experiment's rounds that is played", 0.0, 1.0)
OUTPUT = flags.DEFINE_string("output", None, "JSON file for the numbers of every seed")

Judge = Callable[[np.ndarray], tuple[int, float, float]]
"""From samples [n, ...] to modes, share of high quality (NaN for images) and reverse KL."""


@dataclasses.dataclass(frozen=True)
class Result:
    """What the seeds of a method reached: the lists have one entry a seed, in order.

    A seed diverged when its params are no longer finite. It then has no modes and an infinite divergence.
    """

    method: str
    rounds: int
    kimg: float
    modes: list[int]
    high_quality: list[float]
    reverse_kl: list[float]
    diverged: list[int]
    seconds: float


def load_config(data: str, method: str) -> ml_collections.ConfigDict:
    """The config of the experiment that trains `method` on `data`."""
    file, choices = DATA_SETS[data][:2]
    further = f",{CHOICES.value}" if CHOICES.value else ""
    config = experiment_config(f"{EXPERIMENTS / file}:{choices}method={method}{further}")
    validate(config)
    return config


def make_judge(dataset: Dataset, number: int, console: Console) -> Judge:
    """The judge of samples of a data set; of stacked digits it prints how good it is, on as many real images."""
    if dataset.centers is not None:
        return lambda samples: count_modes(samples, dataset.centers, dataset.deviation)
    digits = SOURCES["digits"]()
    classifier = fit_channel_classifier(digits.images, digits.labels)
    real = count_stacked_modes(dataset.images[:number], classifier.classify)
    console.print(f"the classifier of one channel reads {classifier.accuracy:.1%} of held-out digits rightly; "
                  f"{number:,} real images show {real.modes:,} modes at reverse KL {real.reverse_kl:.3f}")

    def judge(samples: np.ndarray) -> tuple[int, float, float]:
        if not np.all(np.isfinite(samples)):
            return 0, math.nan, math.inf
        found = count_stacked_modes(to_uint8(samples), classifier.classify)
        return found.modes, math.nan, found.reverse_kl

    return judge


def train_seeds(game: Game, dataset: Dataset, seeds: int, calls: int, rounds_per_call: int, number: int,
                progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """Trains a stack of seeds: which of them stayed finite [seeds], and samples [seeds, number, ...] of each."""
    mesh = make_trial_mesh(seeds)
    programs = make_trial_programs(game, mesh, rounds_per_call)
    data = device_data(dataset.streams(), replicated(mesh))
    states = programs.init(FIRST_SEED.value + jnp.arange(seeds), {})
    task = progress.task_ids[-1]
    for _ in range(calls):
        states, finite = jax.block_until_ready(programs.play(states, data))
        progress.advance(task, rounds_per_call)
    # A seed that no run may have, so that no trial was trained on these latents.
    keys = jax.vmap(lambda index: jax.random.fold_in(jax.random.key(2**31), index))(jnp.arange(number))
    latents = game.sampler.latents(keys)
    parts = [programs.sample(states.ema["generator"], states.variables["generator"], latents[i:i + SAMPLE_BATCH],
                             jnp.zeros(len(latents[i:i + SAMPLE_BATCH]), jnp.int32))
             for i in range(0, number, SAMPLE_BATCH)]
    return np.asarray(finite), np.concatenate([np.asarray(part) for part in parts], axis=1)


def run_method(method: str, config: ml_collections.ConfigDict, judge: Judge, number: int,
               progress: Progress) -> Result:
    """Trains and judges all seeds of a method."""
    game, dataset = build(config)
    rounds = max(1, round(ROUNDS_SHARE.value * config.train.total_rounds))
    rounds_per_call = min(rounds, config.train.rounds_per_call)
    calls = rounds // rounds_per_call
    rounds = calls * rounds_per_call
    start = time.monotonic()
    progress.add_task(method, total=rounds)
    finite, samples = train_seeds(game, dataset, SEEDS.value, calls, rounds_per_call, number, progress)
    seconds = time.monotonic() - start
    samples[~finite] = np.nan  # The state of a seed that diverged is kept from before, and is not judged.
    modes, high_quality, reverse_kl = zip(*(judge(one) for one in samples), strict=True)
    return Result(method, rounds, rounds * game.images_per_round / 1000, list(modes), list(high_quality),
                  list(reverse_kl), [FIRST_SEED.value + trial for trial in range(SEEDS.value) if not finite[trial]],
                  seconds)


def mean_and_error(values: Sequence[float], text: str) -> str:
    """Mean ± its standard error, by a format for one number; nothing for values that are not defined."""
    if np.isnan(values[0]):
        return ""
    error = np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 and np.all(np.isfinite(values)) else 0
    return f"{text.format(np.mean(values))}±{text.format(error)}"


def result_table(data: str, results: Sequence[Result]) -> Table:
    """A row a method, beside the published figures where there are."""
    modes, number = DATA_SETS[data][2:]
    table = Table(title=f"{data}: {len(results[0].modes)} seeds, {results[0].kimg:,.0f} kimg each, {number:,} samples",
                  title_justify="left", box=None, pad_edge=False)
    for heading in ("method", f"modes of {modes:,}", "worst", "high quality %", "reverse KL", "diverged", "seconds",
                    "published"):
        table.add_column(heading, justify="left" if heading in ("method", "published") else "right")
    for found in results:
        table.add_row(found.method, mean_and_error(found.modes, "{:.1f}"), str(min(found.modes)),
                      mean_and_error([100 * share for share in found.high_quality], "{:.1f}"),
                      mean_and_error(found.reverse_kl, "{:.3f}"), str(len(found.diverged)), f"{found.seconds:.0f}",
                      PUBLISHED.get((data, found.method), ""))
    return table


def main(_: list[str]) -> None:
    set_up_process()
    split_cpu()
    console = Console(highlight=False, markup=False, width=max(Console().width, TABLE_WIDTH))
    number = DATA_SETS[DATA.value][3]
    try:
        configs = {method: load_config(DATA.value, method) for method in CHOSEN.value}
    except ConfigError as error:
        sys.exit(f"mode_coverage: {error}")
    judge = make_judge(SOURCES[DATA.value](), number, console)
    results = []
    for method, config in configs.items():
        with Progress(console=console) as progress:
            results.append(run_method(method, config, judge, number, progress))
        if results[-1].diverged:
            console.print(f"{method}: seeds {results[-1].diverged} diverged; they count as 0 modes")
        if OUTPUT.value:
            numbers = {"data": DATA.value, "first_seed": FIRST_SEED.value,
                       "results": [dataclasses.asdict(found) for found in results]}
            Path(OUTPUT.value).write_text(json.dumps(numbers, indent=1) + "\n")
    console.print(result_table(DATA.value, results))


if __name__ == "__main__":
    app.run(main)
