"""The files of a study: every trial is in them, they agree, and LaTeX sets names as they stand."""

import dataclasses
import io
import json
import re

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from studies import grid_study, one_at_a_time_study

from ganlab.evaluation import FINISHED
from ganlab.metrics import summarise
from ganlab.report.study_files import csv_content, latex_table, parquet_content, trials_table
from ganlab.report.study_files import escaped


@pytest.fixture(scope="module")
def study():
    return grid_study()


def test_every_trial_is_in_both_files_with_its_levels_values_and_cost(study):
    table = pyarrow.parquet.read_table(io.BytesIO(parquet_content(trials_table(study))))
    rows = table.to_pylist()
    variants = {variant.name: variant for variant in study.variants}
    assert [(row["variant"], row["seed"], row["status"]) for row in rows] == [
        (trial.variant, trial.seed, trial.status) for trial in study.trials]
    for row, trial in zip(rows, study.trials, strict=True):
        variant = variants[trial.variant]
        assert {axis: row[f"axis/{axis}"] for axis in study.axes} == dict(variant.levels)
        assert {value.name: row[f"value/{value.name}"] for value in study.values} == {
            value.name: trial.values.get(value.name) for value in study.values}
        assert json.loads(row["changes"]) == dict(variant.changes) and row["error"] == variant.error
        assert row["cost/memory"] == (variant.cost.memory if variant.cost else None)
        assert (row["kimg"], row["rounds"]) == (variant.kimg, variant.rounds)


@pytest.mark.parametrize("make", [grid_study, one_at_a_time_study])
def test_csv_and_parquet_agree(make):
    table = trials_table(make())
    kinds = {field.name: field.type for field in table.schema}
    options = pyarrow.csv.ConvertOptions(column_types=kinds, strings_can_be_null=True, quoted_strings_can_be_null=False)
    found = pyarrow.csv.read_csv(io.BytesIO(csv_content(table)), convert_options=options)
    assert found.equals(pyarrow.parquet.read_table(io.BytesIO(parquet_content(table))))


def test_axes_of_names_are_text_and_axes_of_numbers_numbers():
    kinds = {field.name: str(field.type) for field in trials_table(one_at_a_time_study()).schema}
    assert (kinds["axis/loss"], kinds["axis/penalty weight"]) == ("string", "double")


def test_the_latex_table_has_each_mean_and_half_of_its_interval(study):
    lines = latex_table(study).splitlines()
    rows = [line for line in lines if line.endswith(r"\\")][1:]
    assert len(rows) == len(study.variants)
    for variant, row in zip(study.variants, rows, strict=True):
        name, fid, *_ = row.removesuffix(r"\\").split(" & ")
        assert name.removesuffix(" (base)") == variant.name
        values = [trial.values["fid"] for trial in study.trials
                  if trial.variant == variant.name and trial.status == FINISHED]
        if not values:
            assert fid == "--"
            continue
        found = summarise(np.array(values))
        mean, half = (float(part) for part in re.findall(r"[\d.]+", fid))
        assert mean == pytest.approx(found.mean, abs=0.006)
        assert half == pytest.approx((found.interval.high - found.interval.low) / 2, abs=0.006)
    assert sum(r"\mathbf" in row for row in rows) == 1 and all(row.count("&") == 5 for row in rows)


def test_the_latex_table_is_balanced_and_names_its_protocols(study):
    text = latex_table(study)
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    assert text.count("{") == text.count("}") and text.count("$") % 2 == 0
    assert all(f"% {value.name}: {value.protocol}" in text for value in study.values)


def test_latex_sets_names_as_they_stand():
    assert escaped("a_b & 50% #1 $x$ {y} ~ ^ \\") == (
        r"a\_b \& 50\% \#1 \$x\$ \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{}")


def test_no_name_ends_a_comment_or_a_row():
    study = one_at_a_time_study()
    torn = dataclasses.replace(study, question="one\n\\input{secret}", title="a\rb")
    assert all(line.startswith("%") for line in latex_table(torn).splitlines()[:4])
    assert "\\input" not in [line for line in latex_table(torn).splitlines() if not line.startswith("%")]


def test_tiny_numbers_keep_their_digits():
    study = one_at_a_time_study(seeds=1)
    small = [dataclasses.replace(trial, values={"fid": 1.5e-9, "prdc/coverage": 0.5}) for trial in study.trials]
    assert r"1.500 \cdot 10^{-9}" in latex_table(dataclasses.replace(study, trials=small))
