"""The small arrays of a checkpoint, side by side in one file of safetensors for each of its parts.

Orbax and TensorStore take a millisecond or two for each array, whatever its size, and a state has
about a hundred. Arrays that are large, or of which every device holds a part, are left to them.
"""

from pathlib import Path

import jax
import numpy as np

from ganlab.pretrained import read_weights

ITEM = "small"
"""The folder of these files in that of a checkpoint."""
LARGEST = 2**20
"""Bytes of the largest array that counts as small."""


def is_small(array: jax.Array) -> bool:
    """Returns whether an array goes into such a file: it is small, and whole in every process."""
    return array.is_fully_replicated and array.nbytes <= LARGEST


def small_file(checkpoint: Path, part: str) -> Path:
    """Returns the file with the small arrays of a part of a checkpoint."""
    return checkpoint / ITEM / f"{part}.safetensors"


def read_small(checkpoint: Path, part: str) -> dict[str, np.ndarray]:
    """Reads the small arrays of a part of a checkpoint by name.

    Raises:
      OSError: if the file does not read.
    """
    try:
        return dict(read_weights(small_file(checkpoint, part)).tensors)
    except ValueError as error:
        raise OSError(str(error)) from error
