"""Ramps: numbers of a game that change over training, each by a curve of its own."""

import functools
from collections.abc import Callable

import jax.numpy as jnp

from ganlab.types import Array, Hyper

RAMPS: dict[str, Callable[[Array, Array, Array], Array]] = {
    "linear": lambda first, last, share: first + (last - first) * share,
    "cosine": lambda first, last, share: last + (first - last) * (1 + jnp.cos(jnp.pi * share)) / 2,
    "geometric": lambda first, last, share: first * (last / first) ** share,
}
"""Shapes by name: from the first to the last value at a share of the way, 0 to 1."""


def ramp_number(hyper: Hyper, kimg: Array, name: str, shape: str) -> Array:
    """Computes a number of `hyper` at `kimg`.

    It has its own value up to `<name>_ramp_start_kimg`, then follows one of `RAMPS` to
    `<name>_ramp_final` at `<name>_ramp_end_kimg`, and stays there.
    """
    start, end = hyper[f"{name}_ramp_start_kimg"], hyper[f"{name}_ramp_end_kimg"]
    share = jnp.clip((kimg - start) / jnp.maximum(end - start, 1e-8), 0.0, 1.0)
    return RAMPS[shape](hyper[name], hyper[f"{name}_ramp_final"], share)


def make_ramp(name: str, shape: str) -> Callable[[Hyper, Array], Array]:
    """Returns the ramp `(hyper, kimg) -> number` of a number by the name of its shape."""
    return functools.partial(ramp_number, name=name, shape=shape)
