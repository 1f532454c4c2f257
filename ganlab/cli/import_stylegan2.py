"""Imports published files of style networks for `ganlab import`: those of StyleGAN2 as they are."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import ml_collections
from absl import flags

from ganlab.cli.imported_runs import shapes_of, write_run
from ganlab.config import ConfigError, both_players, experiment
from ganlab.output import counted
from ganlab.pretrained import (
    StyleGAN2Network,
    is_network_pickle,
    read_stylegan2_pickle,
    read_stylegan2_states,
)
from ganlab.systems import build

OF_OTHERS = ("network", "critic", "back", "back_network", "normalization", "sources")
"""Flags that mean nothing here."""
ROLES = {"g": "generator", "d": "critic", "g_ema": "average"}
"""What networks are here, by their names in files, which pickles have in capitals."""
TITLES = {"stylegan2": "StyleGAN2", "stylegan3": "StyleGAN3"}
SYSTEMS = {"stylegan2": {}, "stylegan3": {"follow": "critic"}}
"""What else of the system is as the official code trains."""
HYPER = {"stylegan3": {"style_mixing": 0.0, "critic_lr": 2e-3}}
"""Numbers of a format's training where they are not those of the system."""
Reader = Callable[[str], tuple[dict[str, StyleGAN2Network], str]]
Check = Callable[[str, StyleGAN2Network], None]


def import_stylegan2(values: flags.FlagValues, file: str, place: Path) -> int:
    """Imports a network pickle or state dicts of StyleGAN2, as `import_style_networks`."""
    read = read_stylegan2_pickle if is_network_pickle(file) else read_stylegan2_states
    return import_style_networks("stylegan2", read, values, file, place)


def import_style_networks(form: str, read: Reader, values: flags.FlagValues, file: str,
                          place: Path, check: Check = lambda source, network: None) -> int:
    """Reads, checks and writes a run of a published file; nothing is written before all fits.

    Args:
      form: the format, which is the name of its generator, too.
      read: reads the networks of a file, and its hash.
      values: the flags of `ganlab import`; `images` is a folder or zip file of its pictures.
      file: of that format.
      place: directory of the run.
      check: raises WeightsError for a generator that is another one than that of its arguments.

    Raises:
      ConfigError: for flags of translators, for a file without an average, or with networks of
        different images.
      WeightsError: for a file of another kind, and tensors that do not fit or are not finite.
    """
    for name in OF_OTHERS:
        if values[name].value is not None:
            raise ConfigError(f"--{name} is of other formats, but {file} holds networks of "
                              f"{TITLES[form]}; leave it out")
    found, sha256 = read(file)
    role_of = {name: ROLES[name.lower()] for name in found}
    networks = {role_of[name]: network for name, network in found.items()}
    _check_alike(file, networks)
    config = _config(Path(file).name, form, networks, values.images)
    game, _ = build(config)
    for name, network in found.items():
        if role_of[name] != "critic":
            check(f"{file}, {name},", network)
    # Fitted by name, shape and finiteness, before anything compiles.
    fitted = {role_of[name]: network.convert(
        network.tensors, shapes_of(game, "critic" if role_of[name] == "critic" else "generator"),
        f"{file}, {name},") for name, network in found.items()}
    average = fitted.pop("average")
    taken = {"generator": average, **fitted}
    provenance = {"format": form, "file": file, "networks": list(found), "sha256": sha256}
    write_run(place, config, game, taken, provenance, {"generator": average})
    # What was found, so that a wrong file is noticed.
    for name, network in found.items():
        role = role_of[name]
        count = sum(leaf.size for leaf in jax.tree.leaves(fitted.get(role, average)))
        words = ", ".join(f"{key} {value}" for key, value in network.kwargs.items())
        print(f"{name}: {words}, images {'x'.join(map(str, network.image_shape))}, "
              f"{counted(network.num_classes, 'class', 'classes')}, {counted(count, 'number')}")
    command = shlex.join(["ganlab", "sample", f"--workdir={place}", "--psi=0.7",
                          "--output=samples.png"])
    print(f"`{command}` draws samples")
    return 0


def _check_alike(file: str, networks: dict[str, StyleGAN2Network]) -> None:
    """Raises ConfigError for networks of different images or classes."""
    other = networks["average"]
    for role, network in networks.items():
        if (network.image_shape, network.num_classes) != (other.image_shape, other.num_classes):
            raise ConfigError(f"{file}: the {role} is of images {network.image_shape} and "
                              f"{network.num_classes} classes, the averaged generator of "
                              f"{other.image_shape} and {other.num_classes}; name a file of one "
                              "training")


def _config(name: str, form: str, networks: dict[str, StyleGAN2Network],
            images: str | None) -> ml_collections.ConfigDict:
    """Returns the config of a run that has these networks."""
    generator = networks["average"]
    side, _, channels = generator.image_shape
    # As few images as the critic judges together.
    batch = max(networks["critic"].kwargs["group"], 1) if "critic" in networks else 4
    if images is None:
        data: dict[str, Any] = {"source": "blank", "kwargs": {
            "side": side, "channels": channels, "source_channels": 0,
            "classes": max(generator.num_classes, 1), "number": batch}}
    else:
        data = {"source": "folder",
                "kwargs": {"path": images, "resolution": side, "channels": channels}}
    critic = networks["critic"].kwargs if "critic" in networks else {
        key: value for key, value in generator.kwargs.items()
        if key in ("channel_base", "channel_max", "channels", "clamp")}
    return experiment(
        name=f"imported {name}", data=data, batch_size=batch,
        system={"name": "stylegan2", "latent_size": generator.latent_size, "statistics": "average",
                "conditional": generator.num_classes > 0, "path_interval": 0, **SYSTEMS[form]},
        networks={"generator": {"network": form, "kwargs": dict(generator.kwargs)},
                  "critic": {"network": "stylegan2", "kwargs": dict(critic)}},
        hyper={**both_players(lr=2.5e-3, beta1=0.0, beta2=0.99), **HYPER.get(form, {})},
        sample={"number": 16})
