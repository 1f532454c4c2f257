"""Keys of PGGAN."""

from ganlab.config.growth import GROWTH
from ganlab.config.key import AT_LEAST_ZERO, BELOW_ONE, NOT_EMPTY, POSITIVE, Key
from ganlab.config.systems.augmentation import AUGMENT
from ganlab.config.systems.declaration import SystemKeys

KEYS = SystemKeys(structure={
    **GROWTH,
    **AUGMENT,
    "loss": Key("wasserstein", "adversarial loss", allowed=NOT_EMPTY),
    "penalty": Key("gradient_penalty", "penalties of the critic joined by +, or none, by slopes in "
                   "pixels of the full resolution", allowed=NOT_EMPTY),
    "critic_updates": Key(1, "updates of the critic for one of the generator", "updates", POSITIVE,
                          known_as="D_repeats of PGGAN and StyleGAN"),
    "conditional": Key(False, "whether the generator sees class labels, which the critic learns to "
                       "read (AC-GAN)"),
    "latent_size": Key(512, "dimension of the latents", "numbers", POSITIVE),
}, numbers={
    "drift_weight": Key(0.001, "weight of the squared logits of real images, which keeps them near "
                        "0", allowed=AT_LEAST_ZERO, known_as="wgan_epsilon of PGGAN and StyleGAN"),
    "auxiliary_weight": Key(1.0, "weight of reading labels in both losses, of a conditional run",
                            allowed=AT_LEAST_ZERO, known_as="cond_weight of PGGAN"),
    "average_decay": Key(0.0, "share of the averaged generator that a round keeps, whatever its "
                         "batch; 0 for that of ema_half_life_kimg", allowed=BELOW_ONE,
                         known_as="G_smoothing of PGGAN"),
})
