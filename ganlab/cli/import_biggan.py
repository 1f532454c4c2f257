"""Reads what BigGAN-PyTorch saves: a directory of G_ema.pth, G.pth, D.pth and state_dict.pth.

Networks are described by the shapes of their tensors. The options in state_dict.pth have to agree,
and say what shapes cannot: the epsilons.
"""

import re
from collections.abc import Callable, Mapping
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
from ganlab.config.experiment import is_number
from ganlab.networks.biggan import CRITIC_MULTIPLES, MULTIPLES
from ganlab.networks.conditional_blocks import SMALLEST
from ganlab.pretrained import WeightsError, pickle_head, read_weights, shown
from ganlab.pretrained.biggan import biggan_critic_variables, biggan_generator_variables

FILES = re.compile(r"(G_ema|G|D|state_dict)(?:_(?!optim|ema)(.*))?\.pth")
"""Names of its files: the network, and what follows the names of copies, as `best0`."""
ROLES = {"G_ema": "average", "G": "generator", "D": "critic"}
MARKS = (b"blocks.0.0.conv1.u0", b"output_layer.0.stored_mean")
"""Names by which a file of one network is told."""
MODELS = {False: "BigGAN", True: "BigGANdeep"}
"""Its names of the architectures, by whether they are deep."""
FIXED: Mapping[str, tuple[Any, ...]] = {
    "G_nl": ("relu", "inplace_relu", "ir"), "D_nl": ("relu", "inplace_relu", "ir"),
    "norm_style": ("bn",), "num_G_SVs": (1,), "num_D_SVs": (1,), "num_G_SV_itrs": (1,),
    "num_D_SV_itrs": (1,)}
"""Options of which the networks here have some values alone."""
STATISTICS = re.compile(r"\.bn\.(?:stored|running)_(mean|var)$")
"""Names of statistics with the code's own normalization (`--mybn`), or that of several devices
(`--cross_replica`); without these they are called `.stored_mean` and `.stored_var`."""
COUNTS = (".accumulation_counter", ".num_batches_tracked")
"""Ends of the names of what such normalizations count, which nothing needs."""
NUMBERS = {"G_lr": "generator_lr", "D_lr": "critic_lr", "G_B1": "generator_beta1",
           "D_B1": "critic_beta1", "G_B2": "generator_beta2", "D_B2": "critic_beta2"}
"""Numbers of a config by options."""


def is_biggan(path: str) -> bool:
    """Returns whether there is a directory of BigGAN-PyTorch, or a file of one of its networks."""
    if Path(path).is_dir():
        return any("G" in files or "G_ema" in files
                   for files in found_files(Path(path), FILES).values())
    head = pickle_head(path)
    return any(mark in head for mark in MARKS)


def read_biggan(path: str, chosen: str | None) -> Published:
    """Reads and describes the networks of a directory, or the one of a file.

    Args:
      path: of the directory or file.
      chosen: which copy of several, as `best0`.

    Raises:
      ConfigError: for a copy that does not exist, and a critic alone.
      WeightsError: for files that cannot be read, lack what describes a network, or disagree.
    """
    place = Path(path)
    files = (chosen_files(place, found_files(place, FILES), chosen) if place.is_dir()
             else {"G_ema": place})
    options, hashes, networks = {}, {}, {}
    # Options first: they complete every description.
    if "state_dict" in files:
        saved = read_weights(files["state_dict"])
        hashes[str(files["state_dict"])] = saved.sha256
        options = {name.removeprefix("config."): value
                   for name, value in saved.rest.items() if name.startswith("config.")}
        _check_options(options, str(files["state_dict"]))
    for name, role in ROLES.items():
        if name in files:
            tensors, hashes[str(files[name])], _ = read_states(files[name])
            # Own normalizations keep biased variances, and are told by what they count.
            own = any(key.endswith(COUNTS[0]) for key in tensors)
            tensors = {STATISTICS.sub(r".stored_\1", key): value
                       for key, value in tensors.items() if not key.endswith(COUNTS)}
            shapes = Shapes(tensors, str(files[name]))
            # A file that is named alone may be a critic's.
            if role != "critic" and shapes.has("embed."):
                raise ConfigError(f"{files[name]} holds a critic; name its directory, or a "
                                  "generator's file")
            networks[role] = _described(shapes, role == "critic", own, options)
    if "average" not in networks and "generator" not in networks:
        raise ConfigError(f"{path} has no G_ema.pth and no G.pth; name a directory that does")
    for role, network in networks.items():
        _check_agreement(network, role, options, str(files.get("state_dict")))
    # What a new critic would be.
    generator = networks.get("average") or networks["generator"]
    critic = {name: generator.kwargs[name] for name in ("width", "attention")}
    return Published(
        networks, hashes, {"name": "class_conditional", "loss": "hinge",
                           "critic_updates": int(options.get("num_D_steps", 1))},
        (generator.network, critic),
        {number: float(options[name]) for name, number in NUMBERS.items() if name in options})


