"""One training process a directory: a lock that the kernel releases however its holder ends."""

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from ganlab.config import ConfigError
from ganlab.storage.writing import writing

FILE = "train.lock"


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Holds the lock of a run's directory, which is made if it is missing. Reading needs no lock.

    The file stays when the lock is released, because a file that is removed could be locked twice.

    Raises:
      ConfigError: if another process holds it, with that process's number and host.
    """
    # The file of the lock, which may be there from an earlier process.
    path = directory / FILE
    with writing(path):
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        # The lock itself, without waiting for another holder.
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            raise ConfigError(f"--workdir={directory} is being trained by {holder}; wait for it or "
                              "end it, or name another directory") from None
        except OSError:
            pass  # A file system without locks: training there is better than not at all.
        # Who holds it, for the message that another process prints.
        with writing(path):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        yield
    finally:
        os.close(descriptor)
