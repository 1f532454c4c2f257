"""Reads networks of PyTorch's DCGAN tutorial, by their layers `main.0`, `main.3` and so on."""

import itertools
from collections.abc import Mapping, Sequence

from ganlab.cli.published_networks import Published, PublishedNetwork, Shapes
from ganlab.pretrained import WeightsError, pickle_head, read_weights
from ganlab.pretrained.dcgan_tutorial import (
    SMALLEST,
    tutorial_critic_variables,
    tutorial_generator_variables,
)
from ganlab.pretrained.wrapping import unwrapped

MARK = b"main.0.weight"
"""A name by which a file is told."""


def is_dcgan_tutorial(path: str) -> bool:
    """Returns whether a file holds such a network."""
    return MARK in pickle_head(path)


def read_dcgan_tutorial(path: str, chosen: str | None, critic: str | None = None) -> Published:
    """Reads and describes the generator of a file, with the critic of a second one.

    Both may be under prefixes, such as `module.` of DataParallel or `netG_state_dict.`.

    Args:
      path: of the file.
      chosen: the prefix of the generator, where the file holds several.
      critic: the file of the critic, which may be the same; None for a new one.

    Raises:
      WeightsError: for files that cannot be read or hold other networks.
    """
    weights = read_weights(path)
    tensors = unwrapped(weights.tensors, lambda has: has("main.0.weight") and not (
        has("main.2.weight")), path, chosen)
    networks = {"average": _generator(Shapes(tensors, path))}
    files = {path: weights.sha256}
    if critic is not None:
        judge = read_weights(critic)
        tensors = unwrapped(judge.tensors, lambda has: has("main.0.weight") and has(
            "main.2.weight"), critic)
        networks["critic"] = _critic(Shapes(tensors, critic))
        files[critic] = judge.sha256
    width = networks["average"].kwargs["width"]
    new = {"width": width, "max_width": networks["average"].kwargs["max_width"],
           "normalization": "batch", "bias": False}
    return Published(networks, files, {"name": "gan", "loss": "non_saturating",
                                       "statistics": "average"}, ("dcgan", new))


def _generator(shapes: Shapes) -> PublishedNetwork:
    if not shapes.has("main.1.running_mean"):
        raise WeightsError(f"{shapes.source} has no normalization after main.0, so that it is not "
                           "a generator of PyTorch's DCGAN tutorial; name the file of its netG")
    places = range(0, shapes.number("main."), 3)
    latents = shapes.of("main.0.weight", 4)[0]
    channels = [shapes.of(f"main.{place}.weight", 4)[1] for place in places]
    *channels, colours = channels
    return _network(shapes, channels[::-1], colours, {"output_bias": False},
                    latents, len(places))


def _critic(shapes: Shapes) -> PublishedNetwork:
    count = shapes.number("main.")
    places = [0, *range(2, count, 3)]
    channels = [shapes.of(f"main.{place}.weight", 4)[0] for place in places[:-1]]
    network = _network(shapes, channels, shapes.of("main.0.weight", 4)[1], {"bias": False}, 0,
                       len(places))
    return network._replace(convert=tutorial_critic_variables, kwargs={
        **network.kwargs, "normalization": "batch"})


def _network(shapes: Shapes, channels: Sequence[int], colours: int,
             extra: Mapping[str, bool], latent_size: int, layers: int) -> PublishedNetwork:
    """Describes a network by its channels from the image on, which double from layer to layer."""
    if any(2 * one != other for one, other in itertools.pairwise(channels)):
        raise WeightsError(f"{shapes.source} has layers of {', '.join(map(str, channels))} "
                           "channels, and in the tutorial they double from layer to layer; name a "
                           "file of its code")
    side = SMALLEST * 2 ** (layers - 1)
    return PublishedNetwork("dcgan", {"width": channels[0], "max_width": channels[-1], **extra}, 0,
                            (side, side, colours), shapes.tensors, tutorial_generator_variables,
                            shapes.source, latent_size)
