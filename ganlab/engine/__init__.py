"""The shell around the pure round: compile, checkpoint, log, and the one host loop."""

from ganlab.engine.ahead import compiled_ahead
from ganlab.engine.backend import devices_text, processor, set_up_process, split_cpu
from ganlab.engine.checkpoint_folders import choose_step, rounds_saved, step_folders, stored_metrics
from ganlab.engine.checkpoints import Best, Checkpoints
from ganlab.engine.checksums import damage, has_checksums
from ganlab.engine.divergence import Collapsed, Diverged, Stopped, fault_of
from ganlab.engine.examples import makers_of, weights_of
from ganlab.engine.feed import DeviceFeed, HostFeed, data_shapes, device_memory, make_feed, placed_data, stays_on_device
from ganlab.engine.init_from import check_init, initialise
from ganlab.engine.interruption import Interruption
from ganlab.engine.lock import FILE as LOCK
from ganlab.engine.lock import locked
from ganlab.engine.logs import read_metrics
from ganlab.engine.loop import Judge, Outcome, train
from ganlab.engine.program import DATA_AXIS, ENGINES, Programs, check_shares, make_mesh, make_programs, replicated
from ganlab.engine.run_directory import RunDirectory, command_text, config_of, plain, versions
from ganlab.engine.sampler_file import (
    SamplerRecord,
    check_sampler_export,
    export_sampler,
    sample_keys,
    sampler_arrays,
    sampler_weights,
    write_sampler,
)
from ganlab.engine.sampler_records import outside_names, read_sampler
from ganlab.engine.stored_weights import StoredWeights, file_weights, run_weights
from ganlab.engine.trials import TrialPrograms, make_trial_mesh, make_trial_programs
from ganlab.engine.writing import writing

__all__ = ["Best", "Checkpoints", "Collapsed", "DATA_AXIS", "DeviceFeed", "Diverged", "ENGINES", "HostFeed",
           "Interruption", "Judge", "LOCK", "Outcome", "Programs", "RunDirectory", "SamplerRecord", "Stopped",
           "StoredWeights", "TrialPrograms", "check_init", "check_sampler_export", "check_shares", "choose_step",
           "command_text", "compiled_ahead", "config_of", "damage", "data_shapes", "device_memory", "devices_text",
           "export_sampler", "fault_of", "file_weights", "has_checksums", "initialise", "locked", "make_feed",
           "make_mesh", "make_programs", "make_trial_mesh", "make_trial_programs", "makers_of", "outside_names",
           "placed_data", "plain", "processor", "read_metrics", "read_sampler", "replicated", "rounds_saved",
           "run_weights", "sample_keys", "sampler_arrays", "sampler_weights", "set_up_process", "split_cpu",
           "stays_on_device", "step_folders", "stored_metrics", "train", "versions", "weights_of", "write_sampler",
           "writing"]
