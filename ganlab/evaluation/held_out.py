"""The data by which a run is measured: that of its training, or another split of its source."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganlab.config import ConfigError, choose
from ganlab.data import SOURCES, Dataset, load_section


def judged_data(config: Mapping[str, Any], dataset: Dataset,
                split: str | None = None) -> tuple[Dataset, Mapping[str, Any]]:
    """Loads the data by which a run is measured, and returns the section `data` that describes it.

    Args:
      config: that of the run.
      dataset: its training data.
      split: the flag --split, or None for what the config says: the split whose images are compared
        and pictures translated; empty for the training data. If a source has a split for each kind,
        both are joined by +, first that of the sources: `testA+testB`. If a source has folders or
        zip files and no splits, it is the name of others beside those of training, or a path.

    Raises:
      ConfigError: for a source without splits, and for a split that it does not have.
    """
    section = config["data"]
    key, split = (("config.evaluate.split", config["evaluate"]["split"]) if split is None
                  else ("--split", split))
    if not split:
        return dataset, section
    # A source takes a split, two of them, or paths of what holds a split each.
    arguments = inspect.signature(choose(SOURCES, section["source"], "data.source")).parameters
    names = next(([name for name in (f"source_{kind}", kind) if name in arguments]
                  for kind in ("split", "path") if kind in arguments), None)
    parts = split.split("+")
    if names is None:
        raise ConfigError(f"{key} is {split!r}, but the source {section['source']!r} has no "
                          "splits; leave it empty, or take a source that has some, such as photos "
                          "or tfds")
    if len(parts) != len(names):
        wanted = ("a split for each kind, joined by + as in testA+testB" if len(names) == 2
                  else "one split")
        raise ConfigError(f"{key} is {split!r}, but the source {section['source']!r} takes "
                          f"{wanted}")
    # The same source with other splits; a path is relative to the folder of training's.
    changed = dict(zip(names, parts, strict=True))
    if "path" in changed:
        changed = {name: str(Path(section["kwargs"][name]).parent / part)
                   for name, part in changed.items()}
    section = {**section, "kwargs": {**section["kwargs"], **changed},
               "splits": dict(zip(("source_split", "split")[-len(parts):], parts, strict=True))}
    # Whatever does not load, or has another shape, is answered before anything is measured.
    try:
        found = load_section(section)
    except ConfigError as error:
        raise ConfigError(f"{key} is {split!r}, which does not load: {error}") from None
    if (found.image_shape, found.source_shape) != (dataset.image_shape, dataset.source_shape):
        raise ConfigError(f"{key} is {split!r}, whose images are of shape "
                          f"{list(found.image_shape)}, and those of training of "
                          f"{list(dataset.image_shape)}; set the resolution in config.data.kwargs")
    return found, section
