"""The adaptive pipeline gives the images and gradients of official code from its draws.

One program for each shape: an operation alone is the whole pipeline with all other gates shut.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from official_augment import NUMBERS, Replay, channels_last, error, percentiles, recorded, whole

from ganlab.augment import OPERATION_SETS, OPERATIONS, Strengths, augment
from ganlab.augment.filtering import band_filters
from ganlab.augment.geometry import SYM6

ALL = tuple(OPERATIONS)
BGC = OPERATION_SETS["bgc"]
# Official cases of images that are not square leave quarter turns out.
OBLONG = tuple(name for name in ALL if name != "rotate90")

IMAGES = {name: channels_last(NUMBERS[f"in/{name}"]) for name in ("x", "x1", "xs")}

# By case: images, chance, operations.
CASES = {f"one_{name}": ("xs" if name == "rotate90" else "x", 0.7, (name,)) for name in ALL}
CASES |= {"bgc_p0.2": ("xs", 0.2, BGC), "bgc_p0.7": ("xs", 0.7, BGC), "all_p0.7": ("xs", 0.7, ALL),
          "all_p1": ("x", 1.0, OBLONG)}
PERCENTILES = {f"{case}_q0.8": (images, 0.8, operations)
               for case, (images, _, operations) in CASES.items() if case.startswith("one_")}
PERCENTILES |= {f"bgc_q{share}": ("xs", share, BGC) for share in (0.05, 0.3, 0.9)}

IMAGE_BOUND, GRADIENT_BOUND = 1e-4, 1e-4


@jax.jit
def images_of(images, draws, p):
    return augment(images, Replay(draws), p, ALL)


@jax.jit
def gradients_of(images, draws, p, weights):
    """Images; the gradient of a curved sum of them; the gradient of that gradient's squared length."""
    def gradient(images):
        def curved(images):
            augmented = augment(images, Replay(draws), p, ALL)
            return jnp.sum(jnp.sin(augmented) * weights), augmented
        return jax.grad(curved, has_aux=True)(images)

    (first, augmented), pullback = jax.vjp(gradient, images)
    second, = pullback((2 * first, jnp.zeros_like(augmented)))
    return augmented, first, second


def augmented(images, draws, p):
    """Of either shape, by the one program that there is for it."""
    if images.shape[1:] == (32, 32, 3):
        return gradients_of(images, draws, p, channels_last(NUMBERS["in/grad_w"]))[0]
    return images_of(images, draws, p)


@pytest.mark.parametrize("case", CASES)
def test_operations_give_the_official_images(case):
    images, p, operations = CASES[case]
    draws = whole(recorded(case), IMAGES[images].shape, operations)
    official = channels_last(NUMBERS[f"out/{case}"])
    # Some gate is open, or nothing is compared.
    assert error(IMAGES[images], official) > 0.01
    assert error(augmented(IMAGES[images], draws, p), official) < IMAGE_BOUND


@pytest.mark.parametrize("case", PERCENTILES)
def test_operations_give_the_official_images_at_percentiles(case):
    images, share, operations = PERCENTILES[case]
    images = IMAGES[images]
    draws = list(percentiles(share, images.shape, operations))
    if operations == ("noise",):
        draws[-1] = np.concatenate([recorded(case)[-1]] * len(images))
    found = augmented(images, whole(draws, images.shape, operations), 1.0)
    assert error(found[:1], channels_last(NUMBERS[f"out/{case}"])) < IMAGE_BOUND


def test_grey_images_take_the_mean_of_their_colours():
    operations = tuple(name for name in BGC if name != "rotate90")
    grey = jax.jit(lambda draws: augment(IMAGES["x1"], Replay(draws), 0.7, operations))
    draws = recorded("bgc_gray")
    assert error(grey(draws), channels_last(NUMBERS["out/bgc_gray"])) < IMAGE_BOUND
    # Hue and saturation draw nothing.
    left = Replay(draws)
    jax.eval_shape(lambda images: augment(images, left, 0.7, operations), IMAGES["x1"])
    assert next(left.arrays, None) is None


def test_bands_have_shares_of_the_chance():
    strengths = Strengths(imgfilter_bands=(0, 1, 0.5, 1))
    filtered = jax.jit(lambda draws: augment(IMAGES["xs"], Replay(draws), 0.7, ("imgfilter",), strengths))
    assert error(filtered(recorded("bands")), channels_last(NUMBERS["out/bands"])) < IMAGE_BOUND


def test_gradients_of_both_orders_are_official():
    images = IMAGES["xs"]
    draws = whole(recorded("grad_bgc"), images.shape, BGC)
    _, first, second = gradients_of(images, draws, 0.7, channels_last(NUMBERS["in/grad_w"]))
    assert error(first, channels_last(NUMBERS["out/grad_bgc"])) < GRADIENT_BOUND
    assert error(second, channels_last(NUMBERS["out/gradgrad_bgc"])) < GRADIENT_BOUND


def test_gradients_of_both_orders_are_finite_with_all_operations():
    images = IMAGES["xs"]
    draws = whole(recorded("all_p0.7"), images.shape, ALL)
    for p in (0.0, 0.7, 1.0):
        for gradient in gradients_of(images, draws, p, channels_last(NUMBERS["in/grad_w"]))[1:]:
            assert np.isfinite(gradient).all() and np.any(gradient)


def test_filters_are_official():
    assert error(SYM6, NUMBERS["filters/geometry"]) < 1e-6
    assert error(band_filters(), NUMBERS["filters/bands"]) < 1e-6
