"""Structural similarity is 1 for equal images, agrees with scikit-image at one scale, and weighs the scales."""

import numpy as np
import pytest
from skimage.data import astronaut
from skimage.metrics import structural_similarity

from ganlab.metrics import ms_ssim, ms_ssim_diversity, ms_ssim_of_five_scales, ms_ssim_of_neighbours
from ganlab.metrics.ms_ssim import WEIGHTS, scales

DRAW = np.random.Generator(np.random.PCG64(13))
PHOTO = astronaut()[:192, 128:320]
NOISY = np.clip(PHOTO + DRAW.normal(0, 25, size=PHOTO.shape), 0, 255).astype(np.uint8)


def official(a, b, contrast_alone=False):
    """scikit-image's single-scale similarity of two images of range 255, over windows within the image."""
    found = structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255,
                                  channel_axis=-1, full=contrast_alone, K1=1e9 if contrast_alone else 0.01)
    # A huge K1 makes the factor of luminance 1.
    return np.mean(found[1][5:-5, 5:-5]) if contrast_alone else found


@pytest.mark.parametrize("size", [11, 21])
def test_small_images_have_one_scale_which_is_that_of_scikit_image(size):
    a, b = PHOTO[:size, :size], NOISY[:size, :size]
    np.testing.assert_allclose(ms_ssim(a[None], b[None]), official(a, b), rtol=1e-9)


