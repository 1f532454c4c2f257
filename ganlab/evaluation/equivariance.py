"""Equivariance of a generator: how well its images follow an input that moves or turns."""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import numpy as np

from ganlab.evaluation.generator import Generator
from ganlab.evaluation.measures import HIGHER, Compared, Measure, Settings, mean_of
from ganlab.evaluation.picture_sets import MOST_IMAGES
from ganlab.game import image_keys
from ganlab.metrics import (
    LEAST_TURNED,
    Errors,
    decibels,
    error_shares,
    shift_errors,
    turn_errors,
    whole_shift_errors,
)
from ganlab.output import agreeing

LEAST_SHIFTED = 8
"""Pixels a side of which the filter of a shift leaves some."""
TRANSLATE_MAX, ROTATE_MAX = 0.125, 1.0
"""Farthest shift as a share of the image; largest turn, where 1 is half a turn either way."""
DRAWN_AT_ONCE = 100
"""Transforms whose latents are drawn at once."""
A_TRANSFORM = 4
"""Samples that share a transform, as a batch of the official code does."""


class Transform(NamedTuple):
    """A transform of the generator's input, as the sampler's options and as the errors take it."""

    options: Mapping[str, float]
    numbers: tuple[float, ...]


class Kind(NamedTuple):
    """A measure of equivariance.

    Attributes:
      meaning: what it measures, in a few words.
      needs: options of the sampler.
      settings: of its transforms.
      draw: `(random, settings, (height, width)) -> transform`.
      errors: `(still[b, h, w, c], moved, *numbers) -> errors`.
      least_side: fewest pixels of a side.
    """

    meaning: str
    needs: tuple[str, ...]
    settings: Settings
    draw: Callable[[np.random.Generator, Settings, tuple[int, int]], Transform]
    errors: Callable[..., Errors]
    least_side: int


def _draw_shift(whole: bool) -> Callable[..., Transform]:
    def draw(random: np.random.Generator, settings: Settings, sides: tuple[int, int]) -> Transform:
        shares = random.uniform(-1, 1, 2) * settings["translate_max"]
        x, y = (share * side for share, side in zip(shares, sides[::-1], strict=True))
        if whole:
            x, y = round(x), round(y)
        return Transform({"translate_x": x / sides[1], "translate_y": y / sides[0]}, (x, y))

    return draw


def _draw_turn(random: np.random.Generator, settings: Settings,
               sides: tuple[int, int]) -> Transform:
    angle = random.uniform(-1, 1) * math.pi * settings["rotate_max"]
    return Transform({"rotate": math.degrees(angle)}, (angle,))


SHIFTS, TURNS = ("translate_x", "translate_y"), ("rotate",)
KINDS: dict[str, Kind] = {
    "eqt_int": Kind("equivariance to shifts by whole pixels, in dB (Karras et al. 2021; EQ-T, "
                    "eqt50k_int of StyleGAN3)", SHIFTS, {"translate_max": TRANSLATE_MAX},
                    _draw_shift(whole=True), whole_shift_errors, 1),
    "eqt_frac": Kind("equivariance to shifts by parts of pixels, in dB (Karras et al. 2021; "
                     "EQ-T_frac, eqt50k_frac of StyleGAN3)", SHIFTS,
                     {"translate_max": TRANSLATE_MAX}, _draw_shift(whole=False), shift_errors,
                     LEAST_SHIFTED),
    "eqr": Kind("equivariance to turns, in dB (Karras et al. 2021; EQ-R, eqr50k of StyleGAN3)",
                TURNS, {"rotate_max": ROTATE_MAX}, _draw_turn, turn_errors, LEAST_TURNED)}
"""Measures of equivariance by name."""


def equivariance_measures(generator: Generator | None, shape: tuple[int, ...],
                          number: int = 0) -> dict[str, Measure]:
    """Makes the measures of equivariance (Karras et al. 2021, appendix E).

    Each sample is made twice, with the same latent, label and draws: of the generator's input as it
    is, and as it was moved. As in the official code, `A_TRANSFORM` samples share a transform, whose
    shift is uniform up to an eighth of the image along either axis, or whose turn is uniform over
    the circle. Samples are not rounded to whole grey levels. A bootstrap resamples transforms.

    Args:
      generator: what is measured; None where it is only asked what there is.
      shape: of its images.
      number: of samples; 0 for `MOST_IMAGES`.
    """
    return {name: mean_of(
        functools.partial(_shares, name, kind, generator), kind.meaning, {name: HIGHER}, needs=(),
        sees=False, of_mean=decibels, refused=_refused(kind, generator, shape),
        settings={"samples": number or MOST_IMAGES, "per_transform": A_TRANSFORM, **kind.settings,
                  "shape": list(shape)}) for name, kind in KINDS.items()}


def _refused(kind: Kind, generator: Generator | None, shape: tuple[int, ...]) -> str:
    """Returns why images are not measured, the end of a sentence; empty if they are."""
    if len(shape) != 3:
        return "is one of images, and these samples are points; leave it out"
    if generator is None:
        return "is of a generator whose input moves, and there is none; leave it out"
    missing = [name for name in kind.needs if name not in generator.transforms]
    if missing:
        return (f"moves the generator's input, and that of this run of system {generator.system} "
                f"has no {agreeing(len(missing), 'option', 'options')} {' and '.join(missing)} "
                "that would do so; leave it out, or measure a run whose generator is stylegan3")
    if min(shape[:2]) < kind.least_side:
        return (f"is of images of at least {kind.least_side}x{kind.least_side} pixels, and these "
                f"are {shape[1]}x{shape[0]}; leave it out")
    return ""


def _shares(name: str, kind: Kind, generator: Generator, compared: Compared, settings: Settings,
            seed: int) -> Mapping[str, np.ndarray]:
    """Computes for each transform a number whose mean is the mean squared error."""
    number, together = settings["samples"], settings["per_transform"]
    labels = generator.labels_of(seed, number)
    random = np.random.default_rng((seed, 5))
    errors = jax.jit(kind.errors)
    squares, numbers = [], []
    # One shape for all, so that one program serves still and moved inputs of every transform.
    generator = dataclasses.replace(generator, batch_size=together)
    still = dict.fromkeys(generator.transforms, 0.0)
    block = DRAWN_AT_ONCE * together
    for first in range(0, number, block):
        keys = generator.keys_of(seed, first, min(block, number - first))
        latents, drawn = generator.latents(keys), image_keys(keys)
        for start in range(0, len(latents), together):
            part = slice(start, start + together)
            transform = kind.draw(random, settings, tuple(settings["shape"][:2]))
            pair = [generator.made(latents[part], labels[first:][part], drawn[part],
                                   by=functools.partial(generator.moved, transform=options))
                    for options in (still, {**still, **transform.options})]
            found = errors(*pair, *transform.numbers)
            squares.append(np.sum(np.asarray(found.squares, np.float64)))
            numbers.append(int(found.number) * len(pair[0]))
    return {name: error_shares(np.array(squares), np.array(numbers))}
