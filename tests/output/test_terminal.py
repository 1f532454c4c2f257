"""What cannot be printed is dropped, and ends nothing."""

import errno
import io
import os
import subprocess
import sys

import pytest
import rich.console
import rich.table

from ganlab.cli import main as command_line
from ganlab.engine.logs import Console
from ganlab.output import SteadyStream, steady_output


class Failing(io.StringIO):
    """A stream that takes nothing."""

    def __init__(self, error, terminal=False):
        super().__init__()
        self.error, self.terminal = error, terminal

    def write(self, text):
        raise self.error

    def flush(self):
        raise self.error

    def isatty(self):
        return self.terminal


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


def failing(number, terminal=False):
    return lambda: Failing(OSError(number, os.strerror(number)), terminal)


STREAMS = {"pipe": failing(errno.EPIPE), "terminal": failing(errno.EIO, terminal=True), "disk": failing(errno.ENOSPC),
           "descriptor": failing(errno.EBADF), "closed": closed, "none": lambda: None}


@pytest.mark.parametrize("name", STREAMS)
def test_progress_on_a_stream_that_fails_ends_nothing(name, monkeypatch):
    stream = STREAMS[name]()
    monkeypatch.setattr(sys, "stdout", stream)
    for given in (stream, None):
        console = Console(total=10, start=0, images_per_round=1, stream=given)
        console.step(5)
        assert console.log(5, 0.1, {"critic/loss": 1.0}) > 0
        console.say("a line")
        console.close()
    monkeypatch.setattr(sys, "stderr", STREAMS[name]())
    with steady_output() as printed:
        print("x", flush=True)
        print("x", file=sys.stderr, flush=True)
        rich.console.Console().print(rich.table.Table("x"))
        sys.stdout.writelines(["a", "b"])
    assert sys.stdout is stream
    assert (printed.failure is not None) == isinstance(stream, Failing)


def test_what_is_printed_reaches_a_stream_that_works(capsys):
    with steady_output(), steady_output() as inner:
        print("ü")
        assert isinstance(sys.stdout, SteadyStream) and sys.stdout is inner
    assert capsys.readouterr().out == "ü\n"


@pytest.mark.parametrize(("encoding", "text", "bytes_"), [
    ("ascii", "für ×", rb"f\xfcr \xd7"), ("latin-1", "für —", b"f\xfcr \\u2014"), ("utf-8", "für —", "für —".encode()),
    ("utf-8", "f\udcfcr", rb"f\udcfcr")])
def test_letters_that_the_encoding_lacks_are_escaped(encoding, text, bytes_):
    file = io.BytesIO()
    stream = SteadyStream(io.TextIOWrapper(file, encoding))
    stream.write(text)
    stream.flush()
    assert file.getvalue() == bytes_ and stream.failure is None


def run_main(arguments, monkeypatch, stream):
    monkeypatch.setattr(sys, "stdout", stream)
    return command_line.main(arguments)


def test_a_list_is_printed_in_ascii(monkeypatch):
    file = io.BytesIO()
    assert run_main(["list", "--only=metrics"], monkeypatch, io.TextIOWrapper(file, "ascii")) == 0
    assert rb"Fr\xe9chet" in file.getvalue()


@pytest.mark.parametrize(("name", "status"), [("pipe", 0), ("none", 0), ("disk", 2)])
def test_an_answer_is_missed_only_where_it_should_have_filled_a_file(name, status, monkeypatch, capsys):
    assert run_main(["list", "--only=losses"], monkeypatch, STREAMS[name]()) == status
    told = "ganlab: what was printed is not whole: No space left on device\n"
    assert capsys.readouterr().err == (told if status else "")


@pytest.mark.parametrize("command", command_line.TRAINING)
def test_training_does_not_fail_because_its_progress_was_lost(command, monkeypatch, capsys):
    monkeypatch.setattr(command_line, "_answered", lambda argv: print("round 1") or 0)
    assert run_main([command], monkeypatch, STREAMS["disk"]()) == 0
    assert "not whole" in capsys.readouterr().err


# Not by `ganlab` itself, whose imports take seconds.
PRINTS = """
import contextlib, os, sys
from ganlab.output import open_descriptors, steady_output
open_descriptors()
with steady_output():
    with open(sys.argv[1], "w") as file:
        for number in range(20000): print("a line of some length", number)
        print("done", file=sys.stderr)
        for number in (1, 2):
            with contextlib.suppress(OSError): os.write(number, b"of a library")
        file.write("kept")
"""
SHELLS = {"closed": 'exec "$@" <&- >&- 2>&-', "reader": '"$@" 2>/dev/null | head -1 >/dev/null',
          "both": '("$@"; echo $? >&3) 3>"$4.status" 2>&1 | :', "full": 'exec "$@" >/dev/full 2>/dev/full'}


@pytest.mark.parametrize("shell", SHELLS)
def test_in_a_shell_nothing_gets_into_files_and_python_ends_with_status_0(shell, tmp_path):
    if shell == "full" and not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    file = tmp_path / "file"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", SHELLS[shell], "bash", sys.executable, "-c", PRINTS, file],
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert file.read_text() == "kept"
    assert done.returncode == 0
    if shell == "both":
        assert (tmp_path / "file.status").read_text() == "0\n"


def test_a_name_that_is_not_text_is_answered_in_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(command_line, "_run", lambda argv: "f\udcfcr".encode())
    assert command_line.main(["list"]) == 2
    assert capsys.readouterr().err.startswith(r"ganlab: 'f\udcfcr' is not text in the encoding of this shell (utf-8); ")
