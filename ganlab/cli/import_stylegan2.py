"""Imports published files of StyleGAN2 for `ganlab import`."""

import shlex
from pathlib import Path
from typing import Any

import jax
import ml_collections
from absl import flags

from ganlab.cli.imported_runs import shapes_of, write_run
from ganlab.config import ConfigError, both_players, experiment
from ganlab.output import counted
from ganlab.pretrained import (
    PickledNetwork,
    StyleGAN2Network,
    read_network_pickle,
    stylegan2_critic,
    stylegan2_critic_variables,
    stylegan2_generator,
    stylegan2_generator_variables,
)
from ganlab.systems import build

OF_TRANSLATORS = ("network", "back", "back_network", "normalization", "sources")
"""Flags that mean nothing here."""
NETWORKS = {"G": "generator", "D": "critic", "G_ema": "generator"}
"""Networks of a file, and whose weights they are here; G_ema is the generator's average."""


def import_stylegan2(values: flags.FlagValues, file: str, place: Path) -> int:
    """Reads, checks and writes a run of a published file; nothing is written before all fits.

    Args:
      values: the flags of `ganlab import`; `images` is a folder or zip file of its pictures.
      file: the pickle.
      place: directory of the run.

    Raises:
      ConfigError: for flags of translators, for a file without an average, or with networks of
        different images.
      WeightsError: for a file of another kind, and tensors that do not fit or are not finite.
    """
    for name in OF_TRANSLATORS:
        if values[name].value is not None:
            raise ConfigError(f"--{name} is of translators, but {file} holds networks of "
                              "StyleGAN2; leave it out")
    read, sha256 = read_network_pickle(file)
    # The average alone can make a run; what is missing beside it is new.
    if not isinstance(read.get("G_ema"), PickledNetwork):
        raise ConfigError(f"{file} holds no averaged generator (G_ema), but "
                          f"{', '.join(read) or 'nothing'}; name a network snapshot")
    found = {name: (stylegan2_critic if name == "D" else stylegan2_generator)(read[name], file)
             for name in NETWORKS if isinstance(read.get(name), PickledNetwork)}
    _check_alike(file, found)
    config = _config(Path(file).name, found, values.images)
    game, _ = build(config)
    # Fitted by name, shape and finiteness, before anything compiles.
    fitted = {name: (stylegan2_critic_variables if name == "D" else stylegan2_generator_variables)(
        network.tensors, shapes_of(game, NETWORKS[name]), f"{file}, {name},")
        for name, network in found.items()}
    taken = {NETWORKS[name]: tree for name, tree in fitted.items() if name != "G_ema"}
    taken.setdefault("generator", fitted["G_ema"])
    provenance = {"format": "stylegan2", "file": file, "networks": list(found), "sha256": sha256}
    write_run(place, config, game, taken, provenance, {"generator": fitted["G_ema"]})
    # What was found, so that a wrong file is noticed.
    for name, network in found.items():
        count = sum(leaf.size for leaf in jax.tree.leaves(fitted[name]))
        words = ", ".join(f"{key} {value}" for key, value in network.kwargs.items())
        print(f"{name}: {words}, images {'x'.join(map(str, network.image_shape))}, "
              f"{counted(network.num_classes, 'class', 'classes')}, {counted(count, 'number')}")
    command = shlex.join(["ganlab", "sample", f"--workdir={place}", "--psi=0.7",
                          "--output=samples.png"])
    print(f"`{command}` draws samples")
    return 0


def _check_alike(file: str, found: dict[str, StyleGAN2Network]) -> None:
    """Raises ConfigError for networks of different images or classes."""
    for name, network in found.items():
        other = found["G_ema"]
        if (network.image_shape, network.num_classes) != (other.image_shape, other.num_classes):
            raise ConfigError(f"{file}: {name} is of images {network.image_shape} and "
                              f"{network.num_classes} classes, G_ema of {other.image_shape} and "
                              f"{other.num_classes}; name a file of one training")


def _config(name: str, found: dict[str, StyleGAN2Network],
            images: str | None) -> ml_collections.ConfigDict:
    """Returns the config of a run that has these networks."""
    generator = found["G_ema"]
    side, _, channels = generator.image_shape
    # As few images as the critic judges together.
    batch = max(found["D"].kwargs["group"], 1) if "D" in found else 4
    if images is None:
        data: dict[str, Any] = {"source": "blank", "kwargs": {
            "side": side, "channels": channels, "source_channels": 0,
            "classes": max(generator.num_classes, 1), "number": batch}}
    else:
        data = {"source": "folder",
                "kwargs": {"path": images, "resolution": side, "channels": channels}}
    critic = found["D"].kwargs if "D" in found else {
        key: value for key, value in generator.kwargs.items()
        if key in ("channel_base", "channel_max", "clamp")}
    return experiment(
        name=f"imported {name}", data=data, batch_size=batch,
        system={"name": "stylegan2", "latent_size": generator.latent_size, "statistics": "average",
                "conditional": generator.num_classes > 0, "path_interval": 0},
        networks={"generator": {"network": "stylegan2", "kwargs": dict(generator.kwargs)},
                  "critic": {"network": "stylegan2", "kwargs": dict(critic)}},
        hyper=both_players(lr=2.5e-3, beta1=0.0, beta2=0.99), sample={"number": 16})
