"""Reads network pickles of R3GAN: G, D and G_ema, whose classes are named and not run."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ganlab.cli.published_networks import Published, PublishedNetwork, Shapes
from ganlab.config import both_players
from ganlab.networks.r3gan import SMALLEST, TAPS
from ganlab.pretrained import (
    PickledNetwork,
    WeightsError,
    is_network_pickle,
    listed,
    pickle_head,
    read_network_pickle,
)
from ganlab.pretrained.r3gan import r3gan_critic_variables, r3gan_generator_variables

ROLES = {"G_ema": "average", "G": "generator", "D": "critic"}
MARKS = (b"training.networks", b"R3GAN.")
"""Modules by one of which such a pickle is told from those of StyleGAN."""
CLASSES = {"generator": "Generator", "average": "Generator", "critic": "Discriminator"}
PARTS = {"ModuleList", "Conv2d", "Linear", "Convolution", "ResidualBlock", "UpsampleLayer",
         "DownsampleLayer", "GenerativeBasis", "DiscriminativeBasis", "GeneratorStage",
         "DiscriminatorStage", *CLASSES.values(), *(
             f"{name}{kind}" for kind in ("", "CUDA", "Reference") for name in (
                 "BiasedActivation", "InterpolativeUpsampler", "InterpolativeDownsampler"))}
"""Classes of the official code's networks and of the modules within them."""
LAST = both_players(lr=5e-5, beta2=0.99)
"""The last values of numbers that change over an official training."""
PREFIX = "Model."
"""Before the names of tensors: what the training code wraps a network in has no others."""


def is_r3gan(path: str) -> bool:
    """Returns whether a file is a network pickle of R3GAN."""
    return is_network_pickle(path) and any(mark in pickle_head(path) for mark in MARKS)


def read_r3gan(path: str, chosen: str | None) -> Published:
    """Reads and describes the networks of a pickle.

    Args:
      path: of the file.
      chosen: None; a pickle is of one training.

    Raises:
      WeightsError: for a file that cannot be read, without a generator, or with classes that are
        not the official ones.
    """
    if chosen is not None:
        raise WeightsError(f"--network={chosen} chooses between several, and {path} is of one "
                           "training; leave it out")
    read, sha256 = read_network_pickle(path)
    networks = {role: _described(read[name], role, f"{path}, {name},")
                for name, role in ROLES.items() if isinstance(read.get(name), PickledNetwork)}
    if networks.keys() <= {"critic"}:
        raise WeightsError(f"{path} holds no generator (G_ema or G), but {listed(read)}; name a "
                           "network snapshot")
    # A new critic mirrors the generator.
    generator = networks.get("average") or networks["generator"]
    critic = {"embedding": 1, **generator.kwargs}
    return Published(networks, {path: sha256}, {"name": "r3gan"}, ("r3gan", critic), LAST,
                     notes=[f"{path} does not say its gamma: config.hyper.gamma has the default"])


def _described(network: PickledNetwork, role: str, source: str) -> PublishedNetwork:
    """Describes a network by the names and shapes of its tensors."""
    # A class that is not known may compute something else of the same tensors.
    if network.class_name != CLASSES[role]:
        raise WeightsError(f"{source} is of the class {network.class_name!r}, where R3GAN's files "
                           f"have a {CLASSES[role]}; name a network snapshot of R3GAN")
    if unknown := network.classes - PARTS:
        raise WeightsError(f"{source} has modules of the classes {listed(sorted(unknown))}, which "
                           "the official code does not have; name a network snapshot of R3GAN")
    tensors = {name.removeprefix(PREFIX): value for name, value in network.tensors.items()}
    shapes = Shapes(tensors, source)
    _check_filters(tensors, source)
    # Stages by their first blocks, in the order of the pass; ours begin at 4x4.
    stages = [_stage(shapes, number) for number in range(shapes.number("MainLayers."))]
    stages = stages[::-1] if role == "critic" else stages
    widths, groups, blocks, expansions = zip(*stages, strict=True)
    side = SMALLEST * 2 ** (len(stages) - 1)
    embedding, classes = (shapes.of("EmbeddingLayer.weight", 2)
                          if shapes.has("EmbeddingLayer.") else (0, 0))
    kwargs: dict[str, Any] = {"widths": widths, "groups": groups, "blocks": blocks,
                              "expansion": expansions[0]}
    if classes:
        kwargs["embedding"] = embedding
    if role == "critic":
        latent_size, colours = 0, shapes.of("ExtractionLayer.Layer.weight", 4)[1]
        convert = r3gan_critic_variables
    else:
        latent_size = shapes.of("MainLayers.0.Layers.0.LinearLayer.weight", 2)[1] - embedding
        colours = shapes.of("AggregationLayer.Layer.weight", 4)[0]
        convert = r3gan_generator_variables
    found = PublishedNetwork("r3gan", kwargs, classes, (side, side, colours), tensors, convert,
                             source, latent_size)
    _check_arguments(network.arguments, found)
    return found


def _stage(shapes: Shapes, number: int) -> tuple[int, int, int, int]:
    """Returns the width, the groups, the number of blocks and the expansion of a stage."""
    start = f"MainLayers.{number}.Layers."
    places = [place for place in range(shapes.number(start))
              if shapes.has(f"{start}{place}.LinearLayer1.")]
    if not places:
        raise WeightsError(f"{shapes.source} has no blocks in {start}; name a network snapshot of "
                           "R3GAN")
    inner, width = shapes.of(f"{start}{places[0]}.LinearLayer1.Layer.weight", 4)[:2]
    grouped = shapes.of(f"{start}{places[0]}.LinearLayer2.Layer.weight", 4)[1]
    return width, inner // grouped, len(places), inner // width


def _check_filters(tensors: Mapping[str, np.ndarray], source: str) -> None:
    """Raises WeightsError for a network that resamples by another filter."""
    expected = np.outer(TAPS, TAPS)
    for name, value in tensors.items():
        if name.endswith("Resampler.Kernel") and (
                value.shape != expected.shape or not np.allclose(value, expected, atol=1e-6)):
            raise WeightsError(f"{source} resamples by another filter than 1, 3, 3, 1 ({name}), "
                               "which the networks of ganlab do not; name another training")


def _check_arguments(given: Mapping[str, Any], network: PublishedNetwork) -> None:
    """Raises WeightsError for attributes that are not those of the tensors."""
    found = {"c_dim": network.num_classes, "img_resolution": network.image_shape[0]}
    if network.latent_size:
        found["z_dim"] = network.latent_size
    for name, value in found.items():
        if given.get(name, value) != value:
            raise WeightsError(f"{network.source} says {name}={given[name]}, but its tensors are "
                               f"of {value}; name a network snapshot of R3GAN")
