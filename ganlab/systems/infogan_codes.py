"""The codes of InfoGAN (Chen et al. 2016): a part of latents that a critic reads from images."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ganlab.config import ConfigError, joined_names
from ganlab.game import Network
from ganlab.losses import continuous_code_loss, discrete_code_loss
from ganlab.types import Array

DRAWS = 2
"""Folded into an example's key for its codes."""


@dataclasses.dataclass(frozen=True)
class Codes:
    """The last numbers of latents: discrete codes one-hot, then continuous ones in [-1, 1].

    Attributes:
      discrete: number of discrete codes.
      values: of each of them.
      continuous: number of continuous codes.
    """

    discrete: int = 0
    values: int = 1
    continuous: int = 0

    @property
    def size(self) -> int:
        """Numbers of the latents that are codes."""
        return self.discrete * self.values + self.continuous

    @property
    def read(self) -> int:
        """Numbers that a critic reads: logits of values, then means and logarithms of variances."""
        return self.discrete * self.values + 2 * self.continuous

    def appended(self, latents: Array, keys: Array) -> Array:
        """Appends drawn codes to latents [b, z], by keys [b]."""
        def draw(key: Array) -> Array:
            value_key, place_key = jax.random.split(jax.random.fold_in(key, DRAWS))
            chosen = jax.random.randint(value_key, (self.discrete,), 0, self.values)
            places = jax.random.uniform(place_key, (self.continuous,), latents.dtype, -1, 1)
            rows = jax.nn.one_hot(chosen, self.values, dtype=latents.dtype)
            return jnp.concatenate([rows.reshape(-1), places])

        return jnp.concatenate([latents, jax.vmap(draw)(keys)], axis=-1) if self.size else latents

    def losses(self, read: Array, latents: Array) -> dict[str, Array]:
        """Computes the loss [b] of reading codes of each kind that there is.

        Args:
          read: what the critic read [b, `read`].
          latents: with codes [b, z].
        """
        codes, found = latents[:, latents.shape[-1] - self.size:], {}
        logits = self.discrete * self.values
        if self.discrete:
            shape = (len(read), self.discrete, self.values)
            found["discrete_code"] = discrete_code_loss(
                read[:, :logits].reshape(shape), codes[:, :logits].reshape(shape))
        if self.continuous:
            means, log_variances = jnp.split(read[:, logits:], 2, axis=1)
            found["continuous_code"] = continuous_code_loss(means, log_variances, codes[:, logits:])
        return found


def codes_of(config: Mapping[str, Any], critic: Network) -> Codes:
    """Returns the codes that `config.system` asks for; none without `infogan`.

    Raises:
      ConfigError: for codes without `infogan` or the other way, for more codes than latents, and
        for a critic that does not read as many numbers.
    """
    system = config["system"]
    codes = Codes(system["discrete_codes"], system["discrete_values"], system["continuous_codes"])
    chosen = "infogan" in joined_names(config, "regularizations")
    if chosen != bool(codes.size):
        raise ConfigError(
            f"config.system.discrete_codes is {codes.discrete} and continuous_codes "
            f"{codes.continuous}, but config.system.regularizations has "
            f"{'infogan' if chosen else 'no infogan'}; "
            f"{'ask for a code' if chosen else 'add infogan, or ask for none'}")
    if codes.size >= system["latent_size"]:
        raise ConfigError(f"config.system.latent_size is {system['latent_size']}, which leaves "
                          f"nothing beside {codes.size} numbers of codes; use more")
    found = critic.sown().get("codes", ({},))[0]
    read = found.shape[-1] if hasattr(found, "shape") else 0
    if read != codes.read:
        raise ConfigError(f"config.networks.critic reads {read} numbers of codes, but "
                          f"config.system asks for {codes.read}: a logit of each value and two "
                          "numbers of each continuous code; use "
                          f"config.networks.critic.kwargs.codes={codes.read}, as critics of sngan "
                          "and biggan have it")
    return codes
