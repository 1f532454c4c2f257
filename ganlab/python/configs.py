"""Configs of experiments, by the words of the command line."""

from typing import Any

import ml_collections

from ganlab.ablation import experiment_config
from ganlab.config import complete, set_key, validate


def read_config(experiment: str,
                changes: dict[str, Any] | None = None) -> ml_collections.ConfigDict:
    """Reads the config of an experiment with its choices, as after `--config=`.

    Args:
      experiment: the file and its choices, such as `experiments/digits.py:loss=hinge`; a shipped
        one is found wherever Python runs.
      changes: values of keys by their path, such as `{"train.total_rounds": 100}`.

    Raises:
      ConfigError: for a file, a choice or a key that does not exist, or a value that is not
        allowed.
    """
    # Values by their paths, each a key that the config has.
    config = experiment_config(experiment)
    for path, value in (changes or {}).items():
        set_key(config, path, value)
    complete(config)
    validate(config)
    return config
