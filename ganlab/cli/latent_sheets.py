"""Sheets of samples: a row a class, walks from sample to sample, and the nearest training images.

Sample i of all of them is sample i of `ganlab sample`: it depends on the seed and i alone.
"""

import itertools
from typing import NamedTuple

import numpy as np
from absl import flags

from ganlab.cli.option_flags import given_options
from ganlab.cli.runs import TrainedRun, is_conditional, parse_labels, title_of
from ganlab.cli.sample_command import check_walks
from ganlab.config import ConfigError
from ganlab.data import to_uint8
from ganlab.evaluation import chosen_features, data_pictures, nearest_images
from ganlab.output import counted
from ganlab.report.latent import grid_sides, worded_grid
from ganlab.report.pictures import BACKGROUND
from ganlab.report.walks import interpolate_classes, interpolate_latents

MOVES = ("latent", "class", "both")
MOST_CLASSES = 100  # Rows of one sheet, more of which no one looks at.
MOST_PIXELS = 60_000  # Of a side; what draws the words takes fewer than 65,536.
COLUMNS = {"classes": 10, "walk": 10, "nearest": 4}
ROWS = 8


def show_classes(trained: TrainedRun, values: flags.FlagValues) -> tuple[str, np.ndarray, str]:
    """Draws a row of samples for each class, all of the same latents."""
    options, columns = _options(trained, values), values.columns or COLUMNS["classes"]
    if not is_conditional(trained):
        raise ConfigError("--show=classes draws a row a class, and the run is unconditional; "
                          "`ganlab sample` draws its samples")
    names = trained.dataset.class_names
    # The classes that are asked for, or else all of them.
    rows = parse_labels(values.labels, trained, len(values.labels) or len(names))
    if len(rows) > MOST_CLASSES and values.labels:
        raise ConfigError(f"--labels names {len(rows):,} classes; a sheet has at most "
                          f"{MOST_CLASSES}")
    shown = rows[:MOST_CLASSES]
    check_size(trained, len(shown), columns)
    # Sample j of every row is of latent j.
    numbers = np.tile(np.arange(columns), len(shown))
    latents = np.asarray(trained.latents(columns, values.seed, options))[numbers]
    made = trained.images(latents, np.repeat(shown, columns), options=options, seed=values.seed,
                          numbers=numbers)
    picture = worded_grid(made, columns, title_of(trained), rows=[names[label] for label in shown])
    found = f"{counted(len(shown), 'class', 'classes')} of {counted(columns, 'latent')}"
    if len(shown) < len(rows):
        found += f"; the data has {len(rows):,}, of which --labels names others"
    return "classes", picture, found


class Walks(NamedTuple):
    """Samples along walks from sample to sample, the steps of a walk one after another.

    `latents` [n, z]; `labels` [n], or weights of the classes [n, classes] where the class moves;
    `numbers` [n], of which sample each has what is drawn beside the latents.
    """

    latents: np.ndarray
    labels: np.ndarray
    numbers: np.ndarray


def walks_between(latents: np.ndarray, labels: np.ndarray, steps: int, moves: str,
                  classes: int) -> Walks:
    """Returns the walks from each sample to the next, of latents [w + 1, z] and labels [w + 1].

    What does not move stays that of the sample where a walk begins; so do the draws beside the
    latents.
    """
    numbers = np.repeat(np.arange(len(latents) - 1), steps)
    return Walks(
        latents[numbers] if moves == "class" else interpolate_latents(latents, steps),
        labels[numbers] if moves == "latent" else interpolate_classes(labels, steps, classes),
        numbers)


