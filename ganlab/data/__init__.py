"""Data sources by name, their order, and how batches reach the round."""

from collections.abc import Callable

from ganlab.data.dataset import Dataset, StoredImages, to_float, to_uint8
from ganlab.data.digits import digits
from ganlab.data.feeding import HostReader, Streams, device_data, finish_batches, gather_batches, round_positions
from ganlab.data.glyphs import glyphs
from ganlab.data.importing import Form, Imported, import_images
from ganlab.data.listing import Listing, list_images
from ganlab.data.mixtures import grid25, ring8
from ganlab.data.order import shuffled_index
from ganlab.data.resizing import CROPS
from ganlab.data.stacked_digits import stacked_digits
from ganlab.data.stored import folder, imported
from ganlab.data.tfds import list_prepared, tfds

SOURCES: dict[str, Callable[..., Dataset]] = {
    "digits": digits, "stacked_digits": stacked_digits, "glyphs": glyphs, "ring8": ring8, "grid25": grid25,
    "tfds": tfds, "imported": imported, "folder": folder}

__all__ = ["CROPS", "SOURCES", "Dataset", "Form", "HostReader", "Imported", "Listing", "StoredImages", "Streams",
           "device_data", "finish_batches", "gather_batches", "import_images", "list_images", "list_prepared",
           "round_positions", "shuffled_index", "to_float", "to_uint8"]
