"""How a number was measured: everything that would have changed it, as one hashed object."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ganlab.config import SAMPLING_OPTIONS, ConfigError, flat

HASH_DIGITS = 8
VERSION = 1
"""Raised whenever an estimator, or features of the same weights, give other numbers than before."""


IN_WORDS = {
    "swd_pyramid": "{patches:,} patches of {patch} of each image and level, {directions:,} "
                   "directions, each set normalized by channel, times {times:,}",
    "ms_ssim": "{pairs:,} random pairs, as many scales as fit, a product for each channel",
    "ms_ssim_five": "pairs of neighbours, {scales} scales, a product of means over channels",
    **dict.fromkeys(("eqt_int", "eqt_frac", "eqr"),
                    "{samples:,} samples, {per_transform} a transform"),
    **dict.fromkeys(("ppl_z", "ppl_zfull", "ppl_zend", "ppl_wfull", "ppl_wend"), "{paths:,} paths")}
"""What the name of a protocol says of a metric's settings, as formats of these."""


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Everything that determines a metric except the model, in JSON's types.

    Attributes:
      metric: name of the metric.
      settings: its numbers, such as neighbours and subsets.
      features: identity of the features.
      reference: the real images: what they are, how many, and a hash of their content.
      samples: how the measured images were drawn: how many, by which seeds, of which weights.
      numbers: the settings of JAX that change draws or precision; empty for results from before
        ganlab fixed them.
    """

    metric: str
    settings: Mapping[str, Any]
    features: Mapping[str, Any]
    reference: Mapping[str, Any]
    samples: Mapping[str, Any]
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Returns the protocol as nested dicts."""
        return dataclasses.asdict(self)

    @functools.cached_property
    def hash(self) -> str:
        """Eight hexadecimal digits that only equal protocols share, whatever images are called."""
        reference = {name: value for name, value in self.reference.items() if name != "images"}
        text = json.dumps([VERSION, dataclasses.replace(self, reference=reference).as_dict()],
                          sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]

    @property
    def name(self) -> str:
        """The protocol in a line, with its hash."""
        parts = [self.features.get("name", ""), _setting_words(self.metric, self.settings),
                 _reference_words(self.reference), _sample_words(self.samples)]
        return f"{self.metric}[{'; '.join(part for part in parts if part)}] #{self.hash}"


def _setting_words(metric: str, settings: Mapping[str, Any]) -> str:
    try:
        words = IN_WORDS.get(metric, "").format(**settings)
    except KeyError:  # Of an older protocol, which lacks a setting.
        return ""
    crop = settings.get("crop", "none")
    return words if crop == "none" else f"{words}, crop {crop}"


def _reference_words(reference: Mapping[str, Any]) -> str:
    return f"{reference['number']:,} of {reference['images']}" if reference else ""


def _sample_words(samples: Mapping[str, Any]) -> str:
    seeds = samples["seeds"]
    number = f"{samples['number']:,} " if "number" in samples else ""
    words = [f"{number}{samples['weights']}",
             f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"]
    changed = {name: samples[name] for name, key in SAMPLING_OPTIONS.items()
               if samples.get(name, key.default) != key.default}
    words += [f"{name} {value}" if isinstance(value, str) else f"{name} {value:g}"
              for name, value in changed.items()]
    return ", ".join(words)


def protocol_of(found: Mapping[str, Any]) -> Protocol:
    """Makes a protocol of its dict."""
    return Protocol(**{field.name: found[field.name]
                       for field in dataclasses.fields(Protocol) if field.name in found})


def differences(a: Protocol, b: Protocol) -> list[str]:
    """Lists what differs between two protocols, in a line each."""
    first, second = (dict(flat(protocol.as_dict())) for protocol in (a, b))
    return [f"{path}: {first.get(path)!r} and {second.get(path)!r}"
            for path in sorted(first.keys() | second.keys())
            if first.get(path) != second.get(path) and path != "reference.images"]


def require_same(a: Protocol, b: Protocol, hint: str) -> None:
    """Refuses to compare numbers of different protocols.

    Raises:
      ConfigError: that lists every difference, and ends in a hint.
    """
    if a.hash != b.hash:
        lines = "".join(f"\n  {line}" for line in differences(a, b))
        raise ConfigError(f"{a.metric} #{a.hash} and {b.metric} #{b.hash} are of different "
                          f"protocols:{lines}\n{hint}")
