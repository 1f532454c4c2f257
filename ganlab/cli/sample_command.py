"""ganlab sample --workdir=DIR [--number=N | --seeds=0,1,4-6] [--labels=0,1,2] [--output=PATH]

Draws samples of a trained run, by its averaged weights. Sample i depends on the seed and i alone,
so that a larger --number begins with the same samples. Of a conditional run, single files have the
names of their classes in their own, and arrays `labels` and, by label, `class_names`.

Examples:
  ganlab sample --workdir=runs/digits                                one grid of 100
  ganlab sample --workdir=runs/digits --labels=3,7 --number=40       only threes and sevens, by name
  ganlab sample --workdir=runs/digits --seeds=0,1,4-6                these samples alone
  ganlab sample --workdir=runs/digits --form=files --number=1000     single PNG files
  ganlab sample --workdir=runs/digits --form=npz --number=50000 --output=samples.npz
  ganlab sample --workdir=runs/digits --truncation=0.5               latents within [-0.5, 0.5]:
                                                                     purer, less varied
  ganlab sample --workdir=runs/digits --interpolate=6 --number=10    6 walks of 10 steps between
                                                                     latents
"""

from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from ganlab.cli.option_flags import define_option_flags, given_options
from ganlab.cli.runs import (
    TrainedRun,
    grid_columns,
    is_conditional,
    open_run,
    parse_labels,
    title_of,
)
from ganlab.cli.sample_numbers import parse_numbers
from ganlab.config import ConfigError
from ganlab.data import PICTURE_CHANNELS, to_uint8
from ganlab.data.classes import file_words
from ganlab.machine.backend import set_up_process
from ganlab.output import counted, whole_file, whole_folder
from ganlab.report.pictures import draw_samples, save_png
from ganlab.report.walks import interpolate_latents

FORMS = ("grid", "files", "npz")


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    del argv
    flags.DEFINE_string("workdir", None, "the run's directory", flag_values=values, required=True)
    # What is drawn.
    flags.DEFINE_integer("number", 100, "samples, or steps of each walk with --interpolate",
                         lower_bound=1, flag_values=values)
    flags.DEFINE_list("labels", [], "classes to draw, repeated in turn; all by default "
                      "(--class of StyleGAN)", flag_values=values)
    flags.DEFINE_string("seeds", None, "samples to draw by their numbers, as 0,1,4-6, in place of "
                        "the first --number (--seeds of StyleGAN)", flag_values=values)
    flags.DEFINE_integer("seed", 0, "chooses the latents of all samples together", lower_bound=0,
                         flag_values=values)
    define_option_flags(values)
    # By which weights.
    flags.DEFINE_bool("ema", True, "averaged weights; --noema for those that were last trained",
                      flag_values=values)
    flags.DEFINE_integer("step", None, "the checkpoint after this many rounds; the newest by "
                         "default", flag_values=values)
    flags.DEFINE_enum("form", "grid", FORMS, "one grid picture, single pictures, or arrays "
                      "`images` and `labels`", flag_values=values)
    flags.DEFINE_integer("interpolate", 0, "draws this many walks between latents instead, each as "
                         "a row", lower_bound=0, flag_values=values)
    flags.DEFINE_string("output", None, "file (grid, npz) or new directory (files); by default in "
                        "the run's directory", flag_values=values)


