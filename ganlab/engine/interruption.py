"""Signals: the first asks the loop to stop after its round, a second ends the process at once."""

import contextlib
import os
import signal
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2)
SENT_TWICE = (signal.SIGHUP, signal.SIGUSR2)
"""Signals that may come from two senders: kernel and shell for a lost connection, SLURM and
whatever waits for the process at a job's time limit."""


class Interruption:
    """Turns SIGINT, SIGTERM, SIGHUP and SIGUSR2 into a request to stop after the round.

    (SLURM announces a time limit by SIGUSR2.) After the first, SIGINT and SIGTERM have their
    default effect again: the kernel ends the process, even while it compiles or saves, and its
    status is that of a process that the signal killed (130 or 143 in a shell). A checkpoint that
    was being saved then does not count. SIGHUP and SIGUSR2 then have no effect, because both may be
    sent twice. If SIGHUP is ignored from the start, as under nohup, it stays ignored.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interruption":
        for number in SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN if each in SENT_TWICE else signal.SIG_DFL)
        # Not by print, which may be what was interrupted. The cursor is shown again, because a
        # progress bar has hidden it.
        cursor = "\x1b[?25h" if os.isatty(2) else ""
        again = "SIGTERM" if self.signal in SENT_TWICE else "once more"
        with contextlib.suppress(OSError):
            os.write(2, f"{cursor}{self.signal.name}: saving after this round; {again} leaves at "
                        "once\n".encode())
