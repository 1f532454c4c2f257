"""Prints how fast data reaches the rounds, and for what share of the time the device waits for it.

For each size and batch, and each way of feeding: images a second of the feeding alone, and of
rounds of a DCGAN that is fed so, beside the same rounds on a batch that is already there; the two
kinds of round take turns. The wait is the share of the time of fed rounds in which the host waits
for a batch: the device may still be at work then, so it is at most that.

    python scripts/feeding_speed.py
    python scripts/feeding_speed.py --sizes=32 --batches=64 --width=64 --rounds=20
"""

import statistics
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
from absl import app, flags
from PIL import Image
from rich.console import Console
from rich.table import Table

from ganlab.config import both_players, experiment
from ganlab.data import SOURCES, Dataset
from ganlab.engine import make_mesh, make_programs
from ganlab.machine.backend import set_up_process
from ganlab.engine.feed import MOST_THREADS, ROUNDS_AHEAD, DeviceFeed, HostFeed
from ganlab.systems import build_game

SIZES = flags.DEFINE_list("sizes", ["32", "64", "256"], "sides of the images in pixels")
BATCHES = flags.DEFINE_list("batches", ["64", "256"], "batch sizes")
WAYS = flags.DEFINE_list("ways", ["device", "memory", "disk"], "ways of feeding")
WIDTH = flags.DEFINE_integer("width", 0, "channels next to the image; 0 makes larger images thinner: 2048 / size")
ROUNDS = flags.DEFINE_integer("rounds", 5, "rounds of each measurement")
REPEATS = flags.DEFINE_integer("repeats", 5, "measurements of each kind, which take turns")
IMAGES = flags.DEFINE_integer("images", 1024, "images of the data set")

AHEAD = MOST_THREADS * ROUNDS_AHEAD  # Rounds that may have been read before the clock starts.
ALONE = 32  # Rounds of feeding alone.


def pictures(size: int, folder: Path) -> dict[str, Dataset]:
    """The same glyphs, enlarged, in memory and as an imported data set."""
    small = SOURCES["glyphs"](size=IMAGES.value, colour=True)
    images = np.stack([np.asarray(Image.fromarray(image).resize((size, size))) for image in small.images])
    source = folder / f"pictures{size}"
    source.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(source / f"{number:05}.png")
    return {"memory": Dataset("memory", images, np.zeros(len(images), np.int32), ("all",)),
            "disk": SOURCES["folder"](path=str(source), resolution=size)}


def game_for(dataset: Dataset, size: int, batch: int):
    """A DCGAN of the textbook form for images of this size."""
    width = WIDTH.value or max(4, 2048 // size)
    kwargs = dict(width=width, max_width=8 * width)
    return build_game(experiment(
        data=dict(source="glyphs"), system=dict(name="gan", latent_size=100), batch_size=batch,
        networks={player: dict(network="dcgan", kwargs=kwargs) for player in ("generator", "critic")},
        hyper=both_players(lr=2e-4)), dataset)


class Fed:
    """Rounds of a game that is fed in one way."""

    def __init__(self, way: str, dataset: Dataset, game, batch: int):
        mesh = make_mesh(batch)
        self._streamed = way != "device"
        calls = REPEATS.value * ROUNDS.value + AHEAD + ALONE + 8
        self.feed = (HostFeed(dataset, game, mesh, 0, 0, calls, 1) if self._streamed else DeviceFeed(dataset, mesh))
        self._programs = make_programs(game, mesh, streamed=self._streamed)
        self._still = make_programs(game, mesh, streamed=True)
        reader = self.feed if self._streamed else HostFeed(dataset, game, mesh, 0, 0, 1, 1)
        self._batch = reader.next()
        self.state = self._programs.init(0)
        for fed in (True, False):
            self.play(1, fed)

    def play(self, rounds: int, fed: bool) -> tuple[float, float]:
        """Seconds of rounds on batches that are fed, or on the same one; and those of them spent on taking batches."""
        program, waited = self._programs.play if fed else self._still.play, 0.0
        jax.block_until_ready(self.state.step)
        start = time.perf_counter()
        for _ in range(rounds):
            before = time.perf_counter()
            data = self.feed.next() if fed else self._batch
            waited += time.perf_counter() - before
            self.state, metrics = program(self.state, data)
        jax.block_until_ready((self.state, metrics))
        return time.perf_counter() - start, waited

    def feed_alone(self, rounds: int) -> float:
        """Seconds of taking batches and doing nothing with them, after those that were read ahead."""
        for _ in range(AHEAD):
            self.feed.next()
        start = time.perf_counter()
        for _ in range(rounds):
            jax.block_until_ready(self.feed.next())
        return time.perf_counter() - start


def measure(console: Console, way: str, dataset: Dataset, size: int, batch: int) -> tuple[str, ...]:
    """A row of the table."""
    game = game_for(dataset, size, batch)
    fed = Fed(way, dataset, game, batch)
    shown = game.slots * batch * ROUNDS.value
    taken = game.slots * batch * ALONE
    times, waits = {True: [], False: []}, []
    for _ in range(REPEATS.value):
        for kind, found in times.items():
            seconds, waited = fed.play(ROUNDS.value, kind)
            found.append(seconds)
            if kind:
                waits.append(waited / seconds)
    alone = "in the round" if way == "device" else f"{taken / fed.feed_alone(ALONE):,.0f}"
    fed.feed.close()
    share = statistics.median(waits)
    console.print(f"{size}x{size}, batch {batch}, {way}: waits {share:.2%}")
    low, _, high = statistics.quantiles(waits, n=4)
    return (f"{size}x{size}", str(batch), way, alone, f"{shown / statistics.median(times[True]):,.0f}",
            f"{shown / statistics.median(times[False]):,.0f}", f"{share:.2%}", f"{low:.2%} to {high:.2%}")


def main(_: list[str]) -> None:
    set_up_process()
    console = Console(highlight=False, markup=False)
    table = Table(title=f"feeding, on {jax.device_count()} x {jax.devices()[0].device_kind}; real images a second",
                  title_justify="left", box=None)
    for heading in ("images", "batch", "way", "feeding alone", "rounds fed", "rounds on one batch", "device waits",
                    "quartiles"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for size in map(int, SIZES.value):
        with tempfile.TemporaryDirectory() as folder:
            datasets = pictures(size, Path(folder))
            for batch in map(int, BATCHES.value):
                for way in WAYS.value:
                    table.add_row(*measure(console, way, datasets["disk" if way == "disk" else "memory"], size, batch))
    console.print(table)


if __name__ == "__main__":
    app.run(main)