def run(values: flags.FlagValues) -> int:
    """Draws and writes; prints where. Answers what cannot be written that way before anything is
    drawn."""
    set_up_process()
    draws = (np.arange(values.number) if values.seeds is None
             else parse_numbers(values.seeds, "--seeds"))
    trained = open_run(values.workdir, values.step, values.ema)
    options = trained.options(given_options(values), "--")
    if values.interpolate:
        if values.seeds is not None:
            raise ConfigError("--seeds names single samples, and --interpolate draws walks between "
                              "all of them; leave one of them out")
        check_walks(trained)
    output = Path(values.output
                  or Path(values.workdir) / f"{'walks' if values.interpolate else 'samples'}"
                  f"_{trained.step:08}{ {'grid': '.png', 'files': '', 'npz': '.npz'}[values.form]}")
    if values.form == "files":
        check_files(output, trained.dataset.image_shape)
    # Which latents and labels are drawn, and how many stand in a row.
    if values.interpolate:
        number = values.interpolate * values.number
        ends = trained.latents(values.interpolate + 1, values.seed, options)
        latents = interpolate_latents(ends, values.number)
        labels = np.repeat(parse_labels(values.labels, trained, values.interpolate), values.number)
        # One noise for all of a walk.
        draws = np.repeat(np.arange(values.interpolate), values.number)
        columns = values.number
    else:
        number = len(draws)
        latents = trained.latents(draws, values.seed, options)
        # Classes in turn; without --labels sample i has its class however many are drawn.
        labels = (parse_labels(values.labels, trained, number) if values.labels else
                  parse_labels((), trained, trained.dataset.num_classes)[
                      draws % trained.dataset.num_classes])
        # Whole cycles of the labels in a row, so that a column is a class and the picture
        # about square.
        cycle = len(values.labels)
        columns = (cycle * max(1, round(number**0.5 / cycle)) if cycle
                   else grid_columns(trained.config, trained.dataset, number))
    samples = trained.images(latents, labels, options=options, seed=values.seed, numbers=draws)
    # Written in the form that was asked for.
    if values.form == "grid":
        save_png(output, draw_samples(samples, trained.dataset, columns, title_of(trained)))
    elif values.form == "npz":
        output = output.with_name(output.name.removesuffix(".npz") + ".npz")
        # By label; an unconditional run's samples are of no class.
        names = ({"class_names": np.array(trained.dataset.class_names, str)}
                 if is_conditional(trained) else {})
        images = to_uint8(samples) if samples.ndim == 4 else samples
        with whole_file(output) as file:
            np.savez_compressed(file, images=images, labels=labels, **names)
    else:
        words = file_words(trained.dataset.class_names)
        names = range(number) if values.interpolate else draws
        _write_files(output, samples, [
            f"{name:06}" + (f"_class{words[label]}" if is_conditional(trained) else "")
            for name, label in zip(names, labels, strict=True)])
    stage = f", {trained.stage}," if trained.stage else ""
    print(f"{counted(number, 'sample')} of round {trained.step:,}{stage} in {output}")
    return 0


def check_walks(trained: TrainedRun, flag: str = "--interpolate") -> None:
    """Raises ConfigError for a run whose latents are not vectors of numbers: walks need vectors."""
    drawn = jax.eval_shape(lambda: trained.latents(2, 0))
    if drawn.ndim != 2 or not jnp.issubdtype(drawn.dtype, jnp.floating):
        raise ConfigError(f"{flag} walks between latents that are vectors of real numbers, "
                          f"but a latent of system {trained.config.system.name} is {drawn.dtype} "
                          f"of shape {list(drawn.shape[1:])}; leave {flag} out")


def check_files(output: Path, shape: tuple[int, ...]) -> None:
    """Raises ConfigError where samples of a shape cannot become PNG files in a directory."""
    if len(shape) != 3:
        raise ConfigError("--form=files writes images; the run makes points; use "
                          "--form=npz or grid")
    if shape[-1] not in PICTURE_CHANNELS:
        raise ConfigError("--form=files writes PNG files of 1 channel (grey) or 3 (colours), and "
                          f"the run makes images of {counted(shape[-1], 'channel')}; use "
                          "--form=npz, or --form=grid, which shows each one")
    if output.is_file() or output.exists() and any(output.iterdir()):
        raise ConfigError(f"--output={output} exists and is not empty; name a new directory")


def _write_files(output: Path, samples: np.ndarray, names: Sequence[str]) -> None:
    """Writes samples [n, h, w, 1 or 3] as PNG files of these names [n]."""
    with whole_folder(output):
        for image, name in zip(to_uint8(samples), names, strict=True):
            save_png(output / f"{name}.png", image[..., 0] if image.shape[-1] == 1 else image)
