"""Reads checkpoints of PyTorch-StudioGAN: `model=G-current-weights-step=N.pth`, D and G_ema.

They do not say what network they are of, so that it is told by the names and shapes of tensors: the
backbones `resnet` (SNGAN, SAGAN and what follows) and `big_resnet` (BigGAN).
"""

import re
from pathlib import Path
from typing import Any

from ganlab.cli.published_networks import (
    Published,
    PublishedNetwork,
    Shapes,
    by_channels,
    chosen_files,
    found_files,
    read_states,
    sides_of,
    width_of,
)
from ganlab.config import ConfigError
from ganlab.networks.biggan import MULTIPLES
from ganlab.networks.conditional_blocks import SMALLEST
from ganlab.networks.sngan import CRITIC_MULTIPLES, EPSILON, GENERATOR_MULTIPLES
from ganlab.pretrained import WeightsError, listed, pickle_head
from ganlab.pretrained.studiogan import studiogan_critic_variables, studiogan_generator_variables

FILES = re.compile(r"model=(G_ema|G|D)-(.+)\.pth")
"""Names of its files: the network, and when it was saved."""
ROLES = {"G_ema": "average", "G": "generator", "D": "critic"}
MARK = b"blocks.0.0.conv2d1.weight"
"""A name by which a file of one network is told."""
OTHERS = {"blocks.0.0.conv2d4.": "BigGAN-deep's backbones", "blocks.0.0.deconv0.": "deep_conv",
          "blocks.0.0.conv0.": "deep_conv"}
"""Backbones that are not read, by the beginnings of names."""
PARTS = ("blocks", "linear1", "embedding")
"""First parts of the names of a critic with a projection of the class, or without classes."""


def is_studiogan(path: str) -> bool:
    """Returns whether there is a directory of such checkpoints, or one of them."""
    if Path(path).is_dir():
        return bool(found_files(Path(path), FILES))
    return MARK in pickle_head(path)


def read_studiogan(path: str, chosen: str | None) -> Published:
    """Reads and describes the networks of a directory, or the one of a file.

    A critic whose class enters by a head that networks here do not have is left out.

    Args:
      path: of the directory or file.
      chosen: which checkpoint of several, as `best`.

    Raises:
      ConfigError: for a checkpoint that does not exist, and a critic alone.
      WeightsError: for files that cannot be read or do not describe a network.
    """
    place = Path(path)
    files = (chosen_files(place, found_files(place, FILES), chosen) if place.is_dir()
             else {"G": place})
    hashes, networks, notes = {}, {}, []
    for name, role in ROLES.items():
        if name not in files:
            continue
        tensors, hashes[str(files[name])] = read_states(files[name], "state_dict")
        shapes = Shapes(tensors, str(files[name]))
        if shapes.has("linear1.") and role != "critic":
            raise ConfigError(f"{files[name]} holds a critic; name its directory, or a "
                              "generator's file")
        for start, backbone in OTHERS.items():
            if shapes.has(start):
                raise WeightsError(f"{files[name]} holds a network of {backbone}, and those of "
                                   "resnet and big_resnet are read; name one of them")
        networks[role] = _critic(shapes) if role == "critic" else _generator(shapes)
    if networks.keys() <= {"critic"}:
        raise ConfigError(f"{path} has no model=G-... and no model=G_ema-...; name a directory "
                          "that does")
    # A critic with another head cannot be kept; a new one of its size takes its place.
    generator = networks.get("average") or networks["generator"]
    critic: dict[str, Any] = {"attention": generator.kwargs["attention"]}
    if "critic" in networks:
        critic = dict(networks["critic"].kwargs)
        if reason := _unknown_head(networks["critic"], generator.num_classes):
            notes.append(f"the critic of {networks.pop('critic').source} {reason}, which is not "
                         "read: the run's critic is new")
    return Published(networks, hashes, ("sngan", critic), {"loss": "hinge"}, notes=notes)


