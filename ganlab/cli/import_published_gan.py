"""Imports published files of generators and critics of latents and labels for `ganlab import`."""

import functools
import math
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import ml_collections
from absl import flags

from ganlab import systems
from ganlab.cli.import_biggan import is_biggan, read_biggan
from ganlab.cli.import_biggan_deep_published import (
    is_biggan_deep_published,
    read_biggan_deep_published,
)
from ganlab.cli.import_dcgan_tutorial import is_dcgan_tutorial, read_dcgan_tutorial
from ganlab.cli.import_growing import is_pggan, is_stylegan1, read_pggan, read_stylegan1
from ganlab.cli.import_r3gan import is_r3gan, read_r3gan
from ganlab.cli.import_studiogan import is_studiogan, read_studiogan
from ganlab.cli.imported_runs import shapes_of, write_run
from ganlab.cli.published_networks import Published
from ganlab.config import ConfigError, both_players, experiment
from ganlab.output import counted

OF_OTHERS = ("back", "back_network", "normalization", "sources")
"""Flags that mean nothing here."""
BATCH = 4
"""Images of a round, of data without classes."""
FAMILIES: dict[str, tuple[Callable[[str], bool], Callable[..., Published]]] = {
    "biggan": (is_biggan, read_biggan),
    "biggan-deep-published": (is_biggan_deep_published, read_biggan_deep_published),
    "studiogan": (is_studiogan, read_studiogan),
    "r3gan": (is_r3gan, read_r3gan),
    "pggan": (is_pggan, read_pggan),
    "stylegan1": (is_stylegan1, read_stylegan1),
    "dcgan-tutorial": (is_dcgan_tutorial, read_dcgan_tutorial)}
"""By the name of a format: whether a file is of it, and what reads it."""


def format_of(file: str) -> str | None:
    """Returns the name of the format of a file or directory; None if it is none of these."""
    return next((name for name, (recognized, _) in FAMILIES.items() if recognized(file)), None)


def import_published_gan(form: str, values: flags.FlagValues, file: str, place: Path) -> int:
    """Reads, checks and writes a run of published networks; nothing is written before all fits.

    Args:
      form: a name of `FAMILIES`.
      values: the flags of `ganlab import`.
      file: a file or directory of that format.
      place: directory of the run.

    Raises:
      ConfigError: for flags that mean nothing here, and networks or pictures that do not go
        together.
      WeightsError: for files of another kind, and tensors that do not fit or are not finite.
    """
    for name in OF_OTHERS + (() if form == "dcgan-tutorial" else ("critic",)):
        if values[name].value is not None:
            raise ConfigError(f"--{name} means nothing for a file of format {form}, which {file} "
                              "is; leave it out")
    more = {"critic": values.critic} if form == "dcgan-tutorial" else {}
    published = FAMILIES[form][1](file, values.network, **more)
    _check_alike(published)
    config = _config(Path(file).name, published, values.images)
    data = systems.load_data(config)
    _check_classes(published, data.num_classes, values.images)
    game = systems.build_game(config, data)
    # Fitted by name, shape and finiteness, before anything compiles.
    expected = {name: shapes_of(game, name) for name in game.networks}
    fitted = {role: network.convert(
        network.tensors, expected["generator" if role == "average" else role], network.source)
        for role, network in published.networks.items()}
    counts = {role: sum(leaf.size for leaf in jax.tree.leaves(tree))
              for role, tree in fitted.items()}
    # A generator without an average is its own, and the other way round.
    average = fitted.pop("average", None) or fitted["generator"]
    provenance = {"format": form, "file": file, "files": dict(published.files),
                  "networks": {role: network.source
                               for role, network in published.networks.items()}}
    write_run(place, config, game, {"generator": average, **fitted}, provenance,
              {"generator": average})
    # What was found, so that a wrong file is noticed.
    for role, network in published.networks.items():
        words = ", ".join(f"{key} {value}" for key, value in network.kwargs.items())
        print(f"{role}: {network.network} ({words}), "
              f"images {'x'.join(map(str, network.image_shape))}, "
              f"{counted(network.num_classes, 'class', 'classes')}, "
              f"{counted(counts[role], 'number')} of {network.source}")
    for note in published.notes:
        print(note)
    options = [f"--{name}={value if isinstance(value, str) else f'{value:g}'}"
               for name, value in published.sample.items()]
    command = shlex.join(["ganlab", "sample", f"--workdir={place}", *options,
                          "--output=samples.png"])
    print(f"`{command}` draws samples")
    return 0


IMPORTERS: dict[str, Callable[[flags.FlagValues, str, Path], int]] = {
    form: functools.partial(import_published_gan, form) for form in FAMILIES}
"""What imports a file, by the name of its format."""


def _check_alike(published: Published) -> None:
    """Raises ConfigError for networks of different images, classes or latents."""
    first, *others = published.networks.values()
    for other in others:
        for what, one, two in (("images", first.image_shape, other.image_shape),
                               ("classes", first.num_classes, other.num_classes),
                               ("latents", first.latent_size, other.latent_size or
                                first.latent_size)):
            if one != two:
                raise ConfigError(f"{other.source} holds a network of {what} {two}, and "
                                  f"{first.source} one of {one}; name files of one training")


def _check_classes(published: Published, classes: int, images: str | None) -> None:
    """Raises ConfigError for pictures of another number of classes than the networks'."""
    network = next(iter(published.networks.values()))
    if images is not None and network.num_classes and classes != network.num_classes:
        raise ConfigError(f"--images={images} has {counted(classes, 'class', 'classes')}, but "
                          f"{network.source} holds a network of {network.num_classes}; name a "
                          "folder with a folder for each class")


def _config(name: str, published: Published, images: str | None) -> ml_collections.ConfigDict:
    """Returns the config of a run that has these networks."""
    generator = published.networks.get("average") or published.networks["generator"]
    side, _, channels = generator.image_shape
    # A critic may look at neighbours of the batch together.
    batch = BATCH
    if "critic" in published.networks:
        batch = math.lcm(BATCH, published.networks["critic"].kwargs.get("group") or 1)
    if images is None:
        classes = max(generator.num_classes, 1)
        data: dict[str, Any] = {"source": "blank", "kwargs": {
            "side": side, "channels": channels, "source_channels": 0, "classes": classes,
            "number": 1 if classes >= batch else batch}}
    else:
        data = {"source": "folder",
                "kwargs": {"path": images, "resolution": side, "channels": channels}}
    critic: tuple[str, Mapping[str, Any]] = published.critic
    if "critic" in published.networks:
        critic = published.networks["critic"].network, published.networks["critic"].kwargs
    return experiment(
        name=f"imported {name}", data=data, batch_size=batch,
        system={"latent_size": generator.latent_size, "conditional": generator.num_classes > 0,
                **published.system},
        networks={"generator": {"network": generator.network, "kwargs": dict(generator.kwargs)},
                  "critic": {"network": critic[0], "kwargs": dict(critic[1])}},
        hyper={**both_players(lr=2e-4, beta1=0.0, beta2=0.999), **published.hyper},
        sample={"number": 16, **published.sample})
