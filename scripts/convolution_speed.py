"""Times every way of a convolution's maps on this processor, beside the one that ganlab chooses.

    python scripts/convolution_speed.py               # the layers of docs/speed.md, best of nine
    python scripts/convolution_speed.py --repeats=3

The choices (`ganlab/convolutions/choices.py`) were measured on one processor. Here a table says what they cost
on this one: the way that is taken, its milliseconds, and the quickest way where that is another.
"""

import dataclasses
import time

import jax
import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

from ganlab.machine.backend import processor, set_up_process
from ganlab.convolutions.layers import MAPS
from ganlab.convolutions.choices import CHOICES, Case
from ganlab.convolutions.products import Geometry

BACK = {("forward", "scatter"), ("input", "gather"), ("kernel", "scatter")}

REPEATS = flags.DEFINE_integer("repeats", 9, "calls of each way, in turn")


@dataclasses.dataclass(frozen=True)
class Layer:
    """A square convolution: kernel, stride, channels in and out, side of the images, images in the batch."""

    kernel: int
    stride: int
    inputs: int
    outputs: int
    side: int
    images: int

    def __str__(self) -> str:
        stride = f", stride {self.stride}" if self.stride > 1 else ""
        return (f"{self.kernel}x{self.kernel}{stride}, {self.inputs} to {self.outputs} at {self.side}x{self.side}, "
                f"batch {self.images}")

    def geometry(self) -> Geometry:
        """Returns what is static of it, with zeros around the images as `SAME` has them."""
        pads = jax.lax.padtype_to_pads((self.side,) * 2, (self.kernel,) * 2, (self.stride,) * 2, "SAME")
        return Geometry((self.side,) * 2, (self.kernel,) * 2, (self.stride,) * 2, tuple(map(tuple, pads)))

    def takes(self, map_name: str, way: str) -> bool:
        """Returns whether a way is one for this layer: tiles are for kernels of twice the stride, and ways that lead
        back by the turned kernel for stride 1."""
        if way == "winograd":
            return self.stride > 1 and self.kernel == 2 * self.stride
        return self.stride == 1 or (map_name, way) not in BACK


LAYERS = (Layer(4, 2, 128, 128, 32, 128), Layer(4, 2, 64, 128, 16, 64), Layer(3, 2, 64, 128, 32, 64),
          Layer(3, 1, 128, 3, 32, 128), Layer(3, 1, 3, 64, 32, 128), Layer(4, 2, 3, 64, 64, 32),
          Layer(4, 2, 256, 512, 16, 32), Layer(3, 1, 64, 64, 16, 64), Layer(3, 1, 16, 16, 8, 64))


def seconds(layer: Layer, map_name: str) -> dict[str, float]:
    """Returns the least seconds of each way of one of the three maps, all called in turn."""
    geometry, draw = layer.geometry(), np.random.default_rng(0)
    shapes = {"x": (layer.images, layer.side, layer.side, layer.inputs),
              "g": (layer.images, *geometry.output, layer.outputs),
              "kernel": (layer.kernel, layer.kernel, layer.inputs, layer.outputs)}
    needed = {"forward": ("x", "kernel"), "input": ("g", "kernel"), "kernel": ("x", "g")}[map_name]
    arguments = [jax.device_put(draw.standard_normal(shapes[name], np.float32)) for name in needed]
    calls = {}
    for way, function in MAPS[map_name].items():
        if not layer.takes(map_name, way):
            continue
        compiled = jax.jit(lambda a, b, function=function: function(geometry, a, b)).lower(*arguments).compile()
        jax.block_until_ready(compiled(*arguments))
        calls[way] = compiled
    found = dict.fromkeys(calls, np.inf)
    for _ in range(REPEATS.value):
        for way, compiled in calls.items():
            start = time.perf_counter()
            jax.block_until_ready(compiled(*arguments))
            found[way] = min(found[way], time.perf_counter() - start)
    return found


def main(_: list[str]) -> None:
    set_up_process()
    console = Console(highlight=False, markup=False, width=120)
    table = Table(title=f"milliseconds on {processor()}, jax {jax.__version__}", title_justify="left", box=None)
    for heading in ("layer", "map", "lax", "as chosen", "chosen", "quickest", "of the quickest"):
        table.add_column(heading, justify="left" if heading in ("layer", "map", "chosen", "quickest") else "right")
    for layer in LAYERS:
        for number, map_name in enumerate(MAPS):
            found = seconds(layer, map_name)
            way = CHOICES[map_name](Case(layer.geometry(), layer.images, layer.inputs, layer.outputs, lax_too=True))
            best = min(found, key=found.get)
            table.add_row("" if number else str(layer), map_name, f"{1e3 * found['lax']:.2f}",
                          f"{1e3 * found[way]:.2f}", way, best, f"{found[way] / found[best]:.2f}")
    console.print(table)


if __name__ == "__main__":
    app.run(main)
