"""What a run does after a guard stopped its state: it ends with a report, or goes back.

Of guards that do not stop it, the counts that are logged, and the sentences that are printed.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from ganlab.data import Dataset, HostReader
from ganlab.engine.logs import AlarmsFile
from ganlab.game import (
    FAULT,
    REPLACED,
    SKIPPED,
    Game,
    GameState,
    order_key,
    retry_key,
    watched_names,
)
from ganlab.output import agreeing, counted
from ganlab.storage.run_directory import RunDirectory
from ganlab.types import Array

MOST_RETRIES = 1000


class Stopped(Exception):
    """A run stops by itself before its last round."""


class Diverged(Stopped):
    """A round was not finite.

    Attributes:
      images: the real images [n, ...] of the update at fault, as the data set holds them.
    """

    def __init__(self, words: str, images: np.ndarray):
        super().__init__(words)
        self.images = images


class Collapsed(Stopped):
    """An alarm was raised, and `alarms.stop` says to stop."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """The first round that was not finite, its update, and words for the first such array."""

    round: int
    update: str
    array: str

    def __str__(self) -> str:
        return (f"round {self.round:,}, update {self.update}: {self.array} is not finite, or too "
                "large to square")


def fault_of(game: Game, state: GameState) -> Fault | None:
    """Reads what the guard of a state has noted, None for nothing; waits for the state."""
    if FAULT not in state.memory:
        return None
    found = jax.device_get(state.memory[FAULT])
    if not found["round"]:
        return None
    return Fault(int(found["round"]), *watched_names(game, state)[int(found["place"])])


def counts_of(state: GameState) -> dict[str, float]:
    """Reads as metrics how many steps were skipped so far, and entries of gradients replaced.

    The latter are there from the first one on.
    """
    counts = {SKIPPED: float(state.memory[SKIPPED])} if SKIPPED in state.memory else {}
    for update, count in jax.device_get(state.memory.get(REPLACED, {})).items():
        if count:
            counts[f"{update}/{REPLACED}"] = float(count)
    return counts


def news_of(step: int, counts: Mapping[str, float],
            before: Mapping[str, float]) -> Iterator[str]:
    """Yields a sentence for each of these counts that is more than before."""
    for name, value in counts.items():
        if (count := round(value)) > before.get(name, 0):
            update = name.partition("/")[0]
            what, done = ((counted(count, "step"), "skipped") if name == SKIPPED else
                          (counted(count, "gradient entry", "gradient entries")
                           + f" of update {update}", "replaced"))
            yield (f"{what} up to round {step:,} {agreeing(count, 'was', 'were')} not finite and "
                   f"{done}")


def run_key(seed: int, retries: int) -> Array:
    """Derives the key of a run that went back `retries` times; each retry draws other numbers."""
    key = jax.random.key(seed)
    for _ in range(retries):
        key = retry_key(key)
    return key


def retries_of(state: GameState, seed: int) -> int:
    """Returns how many times a run went back before a state, which its key alone shows."""
    wanted, key = np.asarray(jax.random.key_data(state.key)), jax.random.key(seed)
    for number in range(MOST_RETRIES + 1):
        if np.array_equal(jax.random.key_data(key), wanted):
            return number
        key = retry_key(key)
    raise ValueError(f"the key of the state is not of seed {seed}")


def note_retry(run: RunDirectory, step: int, retry: int, fault: Fault) -> None:
    """Notes in `alarms.jsonl` that a run goes back to `step`."""
    AlarmsFile(run.alarms_file, step, retry).write(
        step, "rolled back", retry=retry, round=fault.round, update=fault.update,
        array=fault.array)


def account(game: Game, dataset: Dataset, config: Mapping[str, Any], fault: Fault,
            retries: int) -> Diverged:
    """Makes the exception that ends a run, with words and the images of the update at fault."""
    update = next(update for update in game.round if update.name == fault.update)
    reader = HostReader.of(dataset.streams(), order_key(run_key(config["seed"], retries)),
                           game.slots, game.batch_size)
    images = reader.read(game.position(fault.round - 1))[0]["image"][game.slots_of(update)]
    tried = f" after {counted(retries, 'retry', 'retries')}" if retries else ""
    return Diverged(
        f"{fault}{tried}; the checkpoints from before it are kept. The same command would end the "
        "same way: in another --workdir, lower the learning rates, raise the penalty or set "
        "--config.train.on_divergence=skip or roll_back",
        images.reshape(-1, *images.shape[2:]))
