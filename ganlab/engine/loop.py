"""The one host loop: plays rounds, logs, draws samples, saves, and stops on a signal."""

import contextlib
import dataclasses
import functools
import signal
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from ganlab.config import ConfigError, flat
from ganlab.data import Dataset
from ganlab.engine.alarms import Alarms
from ganlab.engine.divergence import (
    Collapsed,
    Fault,
    account,
    counts_of,
    fault_of,
    news_of,
    note_retry,
    retries_of,
    run_key,
)
from ganlab.engine.examples import make_examples, makers_of, weights_of
from ganlab.engine.feed import Feed, make_feed
from ganlab.engine.interruption import Interruption
from ganlab.engine.logs import AlarmsFile, Console, MetricsFile
from ganlab.engine.program import Programs, make_mesh
from ganlab.engine.logged_singular_values import singular_values_of
from ganlab.engine.stage_programs import Playable, check_stages, playable_stages
from ganlab.engine.tensorboard import TensorBoard
from ganlab.game import HELD, Game, GameState, Makers, Stage, stage_after
from ganlab.machine import load_per_core
from ganlab.machine.distributed import agreed_signal
from ganlab.output import steady_output
from ganlab.storage.checkpoint_folders import rounds_saved
from ganlab.storage.checkpoints import Best, Checkpoints
from ganlab.storage.init_from import initialise
from ganlab.storage.run_directory import RunDirectory

Draw = Callable[[int, np.ndarray], np.ndarray]
"""`draw(step, samples) -> picture`: writes the picture of a run's samples, or of pictures beside
their translations, and returns it as uint8 [h, w, 3]."""
Judge = Callable[[int, Makers], Mapping[str, float]]
"""`judge(step, makers) -> values`: measures what is made after `step` rounds, writes and returns
values by name."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a call of `train` ended: all rounds played, and the signal that stopped it, if any."""

    step: int
    stopped_by: signal.Signals | None


def train(game: Game, dataset: Dataset, config: Mapping[str, Any], run: RunDirectory, draw: Draw,
          judge: Judge | None = None, best: Best | None = None,
          mesh: jax.sharding.Mesh | None = None) -> Outcome:
    """Trains the run, or resumes it, in a directory that `run.write` has made.

    Args:
      game: the game.
      dataset: its data, placed whole on the devices if it fits there, else read ahead.
      config: the validated config.
      run: the directory.
      draw: draws a picture of samples.
      judge: measures samples or translations at the interval `train.evaluate_every_...`.
      best: the value of `judge` whose best checkpoint is kept.
      mesh: the devices, of `make_mesh`; None for all.

    Raises:
      ConfigError: for a batch that does not divide over the devices, before anything is written.
      Diverged, Collapsed: if a round is not finite or an alarm stops the run; a state is saved.
      OSError: if a place cannot be written, named by `filename`; complete checkpoints stay.
    """
    schedule, seed = config["train"], config["seed"]
    check_stages(game, config, mesh.size if mesh else jax.device_count())
    mesh = mesh or make_mesh(game.batch_size, slices=game.accumulate)
    playable = playable_stages(game, dataset, config, mesh)
    checkpoints = Checkpoints(
        run.checkpoints, schedule["keep_checkpoints"], best, schedule["keep_every_rounds"])
    say = functools.partial(print, flush=True)

    def begin() -> tuple[int, GameState]:  # Those of the newest checkpoint, or of the start.
        number, _ = stage_after(game, rounds_saved(run.checkpoints))
        state = playable(number).programs.init(seed)
        return checkpoints.restore_newest(state, say) or (0, initialise(state, config["init"], say))

    with contextlib.closing(checkpoints), steady_output(), Interruption() as interruption:
        step, state = begin()
        if step:
            say(f"resuming {run.path} after round {step:,}")
        while True:
            # The stage of the next round, which changes the state if it begins here.
            number, stage = stage_after(game, step)
            own = playable(number)
            if number and step == stage.game.start.step:
                say(f"{own.words} begins after round {step:,}")
                state = own.enter(state)
            # Its rounds, to its end or the run's.
            retries, until = retries_of(state, seed), own.until(schedule["total_rounds"])
            playing = _Playing(own, dataset, config, run, checkpoints, draw, judge, retries)
            feed = make_feed(own.dataset, stage.game, own.mesh, config, step, until, retries)
            # The next stage is made while this one plays, if the run reaches it.
            following = (functools.partial(playable, number + 1)
                         if until < schedule["total_rounds"] else lambda: None)
            found = playing(step, until, state, feed, interruption, following)
            if isinstance(found, Outcome):
                return found
            if isinstance(found, _StageEnd):
                step, state = found.step, found.state
                continue
            # A round that is not finite stops the run, or sends it back to an earlier checkpoint.
            fault, state = found
            if schedule["on_divergence"] != "roll_back" or retries >= schedule["most_retries"]:
                if fault.round > 1:
                    checkpoints.save(fault.round - 1, state)
                checkpoints.wait()
                raise account(stage.game, own.dataset, config, fault, retries)
            checkpoints.wait()
            step, state = begin()
            say(f"{fault}; back to round {step:,} with other random numbers, retry {retries + 1} "
                f"of {schedule['most_retries']}")
            note_retry(run, step, retries + 1, fault)
            state = _with_key(state, seed, retries + 1)


