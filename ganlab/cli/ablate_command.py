"""ganlab ablate --ablation=FILE --workdir=DIR [--dry_run] [--launcher=here|local|slurm]

Trains every variant of an ablation from every seed. Trials that differ in numbers and seeds
alone are stacked: they train side by side as one program, as many as fit the memory, spread
over all devices (on CPU, over its cores). The same command again trains what is missing, to
the same numbers.

Examples:
  ganlab ablate --ablation=experiments/ablations/penalties.py --workdir=runs/penalties --dry_run
  ganlab ablate --ablation=experiments/ablations/penalties.py --workdir=runs/penalties
  ganlab ablate --workdir=runs/penalties                      # resumes
  ganlab ablate --ablation=FILE --workdir=DIR --launcher=slurm --slurm=partition=gpu,gpus_per_node=1,time=240
  ganlab report runs/penalties                                # also while it trains

--dry_run prints the plan: the variants, how they fall into groups, stacks and their memory, and the
time that a short calibration leads to expect; it writes nothing. A trial that diverges is marked,
kept from its last finite state and counted; the others of its stack continue. A stack whose program
fails is tried again in a process of its own, and left out if it fails there too.

Stacks are sized where they are trained: with --launcher=slurm a first job does it, with the options
of the others, because only its node has the devices whose memory the stacks have to fit.

The directory gets plan.json, what each stack found (stacks/), and the report: report.html,
results.csv, results.parquet, results.tex.
"""

import contextlib
import math
import sys
from collections.abc import Iterator, Sequence

import jax
import rich.console
import rich.progress
from absl import flags
from rich.table import Table
from rich.text import Text

from ganlab.ablation import (
    LAUNCHERS,
    AblationDirectory,
    Plan,
    Program,
    Stack,
    call_seconds,
    check_launcher,
    chosen,
    cut,
    fit_programs,
    group_trials,
    load_ablation,
    make_plan,
    read_study,
    size_by_job,
    submit,
    train_here,
    train_one,
)
from ganlab.cli.report_command import write_report
from ganlab.config import ConfigError
from ganlab.engine import Interruption
from ganlab.evaluation import level_text
from ganlab.machine.backend import set_up_process, split_cpu
from ganlab.output import agreeing, counted, span
from ganlab.report.results import wide_console
from ganlab.report.study_analysis import Analysis
from ganlab.report.study_findings import cautions, findings
from ganlab.report.study_page import ablation_page
from ganlab.storage import locked

EXIT_SIGNAL = 128
EXIT_FAILED = 1
MOST_LEVELS = 60  # Characters of a group's levels in the table.


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    del argv
    flags.DEFINE_string("ablation", None, "the ablation's file, with its choices if it has some: "
                        "FILE:data=ring8; not needed to resume", flag_values=values)
    flags.DEFINE_string("workdir", None, "the ablation's directory, new or to resume",
                        flag_values=values, required=True)
    flags.DEFINE_bool("dry_run", False, "prints the plan and writes nothing", flag_values=values)
    flags.DEFINE_enum("launcher", "here", LAUNCHERS, "where stacks are trained: one after another "
                      "in this process, or as jobs in processes of this machine or of SLURM",
                      flag_values=values)
    flags.DEFINE_integer("workers", 1, "jobs at a time, of a launcher", flag_values=values,
                         lower_bound=1)
    flags.DEFINE_list("slurm", [], "options of sbatch as name=value, joined by comma",
                      flag_values=values)
    flags.DEFINE_integer("trials_per_stack", 0, "trials of a stack at most; 0 for as "
                         "many as fit and pay", flag_values=values, lower_bound=0)
    flags.DEFINE_integer("stack", None, "trains this stack alone, of a plan that is "
                         "written: what jobs call", flag_values=values)
    flags.DEFINE_bool("size_stacks", False, "cuts the trials of a plan that is written into stacks "
                      "that fit this machine: what the first job of SLURM calls",
                      flag_values=values)


