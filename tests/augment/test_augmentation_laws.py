"""Laws of augmentations by name: whose draws they are, what no chance leaves, what sets are made of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganlab.augment import (AUGMENTATIONS, OPERATION_SETS, OPERATIONS, KeyedDraws, augment,
                            choose_augmentation)
from ganlab.config import ConfigError

LETTERS = {"b": "blit", "g": "geom", "c": "color", "f": "filter", "n": "noise"}
SHAPE = (4, 12, 8, 3)
WHOLE = ("ada:bgcfnc", "diffaugment:color+translation+cutout")


def images(seed=0, shape=SHAPE):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def keys(seed=0, number=SHAPE[0]):
    return jax.random.split(jax.random.key(seed), number)


@pytest.fixture(scope="module")
def programs():
    return {name: jax.jit(choose_augmentation(name)) for name in WHOLE}


def test_no_chance_leaves_every_bit(programs):
    # Negative zero too.
    given = np.where(images() < -0.9, np.float32(-0.0), images())
    found = programs["ada:bgcfnc"](given, keys(), 0.0)
    assert np.array_equal(np.asarray(found).view(np.uint32), given.view(np.uint32))


def test_a_chance_above_one_opens_all_gates_as_one_does(programs):
    program = programs["ada:bgcfnc"]
    assert np.array_equal(program(images(), keys(), 1.0), program(images(), keys(), 3.0))


@pytest.mark.parametrize("name", WHOLE)
def test_an_image_depends_on_its_own_key_and_no_other_image(name, programs):
    program = programs[name]
    together = np.asarray(program(images(), keys(), 0.8))
    assert not np.array_equal(together, images())
    assert np.array_equal(together, program(images(), keys(), 0.8))
    # A batch in halves, each with the same images twice.
    halves = [program(np.concatenate([images()[half]] * 2), jnp.concatenate([keys()[half]] * 2), 0.8)[:2]
              for half in (slice(0, 2), slice(2, 4))]
    assert np.array_equal(together, np.concatenate(halves))
    assert not np.array_equal(together, program(images(), keys(seed=1), 0.8))


@jax.jit
def drawn(keys):
    """Numbers of both kinds, some of which begin a new block, and integers."""
    draws = KeyedDraws(keys)
    return ([draws.uniform((30,)) for _ in range(5)], [draws.normal((30,)), draws.normal((70,))],
            draws.integers(-2, 3))


def test_draws_are_those_of_their_distributions_and_never_the_same_twice():
    uniform, normal, integers = drawn(keys(number=200))
    uniform, normal = np.concatenate(uniform, axis=1), np.concatenate(normal, axis=1)
    assert 0 <= uniform.min() and uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.01 and abs(uniform.var() - 1 / 12) < 0.005
    assert abs(normal.mean()) < 0.03 and abs(normal.var() - 1) < 0.03
    assert all(len(np.unique(row)) > 145 for row in uniform)
    assert set(np.asarray(integers)) == {-2, -1, 0, 1, 2}


def test_batches_of_other_sizes_draw_the_same():
    many, one = (jax.tree.leaves(drawn(keys(number=200)[:number])) for number in (200, 1))
    assert all(np.array_equal(first[:1], second) for first, second in zip(many, one, strict=True))


@pytest.mark.parametrize("name", OPERATION_SETS)
def test_a_set_contains_what_its_letters_say(name):
    # The last letter of the largest set is the second c: cutout.
    letters = name if name in ("bg", "bgc", "bgcf", "bgcfn", "bgcfnc") else ""
    parts = [LETTERS[letter] for letter in letters[:5]] + ["cutout"] * (len(letters) == 6)
    expected = [operation for part in parts for operation in OPERATION_SETS[part]]
    assert OPERATION_SETS[name] == tuple(expected or OPERATION_SETS[name])
    assert f"ada:{name}" in AUGMENTATIONS
    # In their order, none twice.
    places = [list(OPERATIONS).index(operation) for operation in OPERATION_SETS[name]]
    assert places == sorted(set(places))


def test_the_largest_set_is_all_operations():
    assert OPERATION_SETS["bgcfnc"] == tuple(OPERATIONS)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_keeps_shape_and_precision(name):
    for shape, dtype in ((SHAPE, np.float32), ((2, 8, 8, 1), jnp.bfloat16)):
        found = jax.eval_shape(choose_augmentation(name), jax.ShapeDtypeStruct(shape, dtype), keys(number=shape[0]),
                               0.5)
        assert (found.shape, found.dtype) == (shape, dtype)


def test_unknown_names_are_refused_with_what_is_allowed():
    with pytest.raises(ConfigError, match="config.system.augment 'ada:bgd' is unknown .did you mean.*ada:bgcfnc, "):
        choose_augmentation("ada:bgd")
    with pytest.raises(ConfigError, match="augmentation operation 'flip' is unknown .did you mean xflip"):
        augment(images(), KeyedDraws(keys()), 0.5, ("flip",))


def test_colours_need_one_or_three_channels():
    with pytest.raises(ValueError, match="1 or 3 channels, not of 2"):
        jax.eval_shape(choose_augmentation("ada:color"), images(shape=(4, 8, 8, 2)), keys(), 0.5)
