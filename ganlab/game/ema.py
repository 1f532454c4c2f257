"""The exponential moving average of a network, with warm-up."""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import optax

from ganlab.types import Array, Hyper, Tree


@dataclasses.dataclass(frozen=True)
class Average:
    """An average of a network's params over training.

    Attributes:
      network: the network's name.
      variables: "average" for averages of its statistics too, "copy" for the network's own.
      numbers: begins the names of its numbers in `hyper`: `<numbers>_half_life_kimg`,
        `<numbers>_warmup` and `<numbers>_start_kimg`, before which the average follows the params.
      copied: collections of variables that are never averaged, such as how far a level has faded
        in.
    """

    network: str
    variables: str = "copy"
    numbers: str = "ema"
    copied: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.variables not in ("average", "copy"):
            raise ValueError(f"an average of {self.network} has variables={self.variables!r}; it "
                             "takes 'average' or 'copy'")


def averages(*networks: str, variables: str = "copy",
             copied: tuple[str, ...] = ()) -> dict[str, Average]:
    """Returns an average of each network, by the network's name."""
    return {name: Average(name, variables, copied=copied) for name in networks}


def ema_rate(hyper: Hyper, kimg: Array, images_per_round: int, numbers: str = "ema") -> Array:
    """Computes the share of the old average that a round keeps: 1/2 ^ (its images / half-life).

    The half-life is `<numbers>_half_life_kimg`, but at most `<numbers>_warmup` times the images
    shown so far, so that early averages forget the random start (`ema_rampup` of Karras et al.
    2020a); 0 turns the warm-up off. A half-life of 0 keeps nothing of the old average, and neither
    does a round before `<numbers>_start_kimg` (0 if there is no such number).
    """
    half_life, warmup = hyper[f"{numbers}_half_life_kimg"], hyper[f"{numbers}_warmup"]
    half_life = jnp.where(warmup > 0, jnp.minimum(half_life, kimg * warmup), half_life)
    rate = jnp.where(
        half_life > 0, 0.5 ** (images_per_round / 1000 / jnp.maximum(half_life, 1e-8)), 0.0)
    start = hyper.get(f"{numbers}_start_kimg", 0.0)
    return jnp.where(kimg < start, 0.0, rate)


def moved_averages(ema: Mapping[str, Average], averaged: Mapping[str, Tree],
                   averaged_variables: Mapping[str, Tree], params: Mapping[str, Tree],
                   variables: Mapping[str, Tree], hyper: Hyper, kimg: Array,
                   images_per_round: int) -> tuple[dict[str, Tree], dict[str, Tree]]:
    """Computes all averages of params and of variables after a round, by the average's name."""
    moved, moved_variables = {}, {}
    for name, average in ema.items():
        rate = ema_rate(hyper, kimg, images_per_round, average.numbers)
        moved[name] = optax.incremental_update(params[average.network], averaged[name], 1 - rate)
        if average.variables == "average":
            # Counts and other whole numbers have no average.
            moved_variables[name] = jax.tree.map(
                lambda new, old, rate=rate: (1 - rate) * new + rate * old
                if jnp.issubdtype(new.dtype, jnp.inexact) else new,
                variables[average.network], averaged_variables[name]) | {
                    collection: variables[average.network][collection]
                    for collection in average.copied}
    return moved, moved_variables
