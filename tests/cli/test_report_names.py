"""Runs in a report are called by their own names, not by where the disk of their author has them."""

import pytest
from runs_on_disk import write_run

from ganlab.cli.main import main
from ganlab.cli.report_command import short_names


@pytest.mark.parametrize(("given", "shown"), [
    (["/home/me/runs/digits"], ["digits"]), (["runs/digits"], ["runs/digits"]),
    (["/a/hinge/0", "/a/wgan/0"], ["hinge/0", "wgan/0"]), (["/a/x", "/b/x", "/b/y"], ["a/x", "b/x", "b/y"]),
    (["/a/x", "x"], ["a/x", "x"])])
def test_absolute_paths_are_cut_to_what_tells_them_apart(given, shown):
    assert list(short_names(given).values()) == shown


def test_no_file_of_a_report_holds_the_absolute_path_of_a_run(tmp_path):
    runs = [write_run(tmp_path / name, seed=seed) for seed, name in enumerate(("one", "two"))]
    assert main(["report", *runs, f"--output={tmp_path / 'report'}"]) == 0
    for name in ("report.html", "results.csv", "results.tex"):
        assert str(tmp_path) not in (tmp_path / "report" / name).read_text(), name
