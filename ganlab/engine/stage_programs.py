"""What a stage of a training is played with: its programs, and its data at its size, made ahead."""

import concurrent.futures
import dataclasses
import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from ganlab.config import ConfigError
from ganlab.data import Dataset, Jitter, ReducedImages, reduced
from ganlab.engine.background_compilation import compiled_ahead
from ganlab.engine.feed import stays_on_device
from ganlab.engine.program import Programs, make_mesh, make_programs, state_shardings
from ganlab.game import Game, GameState, Stage, stages_of
from ganlab.output import counted


@dataclasses.dataclass(frozen=True)
class Playable:
    """A stage with what it is played with.

    Attributes:
      stage: the stage.
      programs: of its game; its rounds are being compiled.
      dataset: the data, at the size of its images.
      mesh: the devices.
      enter: changes the state where it begins, lying on the devices as before.
      words: what it is called, for people.
    """

    stage: Stage
    programs: Programs
    dataset: Dataset
    mesh: jax.sharding.Mesh
    enter: Callable[[GameState], GameState]
    words: str

    def until(self, total: int) -> int:
        """Returns the round with which it ends, of a run of `total` rounds."""
        if self.stage.rounds is None:
            return total
        return min(total, self.stage.game.start.step + self.stage.rounds)


class WholeAhead:
    """A view of images, all of which a thread computes meanwhile, to be taken once.

    Nobody holds them after that: who asks again has them computed again.
    """

    def __init__(self, images: ReducedImages):
        """Begins to compute all `images`."""
        self._images, self.shape, self.dtype, self.nbytes = (
            images, images.shape, images.dtype, images.nbytes)
        self._whole: concurrent.futures.Future | None = concurrent.futures.Future()
        # A daemon: a run that stops does not wait for it.
        threading.Thread(target=self._compute, args=(self._whole,), daemon=True).start()

    def _compute(self, whole: concurrent.futures.Future) -> None:
        try:
            whole.set_result(self._images[:])
        except BaseException as error:  # It is raised where the images are taken.
            whole.set_exception(error)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: np.ndarray | slice | int) -> np.ndarray:
        if isinstance(index, slice) and index == slice(None) and self._whole is not None:
            whole, self._whole = self._whole, None
            return whole.result()
        return self._images[index]


def playable_stages(game: Game, dataset: Dataset, config: Mapping[str, Any],
                    mesh: jax.sharding.Mesh) -> Callable[[int], Playable]:
    """Returns what makes a stage playable, by its number; this and the next one are kept.

    The first call for a stage begins to compile it: a call while the stage before still plays lets
    the change of stages wait for nothing.
    """
    # Those of stages that are over are let go.
    @functools.lru_cache(maxsize=2)
    def made(number: int) -> Playable:
        stage, schedule = stages_of(game)[number], config["train"]
        own = make_mesh(stage.game.batch_size, mesh.size, stage.game.accumulate)
        data = reduced(dataset, stage.game.reduction)
        streamed = not stays_on_device(data, config)
        if not streamed and stage.game.reduction > 1:
            # Computed while the stage before plays, and not as this one begins.
            data = dataclasses.replace(data, images=WholeAhead(data.images))
        programs = make_programs(stage.game, own, schedule["rounds_per_call"],
                                 Jitter.of(config["data"]), streamed=streamed,
                                 shard_state=schedule["shard_state"], initial=game)
        # Entering is a program, too.
        enter = jax.jit(stage.enter, donate_argnums=0, out_shardings=state_shardings(
            programs.init.eval_shape(0), own, schedule["shard_state"]))
        called = f"stage {number + 1} of {len(stages_of(game))}"
        called += f", {stage.name}," if stage.name else ""
        programs = compiled_ahead(programs, stage.game, data, own, schedule["rounds_per_call"],
                                  (enter,) if number else ())
        return Playable(stage, programs, data, own, enter, called)

    return made


def check_stages(game: Game, config: Mapping[str, Any], devices: int) -> None:
    """Raises ConfigError if a stage cannot be played: its rounds are not a whole number of calls,
    or its batch does not divide over the devices. Batches are named together."""
    call, stages = config["train"]["rounds_per_call"], stages_of(game)
    for number, stage in enumerate(stages, start=1):
        if stage.rounds is not None and stage.rounds % call:
            raise ConfigError(f"config.train.rounds_per_call is {call}, but stage {number} of "
                              f"{len(stages)} has {counted(stage.rounds, 'round')}, which is not a "
                              "multiple of it; use 1, or change the stage's length")
    parts = devices * game.accumulate
    uneven = {stage.name or f"stage {number}": stage.game.batch_size
              for number, stage in enumerate(stages, start=1) if stage.game.batch_size % parts}
    if len(stages) > 1 and uneven:
        words = ", ".join(f"{size} of {name}" for name, size in uneven.items())
        sliced = f" in {game.accumulate} slices each" if game.accumulate > 1 else ""
        raise ConfigError(f"batches of these stages do not divide over "
                          f"{counted(devices, 'device')}{sliced}: {words}; use multiples of "
                          f"{parts} in config.batch_size and config.system.batch_sizes, or other "
                          "devices (--mesh.data)")
