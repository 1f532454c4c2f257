"""What TensorFlow's files of PGGAN and the first StyleGAN hold: networks as configs name them.

Sizes are read from the tensors, and from the arguments what tensors do not show. An argument that
asks for something that ganlab's networks do not compute is refused.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ganlab.pretrained.errors import WeightsError, listed, shown
from ganlab.pretrained.growing import (
    BASE,
    pggan_critic_variables,
    pggan_generator_variables,
    pggan_tensors,
    stylegan1_critic_variables,
    stylegan1_generator_variables,
    stylegan1_tensors,
)
from ganlab.pretrained.network_pickles import PickledNetwork, read_network_pickle
from ganlab.pretrained.renaming import shape_of

ROLES = {"G": "generator", "D": "critic", "G_ema": "average"}
"""What networks are here, by their names in files."""
MOST_LEVELS = 12
"""Levels of images of 8192 pixels, more than any published file has."""
MOST_LAYERS = 64
"""More layers than any mapping has."""
PSI, CUTOFF = 0.7, 8
"""How StyleGAN's code truncates styles where a file does not say it."""


class GrowingNetwork(NamedTuple):
    """One network of a file.

    Attributes:
      kwargs: of the generator or the critic.
      latent_size: numbers of a latent; 0 for a critic.
      num_classes: 0 without labels.
      image_shape: rows, columns and channels.
      tensors: by the official names, fused layers brought to the form of the others.
      convert: `(tensors, expected, source) -> variables`, as `pggan_generator_variables`.
      psi: how styles are drawn to their average by default; 1 leaves them as they are.
      cutoff: first layers whose styles are; 0 for all.
      lod: levels that the training had yet to grow.
    """

    kwargs: Mapping[str, Any]
    latent_size: int
    num_classes: int
    image_shape: tuple[int, int, int]
    tensors: Mapping[str, np.ndarray]
    convert: Callable[[Mapping[str, np.ndarray], Any, str], Any]
    psi: float = 1.0
    cutoff: int = 0
    lod: float = 0.0


def read_growing_pickle(path: str) -> tuple[str, dict[str, GrowingNetwork], str]:
    """Reads the networks of PGGAN or StyleGAN of a network pickle of TensorFlow.

    Returns:
      `pggan` or `stylegan1`, the networks `generator`, `critic` and `average`, and the hash of the
      file.

    Raises:
      WeightsError: for a file that cannot be read, and as `growing_networks`.
    """
    read, sha256 = read_network_pickle(path)
    return *growing_networks(read, path), sha256


def growing_networks(contents: Mapping[str, Any],
                     source: str) -> tuple[str, dict[str, GrowingNetwork]]:
    """Returns the name of the system, and what a pickle says of its networks.

    Raises:
      WeightsError: for networks of other systems, without what they need, or with options that
        ganlab's do not have.
    """
    built = {name: value.class_name for name, value in contents.items()
             if isinstance(value, PickledNetwork)}
    system = next((system for system, builders in BUILDERS.items() if builders == built), None)
    if system is None:
        known = "; ".join(f"{', '.join(f'{key} of {value}' for key, value in builders.items())}"
                          for builders in BUILDERS.values())
        found = listed(f"{key} of {value}" for key, value in built.items()) or "no networks"
        raise WeightsError(f"{source} holds {found}, and these are read here: {known}; name a .pkl "
                           "of PGGAN or of the first StyleGAN")
    return system, {ROLES[name]: _DESCRIBED[value.class_name](_Found(
        value.tensors, value.arguments, f"{source}, {name},")) for name, value in contents.items()}


BUILDERS: dict[str, dict[str, str]] = {
    "pggan": {"G": "G_paper", "D": "D_paper", "G_ema": "G_paper"},
    "stylegan1": {"G": "G_style", "D": "D_basic", "G_ema": "G_style"}}
"""What builds the networks of each system in its files."""


