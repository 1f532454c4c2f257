"""ganlab import --format=pytorch-cyclegan FILE DEST [--network=NAME] [--back=FILE]
    [--back_network=NAME]

Makes a run of published weights, without PyTorch and without running anything of
their file: DEST is then a run's directory, which `ganlab sample`, `ganlab translate`,
`ganlab evaluate` and --config.init.source take.

Formats, found from the file where --format does not name one:
  stylegan2         network pickles of StyleGAN2: of ADA's and StyleGAN3's repositories (PyTorch),
                    and of TensorFlow's. G, D and the average become a run of system stylegan2,
                    computed in float32. --images names the folder of its pictures, to train on
                    or be measured by.
  pytorch-cyclegan  generators of pix2pix, CycleGAN and CUT (latest_net_G.pth). The architecture is
                    found from the tensors, under whatever prefix they are; --network chooses where
                    a file holds several generators. With one generator the run is of system
                    pix2pix, its network is called generator, and its critic is new. --back (or
                    --back_network, of the same file) names the generator of the other direction:
                    then it is of system cyclegan. Without scales of a normalization, a file with
                    biases is of norm=instance and one without of norm=none, as the official code
                    has it; --normalization says what it is, for files of other code.

Examples:
  ganlab import stylegan2-cifar10.pkl runs/cifar
  ganlab sample --workdir=runs/cifar --psi=0.7 --output=samples.png
  ganlab import --format=pytorch-cyclegan horse2zebra_pretrained/latest_net_G.pth runs/horse2zebra
  ganlab translate --workdir=runs/horse2zebra --input=horses --output=zebras
  ganlab import --format=pytorch-cyclegan latest_net_G_A.pth runs/both --back=latest_net_G_B.pth \\
      --sources=data/horse2zebra/testA --images=data/horse2zebra/testB    then `ganlab evaluate` has
                                                                          what to judge by
  ganlab import --format=pytorch-cyclegan both.ckpt runs/both --network=netG_A --back_network=netG_B
  ganlab train --config=experiments/pix2pix.py:... --config.init.source=runs/facades --config.init.networks=generator
"""

import dataclasses
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import ml_collections
from absl import flags

from ganlab.cli.import_stylegan2 import import_stylegan2
from ganlab.cli.imported_runs import shapes_of, write_run
from ganlab.config import ConfigError, experiment
from ganlab.data import PICTURE_CHANNELS
from ganlab.machine.backend import set_up_process
from ganlab.networks.translation.torch_layers import NORMALIZATIONS
from ganlab.output import counted
from ganlab.pretrained import (
    Architecture,
    Weights,
    is_network_pickle,
    read_weights,
    translator_architecture,
    translator_tensors,
    translator_variables,
)
from ganlab.systems import build

ARGUMENTS = ("FILE", "DEST")
SIDE = 256  # Of the pictures that the run is described by; it takes others.


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    del argv
    flags.DEFINE_enum("format", None, list(FORMATS),
                      "whose weights; found from the file by default", flag_values=values)
    flags.DEFINE_string("network", None, "which generator of FILE, by its prefix there, as netG_A; "
                        "the only one by default", flag_values=values)
    flags.DEFINE_string("back", None, "weight file of the generator of the other direction",
                        flag_values=values)
    flags.DEFINE_string("back_network", None, "which generator of --back, or of "
                        "FILE without --back", flag_values=values)
    flags.DEFINE_enum("normalization", None, list(NORMALIZATIONS), "of the generators; by default "
                      "what the official code has where such tensors are", flag_values=values)
    flags.DEFINE_string("sources", None, "folder or zip file of pictures to be translated, for "
                        "`ganlab evaluate`", flag_values=values)
    flags.DEFINE_string("images", None, "folder or zip file of pictures of the kind "
                        "that they become", flag_values=values)


def run(values: flags.FlagValues, file: str, dest: str) -> int:
    """Reads, checks, and writes the run; writes nothing before everything is known to fit."""
    set_up_process()
    place = Path(dest)
    if place.is_file() or place.exists() and any(place.iterdir()):
        raise ConfigError(f"DEST {place} exists and is not empty; name a new directory")
    form = values.format or ("stylegan2" if is_network_pickle(file) else "pytorch-cyclegan")
    if form == "pytorch-cyclegan" and (values.sources is None) != (values.images is None):
        raise ConfigError("--sources and --images belong together: what is translated, and what it "
                          "should look like; name both or none")
    return FORMATS[form](values, file, place)


def _import_cyclegan(values: flags.FlagValues, file: str, place: Path) -> int:
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
    write_run(place, config, game, taken, _provenance("pytorch-cyclegan", files, weights))
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


def _provenance(form: str, files: Mapping[str, str],
                weights: Mapping[str, Weights]) -> dict[str, Any]:
    return {"format": form, "networks": {name: {"file": path, "sha256": weights[name].sha256}
                                         for name, path in files.items()}}


FORMATS: dict[str, Callable[[flags.FlagValues, str, Path], int]] = {
    "pytorch-cyclegan": _import_cyclegan,
    "stylegan2": lambda values, file, place: import_stylegan2(file, place, values.images)}
