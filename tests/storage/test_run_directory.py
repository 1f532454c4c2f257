"""A run's directory: what it holds, when it may be resumed, and that a refusal changes nothing."""

import json
import subprocess

import pytest
from tiny import tiny_config

from ganlab.config import ConfigError
from ganlab.storage import RunDirectory
from ganlab.storage.run_directory import PACKAGES, git_commit, plain


def snapshot(folder):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def run(tmp_path):
    directory = RunDirectory(tmp_path / "run")
    directory.write(tiny_config(), ["ganlab", "train"])
    return directory


def test_the_config_reads_back_as_it_was_written(run):
    assert plain(run.read_config()) == plain(tiny_config())


def test_versions_name_the_packages_the_commit_and_the_command(run):
    found = json.loads(run.versions_file.read_text())
    assert set(found["packages"]) == set(PACKAGES) and all(found["packages"].values())
    assert found["command"] == ["ganlab", "train"] and found["git_commit"] == git_commit()


def test_the_commit_is_that_of_the_checkout():
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    assert git_commit().removesuffix("-dirty") == head


def test_a_new_directory_has_nothing_to_resume_and_is_not_made(tmp_path):
    assert RunDirectory(tmp_path / "new").check(tiny_config()) is False
    assert not (tmp_path / "new").exists()


def test_the_same_config_resumes(run):
    assert run.check(tiny_config()) is True


def test_keys_that_change_no_number_may_differ_on_resuming(run):
    assert run.check(tiny_config(train={"total_rounds": 77, "log_every_rounds": 7})) is True


def test_another_config_is_refused_key_by_key_and_nothing_is_touched(run):
    before = snapshot(run.path)
    with pytest.raises(ConfigError, match=r"config\.batch_size: 8 there, 16 now\n +config\.hyper\.critic_lr: 0\.0002"):
        run.check(tiny_config(batch_size=16, hyper={"critic_lr": 1e-3}))
    assert snapshot(run.path) == before


def test_another_structure_is_refused_although_its_keys_differ(run):
    with pytest.raises(ConfigError, match="gradient_penalty_weight: 10.0 there, None now"):
        run.check(tiny_config(system={"penalty": "r1"}))


@pytest.mark.parametrize(("began", "resumes"), [("0.2.0", False), ("0.1.3", False), ("0.3.0", True), ("1.0", True), ("x", True)])
def test_a_run_whose_rounds_were_others_is_not_resumed(run, began, resumes):
    found = json.loads(run.versions_file.read_text())
    run.versions_file.write_text(json.dumps(found | {"ganlab": began}))
    if resumes:
        assert run.check(tiny_config()) is True
        return
    with pytest.raises(ConfigError, match=f"ganlab {began} began.*init.source"):
        run.check(tiny_config())


def test_a_directory_with_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="not empty and holds no run"):
        RunDirectory(tmp_path).check(tiny_config())


def test_a_file_in_the_directorys_place_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        RunDirectory(tmp_path / "run").check(tiny_config())


def test_a_damaged_config_is_named(run):
    run.config_file.write_text('{"seed": ')
    with pytest.raises(ConfigError, match=r"config\.json does not read as JSON"):
        run.check(tiny_config())


def test_reading_where_no_run_is_says_so(tmp_path):
    with pytest.raises(ConfigError, match="holds no run"):
        RunDirectory(tmp_path).read_config()


def test_a_directory_whose_name_is_not_text_is_refused_before_anything_is_written(tmp_path):
    # Orbax takes none. Python keeps a byte that it cannot decode as such a letter.
    with pytest.raises(ConfigError, match="is not text in the encoding of this shell"):
        RunDirectory(tmp_path / "f\udcfcr").check({})
    assert not list(tmp_path.iterdir())
