"""DiffAugment gives the images and the gradient of official code from its draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from official_augment import NUMBERS, Replay, channels_last, error, recorded

from ganlab.augment import diffaugment as by_policies
from ganlab.augment.diffaugment import brightness, contrast, cutout, saturation, translation
from ganlab.config import ConfigError

IMAGES, WEIGHTS = (channels_last(NUMBERS[f"in/diffaugment/{name}"]) for name in "xw")
BOUND = 2e-5
ALONE = {"rand_brightness": brightness, "rand_saturation": saturation, "rand_contrast": contrast,
         "rand_translation": translation, "rand_cutout": cutout}
POLICIES = ("color,translation,cutout", "translation,cutout", "color,cutout")
ALL = tuple(POLICIES[0].split(","))


def draws_of(case):
    return recorded(f"diffaugment/{case}")


@jax.jit
def table(images, draws):
    """Images by case, and the gradient of a curved sum of them: all in one program."""
    found = {case: operation(images, Replay(draws[case])) for case, operation in ALONE.items()}
    for policy in POLICIES:
        case = f"policy_{policy}"
        found[case] = by_policies(images, Replay(draws[case]), tuple(policy.split(",")))
    found["grad"] = jax.grad(lambda images: jnp.sum(
        WEIGHTS * jnp.tanh(by_policies(images, Replay(draws["grad"]), ALL))))(images)
    return found


CASES = (*ALONE, *(f"policy_{policy}" for policy in POLICIES), "grad")


@pytest.fixture(scope="module")
def found():
    return table(IMAGES, {case: draws_of(case) for case in CASES})


@pytest.mark.parametrize("case", CASES)
def test_images_and_gradient_are_official(case, found):
    assert error(found[case], channels_last(NUMBERS[f"out/diffaugment/{case}"])) < BOUND


def test_an_unknown_policy_is_refused():
    with pytest.raises(ConfigError, match="policy 'colour' is unknown .did you mean color.*cutout, translation"):
        by_policies(np.zeros((1, 2, 2, 3)), Replay([]), ("colour",))
