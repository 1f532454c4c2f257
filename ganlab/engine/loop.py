"""The one host loop: plays rounds, logs, draws samples, saves, and stops when it is told to."""

import dataclasses
import functools
import math
import signal
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.config import ConfigError
from ganlab.data import Dataset
from ganlab.engine.checkpoints import Best, Checkpoints
from ganlab.engine.distributed import agreed_signal
from ganlab.engine.feed import make_feed, stays_on_device
from ganlab.engine.init_from import initialise
from ganlab.engine.logs import Console, MetricsFile, TensorBoard
from ganlab.engine.program import Programs, make_mesh, make_programs
from ganlab.engine.run_directory import RunDirectory
from ganlab.game import Game, GameState, samples_key
from ganlab.types import Array, Tree

Draw = Callable[[int, np.ndarray], np.ndarray]
"""`draw(step, samples) -> picture`: writes the picture of a run's samples, returns it as uint8 [h, w, 3]."""
Judge = Callable[[int, Callable[[Array, Array], Array]], Mapping[str, float]]
"""`judge(step, sample) -> values`: measures `sample(latents, labels) -> images`, writes and returns values by name."""


class Diverged(Exception):
    """A metric is no longer finite: names the round and the metric."""


class Interruption:
    """Turns SIGINT and SIGTERM into a request to stop after the round; a second signal leaves at once."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interruption":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a call of `train` ended: rounds played in all, and the signal that stopped it, if any."""

    step: int
    stopped_by: signal.Signals | None


def train(game: Game, dataset: Dataset, config: Mapping[str, Any], run: RunDirectory, draw: Draw,
          judge: Judge | None = None, best: Best | None = None, mesh: jax.sharding.Mesh | None = None) -> Outcome:
    """Trains, or goes on training, the run in a directory that `run.write` has made.

    Args:
      game: the game.
      dataset: its data, placed whole on the devices where it fits, else read ahead.
      config: the validated config; only `seed`, `data`, `init`, `train` and `sample` are read
        here.
      run: the directory.
      draw: draws a picture of samples.
      judge: measures the samples, where `train.evaluate_every_rounds` says so.
      best: the value of `judge` whose best checkpoint is kept.
      mesh: the devices, of `make_mesh`; None for all.

    Raises:
      ConfigError: for a batch that does not divide over the devices, before anything is written.
      Diverged: when a logged metric is not finite; checkpoints from before it stay.
    """
    schedule = config["train"]
    mesh = mesh or make_mesh(game.batch_size, slices=game.accumulate)
    programs = make_programs(game, mesh, schedule["rounds_per_call"], config["data"]["flip"],
                             streamed=not stays_on_device(dataset, config), shard_state=schedule["shard_state"])
    checkpoints = Checkpoints(run.checkpoints, schedule["keep_checkpoints"], best)
    state = programs.init(config["seed"])
    say = functools.partial(print, flush=True)
    step, state = checkpoints.restore_newest(state, say) or (0, initialise(state, config["init"], say))
    if step:
        say(f"resuming {run.path} after round {step:,}")
    console = Console(schedule["total_rounds"], step, game.images_per_round)
    metrics_file, board = MetricsFile(run.metrics_file, step), TensorBoard(run.tensorboard, step)
    sampling = _Sampling(game, programs, dataset, config, draw, board)
    feed = make_feed(dataset, game, mesh, config, step)
    # With several CPU devices, steps in flight whose collectives overtake each other deadlock.
    synchronous = jax.default_backend() == "cpu" and jax.device_count() > 1
    try:
        with Interruption() as interruption:
            if not step:
                sampling(0, state)
            stop = agreed_signal(interruption.signal)
            while step < schedule["total_rounds"] and stop is None:
                state, metrics = programs.play(state, feed.next())
                step += schedule["rounds_per_call"]
                last = step >= schedule["total_rounds"]
                if synchronous:
                    jax.block_until_ready(metrics)
                console.step(step)
                # Several processes stop after the same round, so they ask each other; they wait here in any case.
                if last or step % schedule["log_every_rounds"] == 0 or jax.process_count() == 1:
                    stop = agreed_signal(interruption.signal)
                if last or step % schedule["log_every_rounds"] == 0:
                    _log(game, step, metrics, console, metrics_file, board)
                if last or step % schedule["sample_every_rounds"] == 0:
                    sampling(step, state)
                values = None
                if judge and (last or step % schedule["evaluate_every_rounds"] == 0):
                    values = _judged(judge, step, sampling.sampler(state), console, board)
                due = last or stop is not None or values is not None
                if due or step % schedule["checkpoint_every_rounds"] == 0:
                    # A state that cannot go on must not push out one that can.
                    _require_finite(step, [f"params of {name}" for name, tree in state.params.items()
                                           if not _finite(tree)])
                    checkpoints.save(step, state, values)
            return Outcome(step, stop)
    finally:
        for part in (feed, checkpoints, metrics_file, board, console):
            part.close()


