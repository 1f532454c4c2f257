"""Imports published generators of pix2pix, CycleGAN and CUT for `ganlab import`."""

import dataclasses
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import ml_collections
from absl import flags

from ganlab.cli.imported_runs import shapes_of, write_run
from ganlab.config import ConfigError, experiment
from ganlab.data import PICTURE_CHANNELS
from ganlab.output import counted
from ganlab.pretrained import (
    Architecture,
    Weights,
    read_weights,
    translator_architecture,
    translator_tensors,
    translator_variables,
)
from ganlab.systems import build

SIDE = 256  # Of the pictures that the run is described by; it takes others.


def import_cyclegan(values: flags.FlagValues, file: str, place: Path) -> int:
    """Reads, checks and writes a run of one generator or two; nothing is written before all fits.

    Args:
      values: the flags of `ganlab import`.
      file: weights of a generator, or of both.
      place: directory of the run.

    Raises:
      ConfigError: for flags that do not go together, and generators that do not.
      WeightsError: for a file of another kind, and tensors that do not fit or are not finite.
    """
    if values.critic is not None:
        raise ConfigError(f"--critic is of PyTorch's DCGAN tutorial, which {file} is not; leave it "
                          "out: the critic is new")
    if (values.sources is None) != (values.images is None):
        raise ConfigError("--sources and --images belong together: what is translated, and what it "
                          "should look like; name both or none")
    files, weights = _generators(values, file)
    # The architecture is read off the names and shapes of the arrays.
    found = {name: translator_architecture(weights[name].tensors, path, values.normalization)
             for name, path in files.items()}
    for name, path in files.items():
        _check_channels(path, found[name])
    config = _config(values, Path(file).name, found)
    game, _ = build(config)
    # Fitted by shapes, before anything compiles.
    taken = {name: translator_variables(weights[name].tensors, shapes_of(game, name), found[name],
                                        path) for name, path in files.items()}
    write_run(place, config, game, taken, _provenance(files, weights))
    # What was found, so that a wrong file is noticed.
    for name, architecture in found.items():
        count = sum(leaf.size for leaf in jax.tree.leaves(taken[name]))
        words = ", ".join(f"{key} {value}" for key, value in architecture.kwargs.items())
        print(f"{name}: {architecture.network} ({words}), {architecture.source_channels} "
              f"to {counted(architecture.channels, 'channel')}, {counted(count, 'number')} "
              f"of {files[name]}")
    command = shlex.join(["ganlab", "translate", f"--workdir={place}", "--input=IMAGES",
                          "--output=DIR"])
    print(f"`{command}` translates pictures by it")
    return 0


def _generators(values: flags.FlagValues, file: str) -> tuple[dict[str, str], dict[str, Weights]]:
    """Returns the file of each generator by the name that it gets, and of its weights those of this
    generator alone."""
    files = {"generator": file}
    if values.back is not None or values.back_network is not None:
        files = {"generator_ab": file, "generator_ba": values.back or file}
    read = {path: read_weights(path) for path in dict.fromkeys(files.values())}
    weights = {}
    for (name, path), flag in zip(files.items(), ("network", "back_network"), strict=False):
        tensors = translator_tensors(read[path].tensors, path, values[flag].value, f"--{flag}")
        weights[name] = dataclasses.replace(read[path], tensors=tensors)
    return files, weights


def _check_channels(path: str, found: Architecture) -> None:
    """Raises ConfigError for a generator that takes or makes what is not a picture."""
    for does, channels in (("takes", found.source_channels), ("makes", found.channels)):
        if channels not in PICTURE_CHANNELS:
            raise ConfigError(f"{path} holds a generator that {does} images of "
                              f"{counted(channels, 'channel')}, and the pictures of runs have 1 "
                              "(grey) or 3 (colours); name one of such pictures")


def _config(values: flags.FlagValues, name: str,
            found: Mapping[str, Architecture]) -> ml_collections.ConfigDict:
    """Returns the config of a run that has these generators."""
    forward, *others = found.values()
    # What one generator makes, the other has to take.
    for back in others:
        if (back.source_channels, back.channels) != (forward.channels, forward.source_channels):
            flag = (f"--back={values.back}" if values.back
                    else f"--back_network={values.back_network}")
            raise ConfigError(f"{flag} takes {counted(back.source_channels, 'channel')} and "
                              f"makes {back.channels}, but the generator of the other direction "
                              f"takes {forward.source_channels} and makes {forward.channels}; "
                              "name its counterpart")
    generators = {player: {"network": part.network, "kwargs": dict(part.kwargs)}
                  for player, part in found.items()}
    # Critics are new: published files seldom have them.
    critics = ("critic_a", "critic_b") if others else ("critic",)
    critic = {"network": "patch",
              "kwargs": {name: forward.kwargs[name] for name in ("normalization", "use_bias")
                         if name in forward.kwargs}}
    system: dict[str, Any] = {"name": "cyclegan" if others else "pix2pix"}
    if others:
        system["identity"] = forward.channels == forward.source_channels
    # Without pictures the run can translate, but neither train nor be measured.
    if values.sources is None:
        data = {"source": "blank", "kwargs": {"side": SIDE}}
    else:
        data = {"source": "two_folders",
                "kwargs": {"path": values.images, "source_path": values.sources,
                           "resolution": SIDE, "paired": not others}}
    data["kwargs"] |= {"channels": forward.channels, "source_channels": forward.source_channels}
    return experiment(name=f"imported {name}", batch_size=1, system=system, data=data,
                      sample={"number": 8},
                      networks=generators | {critic_name: dict(critic) for critic_name in critics},
                      hyper={"ema_half_life_kimg": 0.0})


def _provenance(files: Mapping[str, str], weights: Mapping[str, Weights]) -> dict[str, Any]:
    return {"format": "pytorch-cyclegan",
            "networks": {name: {"file": path, "sha256": weights[name].sha256}
                         for name, path in files.items()}}
