"""Keys of every system, one file a system."""

from ganlab.config.systems import cyclegan, gan, pix2pix, vae
from ganlab.config.systems.declaration import SystemKeys, like

SYSTEMS: dict[str, SystemKeys] = {
    "gan": gan.KEYS, "vae": vae.KEYS, "pix2pix": pix2pix.KEYS, "cyclegan": cyclegan.KEYS}

__all__ = ["SYSTEMS", "SystemKeys", "like"]