def _check_options(options: Mapping[str, Any], source: str) -> None:
    """Raises WeightsError for options that the networks here do not have, and words for numbers."""
    for name in (*NUMBERS, "SN_eps", "BN_eps", "num_D_steps"):
        if not is_number(options.get(name, 1)):
            raise WeightsError(f"{source} says {name}={shown(options[name])}, which is not a "
                               "number; name a file of the official code")
    for name, allowed in FIXED.items():
        if options.get(name, allowed[0]) not in allowed:
            raise WeightsError(f"{source} says {name}={shown(options[name])}, and networks here "
                               f"are of {', '.join(map(str, allowed))}; name another training")


def _described(shapes: Shapes, is_critic: bool, own: bool,
               options: Mapping[str, Any]) -> PublishedNetwork:
    """Describes a network by its tensors, with the epsilons of the options."""
    deep = shapes.ends(".conv4.weight")
    normalized = shapes.ends(".u0")
    extra: dict[str, Any] = {"spectral_normalization": "biggan" if normalized else "none"}
    if normalized and "SN_eps" in options:
        extra["spectral_epsilon"] = float(options["SN_eps"])
    if not is_critic and "BN_eps" in options:
        extra["epsilon"] = float(options["BN_eps"])
    if not is_critic and own:
        extra["unbiased"] = False
    describe: Callable[[Shapes], PublishedNetwork] = {
        (False, False): _generator, (False, True): _deep_generator,
        (True, False): _critic, (True, True): _deep_critic}[is_critic, deep]
    network = describe(shapes)
    return network._replace(kwargs={**network.kwargs, **extra})


def _generator(shapes: Shapes) -> PublishedNetwork:
    blocks = shapes.number("blocks.")
    rows, pieces = shapes.of("linear.weight", 2)
    channels = (rows // SMALLEST**2, *(shapes.of(f"blocks.{block}.0.conv2.weight", 4)[0]
                                       for block in range(blocks)))
    side = SMALLEST * 2**blocks
    # Channels that the table does not have are given themselves.
    width = width_of(channels, MULTIPLES[side]) if side in MULTIPLES else None
    kwargs: dict[str, Any] = {"width": width} if width else {"width": 1, "multiples": channels}
    # Classes have vectors, or each layer has a row for each class.
    if shapes.has("shared.") or shapes.has("blocks.0.0.bn1.gain.u0"):
        classes, vector = shapes.of("shared.weight", 2)
        hierarchical = shapes.of("blocks.0.0.bn1.gain.weight", 2)[1] != vector
        kwargs |= {"shared": vector, "hierarchical": hierarchical}
    else:
        classes, hierarchical = shapes.of("blocks.0.0.bn1.gain.weight", 2)[0], False
        kwargs |= {"shares": False, "hierarchical": False}
    kwargs["attention"] = sides_of(
        (block for block in range(blocks) if shapes.has(f"blocks.{block}.1.")), SMALLEST)
    return _generator_network("biggan", kwargs, classes, side, shapes,
                              pieces * (blocks + 1) if hierarchical else pieces)


