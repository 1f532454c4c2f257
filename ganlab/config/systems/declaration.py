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
      choices: by a key of the structure that joins names by +, the keys of `config.hyper` that each
        of its names brings.
    """

    structure: Mapping[str, Key]
    numbers: Mapping[str, Key]
    choices: Mapping[str, Mapping[str, Mapping[str, Key]]] = dataclasses.field(default_factory=dict)


def like(base: SystemKeys, structure: Mapping[str, Key], numbers: Mapping[str, Key]) -> SystemKeys:
    """Returns the keys of a system that has all of another's, with some added or changed."""
    return SystemKeys({**base.structure, **structure}, {**base.numbers, **numbers}, base.choices)
