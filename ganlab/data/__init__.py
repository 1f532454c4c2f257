"""Data sources by name, their order, and how batches reach the round."""

from collections.abc import Callable

from ganlab.data.dataset import Dataset, StoredImages, to_float, to_uint8
from ganlab.data.digits import digits
from ganlab.data.examination import Examination, Pictures, examine, spread
from ganlab.data.feeding import HostReader, Streams, device_data, finish_batches, gather_batches, round_positions
from ganlab.data.glyphs import glyphs
from ganlab.data.loading import load_source, source_of
from ganlab.data.mixtures import grid25, ring8
from ganlab.data.order import shuffled_index
from ganlab.data.photos import photos, textures
from ganlab.data.preparing import prepare
from ganlab.data.stacked_digits import stacked_digits
from ganlab.data.tfds import tfds
from ganlab.data.translation import photo_edges, photo_grey, translated

SOURCES: dict[str, Callable[..., Dataset]] = {
    "digits": digits, "stacked_digits": stacked_digits, "glyphs": glyphs, "ring8": ring8, "grid25": grid25,
    "tfds": tfds, "photos": photos, "photo_edges": photo_edges, "photo_grey": photo_grey, "textures": textures,
    "translated": translated}

__all__ = ["SOURCES", "Dataset", "Examination", "HostReader", "Pictures", "StoredImages", "Streams", "device_data",
           "examine", "finish_batches", "gather_batches", "load_source", "prepare", "round_positions",
           "shuffled_index", "source_of", "spread", "to_float", "to_uint8"]