class _Found(NamedTuple):
    """The tensors and arguments of a network, refused where they are not what they have to be."""

    tensors: Mapping[str, np.ndarray]
    arguments: Mapping[str, Any]
    source: str

    def shape(self, name: str, axes: int) -> tuple[int, ...]:
        """Returns the shape of a tensor with this number of axes, as `shape_of`."""
        return shape_of(self.tensors, name, axes, self.source)

    def number(self, start: str, end: str, most: int) -> int:
        """Returns how many tensors are numbered through from 0 on."""
        count = next(number for number in range(most + 2)
                     if number > most or f"{start}{number}{end}" not in self.tensors)
        if count > most:
            raise WeightsError(f"{self.source} has {start}{most}{end}, and no published network "
                               "has as many layers; name a file of the official code")
        return count

    def flag(self, name: str, default: bool = True) -> bool:
        """Returns an argument that is True or False."""
        return self.one_of(name, default, (True, False))

    def one_of(self, name: str, default: Any, allowed: tuple[Any, ...]) -> Any:
        """Returns an argument that is one of a few values."""
        value = self.arguments.get(name, default)
        if type(value) not in map(type, allowed) or value not in allowed:
            raise WeightsError(f"{self.source} says {name}={shown(value)}, and networks of ganlab "
                               f"have {' or '.join(map(str, allowed))}; name a file without that")
        return value

    def whole(self, name: str, default: int) -> int:
        """Returns an argument that is a whole number, not negative."""
        value = self.arguments.get(name, default)
        if type(value) is not int or not 0 <= value < 2**31:
            raise WeightsError(f"{self.source} says {name}={shown(value)}, where the official code "
                               "has a whole number; name a file of that code")
        return value

    def fraction(self, name: str, default: float | None) -> float | None:
        """Returns an argument that is a finite number, or None."""
        value = self.arguments.get(name, default)
        if value is not None and (type(value) not in (int, float) or not abs(value) < 1e9):
            raise WeightsError(f"{self.source} says {name}={shown(value)}, where the official code "
                               "has a number or None; name a file of that code")
        return value

    def lod(self) -> float:
        """Returns how many levels the training had yet to grow."""
        value = self.tensors.get("lod", np.zeros(()))
        return float(value) if value.size == 1 and np.isfinite(value).all() else 0.0


def _levels(found: _Found, layer: str,
            channels_at: int) -> tuple[tuple[int, ...], tuple[int, int, int]]:
    """Returns the channels of each level, smallest first, and the shape of images.

    Args:
      found: the network.
      layer: start of the name of its layers to or from images, such as `ToRGB_lod`.
      channels_at: axis of these kernels along which a level's channels are, 2 or 3.

    Raises:
      WeightsError: for a network with fewer than two levels, or whose arguments are of another one.
    """
    levels = found.number(layer, "/weight", MOST_LEVELS)
    if levels < 2:
        raise WeightsError(f"{found.source} has {levels} of the layers {layer}0, {layer}1 and so "
                           "on, and a network that has grown has two or more; name one that was "
                           "trained level by level")
    shapes = [found.shape(f"{layer}{lod}/weight", 4) for lod in range(levels)]
    side, colours = BASE * 2**(levels - 1), shapes[0][5 - channels_at]
    # What the arguments say of it, too.
    for name, value in (("resolution", side), ("num_channels", colours)):
        if found.arguments.get(name, value) != value:
            raise WeightsError(f"{found.source} says {name}={shown(found.arguments[name])}, but "
                               f"its tensors are of {value}; name a file of the official code")
    return tuple(shape[channels_at] for shape in reversed(shapes)), (side, side, colours)


def _latent_size(found: _Found, inputs: int, classes: int) -> int:
    if inputs <= classes:
        raise WeightsError(f"{found.source} has a first layer of {inputs} numbers and "
                           f"label_size={classes}, which leaves none to latents; name a file of "
                           "the official code")
    return inputs - classes


def _pggan_generator(found: _Found) -> GrowingNetwork:
    found.one_of("pixelnorm_epsilon", 1e-8, (1e-8,))
    classes, (channels, image_shape) = (found.whole("label_size", 0),
                                        _levels(found, "ToRGB_lod", 2))
    latents = _latent_size(found, found.shape("4x4/Dense/weight", 2)[0], classes)
    kwargs = {"channels": channels, "normalize_latents": found.flag("normalize_latents"),
              "pixel_norm": found.flag("use_pixelnorm"), "equalized": found.flag("use_wscale"),
              "leaky": found.flag("use_leakyrelu")}
    return GrowingNetwork(kwargs, latents, classes, image_shape, pggan_tensors(found.tensors),
                          pggan_generator_variables, lod=found.lod())


