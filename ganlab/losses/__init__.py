"""Adversarial losses, those of labels and of reconstruction by name; divergences, and terms beside
an adversarial loss."""

from collections.abc import Callable

from ganlab.losses import adversarial as _adversarial
from ganlab.losses import labels as _labels
from ganlab.losses.divergence import divergence_from_standard_normal
from ganlab.losses.labels import class_cross_entropy
from ganlab.losses.reconstruction import cross_entropy, squared_error
from ganlab.losses.regularization import (
    continuous_code_loss,
    direction_loss,
    discrete_code_loss,
    drift,
    lecam,
    mean_feature_distance,
    natural_step,
    squared_difference,
)
from ganlab.types import AdversarialLoss, Array, LabelLoss

__all__ = ["ADVERSARIAL_LOSSES", "LABEL_LOSSES", "RECONSTRUCTION_LOSSES", "REGULARIZATIONS",
           "class_cross_entropy", "continuous_code_loss", "direction_loss", "discrete_code_loss",
           "divergence_from_standard_normal", "drift", "lecam", "mean_feature_distance",
           "natural_step", "squared_difference"]

ADVERSARIAL_LOSSES: dict[str, AdversarialLoss] = {
    "minimax": AdversarialLoss(_adversarial.minimax_critic, _adversarial.minimax_generator,
                               _adversarial.cross_entropy, compares=False),
    "non_saturating": AdversarialLoss(_adversarial.non_saturating_critic,
                                      _adversarial.non_saturating_generator,
                                      _adversarial.cross_entropy, compares=False),
    "least_squares": AdversarialLoss(_adversarial.least_squares_critic,
                                     _adversarial.least_squares_generator,
                                     _adversarial.half_squared_distance, compares=False),
    "wasserstein": AdversarialLoss(_adversarial.wasserstein_critic,
                                   _adversarial.wasserstein_generator, compares=False),
    "hinge": AdversarialLoss(_adversarial.hinge_critic, _adversarial.hinge_generator,
                             compares=False, margin=1.0),
    "relativistic": AdversarialLoss(_adversarial.relativistic_critic,
                                    _adversarial.relativistic_generator)}
LABEL_LOSSES: dict[str, LabelLoss] = {
    "auxiliary": LabelLoss(_labels.class_cross_entropy, ("class_logits",)),
    "multi_hinge": LabelLoss(_labels.multi_hinge, ("class_logits",)),
    "contrastive": LabelLoss(_labels.contrastive, ("embedding", "proxy"), ("temperature",),
                             across=True),
    "data_to_data": LabelLoss(_labels.data_to_data, ("embedding", "proxy"),
                              ("temperature", "margin"), across=True)}
"""Losses of what a critic sows for labels, by the conditioning that they belong to."""
REGULARIZATIONS: dict[str, str] = {
    "lecam": "Holds logits to moving averages of those of the other kind (Tseng et al. 2021).",
    "latent_optimisation": "Moves latents up the critic's logit first (LOGAN, Wu et al. 2019).",
    "infogan": "Makes the critic read codes from generated images (Chen et al. 2016).",
    "consistency": "Makes logits of real images and moved ones equal (CR, Zhang et al. 2020).",
    "balanced_consistency": "Does so for generated images, too (bCR, Zhao et al. 2021).",
    "latent_consistency": "Does so for images of latents with noise (zCR, Zhao et al. 2021).",
    "feature_matching": "Draws mean features to those of real images (Salimans et al. 2016).",
    "sliced": "Teaches the critic's last direction and its length apart (SAN, Takida et al. 2024)."}
"""What terms beside an adversarial loss do, by the names of `system.regularizations`."""
RECONSTRUCTION_LOSSES: dict[str, Callable[[Array, Array], Array]] = {
    "cross_entropy": cross_entropy, "squared_error": squared_error}
