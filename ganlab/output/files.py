"""Files that are written whole or not at all, and the answer for places that cannot be written."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

REMEDY = "make room or permit writing there, or name another place, and run the same command again"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk, or of a limit on it, that has no room."""


def is_full(error: Exception) -> bool:
    """Returns whether a writer found no room; some libraries say so only in the system's words."""
    return getattr(error, "errno", None) in FULL or any(os.strerror(number) in str(error)
                                                        for number in FULL)


class WriteError(OSError):
    """A place that could not be written: `filename` names it, `strerror` says why and what to do.

    Attributes:
      reason: why, without what to do.
    """

    def __init__(self, number: int, reason: str, place: str, remedy: str = REMEDY):
        """Makes the error of the system's number and word for it, the place, and what to do."""
        super().__init__(number, f"{reason}; {remedy}", place)
        self.reason = reason


@contextlib.contextmanager
def writing(place: Path, remedy: str = REMEDY) -> Iterator[None]:
    """Adds to an error of the system the place that was being written, and the remedy.

    If several are nested, the outermost names the place and the remedy.

    Raises:
      WriteError: which the command line answers in a sentence.
    """
    try:
        yield
    except OSError as error:
        reason = error.reason if isinstance(error, WriteError) else error.strerror or str(error)
        raise WriteError(error.errno or errno.EIO, reason, str(place), remedy) from error


@contextlib.contextmanager
def whole_file(path: Path, lasting: bool = False) -> Iterator[BinaryIO]:
    """Opens a file for bytes that takes its name `path` if the body succeeds.

    Folders above it are made. If the body or the disk fails, nothing is left of it, and a file that
    was there stays. Anything but a regular file, such as /dev/stdout, is written directly; of a
    link, its target is written.

    Args:
      path: the file.
      lasting: whether the file and its folder are flushed first, so that even a loss of power
        leaves the old file or the new one.

    Raises:
      WriteError: for an error of the system, with `path` as its `filename`.
    """
    with writing(path):
        # A device or a pipe has no name to take later.
        if path.exists() and not path.is_file():
            with open(path, "wb") as file:
                yield file
            return
        # A file beside it takes its name at the end, which the system does in one step.
        place = Path(os.path.realpath(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = place.with_name(f"{place.name}.partial")
        try:
            with open(partial, "wb") as file:
                yield file
                if lasting:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(partial, place)
        except BaseException:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
        if lasting:
            _flush_folder(place.parent)


def write_atomically(path: Path, text: str) -> None:
    """Writes text as UTF-8: a reader, a crash or a loss of power finds the old text or the new."""
    with whole_file(path, lasting=True) as file:
        # Paths may hold bytes that are not text, which Python keeps as surrogates.
        file.write(text.encode("utf-8", "surrogateescape"))


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Makes a new folder, or takes an empty one, and empties it again if the body fails.

    So the same command, which refuses a folder with something in it, can be run again.

    Raises:
      WriteError: if the folder cannot be made.
    """
    was_there = path.exists()
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    except BaseException:
        with contextlib.suppress(OSError):
            for left in path.iterdir():
                # Links are removed, not what they lead to.
                shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
            if not was_there:
                path.rmdir()
        raise


def _flush_folder(folder: Path) -> None:
    """Flushes the names in a folder, if the file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
