"""Reads the published BigGAN-deep: pytorch_model.bin and config.json of Hugging Face's package."""

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganlab.cli.published_networks import Published, PublishedNetwork, Shapes, read_states
from ganlab.config.experiment import is_number
from ganlab.networks.conditional_blocks import SMALLEST
from ganlab.pretrained import WeightsError, pickle_head, shown
from ganlab.pretrained.biggan_deep_published import published_biggan_variables

WEIGHTS, CONFIG = "pytorch_model.bin", "config.json"
"""Ends of the names of its files; before them may be `biggan-deep-128-`, as they are published."""
MARK = b"generator.gen_z"
"""A name by which a file is told."""
COLOURS = 3
"""Channels of its images, the first ones of the last layer."""
WHOLE = ("num_classes", "channel_width", "attention_layer_position", "n_stats", "z_dim",
         "output_dim")
"""Whole numbers of the config."""


def is_biggan_deep_published(path: str) -> bool:
    """Returns whether there is a directory of both files, or the file of weights."""
    return bool(_weights(path)) and MARK in pickle_head(_weights(path))


def _weights(path: str) -> str:
    """Returns the file of weights that is meant; empty if there is none, or there are several."""
    if not Path(path).is_dir():
        return path
    found = sorted(Path(path).glob(f"*{WEIGHTS}"))
    return str(found[0]) if len(found) == 1 else ""


def read_biggan_deep_published(path: str, chosen: str | None) -> Published:
    """Reads and describes the generator; its critic was not published.

    Args:
      path: of the directory, or of the file of weights, with its config beside it.
      chosen: None; there is one network.

    Raises:
      WeightsError: for files that are missing, cannot be read or disagree.
    """
    file = _weights(path)
    if chosen is not None:
        raise WeightsError(f"--network={chosen} chooses between several, and {file} holds one "
                           "network; leave it out")
    settings_file = Path(file.removesuffix(WEIGHTS) + CONFIG)
    settings = _settings(settings_file)
    tensors, sha256, _ = read_states(Path(file))
    shapes = Shapes(tensors, file)
    # What the config says has to be what the tensors are.
    latents, classes = shapes.of("embeddings.weight", 2)
    side = SMALLEST * 2 ** sum(doubles for doubles, _, _ in settings["layers"])
    found = {"num_classes": classes, "z_dim": latents, "output_dim": side,
             "n_stats": shapes.of("generator.bn.running_means", 2)[0]}
    for name, value in found.items():
        if settings[name] != value:
            raise WeightsError(f"{settings_file} says {name}={settings[name]}, but "
                               f"{'its layers make' if name == 'output_dim' else f'{file} is of'} "
                               f"{value}; name the files of one network")
    attention = settings["attention_layer_position"]
    kwargs = {"width": settings["channel_width"], "layers": settings["layers"],
              "attention": attention, "statistics": found["n_stats"],
              "epsilon": float(settings["eps"])}

    def convert(tensors: Mapping[str, Any], expected: Any, source: str) -> Any:
        return published_biggan_variables(tensors, attention, expected, source)

    network = PublishedNetwork("biggan_deep_published", kwargs, classes, (side, side, COLOURS),
                               tensors, convert, file, latents)
    return Published({"average": network}, {file: sha256},
                     {"name": "class_conditional", "loss": "hinge"})


def _settings(path: Path) -> dict[str, Any]:
    """Reads the config; raises WeightsError for one that lacks something, or says it otherwise."""
    try:
        read = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path}, which says how the network is built, cannot be read "
                           f"({shown(error)}); put it beside {WEIGHTS}") from None
    if not isinstance(read, dict):
        raise WeightsError(f"{path} is not a dict of settings; name the published {CONFIG}")
    for name in (*WHOLE, "eps"):
        value = read.get(name)
        if not is_number(value) or name in WHOLE and (type(value) is not int or value < 0):
            raise WeightsError(f"{path} says {name}={shown(value)}, where the published one has a "
                               "number; name that one")
    layers = read.get("layers")
    if not isinstance(layers, list) or not layers or any(
            not isinstance(layer, list) or len(layer) != 3 or type(layer[0]) is not bool
            or any(type(size) is not int or size < 1 for size in layer[1:]) for layer in layers):
        raise WeightsError(f"{path} has layers that are not [doubles, channels before, channels "
                           "after]; name the published one")
    # Each begins with the channels that the one before it made.
    if any(one[2] != other[1] for one, other in itertools.pairwise(layers)):
        raise WeightsError(f"{path} has layers that begin with other channels than the one before "
                           "them makes; name the published one")
    return {**read, "layers": tuple(map(tuple, layers))}
