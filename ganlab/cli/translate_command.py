"""ganlab translate --workdir=DIR --input=IMAGES --output=DIR [--direction=BA]

Translates pictures by a trained run of pix2pix or CycleGAN, or by weights that `ganlab import` has
read. Pictures of any size are taken, from the network's least on: where it takes multiples of a
number alone, borders are mirrored outward, and cut off again. IMAGES is a file, a folder or a zip
file; DIR gets a PNG file for each picture, and side_by_side.png with the first few beside what
became of them.

Examples:
  ganlab translate --workdir=runs/edges --input=drawings --output=painted --convert
  ganlab translate --workdir=runs/horse2zebra --input=horses.zip --output=zebras
  ganlab translate --workdir=runs/textures --input=gravel --output=bricks --direction=BA
  ganlab translate --workdir=runs/facades --input=labels --output=houses --as_in_training

--as_in_training normalizes each picture by its own statistics and drops units at random, as the
authors of pix2pix test; else the stored statistics are used, nothing is drawn, and equal pictures
become equal ones.
"""

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import jax
import numpy as np
from absl import flags

from ganlab.cli.judging import progress_bars
from ganlab.cli.runs import TrainedRun, open_run
from ganlab.config import ConfigError, unknown
from ganlab.data import (
    PICTURE_CHANNELS,
    BadImage,
    NotFinite,
    decode_image,
    encode_png,
    list_images,
    read_header,
    to_float,
    to_uint8,
    with_channels,
)
from ganlab.data.importing import Form
from ganlab.game import Translator
from ganlab.machine.backend import set_up_process
from ganlab.output import counted, whole_file, whole_folder
from ganlab.report.pictures import rows_of_pairs, save_png

SHOWN = 8
STRIP = "side_by_side.png"
Read = Callable[[int], bytes]


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    del argv
    flags.DEFINE_string("workdir", None, "the run's directory", flag_values=values, required=True)
    flags.DEFINE_string("input", None, "picture, folder or zip file of pictures",
                        flag_values=values, required=True)
    flags.DEFINE_string("output", None, "new directory of the translations", flag_values=values,
                        required=True)
    flags.DEFINE_string("direction", "AB", "AB from sources to images; BA back, where the "
                        "run has learned it", flag_values=values)
    flags.DEFINE_integer("batch_size", 8, "pictures of one size at once", lower_bound=1,
                         flag_values=values)
    flags.DEFINE_bool("convert", False, "brings grey, coloured and transparent pictures to the "
                      "channels that the network takes, instead of refusing them",
                      flag_values=values)
    flags.DEFINE_string("background", "black", "colour under what is transparent, with --convert",
                        flag_values=values)
    flags.DEFINE_bool("as_in_training", False, "normalizes by each picture's own "
                      "statistics, with dropout", flag_values=values)
    flags.DEFINE_integer("seed", 0, "chooses what is dropped", lower_bound=0, flag_values=values)
    flags.DEFINE_bool("ema", True, "averaged weights; --noema for those that were last trained",
                      flag_values=values)
    flags.DEFINE_integer("step", None, "the checkpoint after this many rounds; the "
                         "newest by default", flag_values=values)


def run(values: flags.FlagValues) -> int:
    """Translates and writes; checks all pictures before the first is translated."""
    set_up_process()
    # Flags and places first: they cost nothing to check.
    background = Form(0, background=values.background).check("--")
    names, read = _listed(Path(values.input))
    output = Path(values.output)
    if output.is_file() or output.exists() and any(output.iterdir()):
        raise ConfigError(f"--output={output} exists and is not empty; name a new directory")
    # The run has to translate pictures, in the direction that is asked for.
    trained = open_run(values.workdir, values.step, values.ema, ("translators",))
    translators = trained.game.translators
    if values.direction not in translators:
        raise unknown("--direction", values.direction, translators)
    translator = translators[values.direction]
    data = trained.dataset
    channels = (data.source_shape if translator.source == "source" else data.image_shape)[-1]
    for shape in (data.source_shape, data.image_shape):
        if shape is not None and shape[-1] not in PICTURE_CHANNELS:
            raise ConfigError(f"{values.workdir} is of images of {counted(shape[-1], 'channel')}, "
                              "and the pictures that are read and written have 1 (grey) or 3 "
                              "(colours); name another run")
    for i, name in enumerate(names):
        # By its header, which is quick to read.
        _check(f"{values.input}: {name}" if len(names) > 1 else name, read(i), channels, translator,
               values.convert)

    def pictures() -> Iterator[tuple[int, np.ndarray]]:
        for i, name in enumerate(names):
            try:
                yield i, with_channels(decode_image(read(i), background), channels)
            except BadImage as error:
                raise ConfigError(f"{values.input}: {name} {error}") from None

    # Normalization by each picture's own statistics takes one picture at a time.
    translate = _translation(trained, values.direction, values.as_in_training, values.seed)
    batch_size = 1 if values.as_in_training else values.batch_size
    rows = {}
    # Each picture is written when it is made; a fault leaves nothing behind.
    with whole_folder(output), progress_bars() as track:
        advance = track("pictures", len(names))
        for i, source, made in _translated(pictures(), translate, translator, batch_size):
            if not np.isfinite(made).all():
                raise NotFinite(f"{values.workdir} makes of {names[i]} what is not finite, by "
                                f"round {trained.step:,}; take an earlier checkpoint by --step, "
                                "or other weights")
            made = to_uint8(made)
            with whole_file(output / PurePosixPath(names[i]).with_suffix(".png")) as file:
                file.write(encode_png(made))
            if i < SHOWN:
                rows[i] = source, made
            advance(1)
        save_png(output / STRIP, rows_of_pairs([rows[i] for i in sorted(rows)]))
    print(f"{counted(len(names), 'picture')} translated by round {trained.step:,} in {output}; "
          f"{output / STRIP} shows {len(rows)} beside their sources")
    return 0


