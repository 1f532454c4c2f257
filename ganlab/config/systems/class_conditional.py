"""Keys of the class-conditional system."""

from ganlab.config.key import AT_LEAST_ZERO, BELOW_ONE, FRACTION, NOT_EMPTY, POSITIVE, Key, one_of
from ganlab.config.systems.augmentation import AUGMENT
from ganlab.config.systems.declaration import SystemKeys

TEMPERATURE = Key(1.0, "by which cosines of embeddings are divided", allowed=POSITIVE,
                  known_as="temperature of StudioGAN")
CONDITIONING_HYPER: dict[str, dict[str, Key]] = {
    "auxiliary": {"auxiliary_weight": Key(
        1.0, "weight of the auxiliary classifier's cross-entropy in both losses",
        allowed=AT_LEAST_ZERO, known_as="cond_lambda of StudioGAN's ACGAN")},
    "multi_hinge": {"multi_hinge_weight": Key(
        0.05, "weight of the multi-hinge in the generator's loss", allowed=AT_LEAST_ZERO,
        known_as="mh_lambda of StudioGAN, beside an fm_lambda of 1")},
    "contrastive": {
        "contrastive_weight": Key(1.0, "weight of the conditional contrastive loss in both losses",
                                  allowed=AT_LEAST_ZERO,
                                  known_as="cond_lambda of StudioGAN's ContraGAN"),
        "contrastive_temperature": TEMPERATURE},
    "data_to_data": {
        "data_to_data_weight": Key(0.5, "weight of the data-to-data cross-entropy in both losses",
                                   allowed=AT_LEAST_ZERO,
                                   known_as="cond_lambda of StudioGAN's ReACGAN"),
        "data_to_data_temperature": Key(0.5, TEMPERATURE.meaning, allowed=POSITIVE,
                                        known_as=TEMPERATURE.known_as),
        "data_to_data_margin": Key(0.98, "cosine of an image and its proxy from which on nothing "
                                   "draws them; other classes are pushed down to one less this",
                                   allowed=FRACTION, known_as="m_p of StudioGAN's ReACGAN")},
}
"""Numbers of each conditioning, by its name."""
REGULARIZATION_HYPER: dict[str, dict[str, Key]] = {
    "lecam": {
        "lecam_weight": Key(0.3, "weight of LeCam's regularizer of logits", allowed=AT_LEAST_ZERO,
                            known_as="lecam_lambda of StudioGAN"),
        "lecam_decay": Key(0.99, "share of its averages of logits that a critic update keeps",
                           allowed=BELOW_ONE, known_as="lecam_ema_decay of StudioGAN"),
        "lecam_start_rounds": Key(1000.0, "rounds after which it begins", "rounds", AT_LEAST_ZERO,
                                  known_as="lecam_ema_start_iter of StudioGAN")},
    "latent_optimisation": {
        "latent_optimisation_rate": Key(0.9, "size of a step of latents up the critic's logit",
                                        allowed=AT_LEAST_ZERO, known_as="lo_alpha of StudioGAN"),
        "latent_optimisation_damping": Key(0.1, "added to the squared slope that divides a step",
                                           allowed=POSITIVE, known_as="lo_beta of StudioGAN"),
        "latent_optimisation_share": Key(0.8, "share of the latents that take a step",
                                         allowed=FRACTION, known_as="lo_rate of StudioGAN"),
        "latent_optimisation_weight": Key(0.1, "weight of the squared length of steps in both "
                                          "losses", allowed=AT_LEAST_ZERO,
                                          known_as="lo_lambda of StudioGAN")},
    "infogan": {
        "discrete_code_weight": Key(1.0, "weight of reading discrete codes in both losses",
                                    allowed=AT_LEAST_ZERO,
                                    known_as="infoGAN_loss_discrete_lambda of StudioGAN"),
        "continuous_code_weight": Key(1.0, "weight of reading continuous codes in both losses",
                                      allowed=AT_LEAST_ZERO,
                                      known_as="infoGAN_loss_conti_lambda of StudioGAN")},
    "consistency": {"consistency_weight": Key(
        10.0, "weight of what changes in the critic's eyes when real images are moved",
        allowed=AT_LEAST_ZERO, known_as="cr_lambda of StudioGAN")},
    "balanced_consistency": {
        "balanced_real_weight": Key(10.0, "the same weight beside that of generated images",
                                    allowed=AT_LEAST_ZERO, known_as="real_lambda of StudioGAN"),
        "balanced_fake_weight": Key(10.0, "weight of what changes when generated images are moved",
                                    allowed=AT_LEAST_ZERO, known_as="fake_lambda of StudioGAN")},
    "latent_consistency": {
        "latent_consistency_radius": Key(0.05, "deviation of the noise that is added to latents",
                                         allowed=AT_LEAST_ZERO, known_as="radius of StudioGAN"),
        "latent_consistency_critic_weight": Key(
            20.0, "weight of what changes in the critic's eyes by that noise",
            allowed=AT_LEAST_ZERO, known_as="d_lambda of StudioGAN"),
        "latent_consistency_generator_weight": Key(
            0.5, "weight of how far that noise moves images, which the generator increases",
            allowed=AT_LEAST_ZERO, known_as="g_lambda of StudioGAN")},
    "feature_matching": {"feature_matching_weight": Key(
        1.0, "weight of the mean absolute difference of mean features in the generator's loss",
        allowed=AT_LEAST_ZERO, known_as="fm_lambda of StudioGAN")},
    "sliced": {"direction_weight": Key(
        1.0, "weight of the loss of a sliced critic's direction", allowed=AT_LEAST_ZERO)},
}
"""Numbers of each regularization, by its name."""

