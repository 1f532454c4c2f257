"""metrics.jsonl is written once for every logged round, however often a run stops; the terminal shows the rest."""

import io
import json
import math

import numpy as np
import pytest

from ganlab.engine.logs import Console, MetricsFile, read_metrics
from ganlab.engine.tensorboard import TensorBoard


def write(path, resumed, steps):
    file = MetricsFile(path, resumed)
    for step in steps:
        file.write(step, step / 10, {"critic/loss": float(step)})
    file.close()


def test_a_resumed_file_equals_one_that_was_never_stopped(tmp_path):
    write(tmp_path / "whole", 0, [1, 2, 3, 4])
    write(tmp_path / "parts", 0, [1, 2, 3])
    # Stopped after round 3, but the newest checkpoint is of round 2.
    write(tmp_path / "parts", 2, [3, 4])
    assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_line_that_a_crash_cut_short_is_dropped(tmp_path):
    write(tmp_path / "m", 0, [1, 2])
    with (tmp_path / "m").open("a") as file:
        file.write('{"step": 3, "kim')
    np.testing.assert_array_equal(read_metrics(tmp_path / "m")["step"], [1, 2])
    write(tmp_path / "m", 2, [3])
    assert [json.loads(line)["step"] for line in (tmp_path / "m").read_text().splitlines()] == [1, 2, 3]


def test_numbers_that_are_not_finite_stay_json(tmp_path):
    file = MetricsFile(tmp_path / "m", 0)
    file.write(1, 0.1, {"a": math.nan, "b": math.inf})
    file.close()
    line = json.loads((tmp_path / "m").read_text(), parse_constant=lambda constant: 1 / 0)
    assert line["a"] is None and line["b"] is None
    assert np.isnan(read_metrics(tmp_path / "m")["a"]).all()


def test_metrics_that_come_and_go_line_up(tmp_path):
    file = MetricsFile(tmp_path / "m", 0)
    file.write(1, 0.1, {"a": 1.0})
    file.write(2, 0.2, {"b": 2.0})
    file.close()
    columns = read_metrics(tmp_path / "m")
    np.testing.assert_array_equal(columns["a"], [1.0, math.nan])
    np.testing.assert_array_equal(columns["b"], [math.nan, 2.0])


def test_piped_output_is_plain_lines():
    stream = io.StringIO()
    console = Console(total=100, start=0, images_per_round=64, stream=stream)
    console.step(50)
    rate = console.log(50, 3.2, {"critic/loss": -1.25})
    console.close()
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("round 50/100  3.2 kimg") and "critic/loss -1.250" in line and line.endswith("left")
    assert "\x1b" not in line and rate > 0


@pytest.mark.parametrize(("load", "words"), [(1.26, " images/s at load 1.3  "), (None, " images/s  ")])
def test_a_rate_stands_beside_the_load_of_the_machine(load, words):
    stream = io.StringIO()
    Console(total=100, start=0, images_per_round=64, stream=stream).log(50, 3.2, {"critic/loss": -1.25}, load)
    assert words in stream.getvalue()


def test_a_terminal_gets_a_bar():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    console = Console(total=100, start=0, images_per_round=64, stream=stream)
    console.log(50, 3.2, {"critic/loss": -1.25})
    console.close()
    assert "50/100" in stream.getvalue() and "critic/loss -1.250" in stream.getvalue()


def test_tensorboard_files_hold_scalars_and_pictures(tmp_path):
    board = TensorBoard(tmp_path, 0)
    board.scalars(1, {"critic/loss": 0.5})
    board.picture(1, "samples", np.zeros((4, 4, 3), np.uint8))
    board.close()
    (events,) = tmp_path.iterdir()
    content = events.read_bytes()
    # PNG's signature: pictures are stored as they are shown.
    assert b"critic/loss" in content and b"samples" in content and b"\x89PNG" in content
