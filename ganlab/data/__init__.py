"""Data sources by name, their order, and how batches reach the round."""

from collections.abc import Callable

from ganlab.data.batches import (
    HostReader,
    device_data,
    finish_batches,
    gather_batches,
    gather_raw,
    round_positions,
)
from ganlab.data.blank import blank
from ganlab.data.dataset import (
    PICTURE_CHANNELS,
    DataFacts,
    Dataset,
    NotFinite,
    StoredImages,
    as_pictures,
    finite_images,
    to_float,
    to_uint8,
)
from ganlab.data.decoding import (
    SUFFIXES,
    BadImage,
    Header,
    decode_image,
    encode_png,
    read_header,
    with_channels,
)
from ganlab.data.digits import digits
from ganlab.data.examination import Examination, Pictures, examine, spread
from ganlab.data.glyphs import glyphs, two_fonts
from ganlab.data.importing import Form, Imported, import_images
from ganlab.data.jitter import Jitter, with_crops
from ganlab.data.listing import Listing, list_images
from ganlab.data.loading import load_section, load_source, source_of
from ganlab.data.mixtures import grid25, ring8
from ganlab.data.order import shuffled_index
from ganlab.data.photos import photos, textures
from ganlab.data.picture_pairs import side_by_side, two_folders
from ganlab.data.preparing import prepare
from ganlab.data.reduction import ReducedImages, reduced, reduced_images
from ganlab.data.resizing import CROPS, resize
from ganlab.data.stacked_digits import stacked_digits
from ganlab.data.stored import folder, imported
from ganlab.data.streams import Stream, Streams, partners
from ganlab.data.tfds import list_prepared, tfds
from ganlab.data.translation import photo_edges, photo_grey, translated
from ganlab.data.two_splits import two_splits

SOURCES: dict[str, Callable[..., Dataset]] = {
    "digits": digits, "stacked_digits": stacked_digits, "glyphs": glyphs, "ring8": ring8,
    "grid25": grid25, "photos": photos, "tfds": tfds, "imported": imported, "folder": folder,
    "photo_edges": photo_edges, "photo_grey": photo_grey, "textures": textures,
    "translated": translated, "two_folders": two_folders, "side_by_side": side_by_side,
    "two_splits": two_splits, "two_fonts": two_fonts, "blank": blank}

__all__ = [
    "BadImage", "CROPS", "DataFacts", "Dataset", "Examination", "Form", "Header", "HostReader",
    "Imported", "Jitter", "Listing", "NotFinite", "PICTURE_CHANNELS", "Pictures", "ReducedImages",
    "SOURCES", "SUFFIXES", "StoredImages", "Stream", "Streams", "as_pictures", "decode_image", "device_data",
    "encode_png", "examine", "finish_batches", "finite_images", "gather_batches", "gather_raw",
    "import_images", "list_images", "list_prepared", "load_section", "load_source", "partners",
    "prepare", "read_header", "reduced", "reduced_images", "resize", "round_positions", "shuffled_index", "source_of",
    "spread", "to_float", "to_uint8", "with_channels", "with_crops",
]