def _with_key(state: GameState, seed: int, retries: int) -> GameState:
    """Returns a state with the key of a run that went back `retries` times."""
    # A program, because nothing else puts an array on the devices of other processes.
    return state.replace(key=jax.jit(run_key, static_argnums=(0, 1),
                                     out_shardings=state.key.sharding)(seed, retries))


def is_due(schedule: Mapping[str, Any], name: str, game: Game, before: int, step: int) -> bool:
    """Returns whether what is done at an interval is due after a call of rounds.

    An interval in kimg is due in the call that reaches a multiple of it, whatever the batch sizes.

    Args:
      schedule: the config's section `train`.
      name: of the interval: log, sample, checkpoint, evaluate or singular_values.
      game: knows the images that were shown.
      before: rounds before the call.
      step: rounds after it.
    """
    if kimg := schedule[f"{name}_every_kimg"]:
        # Whole images, which no rounding moves across a multiple.
        images, earlier = (round(1000 * game.kimg(rounds)) for rounds in (step, before))
        every = max(round(1000 * kimg), 1)
        return images // every > earlier // every
    rounds = schedule[f"{name}_every_rounds"]
    return rounds > 0 and step % rounds == 0


@dataclasses.dataclass(frozen=True)
class _StageEnd:
    """Rounds that were played, and the state after them, if another stage follows."""

    step: int
    state: GameState


class _Playing:
    """Plays rounds from one of them on, and writes what is due on the way."""

    def __init__(self, playable: Playable, whole: Dataset, config: Mapping[str, Any],
                 run: RunDirectory, checkpoints: Checkpoints, draw: Draw, judge: Judge | None,
                 retries: int):
        self._stage, self._game, self._programs = (
            playable.stage, playable.stage.game, playable.programs)
        # Samples are drawn and compared with the data at its full size.
        self._dataset, self._config, self._run = whole, config, run
        self._checkpoints, self._draw, self._judge = checkpoints, draw, judge
        self._retries = retries
        # With several CPU devices, steps in flight whose collectives overtake each other deadlock.
        self._synchronous = jax.default_backend() == "cpu" and jax.device_count() > 1

    def __call__(self, step: int, until: int, state: GameState, feed: Feed,
                 interruption: Interruption,
                 following: Callable[[], Any]) -> "Outcome | _StageEnd | tuple[Fault, GameState]":
        """Plays to round `until`, to a signal, or until the state turns out not to be finite.

        After the first call, `following` makes what comes after this stage.
        """
        schedule, first = self._config["train"], step
        with contextlib.ExitStack() as stack:
            stack.callback(feed.close)
            logs = stack.enter_context(contextlib.closing(
                _Logs(self._stage, self._dataset, self._config, self._run, step, self._retries)))
            sampling = _Sampling(
                self._game, self._programs, self._dataset, self._config, self._draw, logs)
            if not step:
                sampling(0, state)
            while step < until:
                # The rounds of one call.
                state, metrics = self._programs.play(state, feed.next())
                step += schedule["rounds_per_call"]
                if step == first + schedule["rounds_per_call"]:
                    following()
                if self._synchronous:
                    jax.block_until_ready(metrics)
                logs.console.step(step)
                # What is due after them.
                last, before = step >= schedule["total_rounds"], step - schedule["rounds_per_call"]
                log, sample, save, measured = (
                    last or is_due(schedule, name, self._game, before, step)
                    for name in ("log", "sample", "checkpoint", "evaluate"))
                # A round whose singular values are due is logged.
                spectra = is_due(schedule, "singular_values", self._game, before, step)
                log = log or spectra
                judge = self._judge if measured else None
                # Read once a call: a later signal counts after the next. Several processes stop
                # after the same round, so they agree when they log, where they wait in any case.
                signalled = (agreed_signal(interruption.signal)
                             if log or jax.process_count() == 1 else None)
                if not (log or sample or save or judge or signalled or step >= until):
                    continue
                # A state that is not finite is never written: until here the host has not looked.
                if (fault := fault_of(self._game, state)) is not None:
                    return fault, state
                if log:
                    logs.log(step, metrics, state, singular_values_of(state) if spectra else {})
                if sample:
                    sampling(step, state)
                values = _judged(self._judge, step, sampling.makers(state), logs) if judge else None
                # Measured and signalled rounds are saved too; a run that stops can be resumed.
                collapsed = logs.alarms.raised if self._config["alarms"]["stop"] else None
                if save or values is not None or signalled or collapsed:
                    self._checkpoints.save(step, state, values)
                if collapsed:
                    raise Collapsed(f"{collapsed}; the state is saved, and the same command "
                                    "resumes")
                if signalled:
                    return Outcome(step, signalled)
        return Outcome(step, None) if step >= schedule["total_rounds"] else _StageEnd(step, state)


