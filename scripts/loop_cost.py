"""What the host loop itself costs a round, and how soon a run begins.

    python scripts/loop_cost.py                # the loop, by a game that computes nothing, against a round of digits
    python scripts/loop_cost.py --start        # from command to first finished round, cold and with a filled cache

The loop is what `ganlab train` runs: feed, dispatch, progress, metrics.jsonl, TensorBoard, alarms. It plays a game
of one parameter, and its time a round is set beside that of the rounds of an experiment, dispatched in a bare loop.
"""

import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from absl import app, flags

from ganlab.ablation import experiment_config
from ganlab.data import Jitter
from ganlab.engine import make_feed, make_mesh, make_programs, stays_on_device, train
from ganlab.machine.backend import set_up_process
from ganlab.storage import RunDirectory
from ganlab.game import Aux, Game, Network, Scene, Update, averages
from ganlab.systems import build

EXPERIMENT = flags.DEFINE_string("experiment", "experiments/digits.py", "config file, with choices after a colon")
ROUNDS = flags.DEFINE_integer("rounds", 2000, "rounds of the empty game in one measurement")
REPEATS = flags.DEFINE_integer("repeats", 7, "measurements of each, in turn")
START = flags.DEFINE_bool("start", False, "measures how soon a run begins instead")
POLL_SECONDS = 0.01


class Nothing(nn.Module):
    """A network of one parameter."""

    @nn.compact
    def __call__(self, inputs: jax.Array, keys: jax.Array | None = None, train: bool = False) -> jax.Array:
        """The parameter."""
        return self.param("value", nn.initializers.zeros, ())


def empty_game(batch_size: int) -> Game:
    """A game in which next to nothing is computed."""
    def loss(scene: Scene) -> tuple:
        return scene.params["nothing"]["value"] ** 2, Aux({"nothing": scene.variables["nothing"]}, scene.memory, {})

    return Game(networks={"nothing": Network(Nothing(), (jax.ShapeDtypeStruct((1, 1), jnp.float32),))},
                round=(Update("nothing", ("nothing",), loss),), optimizers={"nothing": lambda hyper: optax.sgd(1e-3)},
                hyper={"ema_half_life_kimg": 0.0, "ema_warmup": 0.0}, ema=averages("nothing"), batch_size=batch_size)


def loop_seconds(config: object, dataset: object) -> float:
    """Seconds a round of the whole loop with the empty game: of twice the rounds, less those of once."""
    def play(rounds: int) -> float:
        config.train.update(total_rounds=rounds, checkpoint_every_rounds=10**9, sample_every_rounds=10**9)
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            run = RunDirectory(folder)
            run.write(config, [])
            start = time.perf_counter()
            train(empty_game(config.batch_size), dataset, config, run, lambda step, samples: None)
            return time.perf_counter() - start

    return (play(2 * ROUNDS.value) - play(ROUNDS.value)) / ROUNDS.value


def bare_seconds(config: object, game: Game, dataset: object, rounds: int = 100) -> float:
    """Seconds a round of the experiment's rounds in a bare loop."""
    mesh = make_mesh(game.batch_size)
    programs = make_programs(game, mesh, config.train.rounds_per_call, Jitter.of(config.data),
                             streamed=not stays_on_device(dataset, config))
    with contextlib.closing(make_feed(dataset, game, mesh, config, 0)) as feed:
        state, _ = jax.block_until_ready(programs.play(programs.init(0), feed.next()))
        start = time.perf_counter()
        for _ in range(rounds):
            state, _ = programs.play(state, feed.next())
        jax.block_until_ready(state)
        return (time.perf_counter() - start) / (rounds * config.train.rounds_per_call)


def start_seconds(cache: str) -> float:
    """Seconds from the command to the line of the first finished round."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ganlab", "train", f"--config={EXPERIMENT.value}", f"--workdir={folder}/run",
                   "--config.train.log_every_rounds=1"]
        lines, start = Path(folder) / "run" / "metrics.jsonl", time.perf_counter()
        process = subprocess.Popen(command, env={**os.environ, "XDG_CACHE_HOME": cache}, stdout=subprocess.DEVNULL)
        while not (lines.exists() and lines.stat().st_size):
            if process.poll() is not None:
                raise RuntimeError(f"{' '.join(command)} ended with status {process.returncode}")
            time.sleep(POLL_SECONDS)
        seconds = time.perf_counter() - start
        process.kill()
        process.wait()
        return seconds


def quartiles(values: list[float], text: str) -> str:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return f"{text.format(middle)} ({text.format(low)} to {text.format(high)})"


def main(argv: list[str]) -> None:
    """Measures and prints."""
    del argv
    if START.value:
        cold, warm = [], []
        for _ in range(REPEATS.value):
            with tempfile.TemporaryDirectory() as cache:
                cold.append(start_seconds(cache))
                warm.append(start_seconds(cache))
        print(f"{EXPERIMENT.value}, from command to first finished round, seconds: cold {quartiles(cold, '{:.1f}')}, "
              f"with the compilation cache {quartiles(warm, '{:.1f}')}")
        return
    set_up_process()
    game, dataset = build(experiment_config(EXPERIMENT.value))
    loops, bare = [], []
    for _ in range(REPEATS.value):
        loops.append(loop_seconds(experiment_config(EXPERIMENT.value), dataset))
        bare.append(bare_seconds(experiment_config(EXPERIMENT.value), game, dataset))
    shares = [one / other for one, other in zip(loops, bare, strict=True)]
    print(f"the loop {quartiles([1e6 * each for each in loops], '{:.0f}')} microseconds a round, a round of "
          f"{EXPERIMENT.value} {quartiles([1e3 * each for each in bare], '{:.2f}')} ms: "
          f"{quartiles([100 * each for each in shares], '{:.1f}')}%")


if __name__ == "__main__":
    app.run(main)