def by_scikit_image(a, b):
    """The product over five scales of images [192, 192, c], of all channels at once as scikit-image takes them."""
    a, b, product = a.astype(float), b.astype(float), 1.0
    for scale, weight in enumerate(WEIGHTS):
        product *= official(a, b, contrast_alone=scale < 4)**(weight / sum(WEIGHTS))
        a, b = (image.reshape(len(image) // 2, 2, len(image) // 2, 2, -1).mean(axis=(1, 3)) for image in (a, b))
    return product


def test_five_scales_are_the_weighted_product_of_each_channel_and_channels_its_mean():
    noisy = np.stack([NOISY[..., 0], PHOTO[..., 1], NOISY[::-1, ::-1, 2] // 2 + PHOTO[..., 2] // 2], axis=-1)
    for other in (NOISY, noisy):
        each = [by_scikit_image(PHOTO[..., [channel]], other[..., [channel]]) for channel in range(3)]
        np.testing.assert_allclose(ms_ssim(PHOTO[None], other[None]), np.mean(each), rtol=1e-6)
    # The product of means over channels is another number where channels differ.
    assert abs(by_scikit_image(PHOTO, noisy) / np.mean(each) - 1) > 1e-3


@pytest.mark.parametrize("size", [16, 64])
def test_channels_that_are_alike_give_what_one_gives(size):
    a, b = PHOTO[None, :size, :size, :1], NOISY[None, :size, :size, :1]
    np.testing.assert_allclose(ms_ssim(a.repeat(3, -1), b.repeat(3, -1)), ms_ssim(a, b), rtol=1e-12)


def test_scales_are_as_many_as_the_window_fits_into():
    assert [scales(size, 500) for size in (8, 21, 22, 32, 64, 175, 176, 1024)] == [1, 1, 2, 2, 3, 4, 5, 5]


@pytest.mark.parametrize("size", [8, 33, 64])
def test_equal_images_are_alike_in_either_type_and_different_ones_less(size):
    a, b = PHOTO[None, :size, :size], NOISY[None, :size, :size]
    np.testing.assert_allclose(ms_ssim(a, a), 1, rtol=1e-12)
    found = ms_ssim(a, b)
    assert 0 < found < 0.999
    np.testing.assert_allclose(ms_ssim(b, a), found, rtol=1e-12)
    np.testing.assert_allclose(ms_ssim(a / 127.5 - 1, b / 127.5 - 1), found, rtol=1e-9)


def test_opposite_images_are_at_zero_and_not_at_a_nan():
    a = DRAW.integers(0, 256, size=(3, 32, 32, 1)).astype(np.uint8)
    np.testing.assert_array_equal(ms_ssim(a, 255 - a), 0)


def test_diversity_is_one_for_copies_and_lower_for_different_images():
    copies = np.repeat(PHOTO[None, :32, :32], 5, axis=0)
    assert ms_ssim_diversity(copies) == pytest.approx(1, rel=1e-12)
    different = DRAW.integers(0, 256, size=(5, 32, 32, 3)).astype(np.uint8)
    assert ms_ssim_diversity(different, seed=1) < 0.2


def test_diversity_never_pairs_an_image_with_itself_and_is_a_function_of_its_seed():
    two = np.stack([PHOTO[:32, :32], NOISY[:32, :32]])
    assert ms_ssim_diversity(two, pairs=150) == pytest.approx(ms_ssim(two[:1], two[1:])[0], rel=1e-9)
    three = np.concatenate([two, 255 - two[:1]])
    assert ms_ssim_diversity(three, 9, seed=1) == ms_ssim_diversity(three, 9, seed=1) != ms_ssim_diversity(three, 9, 2)


def by_windows(a, b):
    """The five scales of one pair of uint8 images by the formula: each window of a square of up to 11 pixels on its
    own, channels averaged at each scale, weights as they are published."""
    a, b, product = a.astype(float), b.astype(float), 1.0
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        if scale:
            a, b = (np.mean([image[y::2, x::2] for y in (0, 1) for x in (0, 1)], axis=0) for image in (a, b))
        size = min(11, *a.shape[:2])
        distance = np.arange(size) - (size - 1) / 2
        window = np.exp(-(distance[:, None]**2 + distance**2) / (2 * (1.5 * size / 11)**2))[..., None]
        window /= np.sum(window)
        found = []
        for y in range(a.shape[0] - size + 1):
            for x in range(a.shape[1] - size + 1):
                one, other = (image[y:y + size, x:x + size] for image in (a, b))
                mean_a, mean_b = (np.sum(window * part, axis=(0, 1)) for part in (one, other))
                spread = np.sum(window * ((one - mean_a)**2 + (other - mean_b)**2), axis=(0, 1))
                both = np.sum(window * (one - mean_a) * (other - mean_b), axis=(0, 1))
                structure = (2 * both + (0.03 * 255)**2) / (spread + (0.03 * 255)**2)
                light = (2 * mean_a * mean_b + (0.01 * 255)**2) / (mean_a**2 + mean_b**2 + (0.01 * 255)**2)
                found.append(structure * (light if scale == 4 else 1))
        product *= max(np.mean(found), 0)**weight
    return product


@pytest.mark.parametrize("sides", [(16, 16), (32, 48), (16, 64)])
def test_five_scales_of_a_small_image_are_the_formula_with_a_window_that_shrinks(sides):
    a, b = (image[None, :sides[0], :sides[1]] for image in (PHOTO, NOISY // 2 + np.roll(PHOTO, 2, axis=1) // 3))
    found = ms_ssim_of_five_scales(a, b)
    assert 0.1 < found < 0.95
    np.testing.assert_allclose(found, by_windows(a[0], b[0]), rtol=1e-10)
    np.testing.assert_allclose(ms_ssim_of_five_scales(a / 127.5 - 1, b / 127.5 - 1), found, rtol=1e-9)
    # It is another number than that of as many scales as the window fits into.
    assert abs(ms_ssim(a, b)[0] / found[0] - 1) > 1e-2


def test_five_scales_of_a_large_grey_image_differ_by_the_sum_of_the_weights_alone():
    a, b = PHOTO[None, ..., :1], NOISY[None, ..., :1]
    np.testing.assert_allclose(ms_ssim_of_five_scales(a, b), ms_ssim(a, b)**sum(WEIGHTS), rtol=1e-12)


def test_neighbours_are_the_first_two_the_next_two_and_so_on_and_no_other():
    images = DRAW.integers(0, 256, size=(7, 16, 16, 3)).astype(np.uint8) // 4 + PHOTO[:16, :16] // 2
    pairs = ms_ssim_of_five_scales(images[0:6:2], images[1:6:2])
    np.testing.assert_allclose(ms_ssim_of_neighbours(images), pairs, rtol=1e-12)
    with_blocks = ms_ssim_of_neighbours(np.concatenate([images[:6]] * 40))
    np.testing.assert_allclose(with_blocks, np.tile(pairs, 40), rtol=1e-12)


@pytest.mark.parametrize(("call", "words"), [
    (lambda: ms_ssim(PHOTO[None], NOISY[None, :64]), "both must be alike"),
    (lambda: ms_ssim(PHOTO[None], NOISY[None, None]), "images are uint8 of shape"),
    (lambda: ms_ssim(PHOTO[None], np.stack([NOISY, NOISY])), "1 first and 2 second images"),
    (lambda: ms_ssim(PHOTO[None] * np.nan, NOISY[None] * 1.0), "first images hold a NaN"),
    (lambda: ms_ssim_diversity(PHOTO[None]), "1 image makes no pair"),
    (lambda: ms_ssim_of_neighbours(PHOTO[None]), "1 image makes no pair"),
    (lambda: ms_ssim_of_five_scales(PHOTO[None, :15], NOISY[None, :15]), "must be at least 16x16"),
    (lambda: ms_ssim_diversity(np.stack([PHOTO, NOISY]), pairs=0), "pairs=0"),
])
def test_what_cannot_be_compared_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
