"""Stacks: trials of one group that train as one program, and how many fit and pay."""

import dataclasses
import functools
import math
import time
from collections.abc import Hashable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.ablation.plan import Plan, PlannedVariant, check_stays
from ganlab.ablation.staged_rounds import (
    StageData,
    StagedRounds,
    played_stages,
    rounds_in_stage,
)
from ganlab.data import Dataset, Jitter
from ganlab.engine import TrialPrograms, device_memory, make_trial_mesh, make_trial_programs
from ganlab.game import Game, GameState, stages_of
from ganlab.systems import build

# The rest is for samples, their features, and what the compiler cannot foresee.
MEMORY_SHARE = 0.7
MOST_TRIES = 4
# On CPU, where stacks of 4 to 16 trials on two cores took 7 to 10% less time a trial than stacks of
# 64: a stack gains there by the cores alone, and what a small one touches is likelier to stay in
# their caches.
TRIALS_PER_CPU_DEVICE = 8
CONVOLUTION_AXES = 4
# A smaller stack has to be clearly faster a trial, for it is more stacks to compile and to
# wait for.
WORTH_CUTTING = 0.8


@dataclasses.dataclass(frozen=True)
class Stack:
    """Trials that train side by side: `(variant's number in the plan, seed)`, all of one group."""

    number: int
    group: int
    trials: Sequence[tuple[int, int]]


@dataclasses.dataclass(frozen=True)
class Program:
    """The compiled rounds of a stack of a group.

    Attributes:
      game: of all its trials.
      dataset: its data.
      variant: a variant of the group.
      size: trials in the stack, those that only fill it up among them.
      programs: initial states and sampling.
      play: the compiled rounds, of every stage that is played where a game has several.
      data: all data, on every device at the size of a stage's images, from its first call on.
      memory: bytes of the whole stack at their most, as the compiler counts them: those of the
        stage that takes most.
      seconds: of a call, where it was timed against another stack, in all its stages; else None.
      small_pays: whether small stacks were clearly faster a trial; None where none was timed.
    """

    game: Game
    dataset: Dataset
    variant: PlannedVariant
    size: int
    programs: TrialPrograms
    play: StagedRounds
    data: StageData
    memory: int
    seconds: float | None = None
    small_pays: bool | None = None

    def start(self, plan: Plan, stack: Stack) -> GameState:
        """Returns the states of a stack before its first round; its last trial fills it up to the
        program's size."""
        trials = [*stack.trials, *[stack.trials[-1]] * (self.size - len(stack.trials))]
        # Those that a system keeps for itself are not in the config.
        numbers = [{**self.game.hyper, **plan.variants[number].config.hyper}
                   for number, _ in trials]
        hyper = {name: jnp.array([float(each[name]) for each in numbers])
                 for name in self.game.hyper}
        return self.programs.init(jnp.array([seed for _, seed in trials]), hyper)

    def shapes(self) -> GameState:
        """Returns the shapes of a stack's states."""
        return jax.eval_shape(self.programs.init, jnp.zeros(self.size, int),
                              {name: jnp.zeros(self.size) for name in self.game.hyper})

    def with_stage(self, number: int) -> "Program":
        """Returns the program with one more stage (from 0), which is compiled."""
        config = self.variant.config
        play = self.play.with_stage(
            number, make_trial_mesh(self.size), self.shapes(), self.data,
            config.train.rounds_per_call, Jitter.of(config.data))
        return dataclasses.replace(self, play=play, memory=max(play.memory.values()), seconds=None)


def group_trials(plan: Plan, group: int) -> list[tuple[int, int]]:
    """Returns all trials of a group, a variant's seeds together."""
    return [(number, seed) for number, variant in enumerate(plan.variants) if variant.group == group
            for seed in plan.seeds]


def cut(trials: Sequence[tuple[int, int]], group: int, size: int, first: int) -> list[Stack]:
    """Cuts trials into as few stacks of at most `size` as possible, of nearly equal sizes, numbered
    from `first`."""
    count = math.ceil(len(trials) / size)
    ends = [round(len(trials) * number / count) for number in range(count + 1)]
    return [Stack(first + number, group, tuple(trials[ends[number]:ends[number + 1]]))
            for number in range(count)]


def largest_stack(trials: int, limit: int = 0) -> int:
    """Returns how many of a group's trials a stack has at most, where memory does not ask for less.

    They are as few as make stacks of nearly equal sizes, so that few places of a program are
    only filled up.

    Args:
      trials: of the group.
      limit: trials of a stack at most; 0 for all on accelerators, and `TRIALS_PER_CPU_DEVICE` for
        each device on CPU.
    """
    usual = TRIALS_PER_CPU_DEVICE * jax.device_count() if jax.default_backend() == "cpu" else trials
    return math.ceil(trials / math.ceil(trials / (limit or usual)))


def compile_program(plan: Plan, group: int, trials: int,
                    built: tuple[Game, Dataset] | None = None,
                    stages: Sequence[int] | None = None) -> Program:
    """Compiles the rounds of a stack of `trials` trials of a group, filled up so that the devices
    divide it.

    Args:
      plan: the plan.
      group: the group.
      trials: how many.
      built: the game and the data of the group, where they are at hand.
      stages: numbers (from 0) of the stages that are compiled; None for all that are played.
    """
    variant = plan.groups[group][0]
    game, dataset = built or build(variant.config)
    # Once more: what planned may be another machine.
    check_stays(dataset, variant.config, game)
    devices = min(jax.device_count(), trials)
    size = math.ceil(trials / devices) * devices
    mesh, train = make_trial_mesh(size), variant.config.train
    programs = make_trial_programs(game, mesh, train.rounds_per_call,
                                   Jitter.of(variant.config.data))
    program = Program(game, dataset, variant, size, programs, StagedRounds(game),
                      StageData(dataset, mesh), 0)
    for number in played_stages(game, train.total_rounds) if stages is None else stages:
        program = program.with_stage(number)
    return program