def run(values: flags.FlagValues) -> int:
    """Plans, prints the plan, and trains; checks everything before anything runs."""
    set_up_process()
    split_cpu()
    directory, console = AblationDirectory(values.workdir), wide_console()
    # A job does its own part of a plan that is written, and nothing else.
    if values.stack is not None:
        return _train_one(directory, values.stack)
    if values.size_stacks:
        return _size_stacks(directory, values.trials_per_stack, console)
    # Everything that is wrong is said before anything is compiled or written.
    slurm = options(values.slurm)
    if not values.dry_run:
        check_launcher(values.launcher)
    plan = read_plan(values, directory)
    begun = directory.check(plan)
    # Stacks that were cut stay as they are; else they are sized here, unless other machines
    # train them.
    stacks, programs = [], {}
    if begun and directory.is_cut:
        stacks = directory.read_stacks()
    elif values.launcher != "slurm":
        beside = values.workers if values.launcher == "local" else 1
        stacks, programs = plan_stacks(plan, values.trials_per_stack, console, beside)
    if not begun or values.dry_run:
        print_plan(plan, stacks, programs, console, timed=values.dry_run)
    if values.dry_run:
        return 0
    with locked(directory.path):
        if not begun:
            directory.write_plan(plan, stacks or None, sys.argv)
        elif not directory.is_cut and stacks:
            directory.write_stacks(stacks)
        if not stacks:
            size_by_job(directory, values.launcher, values.trials_per_stack, slurm, console.print)
        _say_done(directory, console)
        # Trains what is left, by jobs or in this process.
        if values.launcher != "here":
            submit(directory, values.launcher, values.workers, slurm, console.print)
        else:
            with stack_bars(console) as track, Interruption() as interruption:
                done = train_here(directory, programs, interruption, track, console.print)
            if not done:
                console.print(f"stopped by {interruption.signal.name}, saved; the "
                              "same command resumes")
                return EXIT_SIGNAL + interruption.signal
    failed = _say_done(directory, console)
    print_report(directory, console)
    return EXIT_FAILED if failed else 0


def print_report(directory: AblationDirectory, console: rich.console.Console) -> None:
    """Prints the findings and the cautions, and writes the report."""
    study = read_study(directory.path)
    analysis = Analysis(study)
    console.print()
    for head, text in findings(analysis):
        console.print(f"{head} {text}\n")
    for text in cautions(analysis):
        console.print(f"Beware: {text}\n")
    for path in write_report(directory.path, study, ablation_page(study)):
        console.print(path)


def _say_done(directory: AblationDirectory, console: rich.console.Console) -> int:
    """Prints how many stacks are done; returns how many are not."""
    number, left = len(directory.read_stacks()), len(directory.unfinished())
    console.print(f"{number - left} of {counted(number, 'stack is', 'stacks are')} done")
    return left


def read_plan(values: flags.FlagValues, directory: AblationDirectory) -> Plan:
    """Returns the plan of the ablation's file or, without one, that of the directory."""
    if values.ablation is None:
        return directory.read_plan()
    return make_plan(load_ablation(values.ablation), trained_here=values.launcher != "slurm")


def plan_stacks(plan: Plan, limit: int, console: rich.console.Console,
                beside: int = 1) -> tuple[list[Stack], dict[int, Program]]:
    """Returns the stacks of all groups, of which `beside` at once fit this machine, and the
    compiled program of each group."""
    stacks = []
    with console.status("compiling"):
        programs = fit_programs(plan, limit, beside)
    for group, program in programs.items():
        stacks += cut(group_trials(plan, group), group, program.size, len(stacks))
    return stacks, programs


