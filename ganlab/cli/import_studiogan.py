"""Reads checkpoints of PyTorch-StudioGAN: `model=G-current-weights-step=N.pth`, D and G_ema.

They do not say what network they are of, so that it is told by the names and shapes of tensors:
`resnet` (SNGAN, SAGAN and what follows), `big_resnet` (BigGAN) or `deep_conv` (DCGAN). So is the
head of the critic, and by it how labels are learned.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ganlab.cli.published_networks import (
    Published,
    PublishedNetwork,
    Shapes,
    States,
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
from ganlab.pretrained.studiogan_deep_conv import (
    deep_conv_critic_variables,
    deep_conv_generator_variables,
)

FILES = re.compile(r"model=(G_ema|G|D)-(.+)\.pth")
"""Names of its files: the network, and when it was saved."""
GENERATORS = {"G_ema": "average", "G": "generator"}
MARKS = (b"blocks.0.0.conv2d1.weight", b"blocks.0.0.deconv0.weight", b"blocks.0.0.conv0.weight")
"""Names by one of which a file of one network is told."""
DEEP = "blocks.0.0.conv2d4."
"""What names of BigGAN-deep's backbones begin with, which are not read."""
PLAIN = ("blocks.0.0.deconv0.", "blocks.0.0.conv0.")
"""What those of `deep_conv` begin with."""
BODY = {"blocks", "conv1", "bn1", "linear1"}
"""First parts of the names of every critic."""
HEADS: Mapping[frozenset[str], str] = {
    frozenset(): "none", frozenset({"embedding"}): "projection",
    frozenset({"linear2"}): "auxiliary", frozenset({"embedding", "linear2"}): "embedding"}
"""Heads of critics of one logit, by the other first parts."""
CONDITIONINGS = {"auxiliary": "auxiliary", "multi_hinge": "multi_hinge", "embedding": "contrastive"}
"""How labels are learned, by heads. With embeddings it may be ReACGAN's way, of the same tensors."""
REACGAN, CONTRAGAN = "ReACGAN", "ContraGAN"
"""What the names of runs have of the official settings with embeddings."""


def is_studiogan(path: str) -> bool:
    """Returns whether there is a directory of such checkpoints, or one of them."""
    if Path(path).is_dir():
        return bool(found_files(Path(path), FILES))
    head = pickle_head(path)
    return any(mark in head for mark in MARKS)


def read_studiogan(path: str, chosen: str | None) -> Published:
    """Reads and describes the networks of a directory, or the one of a file.

    A critic with a head that networks here do not have is left out.

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
    for name in GENERATORS:
        if name not in files:
            continue
        states = read_states(files[name], "state_dict")
        hashes[str(files[name])] = states.sha256
        shapes = _shapes(states, files[name])
        if shapes.has("linear1."):
            raise ConfigError(f"{files[name]} holds a critic; name its directory, or a "
                              "generator's file")
        networks[GENERATORS[name]] = (
            _plain_generator if shapes.has(PLAIN[0]) else _generator)(shapes)
    if not networks:
        raise ConfigError(f"{path} has no model=G-... and no model=G_ema-...; name a directory "
                          "that does")
    # What a new critic would be, which takes the place of one that is not there.
    generator = networks.get("average") or networks["generator"]
    new: tuple[str, dict[str, Any]] = (
        ("deep_conv", {"filters": generator.kwargs["filters"][::-1]})
        if generator.network == "deep_conv" else
        ("sngan", {"attention": generator.kwargs["attention"]}))
    system = {"name": "class_conditional", "loss": "hinge"}
    # A critic, with what its head says of the game.
    if "D" in files:
        states = read_states(files["D"], "state_dict")
        hashes[str(files["D"])] = states.sha256
        shapes = _shapes(states, files["D"])
        head = _head(shapes, generator.num_classes)
        critic = (_plain_critic if shapes.has(PLAIN[1]) else _critic)(shapes, head)
        if head.unknown:
            new = critic.network, dict(critic.kwargs)
            notes.append(f"the critic of {critic.source} {head.unknown}, which is not read: the "
                         "run's critic is new")
        else:
            networks["critic"] = critic
            system["conditioning"], said = _conditioning(head, states.rest, critic.source)
            notes.extend(said)
    return Published(networks, hashes, system, new, notes=notes)


def _shapes(states: States, file: Path) -> Shapes:
    """Returns the shapes of a state dict; raises WeightsError for a backbone that is not read."""
    shapes = Shapes(states.tensors, str(file))
    if shapes.has(DEEP):
        raise WeightsError(f"{file} holds a network of BigGAN-deep's backbones, and those of "
                           "resnet, big_resnet and deep_conv are read; name one of them")
    return shapes


class _Head(NamedTuple):
    """How the features of a critic become a logit.

    Attributes:
      kwargs: arguments of the critic.
      classes: that it sees.
      unknown: how labels enter where networks here do not have the head; empty if they do.
    """

    kwargs: Mapping[str, Any]
    classes: int
    unknown: str = ""


def _head(shapes: Shapes, classes: int) -> _Head:
    """Tells a critic's head by its last layers; `classes` are those of the generator."""
    weight, _ = _normalized(shapes)
    parts = dict.fromkeys(name.partition(".")[0] for name in shapes.tensors)
    parts = [part for part in parts if part not in BODY]
    logits, _ = shapes.of(f"linear1.{weight}", 2)
    # Logits of all classes and of generated images, or a layer for each way to learn labels.
    if logits == classes + 1 and classes and not parts:
        return _Head({"head": "multi_hinge"}, classes)
    if logits > 1:
        return _Head({}, classes, f"gives {logits} logits")
    if frozenset(parts) not in HEADS:
        return _Head({}, classes, f"has the head {listed(parts)}")
    head = HEADS[frozenset(parts)]
    kwargs = {"head": head}
    if head == "none":
        return _Head(kwargs, classes)
    rows, _ = shapes.of(f"{'linear2' if head == 'auxiliary' else 'embedding'}.{weight}", 2)
    if head != "projection" and classes and rows == 2 * classes:
        return _Head({}, classes, f"has {rows} classes, each of them real and generated (ADC)")
    if head == "embedding":
        kwargs["embedding"], _ = shapes.of(f"linear2.{weight}", 2)
    return _Head(kwargs, rows)