def fit_programs(plan: Plan, limit: int = 0, beside: int = 1) -> dict[int, Program]:
    """Returns the program of each group of a plan, as `fit_program` finds it.

    Groups whose networks have params of the same shapes, and whose batches are equal, are timed
    once: they may differ in data, losses and augmentation, which noise would otherwise cut now into
    large stacks and now into small ones.
    """
    programs: dict[int, Program] = {}
    timed: dict[Hashable, bool] = {}
    for group, variants in enumerate(plan.groups):
        built = build(variants[0].config)
        alike = _shapes(stages_of(built[0])[_played(variants[0], built[0])[-1]].game)
        programs[group] = fit_program(plan, group, limit, beside, timed.get(alike), built)
        if programs[group].small_pays is not None:
            timed[alike] = programs[group].small_pays
    return programs


def _played(variant: PlannedVariant, game: Game) -> Sequence[int]:
    """Returns the numbers of the stages of a variant's game that are played."""
    return played_stages(game, variant.config.train.total_rounds)


def _shapes(game: Game) -> Hashable:
    """Returns what groups that are timed once have in common: batch, and shapes of all params."""
    params = {name: network.shapes[0] for name, network in game.networks.items()}
    leaves, structure = jax.tree.flatten(params)
    return game.batch_size, structure, tuple((leaf.shape, leaf.dtype.name) for leaf in leaves)


def fit_program(plan: Plan, group: int, limit: int = 0, beside: int = 1,
                small_pays: bool | None = None,
                built: tuple[Game, Dataset] | None = None) -> Program:
    """Returns the program of a group's largest stack that fits the memory of the devices of this
    machine, and that is not slower per trial than a small one.

    Convolutions of many trials, each with a kernel of its own, are slow on CPU; there a stack of a
    trial for each device is timed against the large one. Of a game with stages the last one that
    is played, which is most often the largest, decides both; the others are then compiled once for
    the size that it finds, unless one of them takes more memory and asks for a smaller one.

    Args:
      plan: the plan.
      group: the group.
      limit: trials of a stack at most; 0 for the usual number (`largest_stack`).
      beside: stacks that train at once on these devices and share their memory.
      small_pays: whether small stacks are faster, where that is known; None to time them.
      built: as of `compile_program`.
    """
    built = built or build(plan.groups[group][0].config)
    *others, last = _played(plan.groups[group][0], built[0])
    compiled = functools.partial(compile_program, plan, group, built=built, stages=[last])
    trials, devices = len(group_trials(plan, group)), jax.device_count()
    size = largest_stack(trials, limit)
    if small_pays:
        size = min(size, devices)
    room = MEMORY_SHARE * device_memory(jax.local_devices()[0]) * jax.local_device_count() / beside
    # Only the compiler knows the memory of a stack, so a size is tried, and the next follows
    # from it.
    for _ in range(MOST_TRIES):
        program = compiled(size)
        if program.memory <= room or size <= devices:
            break
        size = largest_stack(trials, max(devices, int(size * room / program.memory)))
    # Where a large stack may be slower, both are timed.
    if (small_pays is None and jax.default_backend() == "cpu" and size > devices
            and _convolves(program)):
        small = compiled(devices)
        of_small, of_large = (call_seconds(each, plan) for each in (small, program))
        small_pays = of_small / small.size < WORTH_CUTTING * of_large / program.size
        size, program, seconds = ((devices, small, of_small) if small_pays else
                                  (size, program, of_large))
        program = dataclasses.replace(program, seconds=seconds, small_pays=small_pays)
    # The other stages, for the same size.
    for number in reversed(others):
        program = program.with_stage(number)
        if program.memory > room and size > devices:
            smaller = max(devices, int(size * room / program.memory))
            found = fit_program(plan, group, smaller, beside, bool(small_pays), built)
            return dataclasses.replace(found, small_pays=program.small_pays)
    return program


def call_seconds(program: Program, plan: Plan, calls: int = 2) -> float:
    """Returns the seconds of one call, of several stages the mean over the rounds of those that
    are compiled: in each the fastest of some, after one that does not count."""
    game, rounds = program.game, program.variant.config.train.total_rounds
    shares = {number: rounds_in_stage(game, number, rounds) for number in program.play.plays}
    return sum(_stage_seconds(program, plan, number, calls) * share
               for number, share in shares.items()) / sum(shares.values())


def _stage_seconds(program: Program, plan: Plan, number: int, calls: int) -> float:
    """Returns the seconds of one call in a stage, from where it begins."""
    group, per_call = program.variant.group, program.variant.config.train.rounds_per_call
    game = stages_of(program.game)[number].game
    data, begin = program.data.of(game), game.start.step
    states = program.start(plan, Stack(0, group, group_trials(plan, group)[:program.size]))
    states = states.replace(step=states.step + begin) if begin else states
    times = []
    for call in range(1 + calls):
        start = time.perf_counter()
        step = np.int32(begin + call * per_call)
        states, _ = jax.block_until_ready(program.play.plays[number](states, data, step))
        times.append(time.perf_counter() - start)
    return min(times[1:])


def _convolves(program: Program) -> bool:
    return any(leaf.ndim > CONVOLUTION_AXES for leaf in jax.tree.leaves(program.shapes().params))
