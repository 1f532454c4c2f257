"""Keys of the first StyleGAN."""

from ganlab.config.growth import GROWTH
from ganlab.config.key import AT_LEAST_ZERO, FRACTION, NOT_EMPTY, POSITIVE, Key, one_of
from ganlab.config.systems.augmentation import AUGMENT
from ganlab.config.systems.declaration import SystemKeys

KEYS = SystemKeys(structure={
    **GROWTH,
    **AUGMENT,
    "loss": Key("non_saturating", "adversarial loss", allowed=NOT_EMPTY),
    "penalty": Key("r1", "penalties of the critic joined by +, or none, by slopes in pixels of the "
                   "full resolution", allowed=NOT_EMPTY),
    "critic_updates": Key(1, "updates of the critic for one of the generator", "updates", POSITIVE,
                          known_as="D_repeats of PGGAN and StyleGAN"),
    "conditional": Key(False, "whether both networks see class labels"),
    "statistics": Key("copy", "what averaged weights have of constant noise and of the average "
                      "style: the generator's own, or averages of them",
                      allowed=one_of("copy", "average")),
    "latent_size": Key(512, "dimension of the latents", "numbers", POSITIVE),
}, numbers={
    "style_mixing": Key(0.9, "probability that a batch's images take styles of a second latent "
                        "from some layer on", allowed=FRACTION,
                        known_as="style_mixing_prob of StyleGAN"),
    "drift_weight": Key(0.0, "weight of the squared logits of real images, which keeps them near "
                        "0; 0.001 where StyleGAN is trained by wasserstein",
                        allowed=AT_LEAST_ZERO, known_as="wgan_epsilon of PGGAN and StyleGAN"),
})
