"""Runs without training: as the report reads them, and as directories."""

import dataclasses
import io
import json

import numpy as np
from PIL import Image
from tiny import tiny_config

from ganlab.storage import RunDirectory
from ganlab.evaluation import Protocol, Record, Result, Uncertainty, add_results
from ganlab.report.run_study import Run

PROTOCOL = Protocol("fid", {}, {"name": "digits"}, {"number": 64, "images": "digits"},
                    {"number": 64, "seeds": [0], "weights": "averaged"})
LOSSES = ("wasserstein", "hinge")
ROUNDS = 200


def records(loss, seed, protocol=PROTOCOL, steps=(100, 200)):
    """A value at each round, lower by ten for hinge, with an interval."""
    return [Record(Result("fid", value, "lower", protocol, (value,), (Uncertainty("bootstrap", value - 1, value + 1,
                                                                                 0.95, 200),)), "", step, step * 0.064)
            for step in steps for value in [40.0 - step / 10 + seed - 10 * (loss == "hinge")]]


def metrics(seed):
    """Columns of `metrics.jsonl`, with a number that is none."""
    step = np.arange(10, ROUNDS + 1, 10)
    loss = np.sin(step / 20) + seed
    loss[3] = np.nan
    return {"step": step.astype(float), "kimg": step * 0.064, "critic/loss": loss, "generator/loss": -loss}


def png():
    """A small picture."""
    buffer = io.BytesIO()
    Image.fromarray(np.arange(192 * 192 * 3, dtype=np.uint8).reshape(192, 192, 3)).save(buffer, format="png")
    return buffer.getvalue()


def runs(seeds=3):
    """Two losses from several seeds."""
    found = []
    for loss in LOSSES:
        for seed in range(seeds):
            config = {"name": "points", "seed": seed, "system.name": "gan", "system.loss": loss, "batch_size": 8,
                      "data.source": "digits", "train.total_rounds": ROUNDS}
            versions = {"ganlab": "0.1.0", "packages": {"jax": "0.10.2"}, "command": ["ganlab", "train"]}
            found.append(Run(f"runs/{loss}-{seed}", config, versions, f"ganlab train --loss={loss} --seed={seed}",
                             metrics(seed), records(loss, seed), png(), ROUNDS,
                             [{"step": 50, "alarm": "saturated", "value": 0.99, "threshold": 0.95}]))
    return found


def write_run(path, loss="wasserstein", seed=0, protocol=PROTOCOL):
    """A run's directory as training and `ganlab evaluate` leave it; returns its path as text."""
    place = RunDirectory(path)
    config = tiny_config(system={"loss": loss}, seed=seed, name="points", train={"total_rounds": ROUNDS})
    place.write(config, ["/somewhere/ganlab", "train", "--config=x.py:loss=a b"])
    columns = metrics(seed)
    rows = [{name: None if np.isnan(value) else float(value) for name, value in zip(columns, row, strict=True)}
            for row in zip(*columns.values(), strict=True)]
    place.metrics_file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (place.samples / "00000000.png").write_bytes(b"an older picture")
    (place.samples / f"{ROUNDS:08}.png").write_bytes(png())
    add_results(place.results_file, records(loss, seed, protocol))
    return str(path)


def other_protocol():
    """One that differs from `PROTOCOL`."""
    return dataclasses.replace(PROTOCOL, settings={"k": 3})
