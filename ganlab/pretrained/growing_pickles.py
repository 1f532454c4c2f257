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
    grown_to,
    pggan_critic_variables,
    pggan_generator_variables,
    pggan_tensors,
    stylegan1_critic_variables,
    stylegan1_generator_variables,
    stylegan1_tensors,
)
from ganlab.pretrained.growing_records import MOST_LEVELS, STRUCTURES, Found
from ganlab.pretrained.network_pickles import PickledNetwork, read_network_pickle

ROLES = {"G": "generator", "D": "critic", "G_ema": "average"}
"""What networks are here, by their names in files."""
MOST_LAYERS = 64
"""More layers than any mapping has."""
PSI, CUTOFF, MIXING = 0.7, 8, 0.9
"""How StyleGAN's code truncates styles, and how often it mixes them, where a file does not say it."""


class GrowingNetwork(NamedTuple):
    """One network of a file.

    Attributes:
      network: its name among the generators or critics.
      kwargs: of the generator or the critic.
      latent_size: numbers of a latent; 0 for a critic.
      num_classes: 0 without labels.
      image_shape: rows, columns and channels.
      tensors: by the official names, fused layers brought to the form of the others.
      convert: `(tensors, expected, source) -> variables`, as `pggan_generator_variables`.
      psi: how styles are drawn to their average by default; 1 leaves them as they are.
      cutoff: first layers whose styles are; 0 for all.
      lod: levels that the training had yet to grow.
      grows: whether it was built with the layers to or from images of all levels.
      mixing: how often a batch mixes styles in training.
      constant_noise: whether its images have the constant noise of each layer.
      left: arguments that ganlab's networks do not have.
    """

    network: str
    kwargs: Mapping[str, Any]
    latent_size: int
    num_classes: int
    image_shape: tuple[int, int, int]
    tensors: Mapping[str, np.ndarray]
    convert: Callable[[Mapping[str, np.ndarray], Any, str], Any]
    psi: float = 1.0
    cutoff: int = 0
    lod: float = 0.0
    grows: bool = True
    mixing: float = 0.0
    constant_noise: bool = False
    left: Mapping[str, Any] = {}

    @property
    def level(self) -> int:
        """The largest level that has a say, from 0."""
        return self._grown[0]

    @property
    def share(self) -> float:
        """Of that level, how far it has faded in: above 0, 1 for all of it."""
        return self._grown[1]

    @property
    def _grown(self) -> tuple[int, float]:
        return grown_to(self.lod, len(self.kwargs["channels"]) - 1)


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
    # Generators make the system, in which either code's critic may play.
    system = SYSTEMS.get(built.get("G", ""))
    if (system is None or built.keys() != ROLES.keys() or built["G_ema"] != built["G"]
            or built["D"] not in CRITICS):
        found = listed(f"{key} of {value}" for key, value in built.items()) or "no networks"
        raise WeightsError(f"{source} holds {found}, and these are read here: G and G_ema of "
                           f"{' or '.join(SYSTEMS)}, and D of {' or '.join(CRITICS)}; name a .pkl "
                           "of PGGAN or of the first StyleGAN")
    networks = {}
    for name, value in contents.items():
        found = Found(value.tensors, value.arguments, f"{source}, {name},")
        networks[ROLES[name]] = _DESCRIBED[value.class_name](found)._replace(
            left=found.left(ARGUMENTS[value.class_name]))
    return system, networks


SYSTEMS = {"G_paper": "pggan", "G_style": "stylegan1"}
"""The system of a file by what builds its generators."""
_OF_SIZES = ("num_channels", "resolution", "label_size", "fmap_base", "fmap_decay", "fmap_max",
             "fused_scale", "structure", "use_wscale")
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "G_paper": (*_OF_SIZES, "latent_size", "normalize_latents", "use_pixelnorm",
                "pixelnorm_epsilon", "use_leakyrelu"),
    "D_paper": (*_OF_SIZES, "mbstd_group_size"),
    "G_style": (*_OF_SIZES, "latent_size", "normalize_latents", "dlatent_size", "mapping_layers",
                "mapping_fmaps", "mapping_lrmul", "mapping_nonlinearity", "nonlinearity",
                "use_styles", "const_input_layer", "use_noise", "randomize_noise", "blur_filter",
                "use_pixel_norm", "use_instance_norm", "truncation_psi", "truncation_cutoff",
                "dlatent_avg_beta", "style_mixing_prob"),
    "D_basic": (*_OF_SIZES, "nonlinearity", "blur_filter", "mbstd_group_size",
                "mbstd_num_features")}
"""Arguments that ganlab's networks and runs have, too, or that tensors show."""
CRITICS = ("D_paper", "D_basic")
"""What builds critics: PGGAN's, and StyleGAN's."""


