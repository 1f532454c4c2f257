"""Rounds of large arrays are compiled for less memory, to the same numbers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from short_runs import config_of, game_of
from tiny import BATCH, POINTS

from ganlab.engine import DeviceFeed, compiled_ahead, make_mesh, make_programs
from ganlab.machine import memory_order


def looped(x):
    def step(total, row):
        return total + jax.jit(lambda row: jnp.outer(row, row))(row).sum(), None

    return jax.lax.scan(step, 0.0, x)[0]


@pytest.mark.parametrize(("function", "numbers"), [
    (lambda x: x.sum(), 1), (lambda x: (x * 2).sum(), 3 * 10), (looped, 10 * 10), (jax.grad(looped), 10 * 10),
    (jax.vmap(jax.checkpoint(lambda row: jnp.outer(row, row).sum())), 3 * 10 * 10)])
def test_the_largest_array_is_found_in_loops_and_calls(function, numbers):
    traced = jax.jit(function).trace(jax.ShapeDtypeStruct((3, 10), jnp.float32))
    assert memory_order.largest_array(traced.jaxpr) == 4 * numbers


class Told:
    """A jitted function that reports its calls."""

    def __init__(self, jitted, name, calls):
        self.trace, self.lower = jitted.trace, jitted.lower
        self.play = lambda *arguments: calls.append(name) or jitted(*arguments)

    def __call__(self, *arguments):
        return self.play(*arguments)


@pytest.mark.optimized
@pytest.mark.parametrize(("large", "name"), [(0, "thrifty_rounds"), (2**30, "rounds")])
def test_large_arrays_choose_the_thrifty_rounds_which_are_the_same_to_the_bit(large, name, monkeypatch):
    monkeypatch.setattr(memory_order, "LARGE", large)
    game, mesh, calls = game_of(config_of(1)), make_mesh(BATCH), []
    plain = make_programs(game, mesh)
    told = dataclasses.replace(plain, **{field: Told(getattr(plain, field), field, calls)
                                         for field in ("rounds", "thrifty_rounds")})
    data = DeviceFeed(POINTS, mesh).next()
    found, _ = compiled_ahead(told, game, POINTS, mesh, 1).play(plain.init(0), data)
    wanted, _ = plain.play(plain.init(0), data)
    jax.tree.map(np.testing.assert_array_equal, found.params, wanted.params)
    assert calls == [name]