def _listed(path: Path) -> tuple[tuple[str, ...], Read]:
    """Returns the names of pictures within a file, folder or zip file, and what reads them by their
    index.

    Raises:
      ConfigError: where there is none, or two translations would have one name.
    """
    if path.is_file() and path.suffix.lower() != ".zip":
        return (path.name,), lambda i: path.read_bytes()
    listing = list_images(path)
    places: dict[PurePosixPath, str] = {PurePosixPath(STRIP): STRIP}
    for name in listing.names:
        place = PurePosixPath(name).with_suffix(".png")
        if place in places:
            raise ConfigError(f"{path} has {name}, whose translation would be called {place}, as "
                              f"that of {places[place]}; rename it")
        places[place] = name
    return listing.names, listing.read


def _check(name: str, data: bytes, channels: int, translator: Translator, convert: bool) -> None:
    """Raises ConfigError for a picture that the network does not take, by its header."""
    header = read_header(data)
    if header is None:
        return  # Decoding says why.
    advice = "--convert brings it to what the network takes"
    if header.transparent and not convert:
        raise ConfigError(f"{name} has an alpha channel, and the network takes none; {advice}")
    if header.channels != channels and not convert:
        raise ConfigError(f"{name} has {_channels(header.channels)}, and the network takes "
                          f"{_channels(channels)}; {advice}")
    if min(header.width, header.height) < translator.least:
        raise ConfigError(f"{name} has {header.width}x{header.height} pixels, and the network "
                          f"takes pictures from {translator.least}x{translator.least} on; "
                          "enlarge it first")


def _channels(number: int) -> str:
    return "one channel (grey)" if number == 1 else f"{number} channels"


def _translation(trained: TrainedRun, direction: str, as_in_training: bool,
                 seed: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Returns `(pictures [n, h, w, c], numbers [n]) -> translations [n, h, w, c']`, of uint8 to
    floats in [-1, 1]."""
    if not as_in_training:
        return lambda pictures, numbers: trained.translate(pictures, direction, len(pictures))
    translator = trained.game.translators[direction]
    weights, key = trained.weights(translator.networks), jax.random.key(seed)

    @jax.jit
    def drawn(pictures: jax.Array, numbers: jax.Array) -> jax.Array:
        keys = jax.vmap(lambda number: jax.random.fold_in(key, number))(numbers)
        return translator.images(weights, to_float(pictures), keys)

    return lambda pictures, numbers: np.asarray(drawn(pictures, numbers))


def _translated(
        pictures: Iterator[tuple[int, np.ndarray]],
        translate: Callable[[np.ndarray, np.ndarray], np.ndarray], translator: Translator,
        batch_size: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yields index, picture and translation, in [-1, 1], of each: pictures of one padded size go
    together, as they come."""
    waiting: dict[tuple[int, ...], list[tuple[int, np.ndarray]]] = {}

    def translated(
            batch: list[tuple[int, np.ndarray]]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        padded = np.stack([mirrored_to(picture, translator.multiple) for _, picture in batch])
        # A last batch of fewer is filled up: another size would compile again.
        rows = np.arange(batch_size) % len(batch)
        made = translate(padded[rows], np.array([batch[row][0] for row in rows], np.int32))
        for (i, picture), whole in zip(batch, made, strict=False):
            yield i, picture, cut_to(whole, picture.shape)

    for i, picture in pictures:
        sides = tuple(-side % translator.multiple + side for side in picture.shape[:2])
        waiting.setdefault(sides, []).append((i, picture))
        if len(waiting[sides]) == batch_size:
            yield from translated(waiting.pop(sides))
    for batch in waiting.values():
        yield from translated(batch)


def _margins(size: int, multiple: int) -> tuple[int, int]:
    """Returns what is added before and after a side, so that `multiple` divides it."""
    added = -size % multiple
    return added // 2, added - added // 2


def mirrored_to(picture: np.ndarray, multiple: int) -> np.ndarray:
    """Returns a picture [h, w, c] whose sides `multiple` divides: borders are mirrored outward
    where it does not."""
    return np.pad(picture, (*(_margins(size, multiple) for size in picture.shape[:2]), (0, 0)),
                  mode="reflect")


def cut_to(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the middle of a picture, of the height and width of a shape: what `mirrored_to` has
    added is gone."""
    top, left = ((size - wanted) // 2
                 for size, wanted in zip(picture.shape[:2], shape[:2], strict=True))
    return picture[top:top + shape[0], left:left + shape[1]]
