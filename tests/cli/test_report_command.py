"""`ganlab report` as a user types it, on directories that training and an ablation leave."""

import json

import pyarrow.parquet
import pytest
from runs_on_disk import other_protocol, write_run
from studies import grid_study, one_at_a_time_study

from ganlab.cli import report_command
from ganlab.cli.main import main

FILES = {"report.html", "results.csv", "results.parquet", "results.tex"}


def test_a_run_is_reported_on_in_its_own_directory(tmp_path, capsys):
    run = write_run(tmp_path / "run")
    before = {path.name for path in (tmp_path / "run").iterdir()}
    assert main(["report", run]) == 0
    assert {path.name for path in (tmp_path / "run").iterdir()} - before == FILES
    assert capsys.readouterr().out.splitlines() == [f"{run}/{name}" for name in (
        "report.html", "results.csv", "results.parquet", "results.tex")]
    page = (tmp_path / "run/report.html").read_text()
    assert "ganlab train &#39;--config=x.py:loss=a b&#39;" in page and "round 200" in page
    assert "hyper.critic_lr" in page and "networks.generator.kwargs.width" in page


def test_runs_are_summarised_over_seeds_in_the_output_that_is_named(tmp_path):
    names = [write_run(tmp_path / f"{loss}{seed}", loss, seed) for loss in ("wasserstein", "hinge") for seed in (0, 1)]
    assert main(["report", *names, f"--output={tmp_path / 'new/report'}"]) == 0
    assert {path.name for path in (tmp_path / "new/report").iterdir()} == FILES
    assert not (tmp_path / "wasserstein0/report.html").exists()
    rows = pyarrow.parquet.read_table(tmp_path / "new/report/results.parquet").to_pylist()
    assert [(row["variant"], row["seed"], row["value/fid"]) for row in rows] == [
        ("loss wasserstein", 0, 20), ("loss wasserstein", 1, 21), ("loss hinge", 0, 10), ("loss hinge", 1, 11)]
    assert "loss hinge & " in (tmp_path / "new/report/results.tex").read_text()


def test_a_report_replaces_the_one_before(tmp_path):
    run = write_run(tmp_path / "run")
    (tmp_path / "run/report.html").write_text("old")
    assert main(["report", f"{run}/"]) == 0
    assert (tmp_path / "run/report.html").read_text().startswith("<!DOCTYPE html>")


def test_different_protocols_are_marked_and_not_mixed(tmp_path):
    names = [write_run(tmp_path / "a"), write_run(tmp_path / "b", seed=1, protocol=other_protocol())]
    assert main(["report", *names, f"--output={tmp_path / 'out'}"]) == 0
    assert "fid was measured by 2 protocols" in (tmp_path / "out/report.html").read_text()


@pytest.mark.parametrize("make", [grid_study, one_at_a_time_study])
def test_an_ablation_is_reported_on(tmp_path, monkeypatch, make):
    monkeypatch.setattr(report_command, "read_study", lambda path: make())
    (tmp_path / "plan.json").write_text("{}")
    assert main(["report", str(tmp_path)]) == 0
    assert make().question in (tmp_path / "report.html").read_text()
    rows = pyarrow.parquet.read_table(tmp_path / "results.parquet").to_pylist()
    assert len(rows) == len(make().trials)


@pytest.mark.parametrize(("arguments", "words"), [
    ([], "takes DIR [DIR ...] and was given none"),
    (["none"], "none does not exist"),
    (["empty"], "empty holds neither a run (config.json) nor an ablation (plan.json)"),
    (["file"], "file is a file"),
    (["run", "empty"], "empty holds neither a run"),
    (["run", "planned"], "planned holds an ablation, which has a report of its own"),
    (["run", "--output=file"], "--output=file is a file"),
    (["torn"], "does not read as JSON"),
    (["strange"], "holds no results"),
    (["versioned"], "versions.json holds something else than ganlab writes there"),
    (["run", "--outptu=x"], "outptu"),
])
def test_mistakes_are_answered_in_a_sentence_and_write_nothing(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "run")
    for name in ("empty", "planned", "torn"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "planned/plan.json").write_text("{}")
    (tmp_path / "torn/config.json").write_text("{")
    write_run(tmp_path / "strange")
    (tmp_path / "strange/results.json").write_text(json.dumps({"a": 1}))
    write_run(tmp_path / "versioned")
    (tmp_path / "versioned/versions.json").write_text("[1]")
    assert main(["report", *arguments]) == 2
    errors = capsys.readouterr().err
    assert words in errors and "Traceback" not in errors and errors.count("\n") == 1
    assert not list(tmp_path.rglob("report.html"))
