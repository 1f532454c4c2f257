"""Prints how good a run's samples are, by a law of its data.

Of labelled images: how often a nearest-neighbour classifier of the real images names the
class that was asked for. Of a mixture: modes covered, samples near one, and how evenly. Of
stacked digits: modes covered, and how evenly; take --number=26000, as in the literature.
"""

import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

from ganlab.cli.runs import TrainedRun, open_run
from ganlab.data import SOURCES, to_uint8
from ganlab.engine import set_up_process
from ganlab.metrics import count_modes, count_stacked_modes, fit_channel_classifier, label_agreement

WORKDIR = flags.DEFINE_string("workdir", None, "directory of a run", required=True)
NUMBER = flags.DEFINE_integer("number", 1000, "samples")
SEED = flags.DEFINE_integer("seed", 1, "chooses the latents; not those of the training pictures")


def print_agreement(console: Console, run: TrainedRun, samples: np.ndarray, labels: np.ndarray) -> None:
    found = label_agreement(to_uint8(samples), labels, run.dataset.images, run.dataset.labels)
    table = Table(title="share read as the class that was asked for", title_justify="left", box=None)
    for label in found.by_class:
        table.add_column(run.dataset.class_names[label], justify="right")
    table.add_row(*(f"{share:.0%}" for share in found.by_class.values()))
    console.print(table)
    console.print(f"all {found.share:.1%}, worst class {min(found.by_class.values()):.1%}")


def print_stacked_modes(console: Console, samples: np.ndarray) -> None:
    digits = SOURCES["digits"]()
    classifier = fit_channel_classifier(digits.images, digits.labels)
    found = count_stacked_modes(to_uint8(samples), classifier.classify)
    console.print(f"{found.modes:,} of 1,000 modes, reverse KL {found.reverse_kl:.3f}, by a classifier that reads "
                  f"{classifier.accuracy:.1%} of held-out digits rightly")


def main(_: list[str]) -> None:
    set_up_process()
    run = open_run(WORKDIR.value)
    labels = np.arange(NUMBER.value) % run.dataset.num_classes
    samples = run.images(run.latents(NUMBER.value, SEED.value), labels)
    console = Console(highlight=False, markup=False)
    console.print(f"{NUMBER.value:,} samples of {run.config.name}, round {run.step:,}")
    if run.dataset.centers is not None:
        found = count_modes(samples, run.dataset.centers, run.dataset.deviation)
        console.print(f"{found.modes} of {len(run.dataset.centers)} modes, {found.high_quality:.1%} of the samples "
                      "within three deviations of one, "
                      f"reverse KL {found.reverse_kl:.3f}")
    elif run.dataset.name == "stacked_digits":
        print_stacked_modes(console, samples)
    elif run.config.system.get("conditional"):
        print_agreement(console, run, samples, labels)
    else:
        console.print("the run is unconditional: there is no class to compare with")


if __name__ == "__main__":
    app.run(main)
