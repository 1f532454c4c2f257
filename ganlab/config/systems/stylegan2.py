"""Keys of StyleGAN2."""

from ganlab.config.key import AT_LEAST_ZERO, FRACTION, NOT_EMPTY, POSITIVE, Key, one_of
from ganlab.config.systems.augmentation import AUGMENT
from ganlab.config.systems.declaration import SystemKeys

BLUR = (lambda value: 0 <= value <= 64, "a number from 0 to 64")

KEYS = SystemKeys(structure={
    "loss": Key("non_saturating", "adversarial loss", allowed=NOT_EMPTY),
    "penalty": Key("r1", "penalty of the critic, or none", allowed=one_of("r1", "none")),
    "penalty_interval": Key(16, "rounds between two penalties of the critic, which are weighted by "
                            "it", "rounds", POSITIVE, known_as="D_reg_interval of StyleGAN"),
    "path_interval": Key(4, "rounds between two path-length penalties of the generator, which are "
                         "weighted by it; 0 for none", "rounds", AT_LEAST_ZERO,
                         known_as="G_reg_interval of StyleGAN"),
    "path_share": Key(2, "one of how many images of a batch the path-length penalty sees", "images",
                      POSITIVE, known_as="pl_batch_shrink of StyleGAN"),
    "conditional": Key(False, "whether both networks see class labels",
                       known_as="--cond of StyleGAN"),
    **AUGMENT,
    "freeze_critic_layers": Key(0, "first layers of the critic that are not trained, from the "
                                "image on (Freeze-D): of each level the one of the image, both "
                                "convolutions and the skip", "layers", AT_LEAST_ZERO,
                                known_as="--freezed of StyleGAN2-ADA"),
    "blur": Key("none", "blur of all images that the critic sees, real and fake, before they are "
                "augmented; a ramp of blur_sigma lets it fade",
                allowed=one_of("none", "gaussian"), known_as="blur_init_sigma of StyleGAN3"),
    "follow": Key("both", "whose updates move the generator's averages of styles, and of magnitudes "
                  "where it has them",
                  allowed=one_of("both", "critic"), known_as="update_emas of StyleGAN3"),
    "finite_gradients": Key(True, "whether NaN in gradients becomes 0 and infinity 1e5, counted as "
                            "gradients_made_finite of each update, instead of ending the run",
                            known_as="nan_to_num of StyleGAN2-ADA's training loop"),
    "statistics": Key("copy", "what averaged weights have of constant noise and of the average "
                      "style: the generator's own, or averages of them", 
                      allowed=one_of("copy", "average")),
    "latent_size": Key(512, "dimension of the latents", "numbers", POSITIVE,
                       known_as="z_dim of StyleGAN"),
}, numbers={
    "style_mixing": Key(0.9, "probability that a batch's images take styles of a second latent "
                        "from some layer on", allowed=FRACTION,
                        known_as="style_mixing_prob of StyleGAN"),
    "path_weight": Key(2.0, "weight of the path-length penalty", allowed=AT_LEAST_ZERO,
                       known_as="pl_weight of StyleGAN"),
    "path_decay": Key(0.01, "how far the running mean of path lengths moves to that of a batch",
                      allowed=FRACTION, known_as="pl_decay of StyleGAN"),
}, choices={"blur": {"gaussian": {
    "blur_sigma": Key(10.0, "distance at which the blur's filter falls to a half, at most 64",
                      "pixels", BLUR, known_as="blur_init_sigma of StyleGAN3"),
}}})
