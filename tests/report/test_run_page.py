"""The page of runs: seeds of one config are one variant, and numbers that are not comparable are never mixed."""

import dataclasses

import numpy as np
import pytest
from runs_on_disk import PROTOCOL, other_protocol, records, runs
from test_study_page import Page

from ganlab.evaluation import DIVERGED, FINISHED, Record, Result
from ganlab.report.run_page import run_page
from ganlab.report.run_study import study_of_runs
from ganlab.report.run_page import BINS, binned
from ganlab.report.run_study import group_runs


def changed(run, **config):
    return dataclasses.replace(run, config={**run.config, **config})


def test_runs_of_one_config_but_seed_are_one_variant_named_by_what_differs():
    study = study_of_runs(runs())
    assert [variant.name for variant in study.variants] == ["loss wasserstein", "loss hinge"]
    assert study.base == "loss wasserstein" and study.axes == {"system.loss": ["wasserstein", "hinge"]}
    assert study.variants[1].changes == {"system.loss": "hinge"}
    assert [(trial.seed, trial.status) for trial in study.trials] == [(seed, FINISHED) for seed in (0, 1, 2)] * 2
    assert [trial.values["fid"] for trial in study.trials] == [20, 21, 22, 10, 11, 12]
    assert study.trials[0].curve == [(6.4, {"fid": 30.0}), (12.8, {"fid": 20.0})]


def test_a_single_run_of_each_config_is_named_by_its_directory():
    assert list(group_runs(runs(seeds=1))) == ["runs/wasserstein-0", "runs/hinge-0"]


def test_the_same_seed_twice_is_no_second_seed():
    first = runs()[0]
    again = dataclasses.replace(first, name="runs/again")
    assert {name: len(group) for name, group in group_runs([first, again]).items()} == {
        "runs/wasserstein-0": 1, "runs/again": 1}


def test_where_much_differs_a_variant_is_named_by_its_first_run():
    first, second = runs()[:2]
    many = {f"hyper.{letter}": 1.0 for letter in "abcde"}
    other = [dataclasses.replace(changed(run, **many), name=f"other-{run.config['seed']}") for run in (first, second)]
    assert list(group_runs([first, second, *other])) == ["runs/wasserstein-0 and 1 more seed",
                                                         "other-0 and 1 more seed"]


def test_numbers_of_different_protocols_are_values_of_their_own_and_marked():
    first, second = runs()[:2]
    second = dataclasses.replace(second, records=records("wasserstein", 1, other_protocol()))
    study = study_of_runs([first, second])
    assert len(study.values) == 2 and all(value.name.startswith("fid #") for value in study.values)
    assert all(len(trial.values) == 1 for trial in study.trials)
    assert "fid was measured by 2 protocols" in Page(run_page([first, second])).text
    assert "protocols (" not in Page(run_page(runs())).text


def test_numbers_of_different_rounds_are_marked():
    first, second = runs()[:2]
    second = dataclasses.replace(second, records=records("wasserstein", 1, steps=(100,)))
    assert "The newest numbers of fid are of different rounds" in Page(run_page([first, second])).text


def test_versions_that_differ_are_named():
    first, second = runs()[:2]
    second = dataclasses.replace(second, versions={**second.versions, "packages": {"jax": "0.11.2"}})
    assert "different versions or machines (jax)" in Page(run_page([first, second])).text


def test_a_run_that_diverged_or_was_not_measured_is_counted_and_in_no_mean():
    first, second, third = runs()[:3]
    study = study_of_runs([first, dataclasses.replace(second, diverged=True), dataclasses.replace(third, records=())])
    assert [trial.status for trial in study.trials] == [FINISHED, DIVERGED, FINISHED]
    assert [dict(trial.values) for trial in study.trials] == [{"fid": 20}, {}, {}]


def test_the_last_chance_of_augmentations_is_a_result():
    first, second = (dataclasses.replace(run, metrics={**run.metrics, "critic/augment_p": np.array([0.0, p])})
                     for run, p in zip(runs()[:2], (0.25, 0.5), strict=True))
    study = study_of_runs([first, dataclasses.replace(second, diverged=True)])
    assert [dict(trial.values) for trial in study.trials] == [{"fid": 20, "critic/augment_p": 0.25}, {}]
    assert study.values[-1].name == "critic/augment_p" and study.values[-1].better == "neither"


