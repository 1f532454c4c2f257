"""What is made apart is the same, and stays a call that the compiler does not inline."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganlab.machine.kept_calls import apart


def waves(x):
    return jnp.sin(x) * 2


def kept(x):
    y = apart(lambda: waves(x))
    return y[::-1] + y


def plain(x):
    return waves(x)[::-1] + waves(x)


def test_numbers_made_apart_are_the_same_alone_and_in_stacks(float64):
    x = np.linspace(-1, 1, 12).reshape(3, 4)
    for function, expected in ((kept, plain), (jax.vmap(kept), jax.vmap(plain))):
        np.testing.assert_allclose(jax.jit(function)(x), jax.jit(expected)(x), rtol=1e-12, atol=1e-12)


@pytest.mark.optimized
def test_the_compiled_program_calls_what_is_made_apart_and_nothing_else():
    x = jnp.ones((64, 64))
    assert " call(" in jax.jit(kept).lower(x).compile().as_text()
    assert " call(" not in jax.jit(plain).lower(x).compile().as_text()
