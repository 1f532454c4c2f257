"""ganlab list [--only=losses,penalties]

Names every network, loss, penalty, trick, regularization, augmentation, optimizer, schedule, data
source, metric, system, experiment and ablation, with its meaning. Losses, penalties, augmentations,
networks, optimizers and sources may also stand outside ganlab, named `package.module:function`.
Experiments and ablations are files, and those that come with ganlab can be named so from any
directory.

Examples:
  ganlab list
  ganlab list --only=losses,penalties
"""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags
from rich.console import Console
from rich.table import Table

from ganlab.augment import AUGMENTATIONS
from ganlab.config import find_file, shipped_folder, unknown
from ganlab.data import SOURCES
from ganlab.evaluation import (
    FEATURES,
    MEASURES,
    class_measures,
    equivariance_measures,
    image_measures,
)
from ganlab.game import OPTIMIZERS, SCHEDULES
from ganlab.losses import (
    ADVERSARIAL_LOSSES,
    LABEL_LOSSES,
    RECONSTRUCTION_LOSSES,
    REGULARIZATIONS,
)
from ganlab.networks import (
    CRITICS,
    ENCODERS,
    GENERATORS,
    GROWING_CRITICS,
    GROWING_GENERATORS,
    PATCH_CRITICS,
    STYLE_CRITICS,
    STYLE_GENERATORS,
    TRANSLATORS,
)
from ganlab.networks.critic_heads import HEADS
from ganlab.penalties import PENALTIES
from ganlab.systems import SYSTEMS, TRICKS

TABLES: dict[str, Mapping[str, Any]] = {
    "systems": SYSTEMS, "generators": GENERATORS, "critics": CRITICS, "encoders": ENCODERS,
    "translators": TRANSLATORS, "patch_critics": PATCH_CRITICS,
    "style_generators": STYLE_GENERATORS, "style_critics": STYLE_CRITICS,
    "growing_generators": GROWING_GENERATORS, "growing_critics": GROWING_CRITICS,
    "losses": {name: loss.critic for name, loss in ADVERSARIAL_LOSSES.items()},
    "conditionings": {name: loss.loss for name, loss in LABEL_LOSSES.items()},
    "critic_heads": HEADS, "penalties": PENALTIES, "reconstruction_losses": RECONSTRUCTION_LOSSES,
    "tricks": TRICKS,
    "augmentations": AUGMENTATIONS,
    "optimizers": OPTIMIZERS, "schedules": SCHEDULES, "sources": SOURCES, "features": FEATURES}


FILES = {"experiments": "experiments", "ablations": "experiments/ablations"}
"""Tables of files, and the folder below which they are named."""


def meanings() -> dict[str, dict[str, str]]:
    """Returns the first line of every entry's docstring, or its sentence, by table and name."""
    found = {table: file_meanings(folder) for table, folder in FILES.items()}
    found["metrics"] = {name: f"{measure.meaning[:1].upper()}{measure.meaning[1:]}."
                        for name, measure in (
                            MEASURES | image_measures(()) | class_measures(None)
                            | equivariance_measures(None, ())).items()}
    return found | {table: {name: first_line(entry.__doc__) for name, entry in entries.items()}
                    for table, entries in TABLES.items()} | {"regularizations": REGULARIZATIONS}


def file_meanings(folder: str) -> dict[str, str]:
    """Returns the files that can be named below a folder, those of the current directory and those
    that ganlab ships, with their meaning; runs none of them."""
    shipped = shipped_folder().parent / folder
    names = {f"{folder}/{file.name}" for place in (Path(folder), shipped)
             for file in place.glob("*.py")}
    return {name: first_line(ast.get_docstring(
                ast.parse(find_file(name).read_text(encoding="utf-8"))))
            for name in sorted(names)}


def first_line(text: str | None) -> str:
    """Returns the first line of a docstring."""
    return (text or "").strip().partition("\n")[0]


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    del argv
    flags.DEFINE_list("only", [], "tables to show; all by default", flag_values=values)


def run(values: flags.FlagValues) -> int:
    """Prints the tables."""
    found = meanings()
    for name in values.only:
        if name not in found:
            raise unknown("table", name, found)
    console = Console(highlight=False, markup=False)
    for title, entries in found.items():
        if values.only and title not in values.only:
            continue
        table = Table(title=title, title_justify="left", box=None, pad_edge=False,
                      show_header=False)
        table.add_column(no_wrap=True, min_width=28)
        table.add_column(overflow="fold")
        for name, meaning in entries.items():
            table.add_row(name, meaning)
        console.print(table)
        if title in FILES:
            # On a line that is not wrapped, so that it can be copied.
            place = shipped_folder().parent / FILES[title]
            console.print(f"those that come with ganlab lie in {place}", soft_wrap=True)
        console.print()
    return 0
