"""Trials a second of stacks against the same trials one after another, in one process and in fresh ones.

    python scripts/trial_speed.py --experiment=experiments/mixtures.py:data=grid25 --trials=64

Of each way it measures, in turn, what is spent once (imports, initial states, compilation) and what a
round takes, over --repeats; the time of all trials at the experiment's length is what both add up to. Stacks
are as large as those of `ganlab ablate`. One stack, or one trial, is played; each of the others would take
as long. Prints the ratios of each repeat: median and quartiles.
"""

import itertools
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags

from ganlab.ablation import experiment_config, largest_stack
from ganlab.data import Jitter, device_data
from ganlab.engine import (
    make_feed,
    make_mesh,
    make_programs,
    make_trial_mesh,
    make_trial_programs,
    replicated,
)
from ganlab.machine.backend import set_up_process, split_cpu
from ganlab.systems import build

WAYS = ("stacked", "one process", "fresh processes")

EXPERIMENT = flags.DEFINE_string("experiment", "experiments/mixtures.py:data=grid25", "config file, with choices")
TRIALS = flags.DEFINE_integer("trials", 64, "trials")
CALLS = flags.DEFINE_integer("calls", 10, "calls of the program over which a round is timed")
REPEATS = flags.DEFINE_integer("repeats", 5, "measurements of each way")
WAY = flags.DEFINE_enum("way", None, WAYS, "measures this way once, and prints JSON: what the script calls itself by")


def measure(way: str) -> dict[str, float]:
    """Seconds spent once, seconds a round of all trials, and how often what this process plays would be played."""
    set_up_process()
    start = time.perf_counter()
    config = experiment_config(EXPERIMENT.value)
    calls, size = config.train.rounds_per_call, 1
    if way == "stacked":
        split_cpu()
        game, dataset = build(config)
        size = largest_stack(TRIALS.value)
        mesh = make_trial_mesh(size)
        trials = make_trial_programs(game, mesh, calls, Jitter.of(config.data))
        data = device_data(dataset.streams(), replicated(mesh))
        states, steps = trials.init(jnp.arange(size), {}), itertools.count(0, calls)
        play = lambda states: trials.play(states, data, np.int32(next(steps)))  # noqa: E731
    else:
        game, dataset = build(config)
        mesh = make_mesh(game.batch_size, devices=1)
        programs = make_programs(game, mesh, calls, Jitter.of(config.data))
        feed = make_feed(dataset, game, mesh, config, 0)
        states, play = programs.init(0), lambda states: programs.play(states, feed.next())
    states, _ = jax.block_until_ready(play(states))
    once = time.perf_counter() - start
    start = time.perf_counter()
    for _ in range(CALLS.value):
        states, _ = jax.block_until_ready(play(states))
    seconds, times = time.perf_counter() - start, math.ceil(TRIALS.value / size)
    return {"once": once, "round": times * seconds / (CALLS.value * calls), "times": times}


def in_a_process(way: str) -> dict[str, float]:
    """The same of a new process; what it takes to start counts to `once`.

    The first finds no compilation cache; of many processes all but one find it filled.
    """
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, __file__, f"--experiment={EXPERIMENT.value}", f"--trials={TRIALS.value}",
                   f"--calls={CALLS.value}", f"--way={way}"]
        start = time.perf_counter()
        printed = subprocess.run(command, check=True, capture_output=True, text=True,
                                 env={**os.environ, **({} if way == "fresh processes" else {"XDG_CACHE_HOME": cache})})
        whole = time.perf_counter() - start
    found = json.loads(printed.stdout.splitlines()[-1])
    calls = experiment_config(EXPERIMENT.value).train.rounds_per_call * CALLS.value
    return {"once": whole - calls * found["round"] / found["times"], "round": found["round"]}


def main(argv: list[str]) -> None:
    """Measures and prints."""
    del argv
    if WAY.value:
        print(json.dumps(measure(WAY.value)))
        return
    rounds = experiment_config(EXPERIMENT.value).train.total_rounds
    processes = {"stacked": 1, "one process": 1, "fresh processes": TRIALS.value}
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    parts: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(REPEATS.value):
        for way, starts in processes.items():
            found = in_a_process(way)
            parts[way].append(found)
            seconds[way].append(starts * found["once"] + rounds * found["round"])
    print(f"{EXPERIMENT.value}, {TRIALS.value} trials of {rounds:,} rounds, {REPEATS.value} repeats, "
          f"{jax.device_count()} x {jax.devices()[0].device_kind}")
    print(f"{'':16}  {'once, s':>8}  {'a round of all, ms':>18}  {'all trials, s':>13}  against stacked")
    for way in WAYS:
        once, each = (statistics.median(part[name] for part in parts[way]) for name in ("once", "round"))
        ratios = [own / stacked for own, stacked in zip(seconds[way], seconds["stacked"], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        print(f"{way:16}  {once:8.1f}  {1000 * each:18.2f}  {statistics.median(seconds[way]):13,.0f}  "
              f"{middle:.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    app.run(main)
