"""Data sources by name, their order, and how batches reach the round."""

from collections.abc import Callable

from ganlab.data.dataset import Dataset, StoredImages, to_float, to_uint8
from ganlab.data.digits import digits
from ganlab.data.feeding import HostReader, Streams, device_data, finish_batches, gather_batches, round_positions
from ganlab.data.glyphs import glyphs
from ganlab.data.mixtures import grid25, ring8
from ganlab.data.order import shuffled_index
from ganlab.data.stacked_digits import stacked_digits
from ganlab.data.tfds import tfds

SOURCES: dict[str, Callable[..., Dataset]] = {
    "digits": digits, "stacked_digits": stacked_digits, "glyphs": glyphs, "ring8": ring8, "grid25": grid25,
    "tfds": tfds}

__all__ = ["SOURCES", "Dataset", "HostReader", "StoredImages", "Streams", "device_data", "finish_batches",
           "gather_batches", "round_positions", "shuffled_index", "to_float", "to_uint8"]
