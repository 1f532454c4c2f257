"""Reads from a sampler's file what its programs are made of, to make them again once they expire.

The file may be damaged, or made in order to harm: nothing of it is run, and what it unpacks to is
checked first. Its config is only checked for being a config; before you build a game from it, look
at `outside_names`.
"""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import ml_collections

from ganlab.config import ConfigError, flat
from ganlab.pretrained import Archive, BadWeights, damaged, read_safetensors
from ganlab.storage.run_directory import config_of, plain
from ganlab.storage.sampler_file import CONFIG, KINDS, META, WEIGHTS, SamplerRecord

MOST_TEXT = 2**22
"""Most bytes of the config, and of the file that describes the sampler."""
MOST_SIDE = 2**16
"""Largest height, width or number of channels of an example."""
NOT_BUILT = ("data", "evaluate", "init", "name")
"""Sections of a config from which a game takes nothing."""


def read_sampler(path: Path) -> SamplerRecord:
    """Reads the record in a file that `write_sampler` wrote.

    Raises:
      ConfigError: one sentence with the file, what is wrong with it, and what to do.
      OSError: if the file does not exist or cannot be read.
    """
    with open(path, "rb") as file:
        try:
            if not zipfile.is_zipfile(file):
                raise BadWeights("is not a zip file, or not a complete one; name a file of "
                                 "`ganlab checkpoints --export_sampler`")
            return _record(Archive(file, os.fstat(file.fileno()).st_size))
        except BadWeights as error:
            raise ConfigError(f"{path} {error}") from None


def outside_names(config: ml_collections.ConfigDict) -> dict[str, str]:
    """Returns names of code outside ganlab in a config, `package.module:function`, by their
    keys."""
    return {f"config.{path}": text for path, value in flat(plain(config))
            if path.split(".")[0] not in NOT_BUILT
            for text in _texts(value) if ":" in text}


def _record(archive: Archive) -> SamplerRecord:
    absent = [name for name in (META, CONFIG, WEIGHTS) if name not in archive.sizes]
    if absent:
        raise BadWeights(f"holds no {', '.join(absent)}, which `ganlab checkpoints "
                         "--export_sampler` writes since ganlab 0.2.0; name such a file, or export "
                         "the sampler from its run again")
    meta = _json(archive, META)
    data = meta.get("data")
    data = data if isinstance(data, dict) else {}
    step, kind, shape, names = (
        meta.get("round"), meta.get("weights"), data.get("shape"), data.get("class_names"))
    standing = meta.get("standing", 0)
    # One by one, because everything that is built later trusts them.
    for right, what in (
            (type(step) is int and step >= 0, "round is not a number from 0 on"),
            (type(standing) is int and standing >= 0, "standing is not a number from 0 on"),
            (kind in KINDS, f"weights is not one of {', '.join(KINDS)}"),
            (_is_shape(shape), f"data.shape is not 1 to 3 numbers from 1 to {MOST_SIDE:,}"),
            (isinstance(names, list) and names and all(isinstance(name, str) for name in names),
             "data.class_names is not a list of names")):
        if not right:
            raise damaged(f"its {META} is not ganlab's: {what}")
    with archive.open(WEIGHTS) as stream:
        arrays, _ = read_safetensors(stream, archive.sizes[WEIGHTS])
    return SamplerRecord(_config(archive), step, kind, tuple(shape), tuple(names), arrays,
                         standing)


def _is_shape(shape: Any) -> bool:
    return (isinstance(shape, list) and 1 <= len(shape) <= 3
            and all(type(size) is int and 1 <= size <= MOST_SIDE for size in shape))


def _config(archive: Archive) -> ml_collections.ConfigDict:
    try:
        return config_of(_json(archive, CONFIG))
    except ConfigError as error:
        raise BadWeights(f"holds a config that this ganlab does not take: {error}") from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise damaged(f"its {CONFIG} is not a config ({type(error).__name__}: {error})") from None


def _json(archive: Archive, name: str) -> dict[str, Any]:
    if archive.sizes[name] > MOST_TEXT:
        raise damaged(f"its {name} has {archive.sizes[name]:,} bytes, more than the "
                      f"{MOST_TEXT:,} that are read")
    try:
        found = json.load(io.BytesIO(archive.bytes_of(name).tobytes()))
    except (ValueError, RecursionError) as error:
        raise damaged(f"its {name} is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise damaged(f"its {name} is not a dict")
    return found


def _texts(value: Any) -> list[str]:
    """Lists all texts in a value of a config."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.items() for part in item for text in _texts(part)]
    return ([text for part in value for text in _texts(part)]
            if isinstance(value, (list, tuple)) else [])
