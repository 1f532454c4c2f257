"""The blur of what critics see is the filter that its paper names, whatever its size."""

import jax
import numpy as np
import pytest

from ganlab.augment import LARGEST_BLUR, blurred

IMAGES = np.random.default_rng(0).normal(size=(2, 5, 7, 3))
apply = jax.jit(blurred)


def by_hand(images, sigma):
    """Every pixel as the weighted sum of those around it, with nothing outside of the picture."""
    reach = int(np.floor(3 * sigma))
    taps = {away: 2.0 ** -((away / sigma) ** 2) for away in range(-reach, reach + 1)}
    total, found = sum(taps.values()) ** 2, np.zeros_like(images)
    for i, j in np.ndindex(images.shape[1:3]):
        for k, m in np.ndindex(images.shape[1:3]):
            found[:, i, j] += taps.get(i - k, 0) * taps.get(j - m, 0) / total * images[:, k, m]
    return found


@pytest.mark.parametrize("sigma", [0.34, 1.0, 2.5, 10.0, LARGEST_BLUR])
def test_each_pixel_is_the_weighted_sum_of_its_neighbours(sigma, float64):
    np.testing.assert_allclose(apply(IMAGES, sigma), by_hand(IMAGES, sigma), rtol=1e-12, atol=1e-15)


def test_a_blur_of_less_than_a_pixel_leaves_images_as_they_are_alone_and_in_a_stack(float64):
    few = np.asarray([0.0, 0.33])
    for sigma in few:
        np.testing.assert_array_equal(apply(IMAGES, sigma), IMAGES)
    slopes = jax.grad(lambda images, sigma: blurred(images, sigma).sum())
    stacked = jax.jit(jax.vmap(slopes, (None, 0)))(IMAGES, few)
    np.testing.assert_array_equal(stacked, np.ones((2, *IMAGES.shape)))
