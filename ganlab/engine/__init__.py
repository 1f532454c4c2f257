"""What plays: programs, the one host loop, feeds, logs, alarms and stacks of trials."""

from ganlab.engine.background_compilation import compiled_ahead
from ganlab.engine.divergence import Collapsed, Diverged, Stopped, fault_of
from ganlab.engine.examples import makers_of, weights_of
from ganlab.engine.feed import (
    DeviceFeed,
    HostFeed,
    data_shapes,
    device_memory,
    make_feed,
    placed_data,
    stays_on_device,
)
from ganlab.engine.interruption import Interruption
from ganlab.engine.logs import read_metrics
from ganlab.engine.loop import Judge, Outcome, train
from ganlab.engine.program import (
    DATA_AXIS,
    ENGINES,
    Programs,
    check_shares,
    make_mesh,
    make_programs,
    replicated,
)
from ganlab.engine.stage_programs import check_stages
from ganlab.engine.trials import TrialPrograms, make_trial_mesh, make_trial_programs

__all__ = [
    "Collapsed", "DATA_AXIS", "DeviceFeed", "Diverged", "ENGINES", "HostFeed", "Interruption",
    "Judge", "Outcome", "Programs", "Stopped", "TrialPrograms", "check_shares", "check_stages",
    "compiled_ahead", "data_shapes", "device_memory", "fault_of", "make_feed", "make_mesh",
    "make_programs", "make_trial_mesh", "make_trial_programs", "makers_of", "placed_data",
    "read_metrics", "replicated", "stays_on_device", "train", "weights_of"]