KEYS = SystemKeys(structure={
    "loss": Key("hinge", "adversarial loss", allowed=NOT_EMPTY, known_as="adv_loss of StudioGAN"),
    "penalty": Key("none", "critic penalties joined by +, or none", allowed=NOT_EMPTY),
    **AUGMENT,
    "conditional": Key(True, "whether both networks see class labels",
                       known_as="--cond of StyleGAN"),
    "conditioning": Key("none", "loss by which labels are learned, of what the critic's head sows; "
                        "with none they enter by the networks alone, as by projection",
                        allowed=one_of("none", *CONDITIONING_HYPER),
                        known_as="d_cond_mtd of StudioGAN: AC, MH, 2C and D2DCE"),
    "regularizations": Key("none", "regularizations joined by +, or none", allowed=NOT_EMPTY,
                           known_as="apply_lecam, apply_lo, info_type, apply_cr, apply_bcr, "
                           "apply_zcr and apply_fm of StudioGAN"),
    "fake_labels": Key("uniform", "labels of generated images: drawn from all classes alike, or "
                       "those of a batch of real images", allowed=one_of("uniform", "data")),
    "critic_updates": Key(1, "critic updates in a round, each on images of its own, before the one "
                          "generator update", "updates", POSITIVE,
                          known_as="d_updates_per_step of StudioGAN"),
    "statistics": Key("average", "what averaged weights have of batch statistics: averages of "
                      "them, or the generator's own", allowed=one_of("average", "copy")),
    "latent_size": Key(128, "dimension of the latents, of which codes are the last numbers",
                       "numbers", POSITIVE, known_as="z_dim of StudioGAN"),
    "latent_distribution": Key("normal", "distribution of the latents",
                               allowed=one_of("normal", "uniform"),
                               known_as="z_prior of StudioGAN"),
    "latent_steps": Key(1, "steps of latent optimisation", "steps", POSITIVE,
                        known_as="lo_steps4train of StudioGAN, less 1"),
    "discrete_codes": Key(0, "discrete codes of InfoGAN", "codes", AT_LEAST_ZERO,
                          known_as="info_num_discrete_c of StudioGAN"),
    "discrete_values": Key(10, "values of each discrete code", "values", POSITIVE,
                           known_as="info_dim_discrete_c of StudioGAN"),
    "continuous_codes": Key(0, "continuous codes of InfoGAN, uniform from -1 to 1", "codes",
                            AT_LEAST_ZERO, known_as="info_num_conti_c of StudioGAN"),
    "consistency_change": Key("flip+shift", "how consistency moves images: mirrored by half and "
                              "shifted by up to an eighth, or shifted alone, for images that have "
                              "a right side", allowed=one_of("flip+shift", "shift")),
}, numbers={}, choices={"conditioning": CONDITIONING_HYPER,
                        "regularizations": REGULARIZATION_HYPER})
