"""The shell around the pure round: compile, checkpoint, log, and the one host loop."""

from ganlab.engine.backend import set_up_process
from ganlab.engine.checkpoints import Best, Checkpoints, choose_step, rounds_saved
from ganlab.engine.feed import DeviceFeed, HostFeed, data_shapes, make_feed, stays_on_device
from ganlab.engine.logs import read_metrics
from ganlab.engine.loop import Diverged, Judge, Outcome, train
from ganlab.engine.program import DATA_AXIS, ENGINES, Programs, make_mesh, make_programs, replicated
from ganlab.engine.run_directory import RunDirectory, plain
from ganlab.engine.trials import TrialPrograms, make_trial_mesh, make_trial_programs

__all__ = ["Best", "Checkpoints", "DATA_AXIS", "DeviceFeed", "Diverged", "ENGINES", "HostFeed", "Judge", "Outcome",
           "Programs", "RunDirectory", "TrialPrograms", "choose_step",
           "data_shapes", "make_feed", "make_mesh", "make_programs", "make_trial_mesh", "make_trial_programs", "plain",
           "read_metrics", "replicated", "rounds_saved", "set_up_process", "stays_on_device", "train"]
