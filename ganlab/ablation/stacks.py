"""Stacks: trials of one group that train as one program, and how many fit and pay."""

import dataclasses
import math
import time
from collections.abc import Callable, Hashable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.ablation.plan import Plan, PlannedVariant, check_stays
from ganlab.data import Dataset, Jitter
from ganlab.engine import (
    TrialPrograms,
    device_memory,
    make_trial_mesh,
    make_trial_programs,
    placed_data,
)
from ganlab.game import Game, GameState
from ganlab.systems import build
from ganlab.types import Tree

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
      play: the compiled `programs.play`.
      data: all data, on every device.
      memory: bytes of the whole stack at their most, as the compiler counts them.
      seconds: of a call, where it was timed against another stack; else None.
      small_pays: whether small stacks were clearly faster a trial; None where none was timed.
    """

    game: Game
    dataset: Dataset
    variant: PlannedVariant
    size: int
    programs: TrialPrograms
    play: Callable[[GameState, Tree, jax.Array], tuple[GameState, jax.Array]]
    data: Tree
    memory: int
    seconds: float | None = None
    small_pays: bool | None = None

    def start(self, plan: Plan, stack: Stack) -> GameState:
        """Returns the states of a stack before its first round; its last trial fills it up to the
        program's size."""
        trials = [*stack.trials, *[stack.trials[-1]] * (self.size - len(stack.trials))]
        numbers = [plan.variants[number].config.hyper for number, _ in trials]
        hyper = {name: jnp.array([float(each[name]) for each in numbers])
                 for name in self.game.hyper}
        return self.programs.init(jnp.array([seed for _, seed in trials]), hyper)


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
                    built: tuple[Game, Dataset] | None = None) -> Program:
    """Compiles the rounds of a stack of `trials` trials of a group, filled up so that the devices
    divide it; `built` are the game and the data of the group, where they are at hand."""
    variant = plan.groups[group][0]
    game, dataset = built or build(variant.config)
    # Once more: what planned may be another machine.
    check_stays(dataset, variant.config)
    devices = min(jax.device_count(), trials)
    size = math.ceil(trials / devices) * devices
    mesh = make_trial_mesh(size)
    train = variant.config.train
    programs = make_trial_programs(game, mesh, train.rounds_per_call,
                                   Jitter.of(variant.config.data))
    data = placed_data(dataset, mesh)
    hyper = {name: jnp.zeros(size) for name in game.hyper}
    states = jax.eval_shape(programs.init, jnp.zeros(size, int), hyper)
    compiled = programs.play.lower(states, data, jnp.int32(0)).compile()
    analysis = compiled.memory_analysis()
    memory = (analysis.argument_size_in_bytes + analysis.temp_size_in_bytes
              + analysis.output_size_in_bytes - analysis.alias_size_in_bytes) * mesh.size
    return Program(game, dataset, variant, size, programs, compiled, data, memory)


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
        alike = _shapes(built[0])
        programs[group] = fit_program(plan, group, limit, beside, timed.get(alike), built)
        if programs[group].small_pays is not None:
            timed[alike] = programs[group].small_pays
    return programs


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
    trial for each device is timed against the large one.

    Args:
      plan: the plan.
      group: the group.
      limit: trials of a stack at most; 0 for the usual number (`largest_stack`).
      beside: stacks that train at once on these devices and share their memory.
      small_pays: whether small stacks are faster, where that is known; None to time them.
      built: as of `compile_program`.
    """
    trials = len(group_trials(plan, group))
    size = largest_stack(trials, limit)
    if small_pays:
        size = min(size, jax.device_count())
    room = MEMORY_SHARE * device_memory(jax.local_devices()[0]) * jax.local_device_count() / beside
    # Only the compiler knows the memory of a stack, so a size is tried, and the next follows
    # from it.
    for _ in range(MOST_TRIES):
        program = compile_program(plan, group, size, built)
        if program.memory <= room or size <= jax.device_count():
            break
        size = largest_stack(trials, max(jax.device_count(), int(size * room / program.memory)))
    # Where a large stack may be slower, both are timed.
    if (small_pays is None and jax.default_backend() == "cpu" and size > jax.device_count()
            and _convolves(program)):
        small = compile_program(plan, group, jax.device_count(), built)
        of_small, of_large = (call_seconds(each, plan) for each in (small, program))
        small_pays = of_small / small.size < WORTH_CUTTING * of_large / program.size
        chosen, seconds = (small, of_small) if small_pays else (program, of_large)
        return dataclasses.replace(chosen, seconds=seconds, small_pays=small_pays)
    return program


def call_seconds(program: Program, plan: Plan, calls: int = 2) -> float:
    """Returns the seconds of one call, the fastest of some after one that does not count."""
    group = program.variant.group
    states = program.start(plan, Stack(0, group, group_trials(plan, group)[:program.size]))
    times = []
    for call in range(1 + calls):
        start = time.perf_counter()
        step = np.int32(call * program.variant.config.train.rounds_per_call)
        states, _ = jax.block_until_ready(program.play(states, program.data, step))
        times.append(time.perf_counter() - start)
    return min(times[1:])


def _convolves(program: Program) -> bool:
    state = jax.eval_shape(program.programs.init, jnp.zeros(program.size, int),
                           {name: jnp.zeros(program.size) for name in program.game.hyper})
    return any(leaf.ndim > CONVOLUTION_AXES for leaf in jax.tree.leaves(state.params))