def _pggan_critic(found: _Found) -> GrowingNetwork:
    kwargs, image_shape = _critic(found)
    # A layer that halves before its activation has another name than one that does so after it.
    fused = {layer == "Conv1_down" for level, _, layer in (
        name.removesuffix("/weight").partition("/") for name in found.tensors)
        if layer in ("Conv1", "Conv1_down")}
    if len(fused) > 1:
        raise WeightsError(f"{found.source} has layers Conv1 and Conv1_down, of which critics of "
                           "ganlab have one kind; name a file of the official code")
    # Its rectifiers are leaky, whatever the generator's are.
    kwargs |= {"equalized": found.flag("use_wscale"), "fused": True in fused}
    return GrowingNetwork(kwargs, 0, found.whole("label_size", 0), image_shape,
                          pggan_tensors(found.tensors), pggan_critic_variables, lod=found.lod())


def _critic(found: _Found) -> tuple[dict[str, Any], tuple[int, int, int]]:
    """Returns what critics of both systems have, and the shape of images."""
    channels, image_shape = _levels(found, "FromRGB_lod", 3)
    found.one_of("mbstd_num_features", 1, (1,))
    return {"channels": channels, "dense_width": found.shape("4x4/Dense0/weight", 2)[1],
            "group": max(found.whole("mbstd_group_size", 4), 1)}, image_shape


def _check_blur(found: _Found) -> None:
    """Raises WeightsError for a network of StyleGAN that blurs by another filter, or by none."""
    blur = found.arguments.get("blur_filter", [1, 2, 1])
    if type(blur) not in (list, tuple) or list(blur) != [1, 2, 1]:
        raise WeightsError(f"{found.source} says blur_filter={shown(blur)}, and ganlab's networks "
                           "blur by 1, 2, 1; name a file without that")


def _stylegan1_generator(found: _Found) -> GrowingNetwork:
    # What ganlab's network does not compute otherwise.
    for name, values in (("use_wscale", (True,)), ("normalize_latents", (True,)),
                         ("nonlinearity", ("lrelu",)), ("mapping_nonlinearity", ("lrelu",)),
                         ("mapping_lrmul", (0.01,))):
        found.one_of(name, values[0], values)
    _check_blur(found)
    fused = found.one_of("fused_scale", "auto", ("auto", True, False))
    tensors = stylegan1_tensors(found.tensors, fused)
    found = found._replace(tensors=tensors)
    # Both networks, by their tensors.
    channels, image_shape = _levels(found, "synthesis/ToRGB_lod", 2)
    styles, = found.shape("dlatent_avg", 1)
    layers = found.number("mapping/Dense", "/weight", MOST_LAYERS)
    classes = found.whole("label_size", 0)
    if classes:
        latents = found.shape("mapping/LabelConcat/weight", 2)[1]
    else:
        latents = found.shape("mapping/Dense0/weight", 2)[0] if layers else styles
    width = found.shape("mapping/Dense0/weight", 2)[1] if layers > 1 else 0
    pixels, instances = (found.flag("use_pixel_norm", False),
                         found.flag("use_instance_norm"))
    if pixels and instances:
        raise WeightsError(f"{found.source} normalizes both pixels and instances, and ganlab's "
                           "networks one of them; name a file without that")
    kwargs = {
        "styles": styles, "mapping_layers": layers, "mapping_width": width, "channels": channels,
        "constant": found.flag("const_input_layer"), "styled": found.flag("use_styles"),
        "noisy": found.flag("use_noise"),
        "normalization": "pixel" if pixels else "instance" if instances else "none",
        # None keeps the average as it is.
        "average_rate": found.fraction("dlatent_avg_beta", 0.995)}
    if kwargs["average_rate"] is None:
        kwargs["average_rate"] = 1.0
    # Without either number styles are not truncated.
    psi, cutoff = found.fraction("truncation_psi", PSI), found.fraction("truncation_cutoff", CUTOFF)
    truncates = psi is not None and cutoff is not None and cutoff > 0
    return GrowingNetwork(
        kwargs, latents, classes, image_shape, tensors, stylegan1_generator_variables,
        float(psi) if truncates else 1.0, int(cutoff) if truncates else 0, found.lod())


def _stylegan1_critic(found: _Found) -> GrowingNetwork:
    for name, values in (("use_wscale", (True,)), ("nonlinearity", ("lrelu",))):
        found.one_of(name, values[0], values)
    _check_blur(found)
    kwargs, image_shape = _critic(found)
    return GrowingNetwork(kwargs, 0, found.whole("label_size", 0), image_shape,
                          stylegan1_tensors(found.tensors), stylegan1_critic_variables,
                          lod=found.lod())


_DESCRIBED: dict[str, Callable[[_Found], GrowingNetwork]] = {
    "G_paper": _pggan_generator, "D_paper": _pggan_critic, "G_style": _stylegan1_generator,
    "D_basic": _stylegan1_critic}
