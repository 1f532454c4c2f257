"""Adversarial and reconstruction losses by name, and divergences."""

from collections.abc import Callable

from ganlab.losses import adversarial as _adversarial
from ganlab.losses.divergence import divergence_from_standard_normal
from ganlab.losses.reconstruction import cross_entropy, squared_error
from ganlab.types import AdversarialLoss, Array

__all__ = ["ADVERSARIAL_LOSSES", "RECONSTRUCTION_LOSSES", "divergence_from_standard_normal"]

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
RECONSTRUCTION_LOSSES: dict[str, Callable[[Array, Array], Array]] = {
    "cross_entropy": cross_entropy, "squared_error": squared_error}
