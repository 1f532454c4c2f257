"""Which way of a convolution's maps is quick on a CPU for which shape, as measured (docs/speed.md)."""

import dataclasses
import math
from collections.abc import Callable

from ganlab.convolutions.products import Geometry
from ganlab.convolutions.tiles import tiles_of

FEW = 8
"""Channels, such as those of a picture, up to which XLA:CPU's own convolutions are slow."""
SMALL_PATCH = 16
"""Numbers of a patch, such as 3x3 pixels of one channel, up to which one product with all patches is quicker; for
gradients of kernels twice as many, such as 3x3 pixels of three. (Forward these gain 1% and take 100 MB.)"""
WIDE = 128
"""Channels on both sides from which on the products that `winograd` saves cost more than its sums, beside `lax`."""
ROWS = 128
"""Tiles of a batch from which on they do."""


@dataclasses.dataclass(frozen=True)
class Case:
    """What a choice depends on: the geometry, images in the batch, input and output channels, whether `lax` is a choice
    (it is not in a stack of trials), whether numbers have single precision at least, and whether tiles are a choice."""

    geometry: Geometry
    images: int
    inputs: int
    outputs: int
    lax_too: bool
    single: bool = True
    tiles: bool = True

    @property
    def goes_to_few(self) -> bool:
        """Whether it is at stride 1 and outputs have fewer channels, so that moving them costs less."""
        return (self.geometry.strides == (1, 1) and self.outputs < self.inputs
                and (self.outputs <= FEW or not self.lax_too))

    @property
    def lax(self) -> bool:
        """Whether `lax` is a choice, for more than products of pixels."""
        return self.lax_too and self.geometry.kernel != (1, 1)

    @property
    def patch(self) -> int:
        """Numbers that an output sees."""
        return math.prod(self.geometry.kernel) * self.inputs

    def winograd(self, rows: int, share: int = 1) -> bool:
        """Whether to go that way: in a stack from outputs of so many rows on, and beside `lax` from so many times
        the tiles and the products of channels on."""
        geometry = self.geometry
        # In half precision its sums would round too much.
        if not self.tiles or not self.single or geometry.strides == (1, 1) or any(
                kernel != 2 * stride for kernel, stride in zip(geometry.kernel, geometry.strides, strict=True)):
            return False
        if not self.lax_too:
            return min(self.inputs, self.outputs) >= 32 and min(geometry.output) >= rows
        return (min(self.inputs, self.outputs) >= WIDE and self.inputs * self.outputs >= share * WIDE**2
                and self.images * math.prod(tiles_of(geometry.output)) >= share * ROWS)


def choose_forward(case: Case) -> str:
    """The way from images to outputs."""
    if case.goes_to_few:
        return "scatter"
    if case.winograd(rows=4):
        return "winograd"
    return "lax" if case.lax and case.patch > SMALL_PATCH else "gather"


def choose_input(case: Case) -> str:
    """The way from outputs to images, whose tiles cost more: they come out at every place of the stride."""
    if case.winograd(rows=16, share=8):
        return "winograd"
    if case.lax and case.inputs > FEW:
        return "lax"
    return "gather" if case.geometry.strides == (1, 1) and case.outputs < case.inputs else "scatter"


def choose_kernel(case: Case) -> str:
    """The way from images and outputs to kernels: as forward, whose sums of images they then share."""
    return "gather" if case.patch <= 2 * SMALL_PATCH else choose_forward(case)


CHOICES: dict[str, Callable[[Case], str]] = {
    "forward": choose_forward, "input": choose_input, "kernel": choose_kernel}
