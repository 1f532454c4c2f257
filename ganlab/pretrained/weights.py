"""Reads foreign weight files of any format, without running their code."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from ganlab.pretrained import numpy_files
from ganlab.pretrained.errors import BadWeights, WeightsError, listed, shown
from ganlab.pretrained.flattening import Plain
from ganlab.pretrained.numpy_files import read_npy, read_npz
from ganlab.pretrained.opening import opened
from ganlab.pretrained.safetensors_files import read_safetensors
from ganlab.pretrained.torch_files import (
    Flat,
    read_torch_legacy,
    read_torch_zip,
    torch_folder,
)
from ganlab.pretrained.zip_files import Archive


@dataclasses.dataclass(frozen=True)
class Weights:
    """What a weight file holds, by names such as `params_ema.blocks.0.weight`.

    Attributes:
      tensors: the arrays, read-only, in the file's order; those that share memory in the file share
        it here.
      rest: all other values: None, bool, int, float, complex, text, bytes, frozenset, empty dict or
        list.
      sha256: hash of the file, in hexadecimal.
    """

    tensors: dict[str, np.ndarray]
    rest: dict[str, Plain]
    sha256: str


class Format(NamedTuple):
    """How a format is recognized by the first HEAD bytes of a file, and how it is read."""

    recognized: Callable[[bytes], bool]
    read: Callable[[BinaryIO, int], Flat]


HEAD = 512
"""Bytes by which a format is recognized."""


def _read_zip(file: BinaryIO, size: int) -> Flat:
    archive = Archive(file, size)
    if torch_folder(archive.sizes) is not None:
        return read_torch_zip(archive)
    if archive.sizes and all(name.endswith(numpy_files.SUFFIX) for name in archive.sizes):
        return read_npz(archive)
    raise BadWeights("is a zip file, but neither of torch.save (which holds NAME/data.pkl) nor of "
                     "numpy.savez (which holds NAME.npy); unpack it and name the weight file "
                     "within")


FORMATS: dict[str, Format] = {
    "zip file of torch.save or numpy.savez": Format(lambda head: head[:2] == b"PK", _read_zip),
    "file of torch.save before 1.6, or pickle": Format(lambda head: head[:1] == b"\x80",
                                                       read_torch_legacy),
    "file of numpy.save": Format(lambda head: head[:6] == numpy_files.MAGIC, read_npy),
    "file of safetensors": Format(lambda head: head[8:9] == b"{", read_safetensors)}
"""Formats by their names in messages; the first that recognizes a file reads it."""

OTHERS: dict[str, Callable[[bytes], bool]] = {
    "is a page of HTML or XML, perhaps an error or a login page; download the weight file itself":
        lambda head: head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(
            (b"<!doc", b"<html", b"<head", b"<?xml")),
    "is a pointer of git-lfs, not the file that it points to; fetch that with `git lfs pull`":
        lambda head: head.startswith(b"version https://git-lfs.github.com"),
    "is a file of HDF5, such as Keras writes; save its arrays with numpy.savez or safetensors":
        lambda head: head.startswith(b"\x89HDF\r\n\x1a\n"),
    "belongs to a checkpoint of TensorFlow; save its variables with numpy.savez or safetensors":
        lambda head: head.startswith(b"model_checkpoint_path"),
    "is a tar file, of PyTorch before 0.1.10 or an archive; unpack it, or save the weights again":
        lambda head: head[257:262] == b"ustar",
    "is compressed; unpack it and name the file within":
        lambda head: head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf", b"Rar!",
                                      b"\x28\xb5\x2f\xfd")),
    "is a model of GGUF, which is not read; save its arrays with numpy.savez or safetensors":
        lambda head: head.startswith(b"GGUF")}
"""Files often mistaken for weights: the sentence's end that says so, and how to recognize them."""

_SSTABLE = bytes.fromhex("57fb808b247547db")  # The end of TensorFlow's index of a checkpoint.


def read_weights(path: str | Path) -> Weights:
    """Reads all arrays and other values of a weight file, whose format its first bytes show.

    It may be PyTorch's (a zip file since 1.6, and those before), safetensors, NumPy's .npy or .npz,
    or a pickle of dicts of NumPy arrays. Names of nested dicts and lists are joined by dots. No
    code of the file is run, and reading takes memory and time in proportion to the file's size, and
    little more.

    Raises:
      WeightsError: one sentence with the file, what is wrong with it, and what to do.
    """
    # One open file for both the content and its hash, so that they are of the same bytes.
    with opened(path) as (file, size):
        tensors, rest = _reader(file, size)(file, size)
        file.seek(0)
        return Weights(tensors, rest, hashlib.file_digest(file, "sha256").hexdigest())


def _reader(file: BinaryIO, size: int) -> Callable[[BinaryIO, int], Flat]:
    """Returns what reads a file, by its first bytes, and rewinds the file."""
    head = file.read(HEAD)
    file.seek(max(0, size - len(_SSTABLE)))
    tail = file.read()
    file.seek(0)
    if not head:
        raise BadWeights("is empty (0 bytes); copy it again")
    if head[3:9] == b"\0" * 5 + b"{":
        # The length of its header may begin as other formats do, with 0x80 or PK, which do not
        # continue like this.
        return read_safetensors
    # Files that are often mistaken for weights get an answer of their own.
    for reason, recognized in OTHERS.items():
        if recognized(head):
            raise BadWeights(reason)
    if tail == _SSTABLE:
        raise BadWeights("belongs to a checkpoint of TensorFlow; save its variables with "
                         "numpy.savez or safetensors")
    for form in FORMATS.values():
        if form.recognized(head):
            return form.read
    raise BadWeights(f"begins with {shown(head[:8].decode('latin-1'))}, unlike any weight file "
                     f"that is read: {', '.join(FORMATS)}; save the weights as one of these")


def section(weights: Weights, prefix: str) -> Weights:
    """Returns the weights whose names begin with `prefix.`, such as `state_dict`, without it.

    Raises:
      WeightsError: if no name begins so.
    """
    start = f"{prefix}."

    def part(values: dict) -> dict:
        return {name.removeprefix(start): value
                for name, value in values.items() if name.startswith(start)}

    # A section without anything in it is a mistake, answered with the names that there are.
    chosen = dataclasses.replace(weights, tensors=part(weights.tensors), rest=part(weights.rest))
    if not chosen.tensors and not chosen.rest:
        tops = dict.fromkeys(name.partition(".")[0] for name in (*weights.tensors, *weights.rest))
        raise WeightsError(f"the weights have no section {prefix!r}; the first parts of their "
                           f"names are: {listed(tops) or 'none'}")
    return chosen
