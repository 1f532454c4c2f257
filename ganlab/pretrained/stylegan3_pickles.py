"""What a published pickle of StyleGAN3 holds: its networks as configs name them, and their tensors.

The generator is StyleGAN3's, of configuration T or R; the critic is StyleGAN2's.
"""

import math
import numbers
from collections.abc import Mapping
from typing import Any

from ganlab.pretrained.errors import WeightsError, listed
from ganlab.pretrained.network_pickles import PickledNetwork, read_snapshot
from ganlab.pretrained.pickle_heads import pickle_head
from ganlab.pretrained.stylegan2 import stylegan2_critic_variables
from ganlab.pretrained.stylegan2_pickles import StyleGAN2Network, torch_critic
from ganlab.pretrained.stylegan3 import stylegan3_generator_variables

MARK = "SynthesisInput"
"""The class by which these generators are told from StyleGAN2's, whose other names they share."""
CLAMP = 256
"""Limit of activations, where a file does not name one."""
SHAPE = ("z_dim", "w_dim", "c_dim", "img_resolution", "img_channels")
KWARGS: dict[str, tuple[str, Any]] = {
    "channel_base": ("channel_base", 32768), "channel_max": ("channel_max", 512),
    "num_layers": ("layers", 14), "num_critical": ("critical_layers", 2),
    "first_cutoff": ("first_cutoff", 2.0), "first_stopband": ("first_stopband", 2.0**2.1),
    "last_stopband_rel": ("last_stopband", 2.0**0.3), "margin_size": ("margin", 10),
    "output_scale": ("output_scale", 0.25), "conv_kernel": ("kernel_size", 3),
    "filter_size": ("filter_size", 6), "lrelu_upsampling": ("lrelu_upsampling", 2),
    "use_radial_filters": ("radial_filters", False),
    "magnitude_ema_beta": ("magnitude_rate", 0.999)}
"""Our names of the synthesis' arguments by the official ones, with what they are by default."""
IGNORED = ("mapping_kwargs", "conv_clamp", "num_fp16_res", *SHAPE)
"""Arguments that are read apart, or, of half precision, not at all."""
MAPPING = {"num_layers": ("mapping_layers", 2), "w_avg_beta": ("average_rate", 0.998)}
"""The same of the mapping's arguments."""
RATES = ("average_rate", "magnitude_rate")
"""Of averages, by our names: shares."""


def is_stylegan3_pickle(path: str) -> bool:
    """Returns whether a network pickle is of StyleGAN3; reads little of it."""
    return MARK.encode() in pickle_head(path)


def read_stylegan3_pickle(path: str) -> tuple[dict[str, StyleGAN2Network], str]:
    """Reads the networks G, D and G_ema of a network pickle, and the hash of the file.

    Raises:
      WeightsError: for a file without an average, and for networks that are not StyleGAN3's.
    """
    networks, sha256 = read_snapshot(path)
    return {name: _described(name, network, path) for name, network in networks.items()}, sha256


def _described(name: str, network: PickledNetwork, source: str) -> StyleGAN2Network:
    """Describes a network, or says what of it is of another system, missing or unknown."""
    critic = name == "D"
    wrong = (network.class_name != "Discriminator" if critic
             else network.class_name != "Generator" or MARK not in network.classes)
    if wrong:
        raise WeightsError(f"{source}, {name}, is a {network.class_name} with the tensors "
                           f"{listed(list(network.tensors)[:3])}, which are not StyleGAN3's; name "
                           "a file of StyleGAN3, of its configurations T or R")
    try:
        return (_critic if critic else _generator)(network, source)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{source} does not say of {name} what is needed to build it, or says "
                           f"it otherwise than StyleGAN3's files: {error}; name a file of the "
                           "official code") from None


def _generator(network: PickledNetwork, source: str) -> StyleGAN2Network:
    given, mapping = network.arguments, network.arguments.get("mapping_kwargs", {})
    # What is not known might change images.
    unknown = [name for known, names in (({*KWARGS, *IGNORED}, given), (MAPPING, mapping))
               for name in names if name not in known]
    if unknown:
        raise WeightsError(f"{source} has a generator with the arguments {listed(unknown)}, which "
                           "StyleGAN3's generator does not have here; name a file of the "
                           "official code")
    # Every argument as a number of its kind.
    sizes = {name: _number(name, given[name], 0) for name in SHAPE}
    kwargs = {"styles": sizes["w_dim"], "clamp": _clamp(given)}
    for names, values in ((KWARGS, given), (MAPPING, mapping)):
        kwargs |= {ours: _number(name, values.get(name, usual), usual)
                   for name, (ours, usual) in names.items()}
    for name in RATES:
        if not 0 <= kwargs[name] <= 1:
            raise ValueError(f"its {name} is {kwargs[name]}, not from 0 to 1")
    side = sizes["img_resolution"]
    return StyleGAN2Network(kwargs, sizes["z_dim"], sizes["c_dim"],
                            (side, side, sizes["img_channels"]), network.tensors,
                            stylegan3_generator_variables)


def _critic(network: PickledNetwork, source: str) -> StyleGAN2Network:
    del source
    found = torch_critic(network)
    return found._replace(kwargs={**found.kwargs, "clamp": _clamp(network.arguments)},
                          convert=stylegan2_critic_variables)


def _clamp(given: Mapping[str, Any]) -> float:
    return float(given.get("conv_clamp", CLAMP) or 0)


def _number(name: str, value: Any, usual: float) -> float:
    """Returns an argument as a number of the type that it usually has; ValueError for others."""
    kind = (bool if isinstance(usual, bool) else
            numbers.Integral if isinstance(usual, int) else numbers.Real)
    if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool) or not (
            0 <= value < math.inf):
        raise ValueError(f"its {name} is {value!r:.100}, where there is a number such as {usual}")
    return type(usual)(value)
