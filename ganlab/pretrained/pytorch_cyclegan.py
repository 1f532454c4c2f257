"""The published weights of pix2pix and CycleGAN (`latest_net_G.pth`): which network they are of, and its variables.

A file holds tensors alone, under the numbers that PyTorch gives to layers in a row. The architecture is
found from these names and from shapes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ganlab.pretrained.errors import WeightsError, listed
from ganlab.pretrained.renaming import torch_name, variables_from_torch

# Counters of batches say nothing that is used.
IGNORED = ("*.num_batches_tracked",)
# Before PyTorch 0.4, instance normalization kept statistics that it never used.
STATISTICS = ("*.running_mean", "*.running_var")
PARALLEL = "module."
"""How all names begin of a network that was saved as it trained on several devices."""


class Architecture(NamedTuple):
    """A translator as configs name it, and the channels of what it takes and makes."""

    network: str
    kwargs: Mapping[str, Any]
    source_channels: int
    channels: int


def translator_architecture(tensors: Mapping[str, np.ndarray], source: str = "the weight file") -> Architecture:
    """The U-Net or ResNet whose tensors these are, by the names that the official code gives them.

    Raises:
      WeightsError: where they are of neither.
    """
    tensors = _alone(tensors)
    if _is_kernel(tensors, "model.model.0.weight"):
        return _unet(tensors, source)
    if _is_kernel(tensors, "model.1.weight") and _is_kernel(tensors, "model.4.weight"):
        return _resnet(tensors, source)
    if _is_kernel(tensors, "model.0.weight") or _is_kernel(tensors, "net.0.weight"):
        raise WeightsError(f"{source} holds the weights of a critic, which translates nothing; name those of a "
                           "generator, such as latest_net_G.pth")
    raise WeightsError(f"{source} holds no generator of pix2pix or CycleGAN, whose tensors are such as "
                       f"model.1.weight or model.model.0.weight; it has {listed(tensors) or 'no tensor'}")


def _unet(tensors: Mapping[str, np.ndarray], source: str) -> Architecture:
    depth = 1
    while _is_kernel(tensors, f"{_unet_block(depth)}.1.weight"):
        depth += 1
    if depth < 2 or not _is_kernel(tensors, "model.model.3.weight"):
        raise WeightsError(f"{source} begins as a U-Net, but lacks model.model.3.weight or "
                           "model.model.1.model.1.weight; copy it anew")
    normalization = "batch" if f"{_unet_block(1)}.2.weight" in tensors or depth == 2 else "instance"
    first, last = tensors["model.model.0.weight"], tensors["model.model.3.weight"]
    return Architecture("unet", {"width": first.shape[0], "depth": depth, "normalization": normalization},
                        first.shape[1], last.shape[1])


def _resnet(tensors: Mapping[str, np.ndarray], source: str) -> Architecture:
    blocks = 0
    while _is_kernel(tensors, f"model.{10 + blocks}.conv_block.1.weight"):
        blocks += 1
    output = f"model.{10 + blocks + 7}.weight"
    if not _is_kernel(tensors, output):
        raise WeightsError(f"{source} begins as a ResNet generator of {blocks} blocks, but lacks {output}; copy it "
                           "anew")
    # A layer of dropout within a block has no tensors, but shifts the numbers of those after it.
    dropout = 0.5 if _is_kernel(tensors, "model.10.conv_block.6.weight") else 0.0
    normalization = "batch" if "model.2.weight" in tensors else "instance"
    return Architecture("resnet", {"width": tensors["model.1.weight"].shape[0], "blocks": blocks,
                                   "normalization": normalization, "dropout": dropout},
                        tensors["model.1.weight"].shape[1], tensors[output].shape[0])


def translator_variables(tensors: Mapping[str, np.ndarray], expected: Any, architecture: Architecture,
                         source: str = "the weight file") -> Any:
    """Variables of a translator of `ganlab.networks` from the official tensors of the same architecture.

    `expected` is what `jax.eval_shape` of the network's `init` gives; `source` names the file in errors.

    Raises:
      WeightsError: where tensors are missing, left over or of another shape.
    """
    kwargs, ignored = architecture.kwargs, IGNORED
    name_of = _unet_name(kwargs["depth"]) if architecture.network == "unet" else _resnet_name(
        kwargs["blocks"], kwargs.get("dropout", 0.0) > 0)
    if kwargs["normalization"] == "instance":
        ignored += STATISTICS
    return variables_from_torch(_alone(tensors), expected, ignored, source, f"the generator {architecture.network}",
                                name_of, lambda path: path[1].startswith("up_"))


def patch_critic_variables(tensors: Mapping[str, np.ndarray], expected: Any, source: str = "the weight file") -> Any:
    """Variables of a patch critic, or pixel critic, of `ganlab.networks` from the official tensors; as above."""
    tensors = _alone(tensors)
    top = "net" if _is_kernel(tensors, "net.0.weight") else "model"

    def name_of(path: Sequence[str]) -> str:
        kind, _, number = path[1].partition("_")
        # An activation follows the first layer, a normalization and an activation each other.
        place = max(3 * int(number) - 1, 0) + (kind == "norm")
        return f"{top}.{place}.{_leaf(path)}"

    ignored = IGNORED if "batch_stats" in expected else IGNORED + STATISTICS
    return variables_from_torch(tensors, expected, ignored, source, "the patch critic", name_of)


def _alone(tensors: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """The tensors by the names that they have in a network on one device."""
    if tensors and all(name.startswith(PARALLEL) for name in tensors):
        return {name.removeprefix(PARALLEL): tensor for name, tensor in tensors.items()}
    return tensors


def _is_kernel(tensors: Mapping[str, np.ndarray], name: str) -> bool:
    return name in tensors and tensors[name].ndim == 4


def _leaf(path: Sequence[str]) -> str:
    return torch_name(path).rpartition(".")[2]


def _unet_block(level: int) -> str:
    """Where the layers of a level below the outermost are: each level is the inner part of the one around it."""
    return "model.model.1.model" + ".3.model" * (level - 1)


def _unet_name(depth: int) -> Callable[[Sequence[str]], str]:
    def name_of(path: Sequence[str]) -> str:
        kind, _, level = path[1].rpartition("_")
        if level == "0":
            return f"model.model.{ {'down': 0, 'up': 3}[kind]}.{_leaf(path)}"
        # The innermost level has neither a normalization inward nor a level within.
        places = {"down": 1, "down_norm": 2, "up": 5, "up_norm": 6} if int(level) < depth - 1 else {
            "down": 1, "up": 3, "up_norm": 4}
        return f"{_unet_block(int(level))}.{places[kind]}.{_leaf(path)}"

    return name_of


def _resnet_name(blocks: int, dropout: bool) -> Callable[[Sequence[str]], str]:
    places = {"first": 1, "down_1": 4, "down_2": 7, "up_0": 10 + blocks, "up_1": 13 + blocks, "output": 17 + blocks}

    def name_of(path: Sequence[str]) -> str:
        layer = path[1].removesuffix("_norm")
        after = path[1].endswith("_norm")
        if layer in places:
            return f"model.{places[layer] + after}.{_leaf(path)}"
        _, block, half = layer.split("_")
        place = 1 if half == "0" else 5 + dropout
        return f"model.{10 + int(block)}.conv_block.{place + after}.{_leaf(path)}"

    return name_of
