"""Keys of the two-player game."""

from ganlab.config.key import NOT_EMPTY, POSITIVE, Key, one_of
from ganlab.config.systems.augmentation import AUGMENT
from ganlab.config.systems.declaration import SystemKeys

KEYS = SystemKeys(structure={
    "loss": Key("non_saturating", "adversarial loss", allowed=NOT_EMPTY),
    "penalty": Key("none", "critic penalties joined by +, or none", allowed=NOT_EMPTY),
    **AUGMENT,
    "tricks": Key("none", "training tricks joined by +, or none", allowed=NOT_EMPTY),
    "critic_updates": Key(1, "critic updates in a round, before the one generator update",
                          "updates", POSITIVE,
                          known_as="--num_D_steps of BigGAN, n_critic of WGAN"),
    "critic_step": Key("two_passes", "real and fake images in the critic's update: a pass each and "
                       "one step, one pass together and one step, or a pass and a step each",
                       allowed=one_of("two_passes", "one_pass", "two_steps")),
    "generator_batches": Key(1, "fake images of the generator's update", "batches", POSITIVE),
    "packing": Key(1, "images that the critic judges at once (PacGAN)", "images", POSITIVE),
    "conditional": Key(False, "whether both networks see class labels",
                       known_as="--cond of StyleGAN"),
    "latent_size": Key(64, "dimension of the latents", "numbers", POSITIVE,
                       known_as="z_dim of StyleGAN, --dim_z of BigGAN"),
    "statistics": Key("copy", "what averaged weights have of batch statistics: the generator's "
                      "own, or averages of them", allowed=one_of("copy", "average")),
    "latent_distribution": Key("normal", "distribution of the latents",
                               allowed=one_of("normal", "uniform")),
}, numbers={})
