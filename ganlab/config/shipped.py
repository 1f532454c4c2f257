"""The experiments and ablations that come with ganlab, wherever it is installed."""

from pathlib import Path

import ganlab

FOLDER = "experiments"


def shipped_folder() -> Path:
    """Returns the folder of experiments: in the package of a wheel, or beside it in a checkout."""
    package = Path(ganlab.__file__).parent
    installed = package / FOLDER
    return installed if installed.is_dir() else package.parent / FOLDER


def find_file(name: str) -> Path:
    """Returns the path of an experiment's or ablation's file.

    That is the name itself, seen from the current directory. For a name below `experiments/` that
    no file here has, it is the file that ganlab ships under this name, if it ships one.
    """
    path = Path(name)
    if path.is_absolute() or path.exists() or path.parts[:1] != (FOLDER,):
        return path
    shipped = shipped_folder().joinpath(*path.parts[1:])
    return shipped if shipped.is_file() else path
