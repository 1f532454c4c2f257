"""What a published file of StyleGAN2 holds: its networks as configs name them, and their tensors.

PyTorch's files (ADA, the repository of StyleGAN3) name their arguments; those of TensorFlow have
other names for arguments and tensors, which are brought to PyTorch's.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ganlab.pretrained.errors import WeightsError, listed
from ganlab.pretrained.network_pickles import PickledNetwork, read_snapshot
from ganlab.pretrained.stylegan2 import stylegan2_critic_variables, stylegan2_generator_variables

ARCHITECTURES = {"skip": "skip", "resnet": "residual", "orig": "original"}
"""Our names of architectures by the official ones."""
MAPPING_LAYERS, CHANNEL_BASE, CHANNEL_MAX = 8, 32768, 512
"""Of the official networks, where a file does not say."""
# TensorFlow's names of a layer's arrays, PyTorch's, and how one becomes the other.
_LEAVES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "weight": ("weight", lambda value: value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T),
    "mod_weight": ("affine.weight", lambda value: value.T),
    "mod_bias": ("affine.bias", lambda value: value + 1),
    "bias": ("bias", lambda value: value),
    "noise_strength": ("noise_strength", lambda value: value),
    "const": ("const", lambda value: value[0])}
_SYNTHESIS = {"Const": "", "Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb",
              "Skip": "skip"}
_CRITIC = {"FromRGB": "fromrgb", "Conv0": "conv0", "Conv1_down": "conv1", "Skip": "skip",
           "Conv": "conv", "Dense0": "fc"}
_TURNED = ("Conv0_up", "Skip")
"""Layers of the generator that enlarge, whose kernels TensorFlow's code multiplies backwards."""


class StyleGAN2Network(NamedTuple):
    """One network of a file.

    Attributes:
      kwargs: of `StyleGAN2Generator` or `StyleGAN2Critic`.
      latent_size: numbers of a latent; 0 for a critic.
      num_classes: 0 without labels.
      image_shape: rows, columns and channels.
      tensors: by the names of PyTorch's code.
      convert: `(tensors, expected, source) -> variables`, as `stylegan2_generator_variables`.
    """

    kwargs: Mapping[str, Any]
    latent_size: int
    num_classes: int
    image_shape: tuple[int, int, int]
    tensors: Mapping[str, np.ndarray]
    convert: Callable[[Mapping[str, np.ndarray], Any, str], Any] = stylegan2_generator_variables


def read_stylegan2_pickle(path: str) -> tuple[dict[str, StyleGAN2Network], str]:
    """Reads the networks G, D and G_ema of a network pickle, and the hash of the file.

    Raises:
      WeightsError: for a file without an average, and for networks that are not StyleGAN2's.
    """
    networks, sha256 = read_snapshot(path)
    found = {name: _described(network, *((CRITICS, "critic") if name == "D"
                                         else (GENERATORS, "generator")), path)
             for name, network in networks.items()}
    if "D" in found:
        found["D"] = found["D"]._replace(convert=stylegan2_critic_variables)
    return found, sha256


def _described(network: PickledNetwork,
               known: Mapping[str, Callable[[PickledNetwork], StyleGAN2Network]], what: str,
               source: str) -> StyleGAN2Network:
    """Describes a network, or says what of it is of another system, missing or unknown."""
    if network.class_name not in known:
        raise WeightsError(f"{source} holds a {what} of the class {network.class_name!r}; those of "
                           f"StyleGAN2 are {', '.join(known)}; name a file of StyleGAN2")
    # StyleGAN3's classes have the same names.
    if any(name.startswith("synthesis.L") for name in network.tensors):
        raise WeightsError(f"{source} holds a {what} with the layers "
                           f"{listed(list(network.tensors)[:3])}, which are not StyleGAN2's; name "
                           "a file of StyleGAN2 or StyleGAN2-ADA, or give --format=stylegan3")
    try:
        return known[network.class_name](network)
    except (KeyError, TypeError) as error:
        raise WeightsError(f"{source} does not say of its {what} what is needed to build it, or "
                           f"says it otherwise than StyleGAN2's files: {error}; name a file of "
                           "StyleGAN2 or StyleGAN2-ADA") from None


def _torch_generator(network: PickledNetwork) -> StyleGAN2Network:
    given, mapping = network.arguments, network.arguments.get("mapping_kwargs", {})
    # ADA's code passes the options of the synthesis apart, and averages styles by another rate.
    rate = 0.995 if "synthesis_kwargs" in given else 0.998
    kwargs = {
        "styles": given["w_dim"], "mapping_layers": mapping.get("num_layers", MAPPING_LAYERS),
        "mapping_width": mapping.get("layer_features") or 0,
        "average_rate": mapping.get("w_avg_beta", rate),
        **_common({**given, **given.get("synthesis_kwargs", {})}, "skip")}
    return StyleGAN2Network(kwargs, given["z_dim"], given["c_dim"], _shape(given), network.tensors)


