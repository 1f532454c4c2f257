"""What a system declares: the keys of its structure, and its numbers."""

import dataclasses
from collections.abc import Mapping

from ganlab.config.key import Key


@dataclasses.dataclass(frozen=True)
class SystemKeys:
    """The keys of one system.

    Attributes:
      structure: keys of `config.system` besides its name.
      numbers: keys of `config.hyper`.
    """

    structure: Mapping[str, Key]
    numbers: Mapping[str, Key]


def like(base: SystemKeys, structure: Mapping[str, Key], numbers: Mapping[str, Key]) -> SystemKeys:
    """Returns the keys of a system that has all of another's, with some added or changed."""
    return SystemKeys({**base.structure, **structure}, {**base.numbers, **numbers})
