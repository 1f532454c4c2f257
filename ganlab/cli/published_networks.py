"""What published files hold: networks as configs name them, told by the shapes of their tensors."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganlab.config import ConfigError
from ganlab.pretrained import WeightsError, listed, read_weights, shape_of

PREFIX = "module."
"""What DataParallel writes before all names of a network."""
MOST_PARTS = 256
"""Most parts of a network that are numbered through."""


class PublishedNetwork(NamedTuple):
    """One network of a file.

    Attributes:
      network: its name among the generators or critics.
      kwargs: its arguments.
      num_classes: 0 without labels.
      image_shape: rows, columns and channels.
      tensors: by the official names.
      convert: `(tensors, expected, source) -> variables`.
      source: the file, for messages.
      latent_size: numbers of a latent; 0 for a critic.
    """

    network: str
    kwargs: Mapping[str, Any]
    num_classes: int
    image_shape: tuple[int, int, int]
    tensors: Mapping[str, np.ndarray]
    convert: Callable[[Mapping[str, np.ndarray], Any, str], Any]
    source: str
    latent_size: int = 0


@dataclasses.dataclass(frozen=True)
class Published:
    """What was read of a training.

    Attributes:
      networks: those that there are of `generator`, `average` (the averaged generator) and
        `critic`.
      files: hashes by the names of the files that were read.
      critic: the name and arguments of a new critic, where there is none.
      system: keys of the section `system`, its `name` among them, besides those that every import
        sets.
      hyper: numbers of the config, over those that every import sets.
      sample: keys of the section `sample`, over those that every import sets.
      notes: sentences for the user.
    """

    networks: Mapping[str, PublishedNetwork]
    files: Mapping[str, str]
    system: Mapping[str, Any]
    critic: tuple[str, Mapping[str, Any]] = ("dcgan", {})
    hyper: Mapping[str, float] = dataclasses.field(default_factory=dict)
    sample: Mapping[str, float | str] = dataclasses.field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Shapes:
    """The shapes of a network's tensors, by which it is told what it is.

    Attributes:
      tensors: by name.
      source: the file, for messages.
    """

    tensors: Mapping[str, np.ndarray]
    source: str

    def of(self, name: str, axes: int) -> tuple[int, ...]:
        """Returns a shape; raises WeightsError for a tensor that is missing or has other axes."""
        return shape_of(self.tensors, name, axes, self.source)

    def has(self, start: str) -> bool:
        """Returns whether the name of a tensor begins so."""
        return any(name.startswith(start) for name in self.tensors)

    def ends(self, end: str) -> bool:
        """Returns whether the name of a tensor ends so."""
        return any(name.endswith(end) for name in self.tensors)

    def number(self, start: str) -> int:
        """Returns how many parts there are by the numbers after `start`: one more than the largest.

        Raises:
          WeightsError: if there are none, or more than any network has.
        """
        found = [int(match[1]) for name in self.tensors
                 if (match := re.match(rf"{re.escape(start)}(\d{{1,4}})\.", name))]
        if not found:
            raise WeightsError(f"{self.source} has no {start}0, so that the network cannot be "
                               "built; name a whole file of the official code")
        if max(found) >= MOST_PARTS:
            raise WeightsError(f"{self.source} has {start}{max(found)}, and no network has as many "
                               "parts; name a file of the official code")
        return max(found) + 1


class States(NamedTuple):
    """A state dict of a file, without DataParallel's prefix.

    Attributes:
      tensors: by name.
      sha256: the hash of the file.
      rest: what else the file holds, by name.
    """

    tensors: Mapping[str, np.ndarray]
    sha256: str
    rest: Mapping[str, Any]


def read_states(path: Path, section: str = "") -> States:
    """Reads a state dict.

    Args:
      path: of the file.
      section: the name under which the file holds it; empty for a file of nothing else.

    Raises:
      WeightsError: for a file that cannot be read, or that lacks the section.
    """
    weights = read_weights(path)
    start = f"{section}." if section else ""
    tensors = {name.removeprefix(start): value
               for name, value in weights.tensors.items() if name.startswith(start)}
    if not tensors:
        raise WeightsError(f"{path} holds no {section or 'tensors'}, but "
                           f"{listed(weights.tensors) or 'nothing'}; name a file of the official "
                           "code")
    if all(name.startswith(PREFIX) for name in tensors):
        tensors = {name.removeprefix(PREFIX): value for name, value in tensors.items()}
    return States(tensors, weights.sha256, weights.rest)


def found_files(folder: Path, pattern: re.Pattern[str]) -> dict[str, dict[str, Path]]:
    """Finds files of trainings in a folder: by what follows the network's name, by that name.

    Args:
      folder: where.
      pattern: of a file's name, whose groups are the network and what follows it.
    """
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        if match := pattern.fullmatch(path.name):
            found.setdefault(match[2] or "", {})[match[1]] = path
    return found


def chosen_files(folder: Path, found: Mapping[str, Mapping[str, Path]],
                 chosen: str | None) -> Mapping[str, Path]:
    """Returns the files of one of several trainings, or of several times of one.

    Args:
      folder: where they are, for messages.
      found: of `found_files`.
      chosen: what follows the network's name, or a part of it that no other has; without it those
        after whose network nothing follows, or the only ones.

    Raises:
      ConfigError: if that is not clear.
    """
    if chosen is None:
        fitting = [""] if "" in found else list(found)
    else:
        fitting = [name for name in found if name == chosen] or [
            name for name in found if chosen in name]
    if len(fitting) == 1:
        return found[fitting[0]]
    names = listed(filter(None, found))
    if not names:
        raise ConfigError(f"{folder} holds the files of one training, so that --network={chosen} "
                          "chooses nothing; leave it out")
    given = "" if chosen is None else f"--network={chosen} is not one of them; "
    raise ConfigError(f"{folder} holds files of {names}; {given}choose one, as --network="
                      f"{next(filter(None, found))}")


def width_of(channels: Sequence[int], multiples: Sequence[int]) -> int | None:
    """Returns by what `multiples` are multiplied to be these channels; None if they are not."""
    width = channels[0] // multiples[0]
    return width if [width * multiple for multiple in multiples] == list(channels) else None


def by_channels(channels: Sequence[int], table: Mapping[int, Sequence[int]], source: str,
                network: str) -> tuple[int, int]:
    """Finds the side of the images and the width of a network by its channels.

    Raises:
      WeightsError: for channels that the table does not have.
    """
    for side, multiples in table.items():
        if len(multiples) == len(channels) and (width := width_of(channels, multiples)):
            return side, width
    raise WeightsError(f"{source} has parts of {', '.join(map(str, channels))} channels, which are "
                       f"not those of {network} at any of {', '.join(map(str, table))} pixels; "
                       "name a file of the official code")


def sides_of(blocks: Iterable[int], smallest: int) -> tuple[int, ...]:
    """Returns the sides of the images after some blocks that double them."""
    return tuple(smallest * 2 ** (block + 1) for block in blocks)
