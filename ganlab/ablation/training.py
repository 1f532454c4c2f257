"""Trains a stack: its rounds, the values of every trial on the way, and its way back
after an interruption."""

import collections
import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.ablation.directory import AblationDirectory, StackRecord, TrialEntry
from ganlab.ablation.plan import Plan, evaluation_rounds, images_shown
from ganlab.ablation.stacks import Program, Stack
from ganlab.data import to_uint8
from ganlab.engine import Interruption, fault_of, weights_of
from ganlab.evaluation import (
    DIVERGED,
    FINISHED,
    Cost,
    Judging,
    NotFinite,
    Value,
    make_judging,
)
from ganlab.game import (
    FAULT,
    Game,
    GameState,
    Makers,
    Making,
    Options,
    Sampler,
    Weights,
    image_keys,
    stage_after,
    stage_before,
    stages_of,
)
from ganlab.machine import load_per_core
from ganlab.storage import Checkpoints, sample_keys
from ganlab.types import Array

CALLS_AHEAD = 2  # Keeps a device busy, and lets an interruption be heard.
SAMPLES, SAMPLES_SEED = 64, 0


def train_stack(plan: Plan, stack: Stack, program: Program, directory: AblationDirectory,
                interruption: Interruption,
                advance: Callable[[int], None], say: Callable[[str], None]) -> bool:
    """Trains a stack from where it stopped, and writes what it finds; returns whether it came to
    its end.

    Args:
      plan: the plan.
      stack: its trials.
      program: the compiled rounds of its group.
      directory: of the ablation.
      interruption: asked at every call; then the states are saved.
      advance: called with how many more rounds are done.
      say: called with checkpoints that do not read.
    """
    variant = program.variant
    rounds, rounds_per_call = (variant.config.train.total_rounds,
                               variant.config.train.rounds_per_call)
    # When it is measured, and by what.
    points = set(evaluation_rounds(program.game, rounds, plan.evaluations, rounds_per_call))
    judging = make_judging(variant.config, program.game, program.dataset, plan.metrics,
                           plan.features, plan.weights, plan.number)
    with contextlib.closing(
            Checkpoints(directory.checkpoints(stack.number), keep=1)) as checkpoints:
        # From the newest states that were saved, with what was known by then.
        states = program.start(plan, stack)
        step, kept = checkpoints.restore_newest(_kept(states, stack), say) or (0, None)
        states = states if kept is None else _placed(kept, states)
        makings = functools.cache(lambda number: _makings(stages_of(program.game)[number].game))
        record = (directory.read_stack(stack.number, up_to=step)
                  or _empty(plan, stack, program, judging))
        advance(step)
        program.data.of(stage_after(program.game, step)[1].game)  # Before the time is taken.
        ahead: collections.deque[Array] = collections.deque()
        start = time.perf_counter()
        while step < rounds:
            # Calls run ahead of the host, but not so far that it hears nothing.
            states, finite = program.play(states, program.data, np.int32(step))
            ahead.append(finite)
            if len(ahead) > CALLS_AHEAD or jax.default_backend() == "cpu":
                jax.block_until_ready(ahead.popleft())
            step += rounds_per_call
            advance(rounds_per_call)
            if step not in points and interruption.signal is None:
                continue
            finite = np.asarray(finite)
            # Only here the host waits: it measures, or it saves because of a signal.
            record = record.later(step, time.perf_counter() - start, load_per_core())
            if step in points:
                # Makers are those of the stage in which the rounds before were played.
                number, stage = stage_after(program.game, step - 1)
                record = _measured(record, step, stage.game.kimg(step), program, states, finite,
                                   judging, makings(number))
            # Before the states: of a crash in between, what was measured after the older ones is
            # left out.
            directory.write_stack(record)
            if interruption.signal is not None and step < rounds:
                checkpoints.save(step, _kept(states, stack))
                return False
            # A stack in which no trial is left is done.
            if not finite[:len(stack.trials)].any():
                break
            if step < rounds:
                checkpoints.save(step, _kept(states, stack))
            start = time.perf_counter()
        directory.write_samples(stack.number,
                                _samples(plan, stack, program, states, step, np.asarray(finite)))
    directory.finish_stack(record.at_end(images_shown(program.game, step)))
    return True


def _kept(states: GameState, stack: Stack) -> GameState:
    """Returns the states of a stack's trials in the host's memory, as they are saved: whatever
    devices they were spread over, and without those that only filled up the stack."""
    own = jax.device_put(states, jax.local_devices(backend="cpu")[0])
    return jax.tree.map(lambda leaf: leaf[:len(stack.trials)], own)


def _placed(kept: GameState, like: GameState) -> GameState:
    """Returns saved states filled up to the size of others, and spread over the devices as these
    are."""
    def fill(leaf: Array, other: Array) -> Array:
        places = np.minimum(np.arange(len(other)), len(leaf) - 1)
        return jax.device_put(leaf[places], other.sharding)

    return jax.tree.map(fill, kept, like)


