"""ganlab data import SOURCE DEST --resolution=N [--crop=NAME] [--skip_bad] [--overwrite]

Makes a data set of images of one size, which training reads quickly: each is decoded and resized
once. SOURCE is a folder or a zip file of images (PNG, JPEG, WebP, GIF, BMP, TIFF), or the name of a
data set that TFDS has prepared. DEST is a new folder, a data set of TFDS in its format
array_record, in a split train.

Who opens DEST, and how:
  ganlab           --config=FILE:data=./DEST
  TFDS by folder   tfds.builder_from_directory(DEST).as_data_source("train"), without TensorFlow
  TFDS by name     tfds.data_source(NAME, split="train", data_dir=DIR), where DEST is
                   DIR/NAME/VERSION, such as ~/tensorflow_datasets/photos/1.0.0; NAME in lower case,
                   digits and _
TFDS itself does not open array_record by tfds.load or as_dataset, which take tfrecord.

Classes are the folders at the top of SOURCE, or those of a file dataset.json there:
{"labels": [["cats/1.png", 0], ...]}, with numbers from 0 on or names, or {"labels": null} for one
class. Classes that are called by whole numbers are ordered by value, others as texts. Hidden
folders are left out, and those that systems put beside pictures, such as @eaDir and __MACOSX.

Crops:
  centre       the square in the middle (--transform=center-crop of StyleGAN's dataset_tool)
  centre-wide  the middle of ratio 4:3, between black bars in a square (StyleGAN's
               center-crop-wide, for LSUN cars)
  none         everything: images are square, or with --resolution=0 of one size

Examples:
  ganlab data import pictures data/pictures --resolution=64
  ganlab data import faces.zip data/faces --resolution=128 --skip_bad
  ganlab data import scans data/scans --resolution=64 --channels=1 --background=white
  ganlab data import cifar10 data/cifar10 --resolution=32
  ganlab data import pictures ~/tensorflow_datasets/photos/1.0.0 --resolution=64  # photos, for TFDS
"""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import rich.console
import rich.progress
from absl import flags

from ganlab.config import ConfigError, format_choices
from ganlab.data import (
    CROPS,
    Form,
    Imported,
    Listing,
    import_images,
    list_images,
    list_prepared,
)
from ganlab.data.record_writer import check_place, named_folder
from ganlab.output import agreeing, counted

ARGUMENTS = ("SOURCE", "DEST")
EXIT_INTERRUPTED = 130
LINES = 10  # Of progress, without a terminal.
SHOWN = 20  # Of the files that were left out; DEST/import.json has them all.


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    del argv
    flags.DEFINE_integer("resolution", None, "side of the images in pixels; 0 leaves images of one "
                         "size as they are", flag_values=values, required=True)
    flags.DEFINE_enum("crop", "centre", list(CROPS), "what is kept of images that are not square",
                      flag_values=values)
    flags.DEFINE_string("background", "black", "colour under what is transparent: "
                        "black, white, #8090a0", flag_values=values)
    flags.DEFINE_integer("channels", 3, "3 for colours, 1 for grey", flag_values=values)
    flags.DEFINE_bool("skip_bad", False, "leaves out and lists files that are not usable images, "
                      "links to nothing, and folders that cannot be read", flag_values=values)
    flags.DEFINE_bool("overwrite", False, "replaces a data set at DEST, once the new one is whole",
                      flag_values=values)


def run(values: flags.FlagValues, source: str, dest: str) -> int:
    """Imports; prints what came of it and how to train on it."""
    form = Form(values.resolution, values.crop, values.background, values.channels)
    form.check("--")
    place = Path(dest)
    check_place(place, values.overwrite)
    listing = _list(source, place, values.skip_bad)
    try:
        with _progress(len(listing)) as progress:
            found = import_images(listing, place, form, values.skip_bad, values.overwrite, progress)
    except KeyboardInterrupt:
        print(f"ganlab: stopped; nothing was left at {place}, the same command starts again",
              file=sys.stderr)
        return EXIT_INTERRUPTED
    print("\n".join(_summary(listing, place, form, found)))
    return 0


def _list(source: str, place: Path, skip_bad: bool) -> Listing:
    path = Path(source)
    if not path.exists():
        try:
            return list_prepared(source)
        except ConfigError as error:
            raise ConfigError(f"no file or folder is called {source}; of TFDS: {error}") from error
    inner, outer = place.resolve(), path.resolve()
    if inner == outer or inner in outer.parents or outer in inner.parents and path.is_dir():
        raise ConfigError(f"DEST {place} and SOURCE {path} lie within each other; name a "
                          "folder beside it")
    return list_images(path, skip_bad)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int, int], None]]:
    """Shows how many images are done: a bar on a terminal, a few lines elsewhere."""
    if not sys.stdout.isatty():
        yield _line
        return
    columns = ("{task.completed:,}/{task.total:,} images", rich.progress.BarColumn(),
               rich.progress.TaskProgressColumn(), rich.progress.TimeRemainingColumn())
    with rich.progress.Progress(*columns, console=rich.console.Console()) as bar:
        task = bar.add_task("import", total=total)
        yield lambda done, total: bar.update(task, completed=done)


def _line(done: int, total: int) -> None:
    if done * LINES // total > (done - 1) * LINES // total:
        print(f"{done:,} of {counted(total, 'image')}", flush=True)


def _summary(listing: Listing, place: Path, form: Form, found: Imported) -> Iterator[str]:
    height, width, channels = found.shape
    number = sum(found.per_class.values())
    size = sum(file.stat().st_size for file in place.iterdir())
    classes = ", ".join(f"{name} {count:,}"
                        for name, count in list(found.per_class.items())[:SHOWN])
    more = f", and {len(found.per_class) - SHOWN:,} more" if len(found.per_class) > SHOWN else ""
    # What there is now.
    yield (f"{counted(number, 'image')} of {width}x{height}, "
           f"{'colours' if channels == 3 else 'grey'}, in {place} ({size / 2**20:,.1f} MiB)")
    yield f"{counted(len(found.per_class), 'class', 'classes')}: {classes}{more}"
    # What is not in it, and why.
    if found.left_out:
        yield f"{len(found.left_out):,} left out:"
        yield from (f"  {name} {reason}" for name, reason in found.left_out[:SHOWN])
        if len(found.left_out) > SHOWN:
            yield f"  and {len(found.left_out) - SHOWN:,} more, all in {place / 'import.json'}"
    if listing.others:
        yield counted(listing.others, "file is not an image by its name",
                      "files are not images by their names")
    if found.enlarged:
        yield (f"{counted(found.enlarged, 'image was', 'images were')} smaller than "
               f"{form.resolution} pixels and {agreeing(found.enlarged, 'was', 'were')} enlarged")
    if found.grey == number and channels == 3:
        yield "every image is grey; --channels=1 takes a third of the memory"
    # The next command, as it can be pasted.
    choices = format_choices(data=place if place.is_absolute() else f"./{place}")
    command = shlex.join(["ganlab", "train", f"--config=experiments/wgan_gp.py:{choices}",
                          f"--workdir=runs/{named_folder(place.resolve())[0].name}"])
    yield f"train on it by `{command}`"
