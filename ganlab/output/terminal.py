"""Text for people: what cannot be printed is dropped and does not end the program.

A reader may leave (`| head`), a terminal may hang up, a log's disk may be full, and an encoding may
lack letters. None of this is a reason to lose what a command is doing.
"""

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

GONE = (errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO, errno.ECONNRESET, errno.ESHUTDOWN)
"""Errors of a stream whose reader or terminal is gone: nobody misses the text."""


class SteadyStream:
    """A text stream on which writing never fails; everything else is that of the stream within.

    Letters that the encoding lacks are written as Python escapes them: `\\xfc`.

    Attributes:
      failure: the first error of the system that cost some text, or None.
    """

    def __init__(self, stream: TextIO | None):
        """Wraps a stream; None, which Python has for a closed descriptor, drops everything."""
        self._stream = stream
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        """Writes text, or drops it; returns its length."""
        self._try(lambda: self._write(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Writes several texts, or drops them."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flushes the stream, if possible."""
        self._try(lambda: self._stream.flush())

    def isatty(self) -> bool:
        """Returns whether this is a terminal; False for a closed stream."""
        return bool(self._try(lambda: self._stream.isatty()))

    def finish(self) -> None:
        """Flushes; if that fails, redirects the descriptor, which Python flushes at its end."""
        before, self.failure = self.failure, None
        self.flush()
        if self.failure is not None:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                descriptor, nowhere = self._stream.fileno(), os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
        self.failure = before or self.failure

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            encoding = getattr(self._stream, "encoding", None) or "ascii"
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))

    def _try(self, act: Callable[[], Any]) -> Any:
        """Returns what an act on the stream returns, or None if it fails."""
        if self._stream is None:
            return None
        try:
            return act()
        except OSError as error:
            self.failure = self.failure or error
        except ValueError:  # The stream is closed.
            pass
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def open_descriptors() -> None:
    """Opens the closed ones of descriptors 0 to 2 on the null device.

    Otherwise the next file that is opened would get such a number, and whatever prints would write
    into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # It gets the lowest free number: this one.


@contextlib.contextmanager
def steady_output() -> Iterator[SteadyStream]:
    """Makes `sys.stdout` and `sys.stderr` streams on which printing never fails; gives the first.

    At the end both are restored; what a failing one has not written is dropped.
    """
    before = sys.stdout, sys.stderr
    # Within another such block they are steady already, and stay as they are.
    sys.stdout, sys.stderr = steady = [stream if isinstance(stream, SteadyStream)
                                       else SteadyStream(stream) for stream in before]
    try:
        yield steady[0]
    finally:
        for stream, inner in zip(steady, before, strict=True):
            if stream is not inner:
                stream.finish()
        sys.stdout, sys.stderr = before
