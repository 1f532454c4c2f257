"""The shell around the pure round: compile, checkpoint, log, and the one host loop."""

from ganlab.engine.backend import set_up_process
from ganlab.engine.checkpoints import Best, Checkpoints, choose_step, rounds_saved
from ganlab.engine.divergence import Collapsed, Diverged, Stopped
from ganlab.engine.feed import data_shapes, make_feed, stays_on_device
from ganlab.engine.lock import locked
from ganlab.engine.logs import read_metrics
from ganlab.engine.loop import Judge, Outcome, train
from ganlab.engine.program import Programs, make_mesh, make_programs, replicated
from ganlab.engine.run_directory import RunDirectory, plain
from ganlab.engine.trials import TrialPrograms, make_trial_mesh, make_trial_programs
from ganlab.engine.writing import writing

__all__ = ["Best", "Checkpoints", "Collapsed", "Diverged", "Judge", "Outcome", "Programs", "RunDirectory", "Stopped",
           "TrialPrograms", "choose_step", "data_shapes", "locked", "make_feed", "make_mesh", "make_programs",
           "make_trial_mesh", "make_trial_programs", "plain", "read_metrics", "replicated", "rounds_saved",
           "set_up_process", "stays_on_device", "train", "writing"]
