"""ganlab latent --workdir=DIR --show=WHAT [--output=FILE]

Shows what a run has learned of its latents and classes, by its averaged weights.

Of every run that makes images:
  classes          samples of each class in a row; a column is a latent
  walk             walks from sample to sample, a row each: latents on arcs, classes on straight
                   lines. With --moves=latent the class stays, with --moves=class the latent, with
                   both neither
  nearest          samples beside the training images that are nearest to them, by pixels and by
                   features: what is copied, and what is not

Of a run whose game has an encoder:
  reconstructions  real images above what the decoder makes of their latents
  space            the encoded data, a colour for each class, beside the decoder's images of the
                   same plane: all of a space of two dimensions, else the first two principal
                   components
  arithmetic       images of one class moved toward another: to the latents of an image is added the
                   difference of the mean latents of both classes, at every strength

Examples:
  ganlab latent --workdir=runs/digits --show=classes --columns=12
  ganlab latent --workdir=runs/digits --show=walk --moves=class --labels=3,8,1
  ganlab latent --workdir=runs/digits --show=nearest --number=6 --columns=4
  ganlab latent --workdir=runs/vae --show=reconstructions --number=16
  ganlab latent --workdir=runs/vae --show=space
  ganlab latent --workdir=runs/vae --show=arithmetic --from=3 --to=8
  ganlab latent --workdir=runs/vae --show=arithmetic --from=4 --to=9 --strengths=0,0.5,1 --number=5
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import flags

from ganlab.cli.latent_sheets import MOVES, show_classes, show_nearest, show_walk
from ganlab.cli.option_flags import define_option_flags
from ganlab.cli.runs import TrainedRun, class_number, classes_text, open_run, title_of
from ganlab.config import SAMPLING_OPTIONS, ConfigError
from ganlab.data import to_float
from ganlab.evaluation import FEATURES
from ganlab.machine.backend import set_up_process
from ganlab.metrics import nearest_labels
from ganlab.output import counted
from ganlab.report.latent import draw_latent_space, latent_plane, worded_grid
from ganlab.report.pictures import FEW_CLASSES, save_png

MOST_IMAGES = 5000  # Enough for a mean or a scatter; more would only take longer.


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    del argv
    flags.DEFINE_string("workdir", None, "the run's directory", flag_values=values, required=True)
    flags.DEFINE_enum("show", None, list(SHOWS), "what to draw", flag_values=values, required=True)
    flags.DEFINE_integer("number", None, "images of the strip (12), side of the grid of the space "
                         "(20), rows of arithmetic, walks and nearest (8)", lower_bound=1,
                         flag_values=values)
    # Of samples.
    flags.DEFINE_integer("columns", None, "samples of a class (10), steps of a walk (10), nearest "
                         "images by each kind of features (4)", lower_bound=1, flag_values=values)
    flags.DEFINE_list("labels", [], "classes of the rows, by number or name, repeated in turn; all "
                      "by default", flag_values=values)
    flags.DEFINE_enum("moves", None, MOVES, "what changes along a walk; by default both, of an "
                      "unconditional run the latent", flag_values=values)
    flags.DEFINE_enum("features", None, list(FEATURES), "by which images are near, besides pixels; "
                      "by default those of config.evaluate.features", flag_values=values)
    flags.DEFINE_string("weights", "", "weight file of the features inception2015 or dinov2",
                        flag_values=values)
    define_option_flags(values)
    # Of encoded images.
    flags.DEFINE_string("from", None, "class, by number or name, of the images that "
                        "arithmetic moves", flag_values=values)
    flags.DEFINE_string("to", None, "class that they are moved toward", flag_values=values)
    flags.DEFINE_list("strengths", "-1,-0.5,0,0.5,1,1.5", "factors on the "
                      "difference of both classes", flag_values=values)
    flags.DEFINE_integer("seed", 0, "chooses the images, or the latents, that are shown",
                         lower_bound=0, flag_values=values)
    flags.DEFINE_bool("ema", True, "averaged weights; --noema for those that were last trained",
                      flag_values=values)
    flags.DEFINE_integer("step", None, "the checkpoint after this many rounds; the "
                         "newest by default", flag_values=values)
    flags.DEFINE_string("output", None, "the picture's file; by default in the run's directory",
                        flag_values=values)


def run(values: flags.FlagValues) -> int:
    """Draws and writes; prints what was found, and where the picture is."""
    set_up_process()
    show = SHOWS[values.show]
    check_flags(values, show)
    trained = open_run(values.workdir, values.step, values.ema)
    if show.encodes and trained.game.encoder is None:
        others = ", ".join(name for name, other in SHOWS.items() if not other.encodes)
        raise ConfigError(f"{values.workdir} holds a run of system {trained.config.system.name}, "
                          f"which has no encoder; --show={values.show} is of runs of system vae "
                          f"(experiments/vae.py), and of every run are {others}")
    if len(trained.dataset.image_shape) != 3:
        raise ConfigError(f"{values.workdir} holds a run on points; `ganlab latent` draws images")
    name, picture, found = show.draw(trained, values)
    output = Path(values.output or Path(values.workdir) / f"{name}_{trained.step:08}.png")
    save_png(output, picture)
    print(f"{found}\nround {trained.step:,} in {output}")
    return 0


def show_reconstructions(trained: TrainedRun,
                         values: flags.FlagValues) -> tuple[str, np.ndarray, str]:
    """Draws real images above their reconstructions, and measures the error over many."""
    shown = chosen(np.arange(len(trained.dataset)), values.seed)
    real, made = images_of(trained, shown), decoded(trained, encoded(trained, shown))
    error = math.sqrt(np.mean((real - made) ** 2))
    columns = min(values.number or 12, len(shown))
    picture = worded_grid(np.concatenate([real[:columns], made[:columns]]), columns,
                          title_of(trained), rows=("real", "reconstruction"))
    return "reconstructions", picture, (f"{counted(len(shown), 'image is', 'images are')} "
                                        "reconstructed with a root-mean-square error of "
                                        f"{error:.3f} (black is -1, white 1)")


def show_space(trained: TrainedRun, values: flags.FlagValues) -> tuple[str, np.ndarray, str]:
    """Draws the encoded data beside decoded images of the same plane."""
    shown = chosen(np.arange(len(trained.dataset)), values.seed)
    latents = encoded(trained, shown)
    try:
        plane = latent_plane(latents)
    except ValueError as error:
        raise ConfigError(f"--show=space: {error}; train with another "
                          "config.system.latent_size") from error
    made = decoded(trained, plane.grid(values.number or 20))
    picture = draw_latent_space(plane, latents, trained.dataset.labels[shown],
                                trained.dataset.class_names, made, title_of(trained))
    deviations = ", ".join(f"{deviation:.2f}" for deviation in latents.std(axis=0))
    return "latent_space", picture, (f"{counted(len(shown), 'image has', 'images have')} latents "
                                     f"of deviations {deviations}")


def show_arithmetic(trained: TrainedRun, values: flags.FlagValues) -> tuple[str, np.ndarray, str]:
    """Draws images of one class at every strength of the way to another, and counts how many arrive
    at strength 1."""
    # The two classes and the strengths are checked before anything is encoded.
    names, labels = trained.dataset.class_names, trained.dataset.labels
    start, end = (_class(flag, values[flag].value, names) for flag in ("from", "to"))
    if start == end:
        raise ConfigError(f"--from and --to are both {names[start]}; name two classes")
    strengths = [_strength(text) for text in values.strengths]
    if not strengths:
        raise ConfigError("--strengths names no number; write numbers, as in --strengths=0,0.5,1")
    # The direction is the difference of the two classes' mean latents.
    before, after = (chosen(np.flatnonzero(labels == label), values.seed) for label in (start, end))
    for label, found in ((start, before), (end, after)):
        if not len(found):
            raise ConfigError(f"the data of {values.workdir} has no image of class {names[label]}")
    latents = encoded(trained, before)
    vector = encoded(trained, after).mean(axis=0) - latents.mean(axis=0)
    # A row for each image, a column for each strength.
    rows = min(values.number or 8, len(before))
    moved = np.stack([decoded(trained, latents[:rows] + strength * vector)
                      for strength in strengths], axis=1)
    tiles = np.concatenate([images_of(trained, before[:rows])[:, None], moved], axis=1)
    picture = worded_grid(tiles.reshape(-1, *tiles.shape[2:]), tiles.shape[1],
                          f"{title_of(trained)}: from {names[start]} to {names[end]}",
                          heads=("real", *(f"{strength:+g}" if strength else "0"
                                           for strength in strengths)))
    text = f"from {names[start]} to {names[end]}: a vector of length {np.linalg.norm(vector):.2f}"
    # Whether the images arrive is counted by their nearest real neighbours.
    if len(names) <= FEW_CLASSES:
        still, arrived = (_read_as(trained, decoded(trained, latents + strength * vector), end)
                          for strength in (0, 1))
        text += (f"; of {counted(len(before), 'image')} moved by it, the nearest real image of "
                 f"{arrived:,} is of class {names[end]} (unmoved: of {still:,})")
    return f"arithmetic_{start}_to_{end}", picture, text


class Show(NamedTuple):
    """Something to draw.

    `draw(trained, flags)` returns the name of its file, its pixels uint8 [H, W, 3] and what was
    found; `flags` are those that it reads, beside the ones that all read.
    """

    draw: Callable[[TrainedRun, flags.FlagValues], tuple[str, np.ndarray, str]]
    flags: tuple[str, ...]
    encodes: bool = False


SAMPLED = ("columns", "labels", *SAMPLING_OPTIONS)
SHOWS = {"classes": Show(show_classes, SAMPLED),
         "walk": Show(show_walk, ("number", "moves", *SAMPLED)),
         "nearest": Show(show_nearest, ("number", "features", "weights", *SAMPLED)),
         "reconstructions": Show(show_reconstructions, ("number",), encodes=True),
         "space": Show(show_space, ("number",), encodes=True),
         "arithmetic": Show(show_arithmetic, ("number", "from", "to", "strengths"), encodes=True)}


def check_flags(values: flags.FlagValues, show: Show) -> None:
    """Raises ConfigError for a flag that has another value than its default, and that only other
    shows read."""
    for name in sorted({name for other in SHOWS.values() for name in other.flags}):
        if name not in show.flags and values[name].value != values[name].default:
            raise ConfigError(f"--{name} says nothing of --show={values.show}, which takes "
                              f"{', '.join('--' + own for own in show.flags)}; leave it out")


def chosen(among: np.ndarray, seed: int) -> np.ndarray:
    """Returns indices of images in an order of the seed's, at most `MOST_IMAGES`."""
    return np.random.default_rng(seed).permutation(among)[:MOST_IMAGES]


