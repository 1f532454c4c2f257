"""Ablations: a plan of variants and seeds, trained in stacks, and read back as a study."""

from ganlab.ablation.declaration import (
    Ablation,
    Range,
    Search,
    experiment_config,
    load_ablation,
    numbers,
)
from ganlab.ablation.directory import AblationDirectory, read_study
from ganlab.ablation.launch import (
    LAUNCHERS,
    check_launcher,
    chosen,
    size_by_job,
    submit,
    train_here,
    train_one,
)
from ganlab.ablation.plan import Plan, make_plan
from ganlab.ablation.stacks import (
    Program,
    Stack,
    call_seconds,
    compile_program,
    cut,
    fit_program,
    fit_programs,
    group_trials,
    largest_stack,
)

__all__ = ["Ablation", "AblationDirectory", "LAUNCHERS", "Plan", "Program", "Range", "Search",
           "Stack",
           "call_seconds", "check_launcher", "chosen", "compile_program", "cut",
           "experiment_config", "fit_program", "fit_programs",
           "group_trials", "largest_stack", "load_ablation", "make_plan", "numbers", "read_study",
           "size_by_job", "submit", "train_here", "train_one"]
