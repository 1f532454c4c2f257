"""What is kept of runs: checkpoints, weights, the run's directory, exported samplers, locks."""

from ganlab.storage.checkpoint_folders import (
    choose_step,
    rounds_saved,
    step_folders,
    stored_metrics,
)
from ganlab.storage.checkpoints import Best, Checkpoints
from ganlab.storage.checksums import damage, has_checksums
from ganlab.storage.init_from import check_init, initialise
from ganlab.storage.lock import FILE as LOCK
from ganlab.storage.lock import locked
from ganlab.storage.run_directory import (
    RunDirectory,
    command_text,
    config_of,
    plain,
    versions,
)
from ganlab.storage.sampler_file import (
    SamplerRecord,
    check_sampler_export,
    export_sampler,
    sample_keys,
    sampler_arrays,
    sampler_weights,
    write_sampler,
)
from ganlab.storage.sampler_records import outside_names, read_sampler
from ganlab.storage.stored_weights import StoredWeights, file_weights, run_weights
from ganlab.storage.writing import writing

__all__ = [
    "Best", "Checkpoints", "LOCK", "RunDirectory", "SamplerRecord", "StoredWeights",
    "check_init", "check_sampler_export", "choose_step", "command_text", "config_of", "damage",
    "export_sampler", "file_weights", "has_checksums", "initialise", "locked", "outside_names",
    "plain", "read_sampler", "rounds_saved", "run_weights", "sample_keys", "sampler_arrays",
    "sampler_weights", "step_folders", "stored_metrics", "versions", "write_sampler", "writing"]
