"""Loads a data set by the name of its source, as a config or a command gives it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ganlab.config import ConfigError, bind, choose
from ganlab.data.dataset import Dataset
from ganlab.data.jitter import with_crops
from ganlab.data.stores import user_path


def load_source(name: str, kwargs: Mapping[str, Any], path: str = "data") -> Dataset:
    """Loads the data set of a source.

    Args:
      name: one of `SOURCES`, or `package.module:function`.
      kwargs: its keyword arguments.
      path: the config's section that holds `source` and `kwargs`, for messages.

    Raises:
      ConfigError: for an unknown source or argument, and for whatever the source does not load.
    """
    from ganlab.data import (
        SOURCES,  # Imported here: some sources of the table load others.
    )

    source = choose(SOURCES, name, f"{path}.source")
    bind(source, kwargs, f"{path}.kwargs")
    try:
        dataset = source(**kwargs)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"config.{path} ({name}) does not load: {error}") from error
    if not isinstance(dataset, Dataset):
        raise ConfigError(f"config.{path}.source {name!r} returned a {type(dataset).__name__}; it "
                          "must return a ganlab.data.Dataset")
    _check_shapes(dataset, f"config.{path}.source {name!r}")
    _check_labels(dataset, f"config.{path}.source {name!r}")
    return dataset


def _check_shapes(dataset: Dataset, given: str) -> None:
    """Refuses arrays that are neither images nor points, which networks would take and nothing
    could draw."""
    arrays = {"images": dataset.images,
              **({} if dataset.sources is None else {"sources": dataset.sources})}
    for name, array in arrays.items():
        shape = tuple(array.shape)
        if len(shape) not in (2, 4) or 0 in shape:
            raise ConfigError(f"{given} gives {name} of shape {list(shape)}; they must be images "
                              "[n, height, width, channels], of one channel too, or points "
                              "[n, numbers]")


def _check_labels(dataset: Dataset, given: str) -> None:
    """Refuses labels without a name: counting by class would take as much memory as their value."""
    # A source from outside may return anything.
    labels = np.asarray(dataset.labels)
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise ConfigError(f"{given} gives labels of {labels.dtype} {list(labels.shape)}; they must "
                          "be integers [n]")
    if len(labels) and not 0 <= labels.min() <= labels.max() < dataset.num_classes:
        raise ConfigError(f"{given} gives labels from {labels.min()} to {labels.max()} and "
                          f"{dataset.num_classes:,} class_names; labels must count from 0 and each "
                          "have a name, as those of `class_names, labels = np.unique(labels, "
                          "return_inverse=True)` do")


def load_section(section: Mapping[str, Any]) -> Dataset:
    """Loads the data set of a config's section `data`, with crops where `crop` asks for them.

    Raises:
      ConfigError: as `load_source`, and for a crop that the pictures do not have.
    """
    return with_crops(load_source(section["source"], section["kwargs"]), section["crop"])


def source_of(text: str) -> tuple[str, dict[str, Any]]:
    """Returns the source that one word means, and its keyword arguments.

    The word is a name of `SOURCES`; the folder of an imported data set; a folder or zip file of
    images, which keep their own size; a `package.module:function`; or else the name of a data set
    of TFDS.
    """
    from ganlab.data import SOURCES

    path = user_path(text)
    # A path may have a colon too: if it exists, it is what is meant.
    if text in SOURCES or text.partition(":")[2].isidentifier() and not path.exists():
        return text, {}
    if (path / "dataset_info.json").exists():
        return "imported", {"path": text}
    if path.exists():
        return "folder", {"path": text, "resolution": 0}
    return "tfds", {"name": text}
