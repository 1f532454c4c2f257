"""What a run reports while it trains: metrics.jsonl, alarms.jsonl, and the terminal."""

import json
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import rich.progress

from ganlab.output import SteadyStream, write_atomically
from ganlab.storage.writing import writing


class MetricsFile:
    """`metrics.jsonl`: a line for every logged round, the numbers of that round alone.

    It has no times: a run that was stopped and resumed writes the same lines as a run that was
    never stopped.
    """

    def __init__(self, path: Path, resumed_step: int):
        """Opens the file and drops the lines after `resumed_step`, which training will write
        again."""
        self._path = path
        kept = [line for line in (path.read_text().splitlines() if path.exists() else [])
                if _step_of(line) <= resumed_step]
        with writing(path):
            write_atomically(path, "".join(line + "\n" for line in kept))
            self._file: TextIO = path.open("a")

    def write(self, step: int, kimg: float, metrics: Mapping[str, float]) -> None:
        """Appends one line."""
        # JSON has neither NaN nor infinity; they become null.
        numbers = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        with writing(self._path):
            self._file.write(json.dumps({"step": step, "kimg": kimg, **numbers}) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        with writing(self._path):
            self._file.close()


def _step_of(line: str) -> float:
    """Returns the step of a line; infinity for a line that a crash cut short."""
    try:
        return json.loads(line)["step"]
    except (json.JSONDecodeError, KeyError, TypeError):
        return math.inf


def read_metrics(path: Path) -> dict[str, np.ndarray]:
    """Reads the columns of a `metrics.jsonl`: `step`, `kimg` and each metric, NaN if missing."""
    rows = [json.loads(line) for line in path.read_text().splitlines()
            if math.isfinite(_step_of(line))]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: np.array([math.nan if row.get(name) is None else row[name] for row in rows])
            for name in names}


class AlarmsFile:
    """`alarms.jsonl`: a line for each warning of a run; the file exists from the first one on.

    Like `metrics.jsonl`, it ends up the same however often a run stops. A line on going back to an
    earlier round has that round as its step, with the number of the retry, and is kept.
    """

    def __init__(self, path: Path, resumed_step: int, retries: int):
        """Drops the lines after `resumed_step`, and those of more retries than led to it."""
        self._path = path
        if path.exists():
            with writing(path):
                write_atomically(path, "".join(line + "\n" for line in path.read_text().splitlines()
                                               if _step_of(line) <= resumed_step
                                               and json.loads(line).get("retry", 0) <= retries))

    def write(self, step: int, alarm: str, **details: Any) -> None:
        """Appends a line."""
        with writing(self._path), self._path.open("a") as file:
            file.write(json.dumps({"step": step, "alarm": alarm, **details}) + "\n")


class Console:
    """Progress as a bar on a terminal, and as plain lines if output is piped.

    What cannot be printed is dropped.
    """

    def __init__(self, total: int, start: int, images_per_round: int, stream: TextIO | None = None):
        self._stream = SteadyStream(stream or sys.stdout)
        self._total, self._images = total, images_per_round
        self._mark = (start, time.monotonic())
        self._bar = None
        if self._stream.isatty():
            columns = ("[bold]round[/] {task.completed:,}/{task.total:,}",
                       rich.progress.BarColumn(), rich.progress.TaskProgressColumn(),
                       "{task.fields[text]}")
            self._bar = rich.progress.Progress(
                *columns, console=rich.console.Console(file=self._stream))
            self._bar.start()
            self._task = self._bar.add_task(
                "train", total=total, completed=start, text="compiling ...")

    def step(self, step: int) -> None:
        """Moves the bar."""
        if self._bar:
            self._bar.update(self._task, completed=step)

    def log(self, step: int, kimg: float, losses: Mapping[str, float],
            load: float | None = None, stage: str = "") -> float:
        """Shows the numbers of a logged round; returns images a second since the last one.

        Beside the rate stands the load of the machine, if it is known, and before it the stage, if
        the training has several.
        """
        now = time.monotonic()
        rate = self._images * (step - self._mark[0]) / max(now - self._mark[1], 1e-9)
        self._mark = (step, now)
        left = (self._total - step) * self._images / max(rate, 1e-9)
        shown = "  ".join(f"{name} {value:+.3f}" for name, value in losses.items())
        busy = "" if load is None else f" at load {load:.1f}"
        stage = f"  {stage}" if stage else ""
        text = f"{kimg:,.1f} kimg{stage}  {rate:,.0f} images/s{busy}  {shown}  {_clock(left)} left"
        if self._bar:
            self._bar.update(self._task, completed=step, text=text)
        else:
            self.say(f"round {step:,}/{self._total:,}  {text}")
        return rate

    def say(self, text: str) -> None:
        """Prints a line, above the bar if there is one."""
        if self._bar:
            self._bar.console.print(text, highlight=False, markup=False)
        else:
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Removes the bar."""
        if self._bar:
            self._bar.stop()


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