def _levels(found: Found, layer: str,
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


def _latent_size(found: Found, inputs: int, classes: int) -> int:
    if inputs <= classes:
        raise WeightsError(f"{found.source} has a first layer of {inputs} numbers and "
                           f"label_size={classes}, which leaves none to latents; name a file of "
                           "the official code")
    return inputs - classes


def _pggan_generator(found: Found) -> GrowingNetwork:
    found.one_of("pixelnorm_epsilon", 1e-8, (1e-8,))
    found.one_of("structure", None, STRUCTURES["paper"])
    classes, (channels, image_shape) = (found.whole("label_size", 0),
                                        _levels(found, "ToRGB_lod", 2))
    latents = _latent_size(found, found.shape("4x4/Dense/weight", 2)[0], classes)
    kwargs = {"channels": channels, "normalize_latents": found.flag("normalize_latents"),
              "pixel_norm": found.flag("use_pixelnorm"), "equalized": found.flag("use_wscale"),
              "leaky": found.flag("use_leakyrelu")}
    return GrowingNetwork("pggan", kwargs, latents, classes, image_shape,
                          pggan_tensors(found.tensors), pggan_generator_variables, lod=found.lod())


def _pggan_critic(found: Found) -> GrowingNetwork:
    found.one_of("structure", None, STRUCTURES["paper"])
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
    # Without logits of classes it is that of StyleGAN's repository, which ignores labels.
    classes, outputs = found.whole("label_size", 0), found.shape("4x4/Dense1/weight", 2)[1]
    if outputs not in (1, 1 + classes):
        raise WeightsError(f"{found.source} has {outputs} outputs and label_size={classes}, where "
                           f"PGGAN's critic has 1, or {1 + classes} with a logit for each class; "
                           "name a file of the official code")
    kwargs["reads_labels"] = outputs == 1 + classes
    return GrowingNetwork("pggan", kwargs, 0, classes, image_shape, pggan_tensors(found.tensors),
                          pggan_critic_variables, lod=found.lod())


def _critic(found: Found) -> tuple[dict[str, Any], tuple[int, int, int]]:
    """Returns what critics of both systems have, and the shape of images."""
    channels, image_shape = _levels(found, "FromRGB_lod", 3)
    return {"channels": channels, "dense_width": found.shape("4x4/Dense0/weight", 2)[1],
            "group": max(found.whole("mbstd_group_size", 4), 1)}, image_shape


def _check_blur(found: Found) -> None:
    """Raises WeightsError for a network of StyleGAN that blurs by another filter, or by none."""
    blur = found.arguments.get("blur_filter", [1, 2, 1])
    if type(blur) not in (list, tuple) or list(blur) != [1, 2, 1]:
        raise WeightsError(f"{found.source} says blur_filter={shown(blur)}, and ganlab's networks "
                           "blur by 1, 2, 1; name a file without that")


def _stylegan1_generator(found: Found) -> GrowingNetwork:
    # What ganlab's network does not compute otherwise.
    for name, values in (("use_wscale", (True,)), ("normalize_latents", (True,)),
                         ("nonlinearity", ("lrelu",)), ("mapping_nonlinearity", ("lrelu",)),
                         ("mapping_lrmul", (0.01,))):
        found.one_of(name, values[0], values)
    _check_blur(found)
    fused = found.one_of("fused_scale", "auto", ("auto", True, False))
    found = found._replace(tensors=stylegan1_tensors(found.tensors, fused))
    found, grows = found.completed("synthesis/ToRGB_lod", "synthesis/", "Conv1", 2)
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
        "stylegan1", kwargs, latents, classes, image_shape, found.tensors,
        stylegan1_generator_variables, float(psi) if truncates else 1.0,
        int(cutoff) if truncates else 0, found.lod(), grows,
        min(max(found.fraction("style_mixing_prob", MIXING) or 0.0, 0.0), 1.0),
        not found.flag("randomize_noise"))


def _stylegan1_critic(found: Found) -> GrowingNetwork:
    for name, values in (("use_wscale", (True,)), ("nonlinearity", ("lrelu",))):
        found.one_of(name, values[0], values)
    _check_blur(found)
    found, grows = found._replace(tensors=stylegan1_tensors(found.tensors)).completed(
        "FromRGB_lod", "", "Conv0", 3)
    kwargs, image_shape = _critic(found)
    # As many parts of the features as there are channels of their deviation.
    parts, channels = max(found.whole("mbstd_num_features", 1), 1), kwargs["channels"][0]
    if channels % parts:
        raise WeightsError(f"{found.source} says mbstd_num_features={parts}, into which its "
                           f"{channels} channels do not divide; name a file of the official code")
    return GrowingNetwork("stylegan1", kwargs | {"deviations": parts}, 0,
                          found.whole("label_size", 0), image_shape, found.tensors,
                          stylegan1_critic_variables, lod=found.lod(), grows=grows)


_DESCRIBED: dict[str, Callable[[Found], GrowingNetwork]] = {
    "G_paper": _pggan_generator, "D_paper": _pggan_critic, "G_style": _stylegan1_generator,
    "D_basic": _stylegan1_critic}
