"""Prints how long the estimators take and how much memory, beside torch-fidelity's own where that is installed.

Each measurement is a process of its own, so that its peak memory is its own: it draws two sets of
normal features, then computes one metric. Seconds and memory are those of the computation: imports and
drawing come before the clock, and the memory is the peak beyond what was held then. The libraries
take turns. torch-fidelity has no density and coverage.

    python scripts/metric_speed.py
    python scripts/metric_speed.py --number=2000 --metrics=fid,prdc --rounds=5
"""

import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

from ganlab import metrics

NUMBER = flags.DEFINE_integer("number", 10000, "features of each set")
DIMENSION = flags.DEFINE_integer("dimension", 2048, "dimensions of the features")
METRICS = flags.DEFINE_list("metrics", ["fid", "kid", "precision_recall", "prdc"], "what to measure")
ROUNDS = flags.DEFINE_integer("rounds", 3, "measurements of each kind, which take turns")
ONE = flags.DEFINE_list("one", [], "a library and a metric: measures once and prints JSON (the script calls itself)")

SEED = 2020


def ours() -> dict:
    """The metrics of this package, each a function of real and fake features to numbers."""
    return {
        "fid": lambda real, fake: [metrics.frechet_distance(metrics.moments(real), metrics.moments(fake))],
        "kid": lambda real, fake: metrics.kernel_distance(real, fake, seed=SEED),
        "precision_recall": metrics.precision_recall,
        "prdc": metrics.prdc,
    }


def torch_fidelity() -> dict:
    """The same by torch-fidelity, which takes the generated features first."""
    import torch
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric
    from torch_fidelity.metric_prc import prc_features_to_metric

    def fid(real, fake):
        statistics_of = (fid_features_to_statistics(torch.from_numpy(features)) for features in (fake, real))
        return fid_statistics_to_metric(*statistics_of, verbose=False)

    def of_features(metric):
        return lambda real, fake: metric(torch.from_numpy(fake), torch.from_numpy(real), rng_seed=SEED, verbose=False)

    return {"fid": lambda real, fake: list(fid(real, fake).values()),
            "kid": lambda real, fake: list(of_features(kid_features_to_metric)(real, fake).values()),
            "precision_recall": lambda real, fake: list(of_features(prc_features_to_metric)(real, fake).values())[:2]}


LIBRARIES = {"ganlab": ours, "torch-fidelity": torch_fidelity}
HAS_NO = {("torch-fidelity", "prdc")}


def peak() -> float:
    """The largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_one(library: str, metric: str) -> dict:
    """Seconds, MB beyond the features and the values of one metric, in this process."""
    compute = LIBRARIES[library]()[metric]
    draw = np.random.Generator(np.random.PCG64(SEED))
    shape = (NUMBER.value, DIMENSION.value)
    real, fake = (draw.standard_normal(shape, dtype=np.float32) for _ in range(2))
    # In place: nothing may be held for a moment that the peak would remember. Fakes spread less and lie apart.
    fake *= 0.99
    fake += 0.01
    before, start = peak(), time.perf_counter()
    values = compute(real, fake)
    return {"seconds": time.perf_counter() - start, "memory": peak() - before, "values": [float(v) for v in values]}


def measure(library: str, metric: str) -> dict:
    """The same in a process of its own."""
    command = [sys.executable, __file__, f"--one={library},{metric}", f"--number={NUMBER.value}",
               f"--dimension={DIMENSION.value}"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def row(metric: str, library: str, found: list[dict]) -> tuple[str, ...]:
    """Medians of the measurements, their range, and what was computed."""
    seconds, memory = ([one[key] for one in found] for key in ("seconds", "memory"))
    return (metric, library, f"{statistics.median(seconds):.2f}", f"{min(seconds):.2f} to {max(seconds):.2f}",
            f"{statistics.median(memory):,.0f}", f"{min(memory):,.0f} to {max(memory):,.0f}",
            ", ".join(f"{value:.5g}" for value in found[0]["values"]))


def main(_: list[str]) -> None:
    if ONE.value:
        print(json.dumps(measure_one(*ONE.value)))
        return
    if unknown := set(METRICS.value) - set(ours()):
        raise app.UsageError(f"--metrics has {sorted(unknown)}, and {list(ours())} are known.")
    there = [library for library in LIBRARIES
             if library == "ganlab" or all(map(importlib.util.find_spec, ("torch", "torch_fidelity")))]
    pairs = [(metric, library) for metric in METRICS.value for library in there if (library, metric) not in HAS_NO]
    found = {pair: [] for pair in pairs}
    for _ in range(ROUNDS.value):
        for metric, library in pairs:
            found[metric, library].append(measure(library, metric))
    console = Console(highlight=False, markup=False, width=140)
    table = Table(title=f"2 x {NUMBER.value:,} features of {DIMENSION.value:,} dimensions, {ROUNDS.value} rounds",
                  title_justify="left", box=None)
    for heading in ("metric", "by", "median s", "range", "median MB", "range", "values"):
        table.add_column(heading, justify="left" if heading in ("metric", "by") else "right")
    for pair in pairs:
        table.add_row(*row(*pair, found[pair]))
    console.print(table)
    if "torch-fidelity" not in there:
        console.print("torch-fidelity is not installed: install torch and torch-fidelity to see it beside.")


if __name__ == "__main__":
    app.run(main)
