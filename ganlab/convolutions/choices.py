"""The quickest way to compute a convolution of a shape on a CPU, as measured (docs/speed.md)."""

import dataclasses
import math
from collections.abc import Callable

from ganlab.convolutions.products import Geometry
from ganlab.convolutions.tiles import tiles_of

FEW = 8
"""Most channels, such as those of a picture, for which XLA:CPU's own convolutions are slow."""
SMALL_PATCH = 16
"""Largest patch in numbers, such as 3x3 pixels of one channel, for which one product with all
patches is quicker; for gradients of kernels twice as many, such as 3x3 pixels of three channels.
(Forward these would gain 1% and take 100 MB.)"""
WIDE = 128
"""Least channels on both sides for which `winograd` is quicker than `lax`: the products that it
saves cost more than its sums."""
ROWS = 128
"""Least tiles of a batch for which it is."""


@dataclasses.dataclass(frozen=True)
class Case:
    """What a choice depends on.

    Attributes:
      geometry: of the convolution.
      images: in the batch.
      inputs: input channels.
      outputs: output channels.
      lax_too: whether `lax` is a choice; it is not in a stack of trials.
      single: whether numbers have at least single precision.
      tiles: whether tiles are a choice.
    """

    geometry: Geometry
    images: int
    inputs: int
    outputs: int
    lax_too: bool
    single: bool = True
    tiles: bool = True

    @property
    def goes_to_few(self) -> bool:
        """Whether stride is 1 and outputs have fewer channels, so that moving them costs less."""
        return (self.geometry.strides == (1, 1) and self.outputs < self.inputs
                and (self.outputs <= FEW or not self.lax_too))

    @property
    def lax(self) -> bool:
        """Whether `lax` is a choice, for more than products of pixels."""
        return self.lax_too and self.geometry.kernel != (1, 1)

    @property
    def patch(self) -> int:
        """Number of inputs that an output sees."""
        return math.prod(self.geometry.kernel) * self.inputs

    def winograd(self, rows: int, share: int = 1) -> bool:
        """Returns whether `winograd` is the quickest way.

        Args:
          rows: least height and width of outputs for it in a stack.
          share: factor on the tiles and on the product of channels that it needs beside `lax`.
        """
        geometry = self.geometry
        # In half precision its sums would round too much.
        if not self.tiles or not self.single or geometry.strides == (1, 1) or any(
                kernel != 2 * stride
                for kernel, stride in zip(geometry.kernel, geometry.strides, strict=True)):
            return False
        if not self.lax_too:
            return min(self.inputs, self.outputs) >= 32 and min(geometry.output) >= rows
        return (min(self.inputs, self.outputs) >= WIDE
                and self.inputs * self.outputs >= share * WIDE**2
                and self.images * math.prod(tiles_of(geometry.output)) >= share * ROWS)


def choose_forward(case: Case) -> str:
    """Chooses the way from images to outputs."""
    if case.goes_to_few:
        return "scatter"
    if case.winograd(rows=4):
        return "winograd"
    return "lax" if case.lax and case.patch > SMALL_PATCH else "gather"


def choose_input(case: Case) -> str:
    """Chooses the way from outputs to images; tiles cost more: one set a place in the stride."""
    if case.winograd(rows=16, share=8):
        return "winograd"
    if case.lax and case.inputs > FEW:
        return "lax"
    return "gather" if case.geometry.strides == (1, 1) and case.outputs < case.inputs else "scatter"


def choose_kernel(case: Case) -> str:
    """Chooses the way from images and outputs to kernels: as forward, to share sums of images."""
    return "gather" if case.patch <= 2 * SMALL_PATCH else choose_forward(case)


CHOICES: dict[str, Callable[[Case], str]] = {
    "forward": choose_forward, "input": choose_input, "kernel": choose_kernel}
