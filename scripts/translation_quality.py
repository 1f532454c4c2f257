"""How well a run translates pictures that it has never seen: errors beside those of plain answers.

    python scripts/translation_quality.py --workdir=runs/edges
    python scripts/translation_quality.py --workdir=runs/fonts --picture=fonts.png

The run's data source needs a split `test`. Errors are mean absolute ones of values in [-1, 1]. Of pairs they are of
the translation against its partner, beside those of the mean picture and, where sources are grey, of the source itself.
Of two kinds without pairs they are of what has gone there and back, beside those of the mean source; for two fonts it
also prints how many letters a nearest-neighbour classifier of the other font reads as what they were.
"""

import inspect
from pathlib import Path

import numpy as np
from absl import app, flags

from ganlab.cli.runs import TrainedRun, open_run
from ganlab.data import Dataset, load_section, to_uint8
from ganlab.data.glyphs import two_fonts
from ganlab.machine.backend import set_up_process
from ganlab.engine.examples import side_by_side_strip
from ganlab.report.pictures import image_grid, save_png

WORKDIR = flags.DEFINE_string("workdir", None, "the run", required=True)
NUMBER = flags.DEFINE_integer("number", 500, "pictures of the split `test`", lower_bound=1)
STEP = flags.DEFINE_integer("step", None, "checkpoint; the newest by default")
EMA = flags.DEFINE_bool("ema", True, "averaged weights; --noema takes those that were last trained")
PICTURE = flags.DEFINE_string("picture", None, "file for a picture of the first few, each in a row with what became "
                              "of it")
ROWS, COLUMNS = 6, 3


def floats(images: np.ndarray) -> np.ndarray:
    """uint8 to float32 in [-1, 1]."""
    return images.astype(np.float32) / 127.5 - 1


def error(one: np.ndarray, other: np.ndarray) -> float:
    """The mean absolute difference."""
    return float(np.mean(np.abs(one - other)))


def report(name: str, value: float, plain: dict[str, float]) -> None:
    """Prints an error beside those of plain answers, with how many times smaller it is."""
    print(f"{name}: {value:.4f}" + "".join(f"; {what} {other:.4f} ({other / value:.2f} times)"
                                           for what, other in plain.items()))


def of_pairs(run: TrainedRun, train: Dataset, test: Dataset) -> list[np.ndarray]:
    """Measures translations against their partners; returns the tiles of a picture."""
    made, images = run.translate(test.sources), floats(test.images)
    plain = {"mean picture": error(floats(train.images).mean(axis=0), images),
             "mean colour": error(floats(train.images).mean(axis=(0, 1, 2)), images)}
    if run.config.data.source == "photo_grey":
        plain["the grey source"] = error(np.repeat(floats(test.sources), 3, axis=-1), images)
    report(f"error of {len(made)} held-out translations", error(made, images), plain)
    return [floats(test.sources), made, images]


def of_kinds(run: TrainedRun, test: Dataset) -> list[np.ndarray]:
    """Measures what goes there and back, both ways; returns the tiles of a picture."""
    tiles = []
    for direction, pictures in (("AB", test.sources), ("BA", test.images)):
        made = run.translate(pictures, direction)
        back, real = run.translate(to_uint8(made), direction[::-1]), floats(pictures)
        report(f"error of {len(made)} held-out pictures, {direction} and back", error(back, real),
               {"mean picture": error(real.mean(axis=0), real)})
        tiles += [real, made, back]
    return tiles


def read(pictures: np.ndarray, known: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Labels of pictures by their nearest neighbours among known ones."""
    flat, others = (array.reshape(len(array), -1).astype(np.float32) for array in (pictures, known))
    distances = np.sum(others**2, axis=1) - 2 * flat @ others.T
    return labels[np.argmin(distances, axis=1)]


def of_letters(run: TrainedRun, train: Dataset, test: Dataset) -> None:
    """Tells how many letters are read in the other font as what they were."""
    section = run.config.data
    kwargs = dict(section.kwargs)
    defaults = inspect.signature(two_fonts).parameters
    names = {key: kwargs.get(key, defaults[key].default) for key in ("first", "second")}
    turned = load_section({**section, "kwargs": {**kwargs, "first": names["second"], "second": names["first"],
                                                 "split": "test", "size": len(test)}})
    # The images of the fonts the other way round are the sources of these, with their labels.
    letters, known = turned.labels, (floats(train.images), train.labels)
    made = run.translate(test.sources)
    print(f"letters read as what they were: {np.mean(read(made, *known) == letters):.1%} of the translated, "
          f"{np.mean(read(floats(test.sources), *known) == letters):.1%} of those that were not translated, "
          f"{np.mean(read(floats(test.images), *known) == test.labels):.1%} of real ones of the other font")


def main(argv: list[str]) -> None:
    """Measures a run and prints."""
    del argv
    set_up_process()
    run = open_run(WORKDIR.value, STEP.value, ema=EMA.value, does=("translators",))
    data = run.config.data
    test = load_section({**data, "kwargs": {**data.kwargs, "split": "test", "size": NUMBER.value}})
    print(f"{run.config.name}, round {run.step:,}{'' if EMA.value else ', last trained weights'}")
    tiles = of_pairs(run, run.dataset, test) if run.dataset.paired else of_kinds(run, test)
    if data.source == "two_fonts":
        of_letters(run, run.dataset, test)
    if PICTURE.value:
        strips = side_by_side_strip([tile[:ROWS * COLUMNS] for tile in tiles])
        save_png(Path(PICTURE.value), image_grid(strips, COLUMNS, 1))


if __name__ == "__main__":
    app.run(main)