def show_walk(trained: TrainedRun, values: flags.FlagValues) -> tuple[str, np.ndarray, str]:
    """Draws walks from sample to sample, a row each, of the latent, the class or both."""
    options, steps = _options(trained, values), values.columns or COLUMNS["walk"]
    number, conditional = values.number or ROWS, is_conditional(trained)
    moves = values.moves or ("both" if conditional else "latent")
    check_size(trained, number, steps)
    # What cannot move is said before anything compiles.
    labels = parse_labels(values.labels, trained, number + 1)
    if moves != "latent":
        if not conditional:
            raise ConfigError(f"--moves={moves} needs classes, and the run is unconditional; use "
                              "--moves=latent")
        if len(set(labels)) == 1:
            name = trained.dataset.class_names[labels[0]]
            raise ConfigError(f"--moves={moves} walks between classes, and only {name} is there; "
                              "name two by --labels, or use --moves=latent")
        trained.check_mixing()
    if moves != "class":
        check_walks(trained, f"--show=walk --moves={moves}")
    # From sample to sample, of classes in turn.
    ends = np.asarray(trained.latents(number + 1, values.seed, options))
    walks = walks_between(ends, labels, steps, moves, trained.dataset.num_classes)
    made = trained.images(walks.latents.astype(np.float32), walks.labels, options=options,
                          seed=values.seed, numbers=walks.numbers)
    names = [trained.dataset.class_names[label] for label in labels]
    words = (names[:-1] if moves == "latent" else
             [f"{start} to {end}" for start, end in itertools.pairwise(names)])
    picture = worded_grid(made, steps, title_of(trained), rows=words if conditional else ())
    moving = {"latent": "the latent moves", "class": "the class moves",
              "both": "the latent and the class move"}[moves]
    return f"walk_{moves}", picture, (f"{counted(number, 'walk')} of {counted(steps, 'step')}, in "
                                      f"which {moving}")


def show_nearest(trained: TrainedRun, values: flags.FlagValues) -> tuple[str, np.ndarray, str]:
    """Draws samples, a row each, beside the nearest training images by each kind of features."""
    options, columns = _options(trained, values), values.columns or COLUMNS["nearest"]
    number, dataset, config = values.number or ROWS, trained.dataset, trained.config
    check_size(trained, number, 2 * columns + 3)
    # By pixels, and by what metrics see of such data.
    name, weights = ((values.features, values.weights) if values.features else
                     (config.evaluate.features, values.weights or config.evaluate.weights))
    seen = chosen_features(name, weights, dataset)
    kinds = [seen] if seen.name == "pixels" else [chosen_features("pixels", "", dataset), seen]
    labels = parse_labels(values.labels, trained, number)
    latents = trained.latents(number, values.seed, options)
    samples = to_uint8(trained.images(latents, labels, options=options, seed=values.seed))
    # All of the training data, not a part that stands for it.
    pictures = data_pictures(dataset, config.data, len(dataset))
    # A white column before each block, over whose middle the kind is named.
    blocks, heads = [samples[:, None]], ["sample"]
    for features in kinds:
        places = nearest_images(samples, pictures, features, columns)
        found = np.stack([pictures.read(place, place + 1)[0] for place in places.ravel()])
        blocks += [np.full_like(blocks[0], BACKGROUND),
                   found.reshape(number, columns, *samples.shape[1:])]
        heads += ["", *(f"by {features.name}" if column == (columns - 1) // 2 else ""
                        for column in range(columns))]
    tiles = np.concatenate(blocks, axis=1)
    words = [dataset.class_names[label] for label in labels] if is_conditional(trained) else ()
    picture = worded_grid(tiles.reshape(-1, *tiles.shape[2:]), tiles.shape[1], title_of(trained),
                          rows=words, heads=heads)
    return "nearest", picture, (f"{counted(number, 'sample')} beside the nearest of "
                                f"{counted(len(dataset), 'training image')} by "
                                f"{' and by '.join(features.name for features in kinds)}")


def check_size(trained: TrainedRun, rows: int, columns: int) -> None:
    """Raises ConfigError for a sheet of more pixels than a picture with words has."""
    height, width = grid_sides(trained.dataset.image_shape, rows, columns)
    if max(height, width) > MOST_PIXELS:
        raise ConfigError(f"a sheet of {counted(rows, 'row')} and {counted(columns, 'column')} "
                          f"would have {width:,}x{height:,} pixels, and has at most "
                          f"{MOST_PIXELS:,} a side; ask for fewer (--number, --columns, --labels)")


def _options(trained: TrainedRun, values: flags.FlagValues) -> dict[str, object]:
    """Returns the options of the sampler that are given, checked."""
    return trained.options(given_options(values), "--")
