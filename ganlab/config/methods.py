"""Published adversarial methods by name: the structure and the numbers that make each of them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ganlab.config.errors import unknown
from ganlab.config.experiment import both_players


@dataclasses.dataclass(frozen=True)
class Method:
    """What a config takes from a method; everything else is the experiment's.

    Attributes:
      source: the publication.
      system: keys of the section `system`.
      critic: keys of the critic's section.
      optimizer: the optimizer of both players.
      player_hyper: numbers of both players without their prefix (`lr`, `beta1`).
      hyper: further numbers.
    """

    source: str
    system: Mapping[str, Any]
    player_hyper: Mapping[str, float]
    hyper: Mapping[str, float] = dataclasses.field(default_factory=dict)
    critic: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    optimizer: str = "adam"

    @property
    def critic_updates(self) -> int:
        """Number of critic updates in a round."""
        return self.system.get("critic_updates", 1)

    def numbers(self, **player_hyper: float) -> dict[str, float]:
        """Returns the section `hyper`; arguments replace numbers of both players (`lr=1e-3`)."""
        return both_players(**{**self.player_hyper, **player_hyper}) | dict(self.hyper)


_DCGAN_ADAM = {"lr": 2e-4, "beta1": 0.5, "beta2": 0.999}  # Radford et al. 2016, section 4.

METHODS: dict[str, Method] = {
    "gan": Method("Goodfellow et al. 2014, section 3", {"loss": "non_saturating"}, _DCGAN_ADAM),
    "wgan": Method("Arjovsky et al. 2017, algorithm 1",
                   {"loss": "wasserstein", "critic_updates": 5}, {"lr": 5e-5},
                   {"critic_weight_clip": 0.01}, {"projection": "weight_clip"}, "rmsprop"),
    "wgan_gp": Method("Gulrajani et al. 2017, algorithm 1",
                      {"loss": "wasserstein", "penalty": "gradient_penalty", "critic_updates": 5},
                      {"lr": 1e-4, "beta1": 0.0, "beta2": 0.9}, {"gradient_penalty_weight": 10.0}),
    "pacgan2": Method("Lin et al. 2018, section 3", {"loss": "non_saturating", "packing": 2},
                      _DCGAN_ADAM),
    # Its learning rate and weights differ from data set to data set in the paper too.
    "r3gan": Method("Huang et al. 2024, section 3", {"loss": "relativistic", "penalty": "r1+r2"},
                    {"beta1": 0.0, "beta2": 0.99}),
}


def method(name: str) -> Method:
    """Returns the method called `name`.

    Raises:
      ConfigError: for an unknown name, with a did-you-mean.
    """
    if name not in METHODS:
        raise unknown("method", name, METHODS)
    return METHODS[name]