def _deep_generator(shapes: Shapes) -> PublishedNetwork:
    blocks = shapes.number("blocks.")
    rows, conditions = shapes.of("linear.weight", 2)
    classes, vector = shapes.of("shared.weight", 2)
    channels = [shapes.of(f"blocks.{block}.0.conv4.weight", 4)[0] for block in range(blocks)]
    # By the table, each resolution has as many blocks, and the last of them changes the channels.
    for side, multiples in MULTIPLES.items():
        depth, left = divmod(blocks, len(multiples) - 1)
        width = rows // SMALLEST**2 // multiples[0]
        expected = [multiples[level + (place == depth - 1)] * width
                    for level in range(len(multiples) - 1) for place in range(depth)]
        if not left and channels == expected:
            break
    else:
        raise WeightsError(f"{shapes.source} has {blocks} blocks of "
                           f"{', '.join(map(str, channels))} channels, which are not those of "
                           f"BigGAN-deep at any of {', '.join(map(str, MULTIPLES))} pixels; name "
                           "a file of the official code")
    attention = sides_of((block // depth for block in range(blocks)
                          if shapes.has(f"blocks.{block}.1.")), SMALLEST)
    return _generator_network(
        "biggan_deep", {"width": width, "shared": vector, "depth": depth, "attention": attention},
        classes, side, shapes, conditions - vector)


def _generator_network(network: str, kwargs: dict[str, Any], classes: int, side: int,
                       shapes: Shapes, latent_size: int) -> PublishedNetwork:
    colours = shapes.of("output_layer.2.weight", 4)[0]
    return PublishedNetwork(network, kwargs, classes, (side, side, colours), shapes.tensors,
                            biggan_generator_variables, shapes.source, latent_size)


def _critic(shapes: Shapes) -> PublishedNetwork:
    blocks = shapes.number("blocks.")
    channels = [shapes.of(f"blocks.{block}.0.conv2.weight", 4)[0] for block in range(blocks)]
    side, width = by_channels(channels, CRITIC_MULTIPLES, shapes.source, "BigGAN's critic")
    inner, colours = shapes.of("blocks.0.0.conv1.weight", 4)[:2]
    kwargs = {"width": width, "wide": inner == channels[0], "attention": _attention(
        side, [block for block in range(blocks) if shapes.has(f"blocks.{block}.1.")])}
    return PublishedNetwork("biggan", kwargs, shapes.of("embed.weight", 2)[0],
                            (side, side, colours), shapes.tensors, biggan_critic_variables,
                            shapes.source)


def _deep_critic(shapes: Shapes) -> PublishedNetwork:
    levels = shapes.number("blocks.")
    places = shapes.number("blocks.0.")
    depth = sum(shapes.has(f"blocks.0.{place}.conv") for place in range(places))
    first, colours = shapes.of("input_conv.weight", 4)[:2]
    channels = [first, *(shapes.of(f"blocks.{level}.0.conv4.weight", 4)[0]
                         for level in range(levels))]
    side, width = by_channels(channels, CRITIC_MULTIPLES, shapes.source, "BigGAN-deep's critic")
    kwargs = {"width": width, "depth": depth, "attention": _attention(
        side, [level for level in range(levels) if shapes.has(f"blocks.{level}.{depth}.")])}
    return PublishedNetwork("biggan_deep", kwargs, shapes.of("embed.weight", 2)[0],
                            (side, side, colours), shapes.tensors, biggan_critic_variables,
                            shapes.source)


def _attention(side: int, blocks: list[int]) -> tuple[int, ...]:
    """Returns by which sides a critic's attention after some blocks is named: at 32, all are 16."""
    if side == 32:
        return (16,) if blocks else ()
    return tuple(side // 2 ** (block + 1) for block in blocks)


def _check_agreement(network: PublishedNetwork, role: str, options: Mapping[str, Any],
                     source: str) -> None:
    """Raises WeightsError for options that are not those of the tensors."""
    found = {"model": MODELS[network.network == "biggan_deep"], "n_classes": network.num_classes,
             "resolution": network.image_shape[0]}
    if role != "critic":
        found["dim_z"] = network.latent_size
    for name, value in found.items():
        said = options.get(name, value)
        # Hierarchical latents are cut to what their pieces divide.
        if name == "dim_z" and network.kwargs.get("hierarchical") and type(said) is int:
            pieces = network.image_shape[0].bit_length() - SMALLEST.bit_length() + 1
            said = said // pieces * pieces
        if said != value:
            raise WeightsError(f"{source} says {name}={shown(options[name])}, but the tensors of "
                               f"{network.source} are of {value}; name files of one training")