def torch_critic(network: PickledNetwork) -> StyleGAN2Network:
    """Describes a critic of PyTorch's code; raises KeyError for one that does not say enough."""
    given, mapping = network.arguments, network.arguments.get("mapping_kwargs", {})
    epilogue = given.get("epilogue_kwargs", {})
    kwargs = {"mapping_layers": mapping.get("num_layers", MAPPING_LAYERS),
              "group": epilogue.get("mbstd_group_size", 4) or 0, **_common(given, "resnet")}
    return StyleGAN2Network(kwargs, 0, given["c_dim"], _shape(given), network.tensors)


def _shape(given: Mapping[str, Any]) -> tuple[int, int, int]:
    return given["img_resolution"], given["img_resolution"], given["img_channels"]


def _common(given: Mapping[str, Any], architecture: str) -> dict[str, Any]:
    return {"channel_base": given.get("channel_base", CHANNEL_BASE),
            "channel_max": given.get("channel_max", CHANNEL_MAX),
            "architecture": ARCHITECTURES[given.get("architecture", architecture)],
            "clamp": float(given.get("conv_clamp") or 0)}


def _tensorflow_common(given: Mapping[str, Any], architecture: str) -> dict[str, Any]:
    # TensorFlow counts channels at half the side of PyTorch's code.
    return {"channel_base": 2 * given.get("fmap_base", 16384),
            "channel_max": given.get("fmap_max", CHANNEL_MAX),
            "architecture": ARCHITECTURES[given.get("architecture", architecture)], "clamp": 0.0}


def _tensorflow_generator(network: PickledNetwork) -> StyleGAN2Network:
    given, side = network.arguments, network.arguments["resolution"]
    styles = given.get("dlatent_size", 512)
    kwargs = {"styles": styles, "mapping_layers": given.get("mapping_layers", MAPPING_LAYERS),
              "mapping_width": given.get("mapping_fmaps", styles),
              "average_rate": given.get("dlatent_avg_beta", 0.995),
              **_tensorflow_common(given, "skip")}
    tensors = {}
    for name, value in network.tensors.items():
        try:
            found = _generator_tensor(name, value)
        except (KeyError, ValueError):
            found = name, value  # Of another network: it is left over, and named then.
        if found is not None:
            tensors[found[0]] = found[1]
    return StyleGAN2Network(kwargs, given.get("latent_size", 512), given.get("label_size", 0),
                            (side, side, given.get("num_channels", 3)), tensors)


def _generator_tensor(name: str, value: np.ndarray) -> tuple[str, np.ndarray] | None:
    """Returns PyTorch's name and form of a generator's tensor; None for one that it lacks."""
    if name == "dlatent_avg":
        return "mapping.w_avg", value
    top, *path = name.split("/")
    # Noise of a layer is numbered, two layers a level from 8x8 on.
    if path and path[0].startswith("noise") and len(path) == 1:
        number = int(path[0].removeprefix("noise"))
        layer = "conv0" if number % 2 else "conv1"
        return f"synthesis.b{4 * 2 ** ((number + 1) // 2)}.{layer}.noise_const", value[0, 0]
    # The level of detail, which StyleGAN2 does not use.
    if len(path) < 2:
        return None
    *layers, leaf = path
    other, turn = _LEAVES[leaf]
    # Dense layers of the mapping, and those of each level of the synthesis.
    if top == "mapping":
        layer = "embed" if layers[0] == "LabelConcat" else layers[0].replace("Dense", "fc")
        return f"mapping.{layer}.{other}", turn(value)
    level, layer = f"synthesis.b{layers[0].split('x')[0]}", layers[1]
    if layer in _TURNED and leaf == "weight":
        value = value[::-1, ::-1]
    return ".".join(filter(None, (level, _SYNTHESIS[layer], other))), turn(value)


def _tensorflow_critic(network: PickledNetwork) -> StyleGAN2Network:
    given, side = network.arguments, network.arguments["resolution"]
    kwargs = {"mapping_layers": MAPPING_LAYERS, "group": given.get("mbstd_group_size", 4),
              **_tensorflow_common(given, "resnet")}
    tensors = {}
    for name, value in network.tensors.items():
        top, *path = name.split("/")
        if not path:  # The level of detail, which StyleGAN2 does not use.
            continue
        if path[-1] not in _LEAVES or top != "Output" and path[0] not in _CRITIC:
            tensors[name] = value  # Of another network: it is left over, and named then.
            continue
        other, turn = _LEAVES[path[-1]]
        layer = "b4.out" if top == "Output" else f"b{top.split('x')[0]}.{_CRITIC[path[0]]}"
        tensors[f"{layer}.{other}"] = turn(value)
    return StyleGAN2Network(kwargs, 0, given.get("label_size", 0),
                            (side, side, given.get("num_channels", 3)), tensors)


GENERATORS: dict[str, Callable[[PickledNetwork], StyleGAN2Network]] = {
    "Generator": _torch_generator, "G_main": _tensorflow_generator}
CRITICS: dict[str, Callable[[PickledNetwork], StyleGAN2Network]] = {
    "Discriminator": torch_critic, "D_stylegan2": _tensorflow_critic}