def _unknown_head(critic: PublishedNetwork, classes: int) -> str:
    """Returns how a critic's class enters that networks here do not have; empty if they do."""
    other = dict.fromkeys(".".join(name.split(".")[:1]) for name in critic.tensors
                          if name.split(".")[0] not in PARTS)
    if other:
        return f"has the head {listed(other)}"
    rows = next((value.shape[0] for name, value in critic.tensors.items()
                 if name.startswith("linear1.weight") and value.ndim == 2), 1)
    if rows != 1:
        return f"gives {rows} logits"
    return "sees no classes" if classes and not critic.num_classes else ""


def _generator(shapes: Shapes) -> PublishedNetwork:
    weight, extra = _normalized(shapes)
    attention, blocks = _parts(shapes)
    rows, pieces = shapes.of(f"linear0.{weight}", 2)
    channels = (rows // SMALLEST**2, *(shapes.of(f"blocks.{part}.0.conv2d2.{weight}", 4)[0]
                                       for part in blocks))
    side = SMALLEST * 2 ** len(blocks)
    colours = shapes.of(f"conv2d{len(blocks) + 2}.{weight}", 4)[0]
    kwargs: dict[str, Any] = {"attention": sides_of((blocks.index(part - 1) for part in attention),
                                                    SMALLEST), **extra}
    if shapes.has("shared."):
        # BigGAN: classes have vectors, and latents are cut into pieces.
        network, latent_size = "biggan", pieces * (len(blocks) + 1)
        classes, vector = shapes.of("shared.weight", 2)
        width = width_of(channels, MULTIPLES[side]) if side in MULTIPLES else None
        kwargs |= {"shared": vector, "epsilon": EPSILON, "output_epsilon": EPSILON,
                   **({"width": width} if width else {"width": 1, "multiples": channels})}
    else:
        network, latent_size = "sngan", pieces
        classes = (shapes.of(f"blocks.0.0.bn1.gain.{weight}", 2)[1]
                   if shapes.ends(f".gain.{weight}") else 0)
        _, kwargs["width"] = by_channels(channels, GENERATOR_MULTIPLES, shapes.source,
                                         "SNGAN's generator")
    return PublishedNetwork(network, kwargs, classes, (side, side, colours), shapes.tensors,
                            studiogan_generator_variables, shapes.source, latent_size)


def _critic(shapes: Shapes) -> PublishedNetwork:
    weight, extra = _normalized(shapes)
    attention, blocks = _parts(shapes)
    channels = [shapes.of(f"blocks.{part}.0.conv2d2.{weight}", 4)[0] for part in blocks]
    side, width = by_channels(channels, CRITIC_MULTIPLES, shapes.source, "SNGAN's critic")
    # Attention after blocks that keep the side has no name here.
    halving = 2 if side == 32 else len(blocks) - 1
    places = [blocks.index(part - 1) for part in attention]
    if any(place >= halving for place in places):
        raise WeightsError(f"{shapes.source} has attention after block {max(places) + 1} of the "
                           "critic, which keeps the size of its images; networks here have it "
                           "after blocks that halve them; name another training")
    classes = shapes.of(f"embedding.{weight}", 2)[0] if shapes.has("embedding.") else 0
    kwargs = {"width": width, "attention": tuple(side // 2 ** (place + 1) for place in places),
              **extra}
    colours = shapes.of(f"blocks.0.0.conv2d1.{weight}", 4)[1]
    return PublishedNetwork("sngan", kwargs, classes, (side, side, colours), shapes.tensors,
                            studiogan_critic_variables, shapes.source)


def _normalized(shapes: Shapes) -> tuple[str, dict[str, Any]]:
    """Returns the name of kernels, and the argument of spectral normalization."""
    if shapes.ends(".weight_orig"):
        return "weight_orig", {"spectral_normalization": "studiogan"}
    return "weight", {"spectral_normalization": "none"}


def _parts(shapes: Shapes) -> tuple[list[int], list[int]]:
    """Returns the numbers of attention and of blocks, which are numbered through.

    Raises:
      WeightsError: for attention that no block comes before.
    """
    attention = [part for part in range(shapes.number("blocks."))
                 if shapes.has(f"blocks.{part}.0.conv1x1_")]
    blocks = [part for part in range(shapes.number("blocks.")) if part not in attention]
    if any(part - 1 not in blocks for part in attention):
        raise WeightsError(f"{shapes.source} has attention that does not follow a block; name a "
                           "file of the official code")
    return attention, blocks
