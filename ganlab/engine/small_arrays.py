"""The small arrays of a checkpoint, side by side in one file of safetensors for each of its parts.

Orbax and TensorStore take a millisecond or two for each array, whatever its size, and a state has about a
hundred. Arrays that are large, or of which every device holds a part, are left to them.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from ganlab.pretrained import read_weights, write_safetensors

ITEM = "small"
"""The folder of these files in that of a checkpoint."""
LARGEST = 2**20
"""Bytes of the largest array that counts as small."""

Arrays = Mapping[str, np.ndarray]


def is_small(array: jax.Array) -> bool:
    """Whether an array goes into such a file: every process knows all of it, and it is not large."""
    return array.is_fully_replicated and array.nbytes <= LARGEST


def small_file(checkpoint: Path, part: str) -> Path:
    """The file with the small arrays of a part of a checkpoint."""
    return checkpoint / ITEM / f"{part}.safetensors"


def read_small(checkpoint: Path, part: str) -> dict[str, np.ndarray]:
    """The small arrays of a part of a checkpoint by name.

    Raises:
      OSError: if the file does not read.
    """
    try:
        return dict(read_weights(small_file(checkpoint, part)).tensors)
    except ValueError as error:
        raise OSError(str(error)) from error


@dataclasses.dataclass
class SaveSmall(ocp.args.CheckpointArgs):
    """What SmallArrays saves: arrays by part and name."""

    parts: Mapping[str, Mapping[str, jax.Array]]


class SmallArrays(ocp.AsyncCheckpointHandler):
    """Writes small arrays as an item of a checkpoint; `read_small` reads them."""

    async def async_save(self, directory: Any, args: SaveSmall) -> list[ocp.future.Future] | None:
        """Copies the arrays, which the next round may write into, and leaves the writing to another thread."""
        if jax.process_index():
            return None
        copies = {part: {name: np.array(array.addressable_data(0)) for name, array in arrays.items()}
                  for part, arrays in args.parts.items()}

        async def write() -> None:
            for part, arrays in copies.items():
                write_safetensors(Path(directory) / f"{part}.safetensors", arrays, {})

        return [ocp.future.CommitFutureAwaitingContractedSignals(write(), name="small_arrays")]

    def save(self, directory: Any, args: SaveSmall) -> None:
        """Not called: the manager saves as above."""
        raise NotImplementedError

    def restore(self, directory: Any, args: Any = None) -> None:
        """Not called."""
        raise NotImplementedError


ocp.args.register_with_handler(SmallArrays, for_save=True, for_restore=True)(SaveSmall)
