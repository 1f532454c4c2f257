"""TensorBoard event files, without TensorFlow, threads, or trust in the clock."""

import struct
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tensorboardX import summary
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.record_writer import masked_crc32c

from ganlab.storage.writing import writing


class TensorBoard:
    """The event file of one start of a run.

    tensorboardX's own writer names files by the clock and writes in a thread: after a clock was set
    back, TensorBoard would read the files in the wrong order and keep what it should purge, and on
    a full disk the thread dies and the loop waits for it for ever. Here files are numbered, and
    written by the thread that logs.
    """

    def __init__(self, directory: Path, resumed_step: int):
        """Opens the next file, which makes TensorBoard drop earlier events after `resumed_step`."""
        with writing(directory):
            directory.mkdir(parents=True, exist_ok=True)
            number = 1 + max((int(path.name.split(".")[3])
                              for path in directory.glob("events.out.tfevents.*.run")), default=0)
            self._path = directory / f"events.out.tfevents.{number:010}.run"
            self._file = self._path.open("wb")
        try:
            self._write(Event(file_version="brain.Event:2"))
            if number > 1:
                self._write(Event(step=resumed_step + 1,
                                  session_log=SessionLog(status=SessionLog.START)))
            self._flush()
        except OSError:
            self._file.close()
            raise

    def config(self, values: Mapping[str, object]) -> None:
        """Writes values of a config by path: as a table, and as hyperparameters to compare runs."""
        rows = "".join(f"| {path} | {_in_a_cell(value)} |\n" for path, value in values.items())
        self._write(Event(step=0, summary=summary.text(
            "config", f"| key | value |\n|---|---|\n{rows}")))
        # The plugin for hyperparameters knows booleans, numbers and texts.
        plain = {path: value if isinstance(value, bool | int | float | str) else str(value)
                 for path, value in values.items()}
        for part in summary.hparams(plain, {}):
            self._write(Event(step=0, summary=part))
        self._flush()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes numbers by name."""
        for name, value in values.items():
            self._write(Event(step=step, summary=summary.scalar(name, value)))
        self._flush()

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Writes a picture, uint8 [h, w, 3]."""
        self._write(Event(step=step, summary=summary.image(name, pixels, dataformats="HWC")))
        self._flush()

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        data = event.SerializeToString()
        header = struct.pack("<Q", len(data))
        with writing(self._path):
            self._file.write(b"".join((header, struct.pack("<I", masked_crc32c(header)), data,
                                       struct.pack("<I", masked_crc32c(data)))))

    def _flush(self) -> None:
        with writing(self._path):
            self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        with writing(self._path):
            self._file.close()


def _in_a_cell(value: object) -> str:
    """Formats a value for a table of Markdown: as code, without what would end the cell."""
    text = " ".join(str(value).split()).replace("|", "\\|").replace("`", "'")
    return f"`{text}`" if text else ""
