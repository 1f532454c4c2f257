"""What saving costs: rounds a second with a checkpoint every n rounds, against none, side by side.

    python scripts/checkpoint_cost.py --experiment=experiments/digits.py --every=100

Both ways play the same rounds from the same state in one process, in turn, so that whatever else the
machine does slows both. Prints the ratio of each pair's times, median and quartiles, and the processor
time of a checkpoint, which other programs change less.
"""

import statistics
import tempfile
import time
from pathlib import Path

import jax
from absl import app, flags

from ganlab.ablation import experiment_config
from ganlab.data import Jitter
from ganlab.engine import make_feed, make_mesh, make_programs, stays_on_device
from ganlab.machine.backend import set_up_process
from ganlab.storage import Checkpoints
from ganlab.systems import build

EXPERIMENT = flags.DEFINE_string("experiment", "experiments/digits.py", "config file, with choices after a colon")
EVERY = flags.DEFINE_integer("every", 100, "rounds between checkpoints")
CALLS = flags.DEFINE_integer("checkpoints", 1, "checkpoints in one measurement")
PAIRS = flags.DEFINE_integer("pairs", 30, "measurements of each way, after one that does not count")


def main(argv: list[str]) -> None:
    """Measures and prints."""
    del argv
    set_up_process()
    config = experiment_config(EXPERIMENT.value)
    game, dataset = build(config)
    mesh = make_mesh(game.batch_size)
    config.train.total_rounds = 10**9
    programs = make_programs(game, mesh, config.train.rounds_per_call, Jitter.of(config.data),
                             streamed=not stays_on_device(dataset, config))
    feed = make_feed(dataset, game, mesh, config, 0)
    state = programs.init(0)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    processor: dict[bool, list[float]] = {False: [], True: []}
    calls: list[float] = []
    step = 0
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(Path(folder) / "checkpoints", keep=config.train.keep_checkpoints)
        for number in range(2 * (PAIRS.value + 1)):
            saving = number % 2 == 1
            start, used = time.perf_counter(), time.process_time()
            for _ in range(CALLS.value):
                for _ in range(EVERY.value // config.train.rounds_per_call):
                    state, _ = programs.play(state, feed.next())
                step += EVERY.value
                # The loop looks at the state before it saves; without saving it would wait here, too, to log.
                jax.block_until_ready(state)
                if saving:
                    before = time.perf_counter()
                    checkpoints.save(step, state)
                    calls.append(time.perf_counter() - before)
            seconds[saving].append(time.perf_counter() - start)
            # What is still written belongs to the way that saves.
            before = time.perf_counter()
            checkpoints.wait()
            if saving:
                seconds[saving][-1] += time.perf_counter() - before
            processor[saving].append(time.process_time() - used)
        checkpoints.close()
    feed.close()
    ratios = [one / other for one, other in zip(seconds[True][1:], seconds[False][1:], strict=True)]
    quartiles = statistics.quantiles(ratios, n=4)
    extra = [(one - other) / CALLS.value for one, other in zip(*(processor[way][1:] for way in (True, False)))]
    rounds = CALLS.value * EVERY.value
    print(f"{config.name}: {rounds / statistics.median(seconds[False][1:]):,.1f} rounds a second without saving, "
          f"{rounds / statistics.median(seconds[True][1:]):,.1f} with a checkpoint every {EVERY.value} rounds; time "
          f"{quartiles[1]:.3f} times as long ({quartiles[0]:.3f} to {quartiles[2]:.3f}, {len(ratios)} pairs); "
          f"a checkpoint takes {1000 * statistics.median(extra):.0f} ms of the processors, of "
          f"{1000 * statistics.median(processor[False][1:]) / CALLS.value:.0f} ms between two; "
          f"a save holds the loop for {1000 * statistics.median(calls[CALLS.value:]):.0f} ms")


if __name__ == "__main__":
    app.run(main)
