"""Official numbers of augmentations, and draws that are given instead of made."""

import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import erfinv

from ganlab.augment.color import COLOR
from ganlab.augment.geometry import GEOMETRY
from ganlab.augment.pipeline import augment

with np.load(Path(__file__).parent / "parity" / "augment.npz") as stored:
    NUMBERS = dict(stored)

STEPS = (*(name for name, _ in GEOMETRY), *COLOR, "imgfilter", "noise", "cutout")
SHUT = 2.0  # A gate that is drawn above every chance.


def channels_last(array):
    return np.moveaxis(array, 1, -1)


class Replay:
    """Gives arrays [b, ...] in their order, whatever they were drawn as."""

    def __init__(self, arrays):
        self.arrays = iter(arrays)

    def uniform(self, shape=()):
        array = next(self.arrays)
        return array.reshape(array.shape[:1] + shape)

    normal = uniform

    def integers(self, low, high):
        del low, high
        return next(self.arrays).reshape(-1).astype(np.int32)


class Recorder:
    """Remembers what is asked for, and leaves every gate shut."""

    def __init__(self, batch):
        self.batch, self.asked = batch, []

    def uniform(self, shape=()):
        self.asked.append(("uniform", shape))
        return jnp.full((self.batch, *shape), SHUT)

    def normal(self, shape=()):
        self.asked.append(("normal", shape))
        return jnp.full((self.batch, *shape), SHUT)


def asked_for(shape, operations):
    """Kinds and shapes of the draws of some operations, in their order."""
    recorder = Recorder(shape[0])
    jax.eval_shape(lambda images: augment(images, recorder, 1.0, operations),
                   jax.ShapeDtypeStruct(shape, np.float32))
    return recorder.asked


@functools.cache
def draws_by_step(shape):
    """What each step of the whole pipeline draws: pairs (step, [(kind, shape)]) in their order."""
    # Rotation stands in the order twice.
    return [(step, (asked := asked_for(shape, (step,)))[:len(asked) // STEPS.count(step)]) for step in STEPS]


def recorded(case):
    """The official draws of a case in their order, those of pixels with channels last."""
    arrays = [NUMBERS[key] for key in sorted(NUMBERS) if key.startswith(f"rng/{case}/")]
    return [channels_last(array) if array.ndim == 4 and array.shape[2] > 1 else array for array in arrays]


def percentiles(share, shape, operations):
    """Every draw at a percentile: the normal ones, as official code has it, without a factor of root 2.

    Its second rotation has no angle, and the pixels of noise are drawn all the same.
    """
    turns = 0
    for step, asked in draws_by_step(shape):
        turns += step == "rotate"
        if step in operations:
            for kind, extent in asked:
                value = erfinv(2 * share - 1) if kind == "normal" else share
                if step == "rotate" and turns == 2:
                    value = 0.5
                # The size of noise is half-normal.
                if step == "noise" and kind == "normal":
                    value = erfinv(share)
                yield np.full((shape[0], *extent), value, np.float32)


def whole(arrays, shape, operations):
    """Draws of some operations, with those of all others, shut, between them: one list for one program."""
    arrays = iter(arrays)
    filled = []
    for step, asked in draws_by_step(shape):
        for _, extent in asked:
            array = next(arrays) if step in operations else np.full((shape[0], *extent), SHUT)
            filled.append(np.asarray(array, np.float32).reshape(shape[0], *extent))
    assert next(arrays, None) is None, "official code draws more"
    return filled


def error(found, official):
    """The largest difference as a share of the largest value."""
    return np.abs(np.asarray(found) - official).max() / np.abs(official).max()
