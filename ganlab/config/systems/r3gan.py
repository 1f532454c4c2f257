"""Keys of R3GAN."""

from ganlab.config.key import AT_LEAST_ZERO, POSITIVE, Key
from ganlab.config.systems.augmentation import AUGMENT
from ganlab.config.systems.declaration import SystemKeys

KEYS = SystemKeys(structure={
    **AUGMENT,
    "conditional": Key(False, "whether both networks see class labels",
                       known_as="--cond of StyleGAN and R3GAN"),
    "latent_size": Key(64, "dimension of the latents", "numbers", POSITIVE,
                       known_as="NoiseDimension of R3GAN"),
}, numbers={
    "gamma": Key(0.05, "weight of both penalties, R1 and R2, each half a squared slope; the "
                 "official settings let it fall to a tenth (config.ramps=gamma:cosine)",
                 allowed=AT_LEAST_ZERO, known_as="gamma_scheduler of R3GAN"),
})
