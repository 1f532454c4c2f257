"""The games of the speed benchmark: their layers are those of ganlab's networks, by weights and by operations."""

import functools
import importlib.util
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from ganlab.convolutions import WithConvolutions
from ganlab.networks import CRITICS, GENERATORS

SPEC = importlib.util.spec_from_file_location(
    "workloads", Path(__file__).parent.parent / "scripts" / "speed" / "workloads.py")
workloads = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(workloads)
FAMILIES = {"W1": ("dcgan64", {}), "W2": ("dcgan32", {}), "W6": ("residual", {"normalization": "layer"})}


@pytest.mark.parametrize("name", FAMILIES)
def test_operations_counted_from_its_layers_are_those_that_the_compiler_counts(name):
    workload, (family, for_critic) = workloads.WORKLOADS[name], FAMILIES[name]
    counted = compilers = 0
    for table, rows, size, kwargs in ((GENERATORS, workload.generator, (workload.latent,), {}),
                                      (CRITICS, workload.critic, workload.image, for_critic)):
        module = WithConvolutions(table[family](image_shape=workload.image, **kwargs), "lax")
        x = jax.ShapeDtypeStruct((1, *size), jnp.float32)
        variables = jax.eval_shape(module.init, jax.random.key(0), x)
        lowered = jax.jit(functools.partial(module.apply, train=False)).lower(variables, x)
        compilers += lowered.cost_analysis()["flops"]
        total, features = workloads.products(rows, size)
        counted += 2 * (total + (math.prod(features) if table is CRITICS else 0))
    # The compiler's are without products with the zeros around images, and with activations and normalizations.
    assert counted == pytest.approx(compilers, rel=0.1)


def test_a_round_of_another_batch_needs_operations_in_proportion():
    for workload in workloads.WORKLOADS.values():
        larger = workloads.of_batch(workload, 4 * workload.batch)
        assert workloads.operations(larger) == 4 * workloads.operations(workload)
        assert workloads.images_a_round(larger) == 4 * workloads.images_a_round(workload)


def test_operations_of_a_round_of_perceptrons_by_hand():
    # W4: 2 to 3 times 128 to 2, and 2 to 3 times 128 to 1; real and fake through the critic with gradients.
    generator, critic = 2 * 128 + 2 * 128 * 128 + 128 * 2, 2 * 128 + 2 * 128 * 128 + 128
    expected = 2 * 256 * ((generator + 6 * critic) + (3 * generator + 2 * critic))
    assert workloads.operations(workloads.WORKLOADS["W4"]) == expected