def _judged(judge: Judge, step: int, sample: Callable[[Array, Array], Array], console: Console,
            board: TensorBoard) -> Mapping[str, float] | None:
    """What was measured of the samples, said and written; None where it could not be."""
    try:
        values = judge(step, sample)
    except ConfigError as error:  # Samples that cannot be judged are no reason to stop.
        console.say(f"round {step:,}  not measured: {error}")
        return None
    board.scalars(step, {f"evaluation/{name}": value for name, value in values.items()})
    console.say(f"round {step:,}  " + "  ".join(f"{name} {value:.4g}" for name, value in values.items()))
    return values


def _log(game: Game, step: int, metrics: Mapping[str, jax.Array], console: Console, file: MetricsFile,
         board: TensorBoard) -> None:
    """Writes the metrics of the round that ended as number `step` to file, board and terminal."""
    played = {update.name for update in game.round if (step - 1) % update.every == 0}
    numbers = {name: float(value) for name, value in sorted(jax.device_get(metrics).items())
               if name.split("/")[0] in played}
    kimg = step * game.images_per_round / 1000
    file.write(step, kimg, numbers)
    rate = console.log(step, kimg, {name: value for name, value in numbers.items() if name.endswith("/loss")})
    board.scalars(step, {**numbers, "speed/images_per_second": rate})
    _require_finite(step, [name for name, value in numbers.items() if not math.isfinite(value)])


def _require_finite(step: int, broken: list[str]) -> None:
    if broken:
        raise Diverged(f"round {step}: {', '.join(broken)} is not finite; lower the learning rates or raise the "
                       "penalty; the checkpoints from before it are kept")


@jax.jit
def _finite(tree: Tree) -> Array:
    """Whether every number of a tree is finite."""
    return jnp.all(jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]))


class _Sampling:
    """Pictures of the same latents and labels over training."""

    def __init__(self, game: Game, programs: Programs, dataset: Dataset, config: Mapping[str, Any], draw: Draw,
                 board: TensorBoard):
        self._game, self._programs, self._draw, self._board = game, programs, draw, board
        if game.sampler is None:
            return
        number = config["sample"]["number"]
        keys = jax.random.split(samples_key(jax.random.key(config["seed"])), number)
        draw = functools.partial(game.sampler.latents, truncation=config["sample"]["truncation"])
        self._latents = jax.jit(draw)(keys) * config["sample"]["temperature"]
        self._labels = jnp.arange(number) % dataset.num_classes

    def sampler(self, state: GameState) -> Callable[[Array, Array], Array]:
        """`(latents, labels) -> images` by the averaged network where there is an average."""
        name = self._game.sampler.network
        return functools.partial(self._programs.sample, state.ema.get(name, state.params[name]), state.variables[name])

    def __call__(self, step: int, state: GameState) -> None:
        """Draws the picture after `step` rounds."""
        if self._game.sampler is None:
            return
        samples = self.sampler(state)(self._latents, self._labels)
        self._board.picture(step, "samples", self._draw(step, np.asarray(samples)))
