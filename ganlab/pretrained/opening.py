"""Opens foreign weight files; whatever is wrong with one becomes a sentence that names it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ganlab.pretrained.errors import BadWeights, WeightsError


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[tuple[BinaryIO, int]]:
    """Opens a weight file, and gives it and its size in bytes to what reads it.

    Raises:
      WeightsError: one sentence with the file, what is wrong with it, and what to do: if it cannot
        be opened, and for `BadWeights` and lack of memory while it is read.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise BadWeights("is a folder; name the weight file in it")
        if not path.is_file():
            raise BadWeights("is not a regular file; name a weight file" if path.exists()
                             else "does not exist; name a weight file of torch.save, safetensors "
                                  "or NumPy")
        with open(path, "rb") as file:
            yield file, os.fstat(file.fileno()).st_size
    # Whatever is wrong becomes a sentence that begins with the file.
    except BadWeights as error:
        raise WeightsError(f"{path} {error}") from None
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror or error}); fix that, or name "
                           "another weight file") from None
    except MemoryError:
        raise WeightsError(f"{path} does not fit into memory; name a smaller weight file, or one "
                           "without the state of optimizers") from None