def _judged(judge: Judge, step: int, makers: Makers, logs: "_Logs") -> Mapping[str, float] | None:
    """Measures a state, prints and writes the values; returns None if it cannot be measured."""
    try:
        values = judge(step, makers)
    except ConfigError as error:  # Samples that cannot be measured do not stop training.
        logs.console.say(f"round {step:,}  not measured: {error}")
        return None
    logs.board.scalars(step, {f"evaluation/{name}": value for name, value in values.items()})
    logs.console.say(f"round {step:,}  "
                     + "  ".join(f"{name} {value:.4g}" for name, value in values.items()))
    return values


class _Logs:
    """Everything that a run logs: metrics.jsonl, alarms.jsonl, TensorBoard and the terminal."""

    def __init__(self, stage: Stage, dataset: Dataset, config: Mapping[str, Any],
                 run: RunDirectory, step: int, retries: int):
        game = stage.game
        self._game, self._stage, self._counts = game, stage, {}
        with contextlib.ExitStack() as stack:
            self._file = stack.enter_context(
                contextlib.closing(MetricsFile(run.metrics_file, step)))
            self.board = stack.enter_context(contextlib.closing(TensorBoard(run.tensorboard, step)))
            self.console = stack.enter_context(contextlib.closing(
                Console(config["train"]["total_rounds"], step, game.images_per_round)))
            if not step:
                self.board.config(dict(flat(config)))
            self._open = stack.pop_all()
        self.alarms = Alarms(config["alarms"], dataset, AlarmsFile(run.alarms_file, step, retries),
                             self.console.say, game.settled_reduction or game.reduction)

    def log(self, step: int, metrics: Mapping[str, jax.Array], state: GameState,
            spectra: Mapping[str, float]) -> None:
        """Writes the metrics of the round that ended as number `step`, and singular values."""
        # Lazy updates have metrics held from when they were last played, unless the game was built
        # without a hold.
        told = {update.name for update in self._game.round
                if (step - 1) % update.every == 0 or HELD in state.memory}
        numbers = {name: float(value) for name, value in sorted(jax.device_get(metrics).items())
                   if name.split("/")[0] in told}
        # What guards kept out, said where it is more than before.
        counts = counts_of(state)
        for words in news_of(step, counts, self._counts):
            self.console.say(words)
        self._counts = counts
        numbers |= {**counts, **spectra}
        kimg = self._game.kimg(step)
        self._file.write(step, kimg, numbers)
        # A rate says little without how busy the machine was, with this run and with all others.
        load = load_per_core()
        losses = {name: value for name, value in numbers.items() if name.endswith("/loss")}
        rate = self.console.log(step, kimg, losses, load, self._stage_words(numbers))
        speed = {"speed/images_per_second": rate, **({} if load is None else {"speed/load": load})}
        self.board.scalars(step, {**numbers, **speed, "progress/kimg": kimg})
        self.alarms.see_metrics(step, numbers)

    def _stage_words(self, numbers: Mapping[str, float]) -> str:
        """Returns the stage's name, with the share of a level that fades in, if it logs one."""
        shares = [value for name, value in numbers.items() if name.endswith("/fade") and value < 1]
        return f"{self._stage.name} {shares[0]:.0%}" if shares else self._stage.name

    def close(self) -> None:
        """Closes all of them."""
        self._open.close()


class _Sampling:
    """Draws pictures of the same latents and labels, or of the same translations, over training."""

    def __init__(self, game: Game, programs: Programs, dataset: Dataset, config: Mapping[str, Any],
                 draw: Draw, logs: _Logs):
        self._game, self._programs, self._draw, self._logs = game, programs, draw, logs
        self._show = make_examples(game, programs, dataset, config)

    def makers(self, state: GameState) -> Makers:
        """Returns what the game makes, by the averages of networks that have one."""
        return makers_of(self._game, self._programs, functools.partial(weights_of, state))

    def __call__(self, step: int, state: GameState) -> None:
        """Draws the picture after `step` rounds."""
        if self._show is None:
            return
        shown = self._show(state)
        self._logs.board.picture(step, "samples", self._draw(step, shown.picture))
        diversity = self._logs.alarms.see_samples(step, shown.images)
        if diversity is not None:
            self._logs.board.scalars(step, {"samples/diversity": diversity})
