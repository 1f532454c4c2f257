"""Programs of what a trained game makes, on all devices, by weights that they are given."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from ganlab.game import Making, Options, Sampler, Weights
from ganlab.types import Array

DATA_AXIS = "data"


def replicated(mesh: jax.sharding.Mesh) -> NamedSharding:
    """Returns the sharding of what every device holds whole: the state and the data set."""
    return NamedSharding(mesh, PartitionSpec())


def making_program(making: Making, sampler: Sampler, mesh: jax.sharding.Mesh) -> Making:
    """Returns one of a sampler's `makings` as one program for all numbers among options."""
    def call(weights: Weights, inputs: Array, labels: Array | None, keys: Array | None = None,
             options: Options = {}) -> Array:
        numbers, choices = sampler.split_options(options)
        return program(choices)(weights, inputs, labels, keys, numbers)

    @functools.cache
    def program(choices: tuple[tuple[str, Any], ...]) -> Callable:
        def made(weights: Weights, inputs: Array, labels: Array | None, keys: Array | None,
                 numbers: Mapping[str, Array]) -> Array:
            return making(weights, inputs, labels, keys, {**numbers, **dict(choices)})

        return on_all(made, mesh)

    return call


def prepare_program(sampler: Sampler | None, mesh: jax.sharding.Mesh
                    ) -> Callable[[Weights, Array, Options], Weights]:
    """Returns what a sampler does once to weights, as a program for all numbers among options,
    which every device computes whole; most do nothing."""
    if sampler is None or sampler.prepare is None:
        return lambda weights, key, options: weights
    whole = replicated(mesh)
    # By choices, whether weights stay: a program would copy them.
    stay: dict[tuple[tuple[str, Any], ...], bool] = {}

    @functools.cache
    def program(choices: tuple[tuple[str, Any], ...]) -> Callable:
        @functools.partial(jax.jit, out_shardings=whole)
        def prepared(weights: Weights, key: Array, numbers: Mapping[str, Array]) -> Weights:
            weights = jax.lax.with_sharding_constraint(weights, whole)
            found = sampler.prepare(weights, key, {**numbers, **dict(choices)})
            stay[choices] = found is weights
            return found

        return prepared

    def prepare(weights: Weights, key: Array, options: Options) -> Weights:
        numbers, choices = sampler.split_options(options)
        if choices not in stay:
            jax.eval_shape(program(choices), weights, key, numbers)
        return weights if stay[choices] else program(choices)(weights, key, numbers)

    return prepare


def on_all(function: Callable, mesh: jax.sharding.Mesh) -> Callable:
    """Makes `function(weights, inputs, *others)` a program of all devices, with inputs split."""
    whole = replicated(mesh)

    @functools.partial(jax.jit, out_shardings=whole)
    def program(weights: Weights, inputs: Array, *others: Any) -> Array:
        if len(inputs) % mesh.shape[DATA_AXIS] == 0:
            inputs = jax.lax.with_sharding_constraint(
                inputs, NamedSharding(mesh, PartitionSpec(DATA_AXIS)))
        return function(jax.lax.with_sharding_constraint(weights, whole), inputs, *others)

    if jax.process_count() == 1:
        return program

    def call(weights: Weights, inputs: Array, *others: Any) -> Array:
        # Every process has the same inputs on its own device, and takes the result from it.
        return program(weights, np.asarray(inputs),
                       *jax.tree.map(_on_host, others)).addressable_data(0)

    return call


def _on_host(array: Array) -> Any:
    """Returns an input as each process has it; NumPy has no arrays of PRNG keys."""
    return array if jnp.issubdtype(array.dtype, jax.dtypes.prng_key) else np.asarray(array)
