"""Prints how often a nearest-neighbour classifier of real digits names the digit that a run was asked to draw."""

import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

from ganlab.cli.runs import open_run
from ganlab.data import to_uint8
from ganlab.engine import set_up_process
from ganlab.metrics import label_agreement

WORKDIR = flags.DEFINE_string("workdir", None, "directory of a run on digits", required=True)
NUMBER = flags.DEFINE_integer("number", 1000, "samples")
SEED = flags.DEFINE_integer("seed", 1, "chooses the latents; not those of the training pictures")


def main(_: list[str]) -> None:
    set_up_process()
    run = open_run(WORKDIR.value)
    labels = np.arange(NUMBER.value) % run.dataset.num_classes
    images = to_uint8(run.images(run.latents(NUMBER.value, SEED.value), labels))
    found = label_agreement(images, labels, run.dataset.images, run.dataset.labels)
    table = Table(title=f"{NUMBER.value:,} samples of round {run.step:,}: share read as the digit that was asked for",
                  title_justify="left", box=None)
    for label in found.by_class:
        table.add_column(str(label), justify="right")
    table.add_row(*(f"{share:.0%}" for share in found.by_class.values()))
    console = Console(highlight=False)
    console.print(table)
    console.print(f"all {found.share:.1%}, worst digit {min(found.by_class.values()):.1%}")


if __name__ == "__main__":
    app.run(main)
