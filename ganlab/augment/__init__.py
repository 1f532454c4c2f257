"""Augmentations of what the critic sees, by name, and the controller of their chance.

An augmentation is `(images [b, h, w, c], keys [b], p) -> images`: a pure function, differentiable
to any order, whose draws follow from each example's own key.
"""

from collections.abc import Callable

import jax.numpy as jnp

from ganlab.augment.blur import LARGEST_BLUR, blurred
from ganlab.augment.controller import Adaptation, adapt, adapted_chance, start_adaptation
from ganlab.augment.diffaugment import POLICIES, diffaugment
from ganlab.augment.draws import Draws, KeyedDraws
from ganlab.augment.pipeline import OPERATION_SETS, OPERATIONS, augment
from ganlab.augment.strengths import Strengths
from ganlab.config import choose, unknown
from ganlab.types import Array

__all__ = ["AUGMENTATIONS", "LARGEST_BLUR", "OPERATIONS", "OPERATION_SETS", "POLICIES", "Adaptation",
           "Augmentation", "Draws", "KeyedDraws", "Strengths", "adapt", "adapted_chance",
           "adaptive", "augment", "blurred", "choose_augmentation", "differentiable", "diffaugment",
           "in_turn", "start_adaptation"]

Augmentation = Callable[[Array, Array, Array], Array]


def _drawn(images: Array, keys: Array) -> KeyedDraws:
    return KeyedDraws(keys, jnp.promote_types(images.dtype, jnp.float32))


def adaptive(operations: tuple[str, ...], strengths: Strengths = Strengths()) -> Augmentation:
    """Returns the adaptive augmentation by these operations, each with chance p."""
    def augmentation(images: Array, keys: Array, p: Array) -> Array:
        return augment(images, _drawn(images, keys), p, operations, strengths)

    augmentation.__doc__ = f"Applies {', '.join(operations)}, each by chance."
    return augmentation


def in_turn(*parts: tuple[tuple[str, ...], float]) -> Augmentation:
    """Returns the adaptive augmentation by sets of operations, each with its share of the chance.

    The sets are in the order of `OPERATIONS`.
    """
    def augmentation(images: Array, keys: Array, p: Array) -> Array:
        draws = _drawn(images, keys)
        for operations, share in parts:
            images = augment(images, draws, share * p, operations)
        return images

    words = "; ".join(f"{', '.join(operations)} by {share:g} of the chance"
                      for operations, share in parts)
    augmentation.__doc__ = f"Applies {words}."
    return augmentation


def differentiable(*policies: str) -> Augmentation:
    """Returns the augmentation by these policies of DiffAugment, which are applied whatever p."""
    def augmentation(images: Array, keys: Array, p: Array) -> Array:
        return diffaugment(images, _drawn(images, keys), policies)

    augmentation.__doc__ = f"Applies {', '.join(policies)} to every image (DiffAugment)."
    return augmentation


AUGMENTATIONS: dict[str, Augmentation] = {
    "ada:blit": adaptive(OPERATION_SETS["blit"]),
    "ada:geom": adaptive(OPERATION_SETS["geom"]),
    "ada:color": adaptive(OPERATION_SETS["color"]),
    "ada:filter": adaptive(OPERATION_SETS["filter"]),
    "ada:noise": adaptive(OPERATION_SETS["noise"]),
    "ada:cutout": adaptive(OPERATION_SETS["cutout"]),
    "ada:bg": adaptive(OPERATION_SETS["bg"]),
    "ada:bgc": adaptive(OPERATION_SETS["bgc"]),
    "ada:bgcf": adaptive(OPERATION_SETS["bgcf"]),
    "ada:bgcfn": adaptive(OPERATION_SETS["bgcfn"]),
    "ada:bgcfnc": adaptive(OPERATION_SETS["bgcfnc"]),
    "ada:r3gan": in_turn((OPERATION_SETS["bg"], 1.0), (OPERATION_SETS["color"], 0.5),
                         (OPERATION_SETS["cutout"], 1.0)),
    "diffaugment:color": differentiable("color"),
    "diffaugment:translation": differentiable("translation"),
    "diffaugment:cutout": differentiable("cutout"),
    "diffaugment:color+translation": differentiable("color", "translation"),
    "diffaugment:color+cutout": differentiable("color", "cutout"),
    "diffaugment:translation+cutout": differentiable("translation", "cutout"),
    "diffaugment:color+translation+cutout": differentiable("color", "translation", "cutout"),
}


def choose_augmentation(name: str) -> Augmentation | None:
    """Returns the augmentation that `config.system.augment` names; None for `none`.

    Raises:
      ConfigError: for a name that is neither in the table nor `package.module:function`.
    """
    # A mistyped name of the table looks like one from outside.
    family = name.partition(":")[0]
    if name not in AUGMENTATIONS and family in {known.partition(":")[0] for known in AUGMENTATIONS}:
        raise unknown("config.system.augment", name, ("none", *AUGMENTATIONS))
    return choose({"none": None, **AUGMENTATIONS}, name, "system.augment")
