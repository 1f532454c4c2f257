"""Signs of collapse in what a run logs: warnings on the terminal and in alarms.jsonl."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ganlab.data import Dataset, reduced, reduced_images, to_float
from ganlab.engine.logs import AlarmsFile
from ganlab.metrics.diversity import mean_distance

REAL, FAKE = (("critic/real_logits", "critic_real/logits"),
              ("critic/fake_logits", "critic_fake/logits"))


class Alarms:
    """Compares what is logged and drawn with the thresholds of a config; 0 turns an alarm off.

    Samples and real images are compared at one of `reduction` of their side, by means of pixels: at
    the size of a level, where a training grows.
    """

    def __init__(self, thresholds: Mapping[str, Any], dataset: Dataset, file: AlarmsFile,
                 say: Callable[[str], None], reduction: int = 1):
        self._thresholds, self._file, self._say = thresholds, file, say
        self._dataset, self._reduction = reduced(dataset, reduction), reduction
        self._real_distance: dict[int, float] = {}
        self.raised: str | None = None
        """The words of the newest alarm, if there was one."""

    def see_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Raises the alarm if the critic separates real from fake images too easily."""
        threshold = self._thresholds["logit_gap"]
        real, fake = (next((metrics[name] for name in names if name in metrics), math.nan)
                      for names in (REAL, FAKE))
        if threshold and real - fake >= threshold:
            self._raise(step, "critic saturated", real - fake, threshold,
                        "the critic's logits of real and fake images differ by "
                        f"{real - fake:.3g} on average")

    def see_samples(self, step: int, samples: np.ndarray) -> float | None:
        """Raises the alarm if samples [n, ...] are too similar; returns their diversity.

        None if diversity is not watched, or there is nothing to compare.
        """
        threshold = self._thresholds["sample_diversity"]
        if not threshold or not step or len(samples) < 2:
            return None
        if self._reduction > 1:
            samples = reduced_images(samples, self._reduction)
        diversity = mean_distance(samples) / self._distance_of_real(len(samples))
        if not diversity >= threshold:
            self._raise(step, "samples collapsed", diversity, threshold,
                        f"samples are {diversity:.3g} times as far apart as real images")
        return diversity

    def _distance_of_real(self, number: int) -> float:
        if number not in self._real_distance:
            number = max(2, min(number, len(self._dataset)))
            # Spread over the set, whose classes may come one after the other.
            real = self._dataset.images[np.arange(number) * len(self._dataset) // number]
            self._real_distance[number] = max(
                mean_distance(np.asarray(to_float(np.asarray(real)))), 1e-12)
        return self._real_distance[number]

    def _raise(self, step: int, alarm: str, value: float, threshold: float, words: str) -> None:
        self.raised = f"round {step:,}: {alarm}: {words}, and the alarm is set to {threshold:g}"
        self._file.write(step, alarm, value=value, threshold=threshold)
        self._say(f"alarm: {self.raised}")
