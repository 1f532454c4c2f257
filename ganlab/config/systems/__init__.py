"""Keys of every system, one file a system."""

from ganlab.config.systems import (
    class_conditional,
    cyclegan,
    gan,
    pggan,
    pix2pix,
    r3gan,
    stylegan1,
    stylegan2,
    vae,
)
from ganlab.config.systems.augmentation import AUGMENT_HYPER, has_chance
from ganlab.config.systems.declaration import SystemKeys, like

SYSTEMS: dict[str, SystemKeys] = {
    "gan": gan.KEYS, "vae": vae.KEYS, "pix2pix": pix2pix.KEYS, "cyclegan": cyclegan.KEYS,
    "pggan": pggan.KEYS, "stylegan1": stylegan1.KEYS, "stylegan2": stylegan2.KEYS,
    "class_conditional": class_conditional.KEYS, "r3gan": r3gan.KEYS}

__all__ = ["AUGMENT_HYPER", "SYSTEMS", "SystemKeys", "has_chance", "like"]