def images_of(trained: TrainedRun, shown: np.ndarray) -> np.ndarray:
    """Returns real images as networks see them, in [-1, 1]."""
    return np.asarray(to_float(trained.dataset.images[shown]))


def encoded(trained: TrainedRun, shown: np.ndarray) -> np.ndarray:
    """Returns the latents of real images, by their indices."""
    return trained.encode(trained.dataset.images[shown], trained.dataset.labels[shown])


def decoded(trained: TrainedRun, latents: np.ndarray) -> np.ndarray:
    """Returns the images of latents."""
    return trained.images(latents.astype(np.float32), np.zeros(len(latents), np.int32))


def _read_as(trained: TrainedRun, images: np.ndarray, label: int) -> int:
    """Counts the images that a nearest-neighbour classifier on the real ones reads as a class."""
    reference = images_of(trained, np.arange(len(trained.dataset)))
    return int(np.sum(nearest_labels(images, reference, trained.dataset.labels) == label))


def _class(flag: str, text: str | None, names: tuple[str, ...]) -> int:
    if text is None:
        raise ConfigError(f"--show=arithmetic needs --{flag}, a class; {classes_text(names)}")
    return class_number(flag, text, names)


def _strength(text: str) -> float:
    try:
        strength = float(text)
    except ValueError:
        strength = math.nan
    if not math.isfinite(strength):
        raise ConfigError(f"--strengths has {text!r}, which is not a number; write numbers, as in "
                          "--strengths=0,0.5,1")
    return strength
