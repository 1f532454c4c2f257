"""Metrics during training, `ganlab evaluate` and `ganlab compare`, as a user types them."""

import csv
import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest
from PIL import Image
from tiny_digits import MEASURED, TINY

from ganlab.cli.main import main
from ganlab.cli.report_command import read_run
from ganlab.data import SOURCES
from ganlab.storage import Checkpoints
from ganlab.evaluation import MEASURES, read_results
from ganlab.report.run_page import run_page


def results(folder):
    return json.loads((folder / "results.json").read_text())


def test_metrics_are_measured_during_training_at_their_interval(run):
    found = [(entry["step"], entry["name"]) for entry in results(run)]
    names = ["fid", "prdc/coverage", "prdc/density", "prdc/precision", "prdc/recall"]
    assert found == [(step, name) for step in (10, 20, 30, 40) for name in names]
    assert all(entry["kimg"] == entry["step"] * 5 * 16 / 1000 for entry in results(run))
    assert (run / "metrics.png").exists()


def test_the_checkpoint_of_the_best_value_is_kept(run):
    values = {entry["step"]: entry["value"] for entry in results(run) if entry["name"] == "fid"}
    best = min(values, key=values.get)
    assert best in Checkpoints(run / "checkpoints").steps


def test_the_command_repeats_the_number_that_training_measured(run, tmp_path, capsys):
    assert main(["evaluate", f"--workdir={run}", "--metrics=fid", "--number=100", f"--output={tmp_path}"]) == 0
    entry, = results(tmp_path)
    assert not (tmp_path / "metrics.png").exists()  # One round is not a curve.
    trained = next(old for old in results(run) if old["name"] == "fid" and old["step"] == 40)
    assert entry["value"] == pytest.approx(trained["value"], rel=1e-5)
    assert entry["protocol"] == trained["protocol"]
    output = capsys.readouterr().out
    assert entry["protocol"]["name"] in output and "lower" in output and "results.json" in output


def test_the_gap_of_the_critic_of_a_run_is_measured_on_the_split_that_is_asked_for(run, tmp_path, monkeypatch, capsys):
    command = ["evaluate", f"--workdir={run}", "--metrics=critic_gap", f"--output={tmp_path}"]
    assert main(command) == 2
    assert "metric critic_gap compares training pictures with held-out ones" in capsys.readouterr().err
    digits = SOURCES["digits"]()
    found = {"train": digits, "same": dataclasses.replace(digits),
             "inverted": dataclasses.replace(digits, images=255 - digits.images)}
    monkeypatch.setitem(SOURCES, "digits", lambda split="train": found[split])
    for split in ("same", "inverted"):
        assert main([*command, f"--split={split}"]) == 0
    same, inverted = sorted(abs(entry["value"]) for entry in results(tmp_path) if entry["name"] == "critic_gap")
    assert same < 0.05 < 0.5 < inverted


def test_all_checkpoints_are_measured_and_drawn(run, tmp_path):
    assert main(["evaluate", f"--workdir={run}", "--metrics=fid,ppl_z", "--number=70", "--step=all",
                 f"--output={tmp_path}"]) == 0
    steps = {entry["step"] for entry in results(tmp_path)}
    assert steps == set(Checkpoints(run / "checkpoints").steps) and len(steps) >= 2
    with Image.open(tmp_path / "metrics.png") as picture:
        assert picture.width > 400


@pytest.fixture(scope="module")
def swept(run, tmp_path_factory):
    """What a sweep of two truncations wrote."""
    folder = tmp_path_factory.mktemp("swept")
    assert main(["evaluate", f"--workdir={run}", "--metrics=fid,is", "--number=100", "--sweep=truncation:0.5..1.5:2",
                 f"--output={folder}"]) == 0
    return folder


def test_an_entry_of_a_sweep_is_the_single_evaluation_with_that_option(run, swept, tmp_path):
    found = {(entry["name"], entry["protocol"]["samples"]["truncation"]): entry
             for entry in json.loads((swept / "sweep_truncation.json").read_text())}
    assert set(found) == {(name, level) for name in ("fid", "is", "is_deviation") for level in (0.5, 1.5)}
    assert main(["evaluate", f"--workdir={run}", "--metrics=fid,is", "--number=100", "--truncation=1.5",
                 f"--output={tmp_path}"]) == 0
    for entry in results(tmp_path):
        assert entry == found[entry["name"], 1.5]
    assert found["fid", 0.5]["value"] != found["fid", 1.5]["value"]


