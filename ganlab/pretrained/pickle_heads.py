"""The beginning of a weight file's pickle, by whose names formats are told apart."""

from ganlab.pretrained.errors import WeightsError
from ganlab.pretrained.opening import opened
from ganlab.pretrained.torch_files import PICKLE, torch_folder
from ganlab.pretrained.zip_files import Archive

HEAD = 2**18
"""Bytes that are looked at."""


def pickle_head(path: str) -> bytes:
    """Reads the first bytes of a file's pickle, which is within the file where that is a zip file
    of `torch.save`; empty for other zip files, and for a path without a file."""
    try:
        with opened(path) as (file, size):
            head = file.read(HEAD)
            if head[:2] != b"PK":
                return head
            archive = Archive(file, size)
            if (folder := torch_folder(archive.sizes)) is None:
                return b""
            with archive.open(folder + PICKLE) as stream:
                return stream.read(HEAD)
    except WeightsError:
        return b""