def test_images_that_were_judged_in_the_directory_of_a_run_are_no_samples_of_it():
    first = runs()[0]
    foreign = dataclasses.replace(first.records[0], subject="photos/")
    study = study_of_runs([dataclasses.replace(first, records=[foreign])])
    assert study.values == [] and "photos/" in Page(run_page([dataclasses.replace(first, records=[foreign])])).text


def test_the_page_of_one_run_shows_its_numbers_with_interval_and_protocol():
    page = Page(run_page(runs()[:1]))
    row = page.table("value", "number")[0]["fid"]
    assert row["number"] == "20" and row["interval"] == "19 to 21 (95% of 200 resamplings)"
    assert row["protocol"].startswith("#") and row["round"] == "200"
    assert "saturated" in page.text and "ganlab train --loss=wasserstein --seed=0" in page.text
    assert page.table("variant", "mean") == []


def test_a_run_without_anything_has_a_page():
    bare = dataclasses.replace(runs()[0], metrics={}, records=(), samples=None, alarms=(), versions={}, command="")
    page = Page(run_page([bare]))
    assert "Nothing was measured yet" in page.text and "Nothing was logged yet" in page.text
    assert "not finished" in page.text


def test_long_curves_are_means_of_neighbours_and_short_ones_stay():
    kimg = np.arange(1000.0)
    at, values = binned(kimg, 2 * kimg)
    assert len(at) == BINS and at[-1] == 999
    assert np.mean(values * np.diff(at, prepend=-1)) * BINS / 1000 == pytest.approx(999)
    short = np.array([1.0, np.nan, 3.0])
    assert [part.tolist() for part in binned(np.arange(3.0), short)] == [[0, 2], [1, 3]]


def watched(run, scale=1.0):
    """A run whose singular values were logged at every other line."""
    values = np.where(np.arange(len(run.metrics["step"])) % 2, scale * np.arange(1.0, 21), np.nan)
    names = [f"singular_values/critic/layer_{number}/kernel" for number in range(7)]
    return dataclasses.replace(run, metrics={**run.metrics, "singular_values/critic": 7 * values, **{
        name: (number + 1) * values for number, name in enumerate(names)}})


def test_singular_values_have_a_plot_a_network_whose_highest_weights_are_named():
    page = run_page([watched(runs()[0])])
    assert "largest singular value of each weight of the critic over training" in page
    named = [f"layer_{number}/kernel" in page for number in range(7)]
    assert named == [False, False, True, True, True, True, True]
    assert "singular_values/critic/layer_6/kernel over training" not in page  # Not among the other metrics.
    assert "Singular values" not in run_page(runs()[:1])


def test_of_several_runs_the_largest_singular_values_are_drawn_together():
    first, second = runs(seeds=1)
    page = run_page([watched(first), watched(second, 2.0)])
    assert "largest singular value of the critic over training" in page and "layer_6/kernel" not in page


def along(run, option, levels, **values):
    """Records of a sweep: by name the value at each level."""
    found = []
    for name, numbers in values.items():
        for level, number in zip(levels, numbers, strict=True):
            protocol = dataclasses.replace(PROTOCOL, metric=name, samples={**PROTOCOL.samples, option: level})
            found.append(Record(Result(name, number, "lower", protocol, (number,)), "", run.rounds, run.kimg))
    return dataclasses.replace(run, sweeps={**run.sweeps, option: found})


def test_what_was_measured_along_an_option_is_drawn_and_listed_for_all_runs_together():
    first, second = (along(run, "truncation", [0.5, 1.0], **{"fid": [9.0, 7.0], "is": [2.0, 1.0]})
                     for run in runs(seeds=1))
    second = along(second, "noise", ["none", "random"], fid=[5.0, 4.0])
    page = run_page([first, second])
    assert "is against fid, along truncation" in page and "fid by noise, along noise" in page
    assert "is against fid, along noise" not in page
    rows = Page(page).table("curve", "truncation")[0]
    assert len(Page(page).table("curve", "truncation")) == 1 and rows
    assert "truncation 0.5] #" in page