def print_plan(plan: Plan, stacks: Sequence[Stack], programs: dict[int, Program],
               console: rich.console.Console, timed: bool) -> None:
    """Prints the question, the axes, and a row for each group; with `timed`, after a few calls of
    each program.

    Columns on stacks are left out where a job has still to cut them.
    """
    # What is asked, and how much is trained for it.
    console.print(Text(plan.title, style="bold"), plan.question, "", sep="\n")
    for axis, levels in plan.axes.items():
        shown = [level_text(level) for level in levels]
        middle = shown if len(shown) <= 12 else [*shown[:5], "...", *shown[-5:]]
        console.print(f"{axis}: {', '.join(middle)}")
    seeds = f"{agreeing(len(plan.seeds), 'seed', 'seeds')} {span(plan.seeds[0], plan.seeds[-1])}"
    console.print(f"{plan.design}; {seeds}: {counted(plan.trials, 'trial')} of {plan.kimg:,g} kimg "
                  f"each, measured {counted(plan.evaluations, 'time')} by {plan.metrics}\n")
    # A row for each group: trials that one program can train.
    table = Table(box=None, pad_edge=False)
    # What programs take is known only of those that were compiled here.
    timed = timed and bool(programs)
    headings = ("group", "levels", "variants", "trials",
                *(["stacks", "memory each"] if stacks else []), *(["expected"] if timed else []))
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "levels" else "right", no_wrap=True)
    # The time is measured by a few calls, because no one can tell it from a config.
    total = 0.0
    for number, variants in enumerate(plan.groups):
        own = [stack for stack in stacks if stack.group == number]
        program = programs.get(number)
        row = [str(number), group_words(plan, number), str(len(variants)),
               str(len(variants) * len(plan.seeds))]
        if own:
            row += [f"{len(own)} x {max(len(stack.trials) for stack in own)}",
                    f"{program.memory / 2**20:,.0f} MiB" if program else ""]
        if timed:
            config = program.variant.config
            calls = config.train.total_rounds / config.train.rounds_per_call
            seconds = (program.seconds or call_seconds(program, plan)) * calls * len(own)
            total += seconds
            row.append(duration(seconds))
        table.add_row(*row)
    console.print(table)
    if not stacks:
        console.print("\na first job cuts the trials into stacks, on the kind of node "
                      "that trains them")
    if timed:
        console.print(f"\nabout {duration(total)} of training on {jax.device_count()} x "
                      f"{jax.devices()[0].device_kind}, besides compilation and evaluation")
    console.print()


def group_words(plan: Plan, group: int) -> str:
    """Returns the levels in which a group's variants agree while the plan's do not; `base` if it
    is the only variant."""
    variants = plan.groups[group]
    shared = []
    for axis, levels in plan.axes.items():
        own = {variant.levels[axis] for variant in variants}
        shared.append(f"{axis} {level_text(next(iter(own)))}" if len(own) == 1 < len(levels) else
                      f"{len(own)} of {axis}" if len(levels) > 1 else "")
    text = ", ".join(filter(None, shared)) or "base"
    return text if len(text) <= MOST_LEVELS else text[:MOST_LEVELS - 3] + "..."


def duration(seconds: float) -> str:
    """Returns seconds as hours and minutes."""
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


@contextlib.contextmanager
def stack_bars(console: rich.console.Console) -> Iterator[object]:
    """Shows a bar for each stack on a terminal, and prints a line for each elsewhere."""
    columns = ("{task.description}", rich.progress.BarColumn(), rich.progress.MofNCompleteColumn(),
               rich.progress.TimeRemainingColumn())
    with rich.progress.Progress(*columns, console=console,
                                disable=not console.is_terminal) as progress:
        def track(plan: Plan, stack: Stack) -> object:
            words = (f"stack {stack.number}: {group_words(plan, stack.group)}, "
                     f"{counted(len(stack.trials), 'trial')}")
            if not console.is_terminal:
                console.print(words)
            rounds = plan.groups[stack.group][0].config.train.total_rounds
            task = progress.add_task(words, total=rounds)
            return lambda number: progress.advance(task, number)

        yield track


def options(words: Sequence[str]) -> dict[str, object]:
    """Returns the options of sbatch by name.

    Raises:
      ConfigError: for a word that is not name=value.
    """
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"--slurm: {word!r} is not name=value; write it as in "
                              "--slurm=partition=gpu,time=240")
        found[name] = int(value) if value.isdigit() else value
    return found


def _size_stacks(directory: AblationDirectory, limit: int, console: rich.console.Console) -> int:
    """Cuts the trials of a plan into stacks that fit this machine, for a job."""
    if not directory.is_cut:  # A job that was queued again may have done it.
        stacks, _ = plan_stacks(directory.read_plan(), limit, console)
        directory.note_machine()
        directory.write_stacks(stacks)
    return 0


def _train_one(directory: AblationDirectory, number: int) -> int:
    """Trains one stack, for a job."""
    plan, stack = directory.read_plan(), chosen(directory.read_stacks(), number)
    with Interruption() as interruption:
        done = train_one(directory, plan, stack, None, interruption)
    return 0 if done else EXIT_SIGNAL + interruption.signal
