"""The published weights of pix2pix, CycleGAN and CUT (`latest_net_G.pth`) for our networks.

A file holds tensors under the numbers that PyTorch gives to layers in a row, perhaps under a
prefix. The architecture follows from these names and from shapes.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ganlab.output import counted
from ganlab.pretrained.errors import WeightsError, listed
from ganlab.pretrained.renaming import torch_name, variables_from_torch
from ganlab.pretrained.wrapping import kernel_at, unwrapped

# Counters of batches, which nothing uses.
IGNORED = ("*.num_batches_tracked",)
# Statistics that instance normalization kept before PyTorch 0.4 and never used.
STATISTICS = ("*.running_mean", "*.running_var")
# Filters that do not learn, by which CUT halves and doubles sizes.
FILTERS = ("*.filt",)
HALVING, DOUBLING = (np.outer(row, row) / scale
                     for row, scale in (((1, 2, 1), 16), ((1, 3, 3, 1), 16)))
NAMED = "pix2pix, CycleGAN or CUT"


class Architecture(NamedTuple):
    """A translator as configs name it, with the channels of its inputs and outputs."""

    network: str
    kwargs: Mapping[str, Any]
    source_channels: int
    channels: int


def translator_tensors(tensors: Mapping[str, np.ndarray], source: str = "the weight file",
                       chosen: str | None = None,
                       flag: str = "--network") -> Mapping[str, np.ndarray]:
    """Returns the tensors of the generator in a file, by their names in it; all if it has none.

    Args:
      tensors: by their names in the file.
      source: name of the file, for messages.
      chosen: one of several generators, by its prefix.
      flag: the flag that chooses, for messages.

    Raises:
      WeightsError: if there are several and none is chosen, or the chosen one does not exist.
    """
    return unwrapped(tensors, lambda has: _is_unet(has) or _is_resnet(has), source, chosen, flag)


def _is_unet(has: Callable[[str], bool]) -> bool:
    # A critic under the prefix `model` has the first as well.
    return has("model.model.0.weight") and (has("model.model.3.weight")
                                            or has("model.model.1.model.1.weight"))


def _is_resnet(has: Callable[[str], bool]) -> bool:
    return has("model.1.weight") and has("model.4.weight")


def translator_architecture(tensors: Mapping[str, np.ndarray], source: str = "the weight file",
                            normalization: str | None = None) -> Architecture:
    """Recognizes the U-Net or ResNet of tensors, by the names that the official code gives them.

    The normalization is that of the official code: without scales it is `instance` if convolutions
    have biases, and `none` if they have none. `normalization` names another, for files of other
    code.

    Raises:
      WeightsError: if they are of neither, or their normalization is unclear.
    """
    tensors = translator_tensors(tensors, source)
    has = functools.partial(kernel_at, tensors)
    if _is_unet(has):
        return _unet(tensors, source, normalization)
    if _is_resnet(has):
        return _resnet(tensors, source, normalization)
    # A critic is the most frequent mistake, and gets an answer of its own.
    if any(name.endswith(("model.0.weight", "net.0.weight")) and kernel_at(tensors, name)
           for name in tensors):
        raise WeightsError(f"{source} holds the weights of a critic, which translates nothing; "
                           "name those of a generator, such as latest_net_G.pth")
    raise WeightsError(f"{source} holds no generator of {NAMED}, whose tensors are such as "
                       "model.1.weight or model.model.0.weight; it has "
                       f"{listed(tensors) or 'no tensor'}")


def _unet(tensors: Mapping[str, np.ndarray], source: str,
          normalization: str | None) -> Architecture:
    depth = 1
    while kernel_at(tensors, f"{_unet_block(depth)}.1.weight"):
        depth += 1
    if depth < 2 or not kernel_at(tensors, "model.model.3.weight"):
        raise WeightsError(f"{source} begins as a U-Net, but lacks model.model.3.weight or "
                           "model.model.1.model.1.weight: these are not the weights of a generator "
                           "of pix2pix, or of another version of it; name those of unet_256 or "
                           "unet_128")
    # The innermost level has a normalization outward alone, which shows its kind.
    innermost = _unet_block(depth - 1)
    first, last = tensors["model.model.0.weight"], tensors["model.model.3.weight"]
    kwargs = {"width": first.shape[0], "depth": depth,
              **_normalization(tensors, f"{innermost}.3", f"{innermost}.4", source, normalization)}
    return Architecture("unet", kwargs, first.shape[1], last.shape[1])


def _resnet(tensors: Mapping[str, np.ndarray], source: str,
            normalization: str | None) -> Architecture:
    # A filter of CUT shifts the numbers of the layers after it.
    start = 12 if "model.7.filt" in tensors else 10
    # Blocks are counted until one is missing; the last layer must follow them.
    blocks = 0
    while kernel_at(tensors, f"model.{start + blocks}.conv_block.1.weight"):
        blocks += 1
    up = f"model.{start + blocks}.filt" in tensors
    output = f"model.{start + blocks + (9 if up else 7)}.weight"
    # Other generators begin alike.
    if kernel_at(tensors, "model.10.weight"):
        raise WeightsError(f"{source} holds a generator of more than two steps down, such as that "
                           "of pix2pixHD, which is not read; name weights of a ResNet or U-Net of "
                           f"{NAMED}")
    if not kernel_at(tensors, output):
        raise WeightsError(f"{source} begins as a ResNet generator of {counted(blocks, 'block')}, "
                           f"but lacks {output}: these are not the weights of a generator of "
                           f"{NAMED}, or of another version of it; name those of resnet_9blocks "
                           "or resnet_6blocks")
    # Width, normalization and dropout, by shapes and by which tensors there are.
    kwargs = {"width": tensors["model.1.weight"].shape[0], "blocks": blocks,
              **_normalization(tensors, "model.1", "model.2", source, normalization),
              # Dropout within a block has no tensors, but shifts the numbers of later layers.
              "dropout": 0.5 if kernel_at(tensors, f"model.{start}.conv_block.6.weight") else 0.0}
    if start == 12:
        kwargs["antialias_down"] = True
        _check_filters(tensors, ("model.7.filt", "model.11.filt"), HALVING, source)
    if up:
        kwargs["antialias_up"] = True
        _check_filters(tensors,
                       (f"model.{start + blocks}.filt", f"model.{start + blocks + 4}.filt"),
                       DOUBLING, source)
    return Architecture("resnet", kwargs, tensors["model.1.weight"].shape[1],
                        tensors[output].shape[0])


def _normalization(tensors: Mapping[str, np.ndarray], layer: str, norm: str, source: str,
                   chosen: str | None) -> dict[str, Any]:
    """Returns the kwargs `normalization` and, if unusual, `use_bias`, by a layer and its norm."""
    biased = f"{layer}.bias" in tensors
    scaled, counted = f"{norm}.weight" in tensors, f"{norm}.running_mean" in tensors
    if scaled and not counted:
        raise WeightsError(f"{source} has {norm}.weight without {norm}.running_mean: a "
                           "normalization that learns scales but keeps no statistics, which the "
                           f"generators of {NAMED} do not have; name weights of norm=batch, "
                           "instance or none")
    # Scales belong to batch normalization alone, so a flag can contradict the file.
    if chosen not in (None, "batch" if scaled else "instance", "batch" if scaled else "none"):
        raise WeightsError(
            f"--normalization={chosen}, but {source} has "
            f"{f'the scales {norm}.weight' if scaled else f'no scales {norm}.weight'} of batch "
            f"normalization; {'leave it out' if scaled else 'name instance or none'}")
    # Statistics alone could be of either kind.
    if not scaled and not biased and counted and chosen is None:
        raise WeightsError(f"{source} has {norm}.running_mean, but neither {norm}.weight nor "
                           f"{layer}.bias, so that its normalization is unclear; "
                           "--normalization=instance says that the statistics are not used")
    found = chosen or ("batch" if scaled else "instance" if biased else "none")
    return {"normalization": found,
            **({} if biased == (found != "batch") else {"use_bias": biased})}


def _check_filters(tensors: Mapping[str, np.ndarray], names: Sequence[str], expected: np.ndarray,
                   source: str) -> None:
    for name in names:
        found = tensors.get(name)
        if found is None or found.shape[1:] != (1, *expected.shape) or not np.allclose(
                np.asarray(found, np.float64), expected, atol=1e-3):
            raise WeightsError(f"{source} has no {name} of the filter that CUT uses, "
                               f"{len(expected)} wide: it is of another version, which is not "
                               f"read; name weights of a generator of {NAMED}")


def translator_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                         architecture: Architecture, source: str = "the weight file") -> Any:
    """Converts official tensors to variables of a translator of `ganlab.networks`.

    Args:
      tensors: by the names of the official code.
      expected: what `jax.eval_shape` of the network's `init` returns.
      architecture: that of the tensors and of the network.
      source: name of the file, for messages.

    Raises:
      WeightsError: for tensors that are missing, left over, of another shape or not finite.
    """
    kwargs, ignored = architecture.kwargs, IGNORED
    unet = architecture.network == "unet"
    name_of = _unet_name(kwargs["depth"]) if unet else _resnet_name(kwargs)
    # What the official code stores and does not use is ignored.
    if kwargs["normalization"] == "instance":
        ignored += STATISTICS
    if not unet:
        ignored += FILTERS
    return variables_from_torch(translator_tensors(tensors, source), expected, ignored, source,
                                f"the generator {architecture.network}", name_of,
                                lambda path: path[1].startswith("up_")
                                and not kwargs.get("antialias_up"))


def patch_critic_variables(tensors: Mapping[str, np.ndarray], expected: Any,
                           source: str = "the weight file") -> Any:
    """Converts official tensors to variables of a patch or pixel critic, in the same way."""
    tensors = unwrapped(tensors, lambda has: (has("model.0.weight") and has("model.2.weight")) or (
        has("net.0.weight") and has("net.2.weight")), source)
    top = "net" if kernel_at(tensors, "net.0.weight") else "model"

    def name_of(path: Sequence[str]) -> str:
        kind, _, number = path[1].partition("_")
        # An activation follows the first layer, a normalization and an activation the others.
        place = max(3 * int(number) - 1, 0) + (kind == "norm")
        return f"{top}.{place}.{_leaf(path)}"

    ignored = IGNORED if "batch_stats" in expected else IGNORED + STATISTICS
    return variables_from_torch(tensors, expected, ignored, source, "the patch critic", name_of)


def _leaf(path: Sequence[str]) -> str:
    return torch_name(path).rpartition(".")[2]


def _unet_block(level: int) -> str:
    """Returns where the layers of an inner level are: each level is part of the one around it."""
    return "model.model.1.model" + ".3.model" * (level - 1)


def _unet_name(depth: int) -> Callable[[Sequence[str]], str]:
    def name_of(path: Sequence[str]) -> str:
        kind, _, level = path[1].rpartition("_")
        if level == "0":
            return f"model.model.{ {'down': 0, 'up': 3}[kind]}.{_leaf(path)}"
        # The innermost level has no normalization on the way in, and no level within.
        places = {"down": 1, "down_norm": 2, "up": 5, "up_norm": 6} if int(level) < depth - 1 else {
            "down": 1, "up": 3, "up_norm": 4}
        return f"{_unet_block(int(level))}.{places[kind]}.{_leaf(path)}"

    return name_of


def _resnet_name(kwargs: Mapping[str, Any]) -> Callable[[Sequence[str]], str]:
    blocks, dropout = kwargs["blocks"], kwargs.get("dropout", 0.0) > 0
    down, up = bool(kwargs.get("antialias_down")), bool(kwargs.get("antialias_up"))
    # Filters come after the steps down, and before the steps up.
    start = 10 + 2 * down
    behind = start + blocks
    places = {"first": 1, "down_1": 4, "down_2": 7 + down, "up_0": behind + up,
              "up_1": behind + 3 + 2 * up, "output": behind + 7 + 2 * up}

    def name_of(path: Sequence[str]) -> str:
        layer = path[1].removesuffix("_norm")
        # A normalization comes right after its convolution.
        after = path[1].endswith("_norm")
        if layer in places:
            return f"model.{places[layer] + after}.{_leaf(path)}"
        _, block, half = layer.split("_")
        place = 1 if half == "0" else 5 + dropout
        return f"model.{start + int(block)}.conv_block.{place + after}.{_leaf(path)}"

    return name_of
