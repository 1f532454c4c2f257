"""Settings of metrics: those that a user may choose, what they may be, and those in force."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from ganlab.config import ConfigError, unknown
from ganlab.evaluation.measures import Compared, Measure, Settings

FORM = "it takes METRIC.SETTING=VALUE, joined by commas, as in ppl_wend.paths=100000"

Allowed = tuple[Callable[[Any], bool], str]
COUNT: Allowed = (lambda value: isinstance(value, int) and value >= 1,
                  "a whole number of at least 1")
ABOVE_ZERO: Allowed = (lambda value: not isinstance(value, str) and 0 < value < math.inf,
                       "a number above 0")
SHARE: Allowed = (lambda value: not isinstance(value, str) and 0 < value <= 1,
                  "a number above 0, of at most 1")

CHOICES: dict[str, Allowed] = {
    "points": COUNT, "subsets": COUNT, "subset_size": COUNT, "splits": COUNT, "neighbours": COUNT,
    "projections": COUNT, "pairs": COUNT, "paths": COUNT, "patches": COUNT, "directions": COUNT,
    "samples": COUNT, "per_transform": COUNT, "translate_max": SHARE, "rotate_max": SHARE,
    "ratio": ABOVE_ZERO, "epsilon": ABOVE_ZERO,
    "crop": (lambda value: value in ("none", "faces"), "one of none, faces")}
"""Settings that may be chosen, and the values that each may have. All others say how a metric is
computed."""


def parse_settings(text: str) -> dict[str, dict[str, Any]]:
    """Reads `METRIC.SETTING=VALUE,...`: by metric and setting, numbers or words.

    Raises:
      ConfigError: for what is written otherwise, and a setting that is given twice.
    """
    found: dict[str, dict[str, Any]] = {}
    for part in filter(None, text.split(",")):
        path, equals, value = part.partition("=")
        metric, dot, setting = path.partition(".")
        if not (equals and dot and metric and setting and value):
            raise ConfigError(f"--settings={text}: {part!r} is not a setting; {FORM}")
        if setting in found.get(metric, {}):
            raise ConfigError(f"--settings={text} sets {path} twice; set it once")
        found.setdefault(metric, {})[setting] = _typed(value)
    return found


def _typed(value: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def with_settings(measures: Mapping[str, Measure], metrics: list[str],
                  given: Mapping[str, Mapping[str, Any]]) -> dict[str, Measure]:
    """Returns measures with settings in place of their own; protocols hold what was set.

    Args:
      measures: metrics by name.
      metrics: those that are measured.
      given: what `parse_settings` returns.

    Raises:
      ConfigError: for a metric that is not measured, a setting that it does not have, and a value
        that is not allowed.
    """
    found = dict(measures)
    for metric, settings in given.items():
        if metric not in metrics:
            raise ConfigError(f"--settings={metric}... is of a metric that is not measured; name "
                              "it in --metrics, or leave the setting out")
        if metric not in measures:  # `check_request` says which there are.
            continue
        # Only numbers that the estimator takes: others say how it computes.
        known = {name for name in measures[metric].settings if name in CHOICES}
        for name, value in settings.items():
            if name not in known:
                raise unknown(f"--settings: setting of {metric}", name, known)
            allowed, words = CHOICES[name]
            if not allowed(value):
                raise ConfigError(f"--settings={metric}.{name}={value}: {name} must be {words}")
        measure = measures[metric]
        found[metric] = dataclasses.replace(measure, settings={**measure.settings, **settings})
    return found


def settings_for(measure: Measure, compared: Compared) -> Settings:
    """Returns a metric's settings for two sets; subsets are at most half of the smaller set."""
    if "subset_size" not in measure.settings:
        return measure.settings
    half = min(compared.real.number, compared.fake.number) // 2
    return {**measure.settings, "subset_size": min(measure.settings["subset_size"], half)}
