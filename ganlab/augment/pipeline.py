"""The adaptive augmentation pipeline (Karras et al. 2020, "Training generative adversarial networks
with limited data", appendix B)."""

import jax.numpy as jnp

from ganlab.augment.color import augment_color
from ganlab.augment.corruption import augment_cutout, augment_noise
from ganlab.augment.draws import Draws
from ganlab.augment.filtering import augment_filter
from ganlab.augment.geometry import augment_geometry
from ganlab.augment.strengths import Strengths
from ganlab.config import unknown
from ganlab.types import Array

OPERATIONS: dict[str, str] = {
    "xflip": "mirrors left and right",
    "rotate90": "rotates by quarter turns",
    "xint": "shifts by whole pixels",
    "scale": "scales both axes alike",
    "rotate": "rotates by any angle, before and after aniso",
    "aniso": "stretches one axis and shrinks the other",
    "xfrac": "shifts by any distance",
    "brightness": "adds a number to all colours",
    "contrast": "multiplies all colours",
    "lumaflip": "mirrors dark and light",
    "hue": "rotates hues",
    "saturation": "multiplies the distance of colours from grey",
    "imgfilter": "multiplies four bands of frequency",
    "noise": "adds noise",
    "cutout": "cuts out a rectangle",
}
"""What each operation does to an image, in the order in which they are applied."""

_BLIT = ("xflip", "rotate90", "xint")
_GEOM = ("scale", "rotate", "aniso", "xfrac")
_COLOR = ("brightness", "contrast", "lumaflip", "hue", "saturation")

OPERATION_SETS: dict[str, tuple[str, ...]] = {
    "blit": _BLIT,
    "geom": _GEOM,
    "color": _COLOR,
    "filter": ("imgfilter",),
    "noise": ("noise",),
    "cutout": ("cutout",),
    "bg": (*_BLIT, *_GEOM),
    "bgc": (*_BLIT, *_GEOM, *_COLOR),
    "bgcf": (*_BLIT, *_GEOM, *_COLOR, "imgfilter"),
    "bgcfn": (*_BLIT, *_GEOM, *_COLOR, "imgfilter", "noise"),
    "bgcfnc": (*_BLIT, *_GEOM, *_COLOR, "imgfilter", "noise", "cutout"),
}
"""Operations of the published sets by name; `bgc` is the one that the paper settles on."""


def augment(images: Array, draws: Draws, p: Array, operations: tuple[str, ...],
            strengths: Strengths = Strengths()) -> Array:
    """Augments images, each operation of each image with chance p.

    The images are a differentiable function of those given, to any order. An image for which no
    gate opens is returned to the bit; so are all with p = 0.

    Args:
      images: [b, h, w, c], in [-1, 1]; results may leave that range.
      draws: where random numbers come from; see `KeyedDraws`.
      p: a number from 0, may be traced; from 1 on all gates are open.
      operations: names of `OPERATIONS`, in any order.
      strengths: how far each operation reaches.

    Raises:
      ConfigError: for an operation that does not exist.
      ValueError: for operations of colour on images of neither 1 nor 3 channels.
    """
    for name in operations:
        if name not in OPERATIONS:
            raise unknown("augmentation operation", name, OPERATIONS)
    # Half precision has too few digits for places in an image.
    dtype = images.dtype
    images = images.astype(jnp.promote_types(dtype, jnp.float32))
    # Places and colours: one map of each for all operations together.
    images = augment_geometry(images, draws, p, operations, strengths)
    images = augment_color(images, draws, p, operations, strengths)
    # Filters and corruption follow one by one.
    if "imgfilter" in operations:
        images = augment_filter(images, draws, p, strengths)
    if "noise" in operations:
        images = augment_noise(images, draws, p, strengths)
    if "cutout" in operations:
        images = augment_cutout(images, draws, p, strengths)
    return images.astype(dtype)
