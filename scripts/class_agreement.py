"""Prints how often a nearest-neighbour classifier of the real images reads a sample as the class that was asked for.

    python scripts/class_agreement.py --workdir=runs/digits [--number=1000]
"""

import sys

import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

from ganlab.cli.runs import open_run
from ganlab.data import to_uint8
from ganlab.machine.backend import set_up_process
from ganlab.metrics import label_agreement

WORKDIR = flags.DEFINE_string("workdir", None, "directory of a class-conditional run", required=True)
NUMBER = flags.DEFINE_integer("number", 1000, "samples")
SEED = flags.DEFINE_integer("seed", 1, "chooses the latents; not those of the training pictures")


def main(_: list[str]) -> None:
    set_up_process()
    run = open_run(WORKDIR.value)
    if not run.config.system.get("conditional"):
        sys.exit(f"class_agreement: {WORKDIR.value} holds an unconditional run, which has no classes to compare with; "
                 "name the directory of a class-conditional run")
    labels = np.arange(NUMBER.value) % run.dataset.num_classes
    samples = run.images(run.latents(NUMBER.value, SEED.value), labels)
    found = label_agreement(to_uint8(samples), labels, run.dataset.images, run.dataset.labels)
    table = Table(title="share read as the class that was asked for", title_justify="left", box=None)
    for label in found.by_class:
        table.add_column(run.dataset.class_names[label], justify="right")
    table.add_row(*(f"{share:.0%}" for share in found.by_class.values()))
    console = Console(highlight=False, markup=False)
    console.print(f"{NUMBER.value:,} samples of {run.config.name}, round {run.step:,}")
    console.print(table)
    console.print(f"all {found.share:.1%}, worst class {min(found.by_class.values()):.1%}")


if __name__ == "__main__":
    app.run(main)
