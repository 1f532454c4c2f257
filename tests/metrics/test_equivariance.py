"""Fields that follow their input have no error but the filter's, those that stay have all of it, by hand."""

import jax
import numpy as np
import pytest

from ganlab.metrics import (
    decibels,
    error_shares,
    shift_errors,
    turn_errors,
    whole_shift_errors,
)
from ganlab.metrics.equivariance import (
    LEAST_TURNED,
    filter_as_turned,
    rotate,
    translate,
    translate_whole,
)

SIDE = 32
WAVES = np.random.Generator(np.random.PCG64(5)).uniform(0, 2 * np.pi, (2, 6))
NOISE = np.random.Generator(np.random.PCG64(6)).normal(size=(2, SIDE, SIDE, 3))
PROGRAMS = {"rotate": jax.jit(rotate), "filter": jax.jit(filter_as_turned), "shift": jax.jit(translate),
            "whole": jax.jit(translate_whole)}
SHIFT_ERRORS, WHOLE_SHIFT_ERRORS = jax.jit(shift_errors), jax.jit(whole_shift_errors)


def field(cycles, x=0.0, y=0.0, angle=0.0, side=SIDE):
    """Six waves of `cycles` a pixel as an image [1, side, side, 1], moved, or turned against the clock as one sees."""
    across, down = np.meshgrid(*[np.arange(side) - (side - 1) / 2] * 2)
    across, down = across - x, down - y
    # What is at a place came from the place turned back; the ordinate that one sees points up.
    place = (across - 1j * down) * np.exp(-1j * angle)
    phases = [2 * np.pi * cycles * (place * np.exp(-1j * way)).real + start for way, start in WAVES.T]
    return np.sum(np.cos(phases), axis=0)[None, ..., None] / 6


def found(errors):
    return decibels(float(np.mean(error_shares(errors.squares, [errors.number]))))


def test_waves_that_move_by_whole_pixels_have_no_error(float64):
    assert found(WHOLE_SHIFT_ERRORS(field(0.3), field(0.3, x=3, y=-2), 3, -2)) == decibels(0)


def test_waves_that_move_by_parts_of_pixels_are_followed_as_far_as_the_filter_can(float64):
    for cycles, least in ((0.02, 60), (0.1, 50)):
        assert found(SHIFT_ERRORS(field(cycles), field(cycles, x=1.37, y=-2.61), 1.37, -2.61)) > least


def test_waves_that_turn_are_followed_as_far_as_the_filter_can_and_not_the_other_way(float64):
    compare = jax.jit(turn_errors)
    for angle in (0.6, -2.0):
        assert found(compare(field(0.05), field(0.05, angle=angle), angle)) > 65
        assert found(compare(field(0.05), field(0.05, angle=-angle), angle)) < 20


def test_what_stays_has_all_the_error_by_hand():
    stripes = np.broadcast_to(np.where(np.arange(8) % 2, 1.0, -1.0)[:, None, None], (1, 8, 8, 1))
    # One pixel along the stripes nothing is wrong, across them each value by the whole range: 0 dB.
    assert found(WHOLE_SHIFT_ERRORS(stripes, stripes, 1, 0)) == decibels(0) == pytest.approx(150.5, abs=0.1)
    assert found(WHOLE_SHIFT_ERRORS(stripes, stripes, 0, 1)) == pytest.approx(0, abs=1e-5)
    # A ramp that rises by 0.1 a pixel, one pixel late: 10 log10(4 / 0.01).
    ramp = np.broadcast_to(np.arange(8) * 0.1, (1, 8, 8))[..., None]
    assert found(WHOLE_SHIFT_ERRORS(ramp, ramp, 1, 0)) == pytest.approx(10 * np.log10(400), rel=1e-5)


def test_errors_are_summed_over_everything_before_the_logarithm():
    shares = error_shares([3.0, 1.0], [100, 300])
    assert np.mean(shares) == pytest.approx(4 / 400)
    assert decibels(np.mean(shares)) == pytest.approx(10 * np.log10(4 / 0.01))


def test_masks_leave_out_what_came_from_outside():
    whole = PROGRAMS["whole"](NOISE, 5, -3)
    mask = np.zeros((SIDE, SIDE))
    mask[:-3, 5:] = 1
    np.testing.assert_array_equal(whole.mask, mask)
    np.testing.assert_allclose(whole.images[:, :-3, 5:], np.float32(NOISE[:, 3:, :-5]))
    # Six taps from 3 before to 2 after: a shift of 1.5 keeps columns 4 to the one before the last.
    part = PROGRAMS["shift"](NOISE, 1.5, -0.5)
    mask = np.zeros((SIDE, SIDE))
    mask[2:-3, 4:-1] = 1
    np.testing.assert_array_equal(part.mask, mask)


def test_a_whole_shift_by_parts_of_pixels_is_the_whole_shift(float64):
    whole, part = PROGRAMS["whole"](NOISE, 3, -4), PROGRAMS["shift"](NOISE, 3.0, -4.0)
    np.testing.assert_allclose(part.images, whole.images, atol=1e-12)
    assert np.all(part.mask <= whole.mask) and part.mask.sum() == (SIDE - 3 - 3) * (SIDE - 4 - 2)


def test_a_quarter_turn_is_against_the_clock_and_exact(float64):
    still, turned = (PROGRAMS["rotate"](NOISE, angle) for angle in (0.0, np.pi / 2))
    kept = np.asarray(turned.mask, bool) & np.rot90(np.asarray(still.mask, bool))
    np.testing.assert_allclose(np.asarray(turned.images)[:, kept], np.rot90(still.images, axes=(1, 2))[:, kept],
                               atol=1e-9)


def test_what_the_mask_keeps_of_a_constant_image_is_constant_so_that_no_tap_is_outside(float64):
    flat = np.full(NOISE.shape, 0.25)
    for move, arguments in (("shift", (-2.3, 1.8)), ("rotate", (1.1,)), ("filter", (1.1,))):
        moved = PROGRAMS[move](flat, *arguments)
        kept = np.asarray(moved.mask, bool)
        assert 0.2 < kept.mean() < 1
        np.testing.assert_allclose(np.asarray(moved.images)[:, kept], 0.25, rtol=1e-12)


def test_masks_of_any_rotation_leave_some_pixels_of_the_smallest_images():
    flat = np.zeros((1, LEAST_TURNED, LEAST_TURNED, 1), np.float32)
    mask = jax.jit(lambda angle: rotate(flat, angle).mask * filter_as_turned(flat, angle).mask)
    assert all(mask(angle).any() for angle in np.linspace(-np.pi, np.pi, 9))


def test_images_without_a_pixel_to_compare_and_errors_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="no pixel was compared"):
        error_shares([0.0], [0])
    with pytest.raises(ValueError, match="not finite"):
        error_shares([np.nan, 1.0], [10, 10])
