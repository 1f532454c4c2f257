"""Configuration: every key with default, unit and meaning; validation; names to functions."""

from ganlab.config.binding import bind, choose
from ganlab.config.errors import ConfigError, did_you_mean, unknown
from ganlab.config.experiment import (
    all_keys,
    both_players,
    experiment,
    flat,
    format_choices,
    hyper_keys,
    joined_names,
    parse_choices,
    picture_data,
    ramps_of,
    set_key,
    split_choices,
    split_names,
)
from ganlab.config.growth import (
    PlannedStage,
    growth_keys,
    planned_stages,
    rounds_of,
    square_sizes,
)
from ganlab.config.keys import SAMPLING_OPTIONS, known_elsewhere
from ganlab.config.methods import METHODS, Method, method
from ganlab.config.shipped import find_file, shipped_folder
from ganlab.config.validation import complete, validate

__all__ = [
    "ConfigError", "METHODS", "Method", "PlannedStage", "SAMPLING_OPTIONS", "all_keys", "bind", "both_players",
    "choose", "complete", "did_you_mean", "experiment", "find_file", "flat", "format_choices",
    "growth_keys", "hyper_keys", "joined_names", "known_elsewhere", "method", "parse_choices",
    "picture_data", "planned_stages", "ramps_of", "rounds_of", "set_key", "shipped_folder",
    "split_choices", "split_names", "square_sizes", "unknown", "validate",
]