def _empty(plan: Plan, stack: Stack, program: Program, judging: Judging) -> StackRecord:
    """Returns the record of a stack that has not begun."""
    parameters = sum(
        leaf.size for network in program.game.networks.values()
        for leaf in jax.tree.leaves(network.shapes[0]))
    cost = Cost(0.0, 0.0, len(stack.trials), program.memory, parameters)
    trials = [TrialEntry(plan.variants[number].name, seed, FINISHED, [])
              for number, seed in stack.trials]
    values = [Value(name, better, "") for name, better in judging.values.items()]
    return StackRecord(stack.number, 0, False, cost, values, trials)


def _measured(record: StackRecord, step: int, kimg: float, program: Program, states: GameState,
              finite: np.ndarray, judging: Judging,
              makings: Mapping[str, Callable[..., Array]]) -> StackRecord:
    """Returns the record with the values of every trial that is still finite."""
    trials, values = [], record.values
    game = stage_before(program.game, step).game
    makers = (game.sampler,) if game.scorer is None else (game.sampler, game.scorer)
    weights = jax.device_get(weights_of(
        states, {name for maker in makers for name in maker.networks}))
    for place, trial in enumerate(record.trials):
        found = None
        if finite[place] and trial.status != DIVERGED:
            own = jax.device_put(jax.tree.map(lambda leaf, place=place: leaf[place], weights))
            # Samples that are not finite come before params that are not.
            with contextlib.suppress(NotFinite):
                found = judging(Makers(**{name: functools.partial(made, own)
                                          for name, made in makings.items()}))
        if found is None:
            trials.append(trial if trial.status == DIVERGED
                          else _diverged(trial, program, states, place))
            continue
        values = [Value(result.name, result.better, result.protocol.name, result.protocol.as_dict())
                  for result in found]
        numbers = {result.name: result.value for result in found}
        trials.append(dataclasses.replace(trial, curve=[*trial.curve, (step, kimg, numbers)]))
    return dataclasses.replace(record, trials=trials, values=values)


def _diverged(trial: TrialEntry, program: Program, states: GameState, place: int) -> TrialEntry:
    """Returns the entry of a trial that was found not to be finite, with the round and the array
    where its guard noted them."""
    own = states.replace(memory=jax.tree.map(lambda leaf: leaf[place],
                                             jax.device_get(states.memory)))
    # The stage of that round, which may be an earlier one, knows its updates.
    number = int(own.memory[FAULT]["round"]) if FAULT in own.memory else 0
    game = stage_before(program.game, number).game
    fault = fault_of(game, own)
    if fault is None:  # Its samples are not finite, or its game has no guard.
        return dataclasses.replace(trial, status=DIVERGED)
    rounds = fault.round - 1
    return dataclasses.replace(trial, status=DIVERGED, rounds=rounds, why=str(fault),
                               kimg=game.kimg(rounds))


def _makings(game: Game) -> dict[str, Callable[..., Array]]:
    """Returns what a game makes and how its critic scores, as programs by their names in
    `Makers`."""
    found = {name: _making(making, game.sampler) for name, making in game.sampler.makings.items()}
    found |= {"moved": found["sample"]} if game.sampler.transforms else {}
    found |= {"logits": game.scorer.logits} if game.scorer else {}
    return {name: jax.jit(making) for name, making in found.items()}


def _making(making: Making,
            sampler: Sampler) -> Callable[..., Array]:
    """One of a sampler's makings with options that do nothing but for a transform's, of weights that
    are prepared in the same program."""
    options = sampler.with_options({})

    def made(weights: Weights, inputs: Array, labels: Array, keys: Array | None,
             transform: Options = {}) -> Array:
        prepared = (sampler.prepare(weights, jax.random.key(0), options) if sampler.prepare
                    else weights)
        return making(prepared, inputs, labels, keys, {**options, **transform})

    return made


def _samples(plan: Plan, stack: Stack, program: Program, states: GameState, step: int,
             finite: np.ndarray) -> dict[str, Any]:
    """Returns by variant the samples of its first seed after `step` rounds, from latents that are
    the same for all, those of `ganlab sample`."""
    sampler = stage_before(program.game, step).game.sampler
    classes = program.dataset.num_classes
    conditional = program.variant.config.system.get("conditional")
    labels = np.arange(SAMPLES, dtype=np.int32) % (classes if conditional else 1)
    keys = sample_keys(SAMPLES_SEED, jnp.arange(SAMPLES))
    sample = jax.jit(_making(sampler.images, sampler))
    latents = sampler.latents(keys, sampler.with_options({}))
    weights = jax.device_get(weights_of(states, sampler.networks))
    found = {}
    for place, (number, seed) in enumerate(stack.trials):
        if seed == plan.seeds[0] and finite[place]:
            own = jax.tree.map(lambda leaf, place=place: leaf[place], weights)
            images = np.asarray(sample(own, latents, labels, image_keys(keys)))
            if np.all(np.isfinite(images)):
                found[plan.variants[number].name] = to_uint8(images) if images.ndim == 4 else images
    return found
