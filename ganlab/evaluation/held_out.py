"""The data by which a run is judged: that of its training, or another split of the same source."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganlab.config import ConfigError, choose
from ganlab.data import SOURCES, Dataset, load_section


def judged_data(config: Mapping[str, Any], dataset: Dataset, split: str | None = None) -> tuple[
        Dataset, Mapping[str, Any]]:
    """What a run is judged by, and the section `data` of a config that would load it.

    Args:
      config: of the run.
      dataset: its training data.
      split: the flag --split, else None for what the config says: of which images are compared, and pictures
        translated; empty for the training data. Of a source that has a split for each kind both are joined by +,
        first that of the sources: `testA+testB`. Of a source of folders or zip files without splits it is the name
        of those beside the ones of training, or a path.

    Raises:
      ConfigError: for a source without splits, and for a split that it does not have.
    """
    section = config["data"]
    key, split = ("config.evaluate.split", config["evaluate"]["split"]) if split is None else ("--split", split)
    if not split:
        return dataset, section
    arguments = inspect.signature(choose(SOURCES, section["source"], "data.source")).parameters
    # Names of splits, or what holds a split each.
    names = next(([name for name in (f"source_{kind}", kind) if name in arguments] for kind in ("split", "path")
                  if kind in arguments), None)
    parts = split.split("+")
    if names is None:
        raise ConfigError(f"{key} is {split!r}, but the source {section['source']!r} has no splits; leave it empty, or "
                          "take a source that has some, such as photos or tfds")
    if len(parts) != len(names):
        wanted = "a split for each kind, joined by + as in testA+testB" if len(names) == 2 else "one split"
        raise ConfigError(f"{key} is {split!r}, but the source {section['source']!r} takes {wanted}")
    changed = dict(zip(names, parts, strict=True))
    if "path" in changed:
        changed = {name: str(Path(section["kwargs"][name]).parent / part) for name, part in changed.items()}
    section = {**section, "kwargs": {**section["kwargs"], **changed},
               "splits": dict(zip(("source_split", "split")[-len(parts):], parts, strict=True))}
    try:
        found = load_section(section)
    except ConfigError as error:
        raise ConfigError(f"{key} is {split!r}, which does not load: {error}") from None
    if (found.image_shape, found.source_shape) != (dataset.image_shape, dataset.source_shape):
        raise ConfigError(f"{key} is {split!r}, whose images are of shape {list(found.image_shape)}, and those of "
                          f"training of {list(dataset.image_shape)}; set the resolution in config.data.kwargs")
    return found, section
