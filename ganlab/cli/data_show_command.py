"""ganlab data show SOURCE [--kwargs=NAME=VALUE,...] [--output=FILE.png]

Shows a data set before anything is trained on it: counts, shapes, classes, mean and
deviation, what is wrong with it, and a picture. SOURCE is a name of `ganlab list
--only=sources`, a folder or zip file of images, an imported data set, or the name of a
data set of TFDS. Of large sets, 20,000 pictures at equal distances are looked at.

--kwargs are the source's keyword arguments, as in config.data.kwargs; inner ones are
written with a dot. One with a comma is put in quotation marks with its name.

Examples:
  ganlab data show glyphs
  ganlab data show photo_edges --kwargs=side=128,split=test
  ganlab data show pictures.zip --kwargs=resolution=64 --output=pictures.png
  ganlab data show cifar10 --kwargs=only_class=frog
  ganlab data show cifar10 '--kwargs="data_dir=/data/a,b",split=test'
  ganlab data show translated --kwargs=source=tfds,function=grey,kwargs.name=cifar10
"""

import ast
import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from absl import flags
from rich.console import Console

from ganlab.config import ConfigError, did_you_mean
from ganlab.data import SOURCES, Dataset, examine, load_source, source_of
from ganlab.report.data_views import class_table, data_picture, data_table
from ganlab.report.pictures import save_png

ARGUMENTS = ("SOURCE",)


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    del argv
    flags.DEFINE_list("kwargs", [], "keyword arguments of the source, such as side=64,split=test",
                      flag_values=values)
    flags.DEFINE_string("output", None, "the picture; by default NAME.png in this folder",
                        flag_values=values)


def run(values: flags.FlagValues, source: str) -> int:
    """Examines, prints and writes the picture."""
    output = Path(values.output) if values.output else None
    if output and output.suffix != ".png":
        raise ConfigError(f"--output={output} does not end in .png; the picture is a PNG file")
    dataset = _load(source, parse_kwargs(values.kwargs))
    found = examine(dataset)
    console = Console(highlight=False, markup=False)
    console.print(data_table(dataset, found), "")
    console.print(class_table(dataset, found.counts), "")
    console.print("what is wrong with it:" if found.complaints else "what is wrong with it: "
                  "nothing was found")
    for complaint in found.complaints:
        console.print(f"- {complaint}")
    output = output or Path(f"{dataset.name.replace('/', '_')}.png")
    save_png(output, data_picture(dataset))
    console.print(f"\npicture in {output}", soft_wrap=True)
    return 0


def _load(text: str, kwargs: dict[str, Any]) -> Dataset:
    name, named = source_of(text)
    try:
        return load_source(name, named | kwargs)
    except ConfigError as error:
        # What is a little wrong is asked of TFDS, which knows nothing of these names.
        meant = did_you_mean(text, SOURCES) if name == "tfds" and text not in SOURCES else ""
        raise ConfigError(f"no file and no data source of ganlab is called {text!r}{meant}; "
                          f"of TFDS: {error}"
                          if meant else str(error)) from error


def format_kwargs(**kwargs: str) -> str:
    """Returns texts as `--kwargs=` takes them, in quotation marks where a list or Python
    would read another."""
    file = io.StringIO()
    csv.writer(file, lineterminator="").writerow(
        f"{name}={value if parse_kwargs([f'{name}={value}']) == {name: value} else repr(value)}"
        for name, value in kwargs.items())
    return file.getvalue()


def parse_kwargs(texts: Iterable[str]) -> dict[str, Any]:
    """Returns the arguments that `NAME=VALUE` texts give: numbers, True, False and quoted texts as
    Python writes them, everything else as text.

    Raises:
      ConfigError: for a text without `=`, or an argument that has both a value and inner ones.
    """
    found: dict[str, Any] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals or not path:
            raise ConfigError(f"--kwargs has {text!r}; write NAME=VALUE, joined by commas")
        *outer, last = path.split(".")
        inside = found
        for name in outer:
            inside = inside.setdefault(name, {})
            if not isinstance(inside, dict):
                raise ConfigError(f"--kwargs has {text!r} beside a value of {name}; "
                                  "give one of the two")
        try:
            inside[last] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            inside[last] = value
    return found