def test_a_sweep_is_written_as_a_table_and_as_curves_and_stands_in_the_report(run, swept, tmp_path):
    rows = list(csv.DictReader((swept / "sweep_truncation.csv").read_text().splitlines()))
    assert [row["truncation"] for row in rows] == ["0.5", "1.5"] and all(row["round"] == "40" for row in rows)
    entries = json.loads((swept / "sweep_truncation.json").read_text())
    assert [float(row["value/fid"]) for row in rows] == [entry["value"] for entry in entries if entry["name"] == "fid"]
    assert rows[0]["protocol/fid"] in [entry["protocol"]["name"] for entry in entries]
    with Image.open(swept / "sweep_truncation.png") as picture:
        assert picture.width > 1000  # FID against IS, and each by the option.
    assert not (swept / "results.json").exists()
    place = shutil.copytree(run, tmp_path / "run")
    shutil.copy(swept / "sweep_truncation.json", place)
    assert main(["report", str(place)]) == 0
    page = (place / "report.html").read_text()
    assert "Along truncation" in page and "is against fid, along truncation" in page


def test_other_numbers_of_a_sweep_compile_nothing_but_the_features_once(run, swept, tmp_path, caplog):
    with jax.log_compiles():
        assert main(["evaluate", f"--workdir={run}", "--metrics=fid,is", "--number=100",
                     "--sweep=truncation:0.7,0.9,1.1", f"--output={tmp_path}"]) == 0
    assert [message.split()[4] for message in caplog.messages
            if message.startswith("Finished XLA compilation")] == ["jit(see)"]


@pytest.mark.parametrize(("flags", "said"), [
    (["--sweep=psi:0..1:3"], "the option 'psi' is unknown"), (["--sweep=truncation:-1..1:3"], "--truncation=-1.0"),
    (["--sweep=truncation:0..1:3", "--truncation=1"], "leave one of them out"),
    (["--sweep=truncation:0..1:3", "--step=all"], "name one checkpoint")])
def test_a_sweep_that_cannot_be_is_answered_before_anything_is_measured(run, tmp_path, capsys, flags, said):
    assert main(["evaluate", f"--workdir={run}", *flags, f"--output={tmp_path / 'kept'}"]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "kept").exists()


