"""Examples of data sets that TFDS has prepared as tfrecord, which takes TensorFlow to read."""

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any


def tensorflow_is_here() -> bool:
    """Whether TensorFlow is installed; it is not imported."""
    return importlib.util.find_spec("tensorflow") is not None


class TensorFlowExamples:
    """All examples of a split in the order of their files, read at once: undecoded images are small.

    Indexed as TFDS's reader of array_record is.
    """

    def __init__(self, builder: Any, split: str, decoders: Mapping[str, Any]):
        """Reads.

        Args:
          builder: TFDS's reader of the set.
          split: as TFDS writes it.
          decoders: of what is not to be decoded, `SkipDecoding` by feature.

        Raises:
          ValueError: for a split that is not there.
        """
        import tensorflow_datasets

        # One file after the other: TFDS would take turns, and the order be another than that of array_record.
        config = tensorflow_datasets.ReadConfig(interleave_cycle_length=1, try_autocache=False)
        found = builder.as_dataset(split=split, decoders=dict(decoders), read_config=config, shuffle_files=False)
        self._examples = list(tensorflow_datasets.as_numpy(found))

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, number: int) -> dict[str, Any]:
        return self._examples[number]

    def __getitems__(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """The examples of several numbers."""
        return [self._examples[number] for number in numbers]