def _conditioning(head: _Head, rest: Mapping[str, Any], source: str) -> tuple[str, list[str]]:
    """Returns how labels are learned with a head, and what the user is to be told of it.

    Args:
      head: of the critic.
      rest: what its file holds besides tensors: the name of the run, which ends in its settings'.
      source: the file.
    """
    name = head.kwargs["head"]
    if name != "embedding":
        return CONDITIONINGS.get(name, "none"), []
    run = str(rest.get("run_name", ""))
    if REACGAN.lower() in run.lower():
        return "data_to_data", []
    told = [] if CONTRAGAN.lower() in run.lower() else [
        f"{source} does not say whether labels were learned by 2C or by D2DCE: "
        "config.system.conditioning is contrastive, and data_to_data for D2DCE"]
    return CONDITIONINGS[name], told


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


def _critic(shapes: Shapes, head: _Head) -> PublishedNetwork:
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
    kwargs = {"width": width, "attention": tuple(side // 2 ** (place + 1) for place in places),
              **extra, **head.kwargs}
    colours = shapes.of(f"blocks.0.0.conv2d1.{weight}", 4)[1]
    return PublishedNetwork("sngan", kwargs, head.classes, (side, side, colours), shapes.tensors,
                            studiogan_critic_variables, shapes.source)


def _plain_generator(shapes: Shapes) -> PublishedNetwork:
    """Describes a generator of `deep_conv`."""
    blocks = _plain_blocks(shapes)
    if shapes.ends(".weight_orig"):
        raise WeightsError(f"{shapes.source} has a spectrally normalized generator of deep_conv, "
                           "which ganlab does not have; name another training")
    rows, latent_size = shapes.of("linear0.weight", 2)
    filters = (rows // SMALLEST**2, *(shapes.of(f"blocks.{block}.0.deconv0.weight", 4)[1]
                                      for block in blocks))
    side, colours = SMALLEST * 2 ** len(blocks), shapes.of("conv4.weight", 4)[0]
    classes = (shapes.of("blocks.0.0.bn0.gain.weight", 2)[1]
               if shapes.ends(".gain.weight") else 0)
    return PublishedNetwork("deep_conv", {"filters": filters}, classes, (side, side, colours),
                            shapes.tensors, deep_conv_generator_variables, shapes.source,
                            latent_size)


def _plain_critic(shapes: Shapes, head: _Head) -> PublishedNetwork:
    """Describes a critic of `deep_conv`."""
    blocks, (weight, extra) = _plain_blocks(shapes), _normalized(shapes)
    filters = (*(shapes.of(f"blocks.{block}.0.conv0.{weight}", 4)[0] for block in blocks),
               shapes.of(f"conv1.{weight}", 4)[0])
    side, colours = SMALLEST * 2 ** len(blocks), shapes.of(f"blocks.0.0.conv0.{weight}", 4)[1]
    return PublishedNetwork("deep_conv", {"filters": filters, **extra, **head.kwargs},
                            head.classes, (side, side, colours), shapes.tensors,
                            deep_conv_critic_variables, shapes.source)


def _plain_blocks(shapes: Shapes) -> range:
    """Returns the numbers of the blocks of `deep_conv`.

    Raises:
      WeightsError: for attention between them, which networks here do not have.
    """
    attention, blocks = _parts(shapes)
    if attention:
        raise WeightsError(f"{shapes.source} has attention between blocks of deep_conv, which "
                           "ganlab does not have; name another training")
    return range(len(blocks))


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