def test_measuring_during_training_changes_nothing_that_is_trained(run, tmp_path):
    plain = tmp_path / "plain"
    assert main([*TINY, f"--workdir={plain}"]) == 0
    assert (plain / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()
    assert not (plain / "results.json").exists()


def test_two_folders_of_images_are_compared_and_nothing_is_written_among_them(run, tmp_path, capsys):
    generator = np.random.default_rng(0)
    for name in ("real", "fake"):
        (tmp_path / name).mkdir()
        for i in range(30):
            pixels = generator.integers(256, size=(9 + i % 3, 8, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
    command = ["evaluate", f"--real={tmp_path / 'real'}", f"--fake={tmp_path / 'fake'}", "--metrics=fid,kid,prdc"]
    assert main(command) == 2
    assert "--resolution=N" in capsys.readouterr().err
    assert main([*command, "--resolution=8", "--bootstrap=5"]) == 0
    output = capsys.readouterr().out
    assert "prdc/coverage" in output and "95% of 5 resamplings" in output and "--output=DIR keeps" in output
    assert "note: " in output  # 30 samples, 64 features.
    assert len(list((tmp_path / "fake").iterdir())) == 30
    assert main([*command, "--resolution=8", f"--output={tmp_path / 'kept'}"]) == 0
    assert {entry["protocol"]["samples"]["weights"] for entry in results(tmp_path / "kept")} == {"files"}


def test_folders_of_classes_are_compared_class_by_class_and_those_without_are_refused(tmp_path, capsys):
    digits = SOURCES["digits"]()
    for i, (pixels, label) in enumerate(zip(digits.images[:300], digits.labels, strict=False)):
        folder = tmp_path / ("real", "fake")[i % 2] / "ab"[label % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[..., 0]).save(folder / f"{i}.png")
    command = ["evaluate", f"--real={tmp_path / 'real'}", "--metrics=intra_fid"]
    assert main([*command, f"--fake={tmp_path / 'fake'}", f"--output={tmp_path / 'kept'}"]) == 0
    entry, = results(tmp_path / "kept")
    assert set(entry["by_class"]) == {"a", "b"} and entry["value"] == pytest.approx(
        np.mean(list(entry["by_class"].values())))
    assert "by class" in capsys.readouterr().out and entry["protocol"]["samples"]["classes"] == 2
    assert main([*command, f"--fake={tmp_path / 'fake' / 'a'}"]) == 2
    assert "metric intra_fid needs samples of known classes" in capsys.readouterr().err


def test_samples_of_a_run_are_judged_class_by_class_and_shown_in_its_report(run, tmp_path):
    assert main(["evaluate", f"--workdir={run}", "--metrics=intra_fid", "--number=400", f"--output={tmp_path}"]) == 0
    entry, = results(tmp_path)
    assert list(entry["by_class"]) == [str(digit) for digit in range(10)]
    assert 2 <= entry["protocol"]["samples"]["per_class"]["least"] <= 40
    assert "64" in entry["warning"]  # Forty samples of a class give no full covariance.
    page = run_page([dataclasses.replace(read_run(str(run)), records=read_results(tmp_path / "results.json"))])
    assert "By class (10 classes)" in page


def test_runs_are_compared_by_one_protocol_alone_unless_asked(run, tmp_path, capsys):
    other, different = tmp_path / "other", tmp_path / "different"
    assert main(["evaluate", f"--workdir={run}", "--metrics=fid,prdc", "--number=100", "--noema",
                 f"--output={different}"]) == 0
    assert main(["evaluate", f"--workdir={run}", "--metrics=fid,prdc", "--number=100", f"--output={other}"]) == 0
    capsys.readouterr()
    assert main(["compare", f"--of={run},{other}", "--values=fid,prdc/recall"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["run", "fid", "prdc/recall"]
    assert lines[1].split()[1:] == lines[2].split()[1:] and len(lines) == 5
    assert main(["compare", f"--of={run},{different}"]) == 2
    assert "samples.weights: 'averaged' and 'as trained'" in capsys.readouterr().err
    assert main(["compare", f"--of={run},{different}", "--across_protocols"]) == 0


@pytest.mark.parametrize(("flags", "said"), [
    ([*MEASURED, "--config.evaluate.metrics=kid", "--config.evaluate.best=kid_deviation"], "config.evaluate.best"),
    ([*MEASURED, "--config.evaluate.metrics=is", "--config.evaluate.features=pixels"], "needs a classifier"),
    (["--config.evaluate.best=fid"], "evaluate_every_rounds and evaluate_every_kimg are 0"),
    ([*MEASURED, "--config.evaluate.best=kid"], "config.evaluate.best"),
    ([*MEASURED, "--config.evaluate.metrics=fid+prcd"], "did you mean prdc"),
    ([*MEASURED, "--config.evaluate.features=inception2015"], "need a weight file"),
    ([*MEASURED, "--config.train.evaluate_every_rounds=15", "--config.train.rounds_per_call=10"],
     "not a multiple of config.train.rounds_per_call")])
def test_mistakes_in_what_is_to_be_measured_come_before_training(tmp_path, capsys, flags, said):
    assert main([*TINY, *flags, f"--workdir={tmp_path / 'run'}"]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("flags", [["--metrics=fid,prcd"], ["--metrics=is", "--features=pixels"], ["--step=7"]])
def test_what_does_not_exist_is_answered_before_a_directory_is_made(run, tmp_path, capsys, flags):
    """A metric's name, a metric that the features cannot give, a checkpoint."""
    assert main(["evaluate", f"--workdir={run}", *flags, f"--output={tmp_path / 'kept'}"]) == 2
    assert capsys.readouterr().err.startswith("ganlab: ") and not (tmp_path / "kept").exists()


def test_a_metric_that_does_not_exist_leaves_no_directory_for_folders_of_images(tmp_path, capsys):
    (tmp_path / "fake").mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "fake" / "0.png")
    assert main(["evaluate", f"--fake={tmp_path / 'fake'}", "--metrics=isss", f"--output={tmp_path / 'kept'}"]) == 2
    assert "metric 'isss' is unknown" in capsys.readouterr().err and not (tmp_path / "kept").exists()


@pytest.mark.parametrize(("flags", "said"), [
    ([], "either a run by --workdir, or images by --fake"),
    (["--fake=x", "--seeds=2"], "--bootstrap=200 gives an interval"),
    (["--fake=x", "--noema"], "--ema is of samples that a run draws"),
    (["--workdir=x", "--resolution=8"], "no folder is named"),
    (["--fake=none/at/all"], "none/at/all"),
    (["--workdir=none"], "holds no run"),
    (["--fake=x", "--bootstrap=1"], "take at least 2"),
    (["--fake=x", "--settings=paths=3"], "'paths=3' is not a setting; it takes METRIC.SETTING=VALUE"),
    (["--workdir=x", "--features=digit"], "features")])
def test_mistakes_of_the_command_are_told_in_a_sentence(capsys, flags, said):
    assert main(["evaluate", *flags]) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error


def test_a_checkpoint_that_there_is_not_is_refused(run, capsys):
    assert main(["evaluate", f"--workdir={run}", "--step=7"]) == 2
    assert "no checkpoint after 7 rounds" in capsys.readouterr().err
    assert main(["evaluate", f"--workdir={run}", "--step=best"]) == 2
    assert "--step=all" in capsys.readouterr().err


def test_samples_that_cannot_be_judged_do_not_stop_training(tmp_path, capsys):
    assert main([*TINY, *MEASURED, "--config.evaluate.number=3", f"--workdir={tmp_path / 'run'}"]) == 0
    assert "round 20  not measured: metric prdc: " in capsys.readouterr().out
    assert Checkpoints(tmp_path / "run/checkpoints").latest == 40


def test_nothing_to_compare_is_said(capsys):
    assert main(["compare", "--of=only"]) == 2
    assert "fewer than two directories" in capsys.readouterr().err


def test_every_metric_of_images_judges_a_folder(tmp_path, capsys):
    for name, seed in (("real", 0), ("fake", 1)):
        (tmp_path / name).mkdir()
        for i, pixels in enumerate(np.random.default_rng(seed).integers(256, size=(40, 32, 32, 3)).astype(np.uint8)):
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
    command = ["evaluate", f"--real={tmp_path / 'real'}", f"--fake={tmp_path / 'fake'}"]
    names = [*MEASURES, "swd_pyramid", "ms_ssim_five"]
    assert main([*command, f"--metrics={','.join(names)}", f"--output={tmp_path / 'kept'}",
                 "--settings=swd_pyramid.patches=3,swd_pyramid.directions=4,ms_ssim.pairs=5,kid.subsets=6"]) == 0
    output = capsys.readouterr().out
    assert all(name in output for name in [*names, "swd_pyramid/32", "swd_pyramid/16"])
    settings = {entry["protocol"]["metric"]: entry["protocol"]["settings"] for entry in results(tmp_path / "kept")}
    assert settings["kid"]["subsets"] == 6 and settings["ms_ssim"]["pairs"] == 5
    assert (settings["swd_pyramid"]["patches"], settings["swd_pyramid"]["directions"]) == (3, 4)
    assert main([*command, "--metrics=kid", "--settings=kid.subset_size=0"]) == 2
    assert "--settings=kid.subset_size=0: subset_size must be a whole number" in capsys.readouterr().err


TRANSLATING = [
    "train", "--config=experiments/pix2pix.py:data=photo_grey,width=4", "--config.batch_size=8",
    "--config.networks.generator.kwargs.depth=3", "--config.networks.critic.kwargs.layers=1",
    "--config.data.kwargs.size=48", "--config.data.kwargs.side=20", "--config.data.crop=16", "--config.sample.number=4",
    "--config.train.log_every_rounds=2", "--config.train.sample_every_rounds=4",
    "--config.train.checkpoint_every_rounds=4", "--config.train.total_rounds=4", "--config.train.convolutions=lax",
    "--mesh.data=1"]


def test_translations_are_measured_in_training_as_by_the_command_and_the_best_is_kept(tmp_path, capsys):
    folder = tmp_path / "run"
    assert main([*TRANSLATING, "--config.train.evaluate_every_rounds=2", "--config.evaluate.metrics=fid+l1",
                 "--config.evaluate.best=l1", "--config.evaluate.split=test", f"--workdir={folder}"]) == 0
    trained = results(folder)
    assert [(entry["step"], entry["name"]) for entry in trained] == [(2, "fid"), (2, "l1"), (4, "fid"), (4, "l1")]
    errors = {entry["step"]: entry["value"] for entry in trained if entry["name"] == "l1"}
    assert min(errors, key=errors.get) in Checkpoints(folder / "checkpoints").steps
    command = ["evaluate", f"--workdir={folder}", "--metrics=fid,l1"]
    assert main([*command, f"--output={tmp_path / 'again'}"]) == 0
    for entry, old in zip(results(tmp_path / "again"), trained[2:], strict=True):
        assert entry["protocol"] == old["protocol"]
        assert entry["value"] == pytest.approx(old["value"], rel=1e-4)
    assert trained[-1]["protocol"]["reference"]["split"] == "test"
    assert main([*command, "--split=train", f"--output={tmp_path / 'train'}"]) == 0
    assert results(tmp_path / "train")[1]["protocol"]["samples"]["sources"]["split"] == "train"
    capsys.readouterr()
    assert main([*command, "--split=tset"]) == 2
    assert "--split is 'tset', which does not load" in capsys.readouterr().err


@pytest.mark.parametrize(("flags", "said"), [
    (["--config.evaluate.metrics=cycle"], "metric 'cycle' is unknown"),
    (["--config.evaluate.best=l1"], "config.evaluate.best 'l1' is unknown"),
    (["--config.evaluate.split=tset"], "config.evaluate.split is 'tset'")])
def test_mistakes_about_translations_come_before_training(tmp_path, capsys, flags, said):
    assert main([*TRANSLATING, "--config.train.evaluate_every_rounds=2", *flags, f"--workdir={tmp_path / 'run'}"]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
