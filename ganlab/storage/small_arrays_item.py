"""How Orbax saves the small arrays of a checkpoint, see `small_arrays`."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from ganlab.pretrained import write_safetensors


@dataclasses.dataclass
class SaveSmall(ocp.args.CheckpointArgs):
    """What SmallArrays saves: arrays by part and name."""

    parts: Mapping[str, Mapping[str, jax.Array]]


class SmallArrays(ocp.AsyncCheckpointHandler):
    """Writes small arrays as an item of a checkpoint; `read_small` reads them."""

    async def async_save(self, directory: Any, args: SaveSmall) -> list[ocp.future.Future] | None:
        """Copies arrays, into which the next round may write; another thread writes the copies."""
        if jax.process_index():
            return None
        copies = {part: {name: np.array(array.addressable_data(0))
                         for name, array in arrays.items()}
                  for part, arrays in args.parts.items()}

        async def write() -> None:
            for part, arrays in copies.items():
                write_safetensors(Path(directory) / f"{part}.safetensors", arrays, {})

        return [ocp.future.CommitFutureAwaitingContractedSignals(write(), name="small_arrays")]

    def save(self, directory: Any, args: SaveSmall) -> None:
        """Raises NotImplementedError: the manager saves by `async_save`."""
        raise NotImplementedError

    def restore(self, directory: Any, args: Any = None) -> None:
        """Raises NotImplementedError: `read_small` reads the arrays."""
        raise NotImplementedError


ocp.args.register_with_handler(SmallArrays, for_save=True, for_restore=True)(SaveSmall)
