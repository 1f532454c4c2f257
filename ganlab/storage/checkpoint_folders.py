"""Which checkpoints exist, by their folders: Orbax does not open a directory if one is damaged."""

import json
from collections.abc import Sequence
from pathlib import Path

from ganlab.config import ConfigError
from ganlab.output import counted


def step_folders(directory: Path) -> dict[int, Path]:
    """Returns the folders of all checkpoints in a directory, by round in order, readable or not."""
    folders = directory.iterdir() if directory.is_dir() else ()
    # What is still being saved has another name.
    return dict(sorted((int(path.name), path) for path in folders
                       if path.name.isdigit() and path.is_dir()))


def stored_metrics(folder: Path) -> dict[str, float] | None:
    """Reads what was measured of a checkpoint when it was saved, {} for nothing.

    None if that does not read.
    """
    try:
        return dict(json.loads((folder / "metrics" / "metrics").read_text()))
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError):
        return None


def rounds_saved(directory: Path) -> int:
    """Returns the rounds of the newest checkpoint in a directory, 0 without one."""
    return max(step_folders(directory), default=0)


def choose_step(steps: Sequence[int], wanted: int | None, directory: Path) -> int:
    """Returns the checkpoint to read, of those after `steps` rounds: `wanted`, or the newest.

    Raises:
      ConfigError: if it does not exist.
    """
    if not steps:
        raise ConfigError(f"{directory} holds no checkpoint yet; train there first")
    if wanted is not None and wanted not in steps:
        raise ConfigError(f"{directory} has no checkpoint after {counted(wanted, 'round')}; it has "
                          f"{', '.join(map(str, steps))}")
    return steps[-1] if wanted is None else wanted
